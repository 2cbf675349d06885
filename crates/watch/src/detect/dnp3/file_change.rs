//! IB-DNP-005: file of an outstation deleted.

use crate::detect::technique::DATA_DESTRUCTION;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNP-005",
    title: "File of an outstation deleted",
    severity: 800,
    techniques: &[DATA_DESTRUCTION],
    meaning: "Function 27 deletes a file of the outstation.",
    next: "Compare the files of the outstation with the last backup.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[27])
}
