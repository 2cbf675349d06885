//! IB-S7-011: blocks of a Siemens controller listed.

use crate::detect::technique::{INFORMATION, POINTS};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-S7-011",
    title: "Blocks of a Siemens controller listed",
    severity: 200,
    techniques: &[INFORMATION, POINTS],
    meaning: "The list of blocks and their properties was read: the table of contents of the program.",
    next: "Nothing to do if an engineering station did it during planned work.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[0x1_0301, 0x1_0302, 0x1_0303])
}
