//! IB-MB-005: many requests refused in a row.

use crate::detect::technique::{BRUTE_FORCE_IO, POINTS};
use crate::detect::{Rule, Seen};
use crate::operation::Outcome;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-MB-005",
    title: "Many requests refused in a row",
    severity: 400,
    techniques: &[POINTS, BRUTE_FORCE_IO],
    meaning: "A device refused ten and more requests without one success between. Somebody searches its \
              addresses, or a configuration points to the wrong place.",
    next: "Compare the addresses with the list of the device's registers. If the sender is a known client, \
              its configuration is wrong.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    matches!(seen.op.outcome, Outcome::Refused(_)) && !seen.op.is_not_now() && seen.link.refused_in_row >= 10
}
