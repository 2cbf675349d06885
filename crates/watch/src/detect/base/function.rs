//! IB-BASE-003: a function that was not used before.

use crate::detect::technique::UNAUTHORIZED;
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-BASE-003",
    title: "A function that was not used before",
    severity: 500,
    techniques: &[UNAUTHORIZED],
    meaning: "A known client asks a known device for something it never asked for while the baseline was \
              learned.",
    next: "Check whether the program of the client was changed. Approve the function if it was meant.",
    trigger: never,
};
