//! IB-BAC-001: BACnet device told to be silent.

use crate::detect::technique::DENIAL_OF_SERVICE;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-BAC-001",
    title: "BACnet device told to be silent",
    severity: 800,
    techniques: &[DENIAL_OF_SERVICE],
    meaning: "Device communication control turns the communication of a device off or on again: off, it \
              neither answers nor reports.",
    next: "Check that the device answers; the same service turns it on again. Find out who sent it.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[17])
}
