//! IB-NET-009: addresses of the network tried one after the other.

use crate::detect::technique::DISCOVERY;
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-009",
    title: "Addresses of the network tried one after the other",
    severity: 600,
    techniques: &[DISCOVERY],
    meaning: "One machine asked within seconds for many addresses at which nobody is. That is how a scanner finds \
              out what is there; an inventory tool that nobody announced looks the same.",
    next: "Ask whether a scan was planned. If not, isolate the sender and see what it did next.",
    trigger: never,
};
