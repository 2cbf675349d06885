//! IB-PN-004: PROFINET data stopped or not valid.

use crate::detect::technique::{DENIAL_OF_SERVICE, MODE};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-PN-004",
    title: "PROFINET data stopped or not valid",
    severity: 500,
    techniques: &[DENIAL_OF_SERVICE, MODE],
    meaning: "A provider of cyclic data says that its program stands still, or that its data must not be used. \
              The other side works with substitute values, or stops.",
    next: "See whether the controller was stopped or a device fails. Ask who worked on it.",
    trigger: never,
};
