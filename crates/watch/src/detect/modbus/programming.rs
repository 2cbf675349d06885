//! IB-MB-013: programming tool connected to a Schneider controller.

use crate::detect::technique::INFORMATION;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-MB-013",
    title: "Programming tool connected to a Schneider controller",
    severity: 300,
    techniques: &[INFORMATION],
    meaning: "Messages of UMAS, the protocol of Schneider's programming software, inside Modbus function 90. \
              Only engineering stations send it.",
    next: "Check that the sender is an engineering station and that work is planned.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.is_request() && seen.op.function >> 24 == 0x5A
}
