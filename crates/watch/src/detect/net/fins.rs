//! IB-NET-021: Omron FINS commands.

use crate::detect::technique::{INFORMATION, UNAUTHORIZED};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-021",
    title: "Omron FINS commands",
    severity: 200,
    techniques: &[INFORMATION, UNAUTHORIZED],
    meaning: "FINS reads and writes Omron controllers and asks for no password.",
    next: "Check that the sender is a known HMI or engineering station.",
    trigger: never,
};
