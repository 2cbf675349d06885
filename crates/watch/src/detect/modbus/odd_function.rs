//! IB-MB-015: Modbus function that the standard does not have.

use crate::detect::technique::UNAUTHORIZED;
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-MB-015",
    title: "Modbus function that the standard does not have",
    severity: 300,
    techniques: &[UNAUTHORIZED],
    meaning: "A request with a function code that no standard defines: a maker's own extension, or a tool that \
              tries things.",
    next: "Look up the maker's manual for this function; if it is not there, treat the sender as \
              suspicious.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Unknown) && seen.op.function != 90
}
