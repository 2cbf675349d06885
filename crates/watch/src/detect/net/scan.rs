//! IB-NET-001: ports of a host tried one after the other.

use crate::detect::technique::DISCOVERY;
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-001",
    title: "Ports of a host tried one after the other",
    severity: 600,
    techniques: &[DISCOVERY],
    meaning: "One host opened many connections to another and sent nothing over them. That is how a scanner \
              finds out what is running, and such scans alone have stopped old controllers.",
    next: "Ask whether a scan was planned. If not, isolate the sender.",
    trigger: never,
};
