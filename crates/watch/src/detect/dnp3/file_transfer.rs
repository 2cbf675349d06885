//! IB-DNP-006: file opened on an outstation.

use crate::detect::technique::{DOWNLOAD, UPLOAD};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNP-006",
    title: "File opened on an outstation",
    severity: 400,
    techniques: &[UPLOAD, DOWNLOAD],
    meaning: "Function 25 opens a file to read or to write it: configuration, programs, logs.",
    next: "Look at the packets for the name of the file, and ask who transfers files today.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[25])
}
