//! IB-NET-002: two network cards claim one address.

use crate::detect::technique::BETWEEN;
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-002",
    title: "Two network cards claim one address",
    severity: 750,
    techniques: &[BETWEEN],
    meaning: "An address was announced from another hardware address than before. Either two devices have the \
              same address, or somebody diverts the traffic between others through his own machine.",
    next: "Find both cards by their hardware addresses at the switches. A device that was replaced explains \
              it once, not again and again.",
    trigger: never,
};
