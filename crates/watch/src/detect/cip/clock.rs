//! IB-CIP-008: clock of a controller set (CIP).

use crate::detect::technique::MODIFY_PARAMETER;
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-CIP-008",
    title: "Clock of a controller set (CIP)",
    severity: 400,
    techniques: &[MODIFY_PARAMETER],
    meaning: "The clock was set from the network. Time stamps of alarms and logs before and after do not fit \
              together.",
    next: "Check that the sender is the time server or the engineering station.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Configure) && seen.op.function >> 8 == 0x8B
}
