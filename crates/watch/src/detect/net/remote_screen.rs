//! IB-NET-012: remote desktop into the control network.

use crate::detect::technique::REMOTE;
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-012",
    title: "Remote desktop into the control network",
    severity: 500,
    techniques: &[REMOTE],
    meaning: "RDP or VNC shows and controls a machine from afar. Attackers like it as much as service staff.",
    next: "Check that the sender is allowed to, and that a second factor guards it.",
    trigger: never,
};
