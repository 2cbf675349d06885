//! IB-CIP-005: program written into a controller (CIP).

use crate::detect::technique::{DOWNLOAD, MODIFY_PROGRAM};
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-CIP-005",
    title: "Program written into a controller (CIP)",
    severity: 900,
    techniques: &[DOWNLOAD, MODIFY_PROGRAM],
    meaning: "Programs, routines or files were written into the controller. If this is not planned work, the \
              plant runs something nobody approved.",
    next: "Ask who works on this device today; if nobody does, take the sender off the network and compare \
              the program with the last backup.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Download) && seen.op.function >> 8 != 0xA1
}
