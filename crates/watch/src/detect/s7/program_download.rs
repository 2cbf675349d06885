//! IB-S7-003: program written into a Siemens controller.

use crate::detect::technique::{DOWNLOAD, MODIFY_PROGRAM};
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-S7-003",
    title: "Program written into a Siemens controller",
    severity: 900,
    techniques: &[DOWNLOAD, MODIFY_PROGRAM],
    meaning: "Blocks were written into the controller. If this is not planned work, the plant runs something \
              nobody approved.",
    next: "Ask who works on this device today; if nobody does, take the sender off the network and compare \
              the program with the last backup.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Download)
}
