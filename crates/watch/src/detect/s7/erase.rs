//! IB-S7-009: blocks deleted, memory reset or written to permanent memory.

use crate::detect::technique::{DATA_DESTRUCTION, MODIFY_PROGRAM};
use crate::detect::{Rule, Seen};
use crate::operation::{Body, Effect};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-S7-009",
    title: "Blocks deleted, memory reset or written to permanent memory",
    severity: 900,
    techniques: &[DATA_DESTRUCTION, MODIFY_PROGRAM],
    meaning: "A service that deletes or inserts blocks, compresses memory, copies RAM to ROM or resets the \
              memory of the controller.",
    next: "Ask who works on this device today; if nobody does, take the sender off the network and compare \
              the program with the last backup.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    let Body::S7(view) = seen.op.body else { return false };
    // Services of blocks and memory, and the memory reset of a programming tool.
    let service = seen.asks(Effect::Configure) && view.service().is_some();
    service || seen.calls(&[0x1_010C])
}
