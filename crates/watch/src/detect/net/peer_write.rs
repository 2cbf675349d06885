//! IB-NET-004: A controller writes to another.

use crate::detect::technique::UNAUTHORIZED;
use crate::detect::{Rule, Seen};
use crate::links::changes;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-004",
    title: "A controller writes to another",
    severity: 300,
    techniques: &[UNAUTHORIZED],
    meaning: "A device that others read from writes to another device. Controllers that exchange data do this \
              all the time; one that never did before may be in the wrong hands.",
    next: "Check in the plan of the plant that these two are meant to talk.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.is_request()
        && changes(seen.op.effect)
        && seen.client.serves(seen.op.protocol)
        && seen.client.endpoint != seen.server.endpoint
}
