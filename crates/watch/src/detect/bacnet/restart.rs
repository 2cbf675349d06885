//! IB-BAC-002: BACnet device told to restart.

use crate::detect::technique::RESTART;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-BAC-002",
    title: "BACnet device told to restart",
    severity: 850,
    techniques: &[RESTART],
    meaning: "The service ReinitializeDevice restarts a device, or begins a backup or restore of it.",
    next: "Check that the device is back. Ask who works on it.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[20])
}
