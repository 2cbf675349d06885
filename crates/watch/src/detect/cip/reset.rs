//! IB-CIP-003: device told to reset (CIP).

use crate::detect::technique::RESTART;
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-CIP-003",
    title: "Device told to reset (CIP)",
    severity: 900,
    techniques: &[RESTART],
    meaning: "The service Reset restarts a device, or sets it back to what it was when it left the factory.",
    next: "Check that the device is back with its configuration. Find out who sent it.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Restart)
}
