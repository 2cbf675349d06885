//! IB-S7-010: controller made to flash its light.

use crate::detect::technique::INFORMATION;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-S7-010",
    title: "Controller made to flash its light",
    severity: 200,
    techniques: &[INFORMATION],
    meaning: "The programming tool can make a controller flash, to find it in the cabinet.",
    next: "Nothing to do if somebody stands there.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[0x1_0116])
}
