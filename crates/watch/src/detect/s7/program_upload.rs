//! IB-S7-004: program read out of a Siemens controller.

use crate::detect::technique::UPLOAD;
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-S7-004",
    title: "Program read out of a Siemens controller",
    severity: 400,
    techniques: &[UPLOAD],
    meaning: "Blocks were copied out of the controller. Backups do this, and whoever wants to understand the \
              plant before attacking it.",
    next: "Ask whether a backup was made at this time.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Upload)
}
