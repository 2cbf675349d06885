//! IB-NET-020: Niagara Fox session.

use crate::detect::technique::{INFORMATION, REMOTE};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-020",
    title: "Niagara Fox session",
    severity: 200,
    techniques: &[INFORMATION, REMOTE],
    meaning: "Fox is how Niagara stations of building automation are reached; its first message already tells \
              model, version and host name to anybody.",
    next: "Check that the sender is a known Niagara workbench or station.",
    trigger: never,
};
