//! IB-S7-012: many S7 requests refused in a row.

use crate::detect::technique::{BRUTE_FORCE_IO, POINTS};
use crate::detect::{Rule, Seen};
use crate::operation::Outcome;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-S7-012",
    title: "Many S7 requests refused in a row",
    severity: 400,
    techniques: &[POINTS, BRUTE_FORCE_IO],
    meaning: "The controller refused ten and more requests without one success between. Somebody searches for \
              blocks and addresses, or a configuration points to the wrong place.",
    next: "Compare the addresses with the project. If the sender is a known client, its configuration is \
              wrong.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    matches!(seen.op.outcome, Outcome::Refused(_)) && seen.link.refused_in_row >= 10
}
