//! IB-MB-014: file record written over Modbus.

use crate::detect::technique::MODIFY_PARAMETER;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-MB-014",
    title: "File record written over Modbus",
    severity: 500,
    techniques: &[MODIFY_PARAMETER],
    meaning: "Function 21 writes files of a device, often recipes or configuration.",
    next: "Ask who changes configuration of this device today.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[21])
}
