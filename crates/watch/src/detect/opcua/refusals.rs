//! IB-UA-005: many OPC UA requests refused.

use crate::detect::technique::{ACCOUNTS, POINTS};
use crate::detect::{Rule, Seen};
use crate::operation::Outcome;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-UA-005",
    title: "Many OPC UA requests refused",
    severity: 450,
    techniques: &[ACCOUNTS, POINTS],
    meaning: "The server refused five and more requests without one success between: wrong passwords, or services \
              that it does not have. Somebody tries, or a client is set up wrongly.",
    next: "Look into the server's log: which user, and why.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    matches!(seen.op.outcome, Outcome::Refused(_)) && seen.link.refused_in_row >= 5
}
