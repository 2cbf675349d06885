//! IB-CIP-011: many CIP requests refused in a row.

use crate::detect::technique::{BRUTE_FORCE_IO, POINTS};
use crate::detect::{Rule, Seen};
use crate::operation::Outcome;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-CIP-011",
    title: "Many CIP requests refused in a row",
    severity: 300,
    techniques: &[POINTS, BRUTE_FORCE_IO],
    meaning: "The device refused twenty and more requests without one success between. Somebody searches for \
              tags and objects, or a configuration points to the wrong place.",
    next: "Compare the tags with the project. If the sender is a known client, its configuration is wrong.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    matches!(seen.op.outcome, Outcome::Refused(_)) && seen.link.refused_in_row >= 20
}
