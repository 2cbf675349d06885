//! IB-DNP-011: command to all outstations at once.

use crate::detect::technique::UNAUTHORIZED;
use crate::detect::{Rule, Seen};
use crate::links::changes;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNP-011",
    title: "Command to all outstations at once",
    severity: 600,
    techniques: &[UNAUTHORIZED],
    meaning: "A command to a broadcast address reaches every outstation of the network, and none answers.",
    next: "Ask the control room whether it sent this.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.is_request() && seen.op.unit >= 0xFFFD && changes(seen.op.effect)
}
