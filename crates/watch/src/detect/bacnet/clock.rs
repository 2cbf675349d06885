//! IB-BAC-006: clock of BACnet devices set.

use crate::detect::technique::MODIFY_PARAMETER;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-BAC-006",
    title: "Clock of BACnet devices set",
    severity: 300,
    techniques: &[MODIFY_PARAMETER],
    meaning: "Time synchronisation sets the clocks of all devices that hear it.",
    next: "Check that the sender is the building's time source.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[0x106, 0x109])
}
