//! IB-BAC-005: BACnet broadcasts redirected.

use crate::detect::technique::{BETWEEN, MODIFY_PARAMETER};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-BAC-005",
    title: "BACnet broadcasts redirected",
    severity: 500,
    techniques: &[BETWEEN, MODIFY_PARAMETER],
    meaning: "A foreign device registered, or the table that decides where broadcasts go was written: from now \
              on another network hears them.",
    next: "Check that the sender is a known workstation or router.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[0x201, 0x205, 0x208])
}
