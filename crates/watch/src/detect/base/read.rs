//! IB-BASE-004: data that were not read before.

use crate::detect::technique::POINTS;
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-BASE-004",
    title: "Data that were not read before",
    severity: 300,
    techniques: &[POINTS],
    meaning: "A known client reads data of a device that it did not read while the baseline was learned: a \
              new picture on an HMI, or somebody who looks around.",
    next: "Check whether the client was changed. Approve the data if it was meant.",
    trigger: never,
};
