//! IB-BAC-003: file of a BACnet device written.

use crate::detect::technique::{DOWNLOAD, MODIFY_PARAMETER};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-BAC-003",
    title: "File of a BACnet device written",
    severity: 700,
    techniques: &[DOWNLOAD, MODIFY_PARAMETER],
    meaning: "The service AtomicWriteFile writes files of a device: programs, configuration, logs.",
    next: "Ask who changes this device today. If nobody does, compare it with the last backup.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[7])
}
