//! IB-S7-008: clock of a Siemens controller set.

use crate::detect::technique::MODIFY_PARAMETER;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-S7-008",
    title: "Clock of a Siemens controller set",
    severity: 400,
    techniques: &[MODIFY_PARAMETER],
    meaning: "The clock was set from the network. Time stamps of alarms and logs before and after do not fit \
              together.",
    next: "Check that the sender is the time server or the engineering station.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[0x1_0702, 0x1_0704])
}
