//! IB-UA-004: address space of an OPC UA server changed.

use crate::detect::technique::MODIFY_PARAMETER;
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-UA-004",
    title: "Address space of an OPC UA server changed",
    severity: 600,
    techniques: &[MODIFY_PARAMETER],
    meaning: "A client adds or removes nodes or references: what others read and write may no longer be what they \
              take it for.",
    next: "Ask who changed the server's configuration at this time.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Configure)
}
