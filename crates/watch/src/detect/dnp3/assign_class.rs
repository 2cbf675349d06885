//! IB-DNP-010: points moved to another class.

use crate::detect::technique::{ALARMS, MODIFY_PARAMETER};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNP-010",
    title: "Points moved to another class",
    severity: 400,
    techniques: &[MODIFY_PARAMETER, ALARMS],
    meaning: "Function 22 decides which points report at which priority, or not at all.",
    next: "Masters send this when they start. Compare with the list of the master.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[22])
}
