//! IB-NET-003: A newcomer writes to a controller.

use crate::detect::technique::UNAUTHORIZED;
use crate::detect::{Rule, Seen};
use crate::links::changes;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-003",
    title: "A newcomer writes to a controller",
    severity: 850,
    techniques: &[UNAUTHORIZED],
    meaning: "A controller that has long answered one client now gets commands from another that was not there \
              before.",
    next: "Ask who put this client there. If nobody did, isolate it and check what it wrote.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.link.newcomer && seen.is_request() && changes(seen.op.effect)
}
