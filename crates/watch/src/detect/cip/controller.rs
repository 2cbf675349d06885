//! IB-CIP-010: controller mode or lock changed (CIP).

use crate::detect::technique::MODE;
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-CIP-010",
    title: "Controller mode or lock changed (CIP)",
    severity: 700,
    techniques: &[MODE],
    meaning: "A service of the controller object (class 0x8E) that does not only read: mode, lock, ownership.",
    next: "Ask who works on this device today; if nobody does, take the sender off the network and compare \
              the program with the last backup.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.is_request()
        && seen.op.function >> 8 == 0x8E
        && !matches!(seen.op.effect, Effect::Read | Effect::Start | Effect::Stop)
}
