//! IB-BAC-004: objects of a BACnet device created, deleted or their lists changed.

use crate::detect::technique::MODIFY_PARAMETER;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-BAC-004",
    title: "Objects of a BACnet device created, deleted or their lists changed",
    severity: 500,
    techniques: &[MODIFY_PARAMETER],
    meaning: "Objects were created or deleted, or elements of lists added or removed, e.g. receivers of \
              alarms.",
    next: "Ask who changes this device today.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[8, 9, 10, 11])
}
