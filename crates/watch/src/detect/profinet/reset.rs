//! IB-PN-002: PROFINET device reset to factory state.

use crate::detect::technique::{DATA_DESTRUCTION, RESTART};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-PN-002",
    title: "PROFINET device reset to factory state",
    severity: 900,
    techniques: &[DATA_DESTRUCTION, RESTART],
    meaning: "DCP set a device back to what it was when it left the factory: name, address and parameters are \
              gone.",
    next: "Check whether the device still works; its controller gives it back name and parameters, or \
              somebody must.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[0x105])
}
