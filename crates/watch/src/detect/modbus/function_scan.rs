//! IB-MB-004: function codes tried one after the other.

use crate::detect::technique::INFORMATION;
use crate::detect::{Rule, Seen};
use crate::operation::Outcome;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-MB-004",
    title: "Function codes tried one after the other",
    severity: 600,
    techniques: &[INFORMATION],
    meaning: "One sender tried many functions that the device refused. That is how a tool finds out what a \
              device can do before it attacks, or a scanner that nobody announced.",
    next: "Ask whether a scan was planned. If not, isolate the sender.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    matches!(seen.op.outcome, Outcome::Refused(1)) && seen.link.functions_refused >= 5
}
