//! IB-104-002: data of a station stopped.

use crate::detect::technique::ALARMS;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-104-002",
    title: "Data of a station stopped",
    severity: 500,
    techniques: &[ALARMS],
    meaning: "After a stop of data transfer the station keeps its alarms and values to itself until somebody starts it again. Control rooms do this only when they change over to another line.",
    next: "Check that data flow again, and whether the control room changed over at this time.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[0x113])
}
