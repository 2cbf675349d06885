//! IB-NET-010: Telnet: passwords in clear text.

use crate::detect::technique::{ACCOUNTS, REMOTE};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-010",
    title: "Telnet: passwords in clear text",
    severity: 500,
    techniques: &[REMOTE, ACCOUNTS],
    meaning: "Telnet sends everything, also passwords, so that anybody on the network can read it.",
    next: "Use SSH instead, or allow it only from one machine.",
    trigger: never,
};
