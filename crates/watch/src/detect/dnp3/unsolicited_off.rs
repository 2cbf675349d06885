//! IB-DNP-004: outstation told not to report by itself.

use crate::detect::technique::ALARMS;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNP-004",
    title: "Outstation told not to report by itself",
    severity: 700,
    techniques: &[ALARMS],
    meaning: "Function 21 turns off messages that an outstation sends unasked: alarms then arrive only when \
              somebody asks.",
    next: "Masters send this once when they start. At any other time turn reporting on again and find out \
              who sent it.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[21])
}
