//! IB-SSH-001: SSH of version 1.

use crate::decode::plain::WEAK;
use crate::detect::technique::{BETWEEN, REMOTE};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-SSH-001",
    title: "SSH of version 1",
    severity: 400,
    techniques: &[REMOTE, BETWEEN],
    meaning: "One side offers only SSH 1, whose encryption was broken long ago: sessions can be read and \
              changed.",
    next: "Update it, or replace the device that cannot do better.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.op.function == WEAK
}
