//! IB-CIP-004: firmware written (CIP).

use crate::detect::technique::FIRMWARE;
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-CIP-004",
    title: "Firmware written (CIP)",
    severity: 950,
    techniques: &[FIRMWARE],
    meaning: "Firmware was sent into a device. If this is not planned work, the device may no longer be what \
              it claims.",
    next: "Compare the firmware of the device with the approved one; keep it out of operation until that is \
              clear.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.is_request() && seen.op.function >> 8 == 0xA1 && seen.op.effect == Effect::Download
}
