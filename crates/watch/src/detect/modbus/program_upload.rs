//! IB-MB-011: program read out of a Schneider controller.

use crate::detect::technique::UPLOAD;
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-MB-011",
    title: "Program read out of a Schneider controller",
    severity: 500,
    techniques: &[UPLOAD],
    meaning: "Somebody copied the program over UMAS. Backups do this, and whoever wants to understand the \
              plant before attacking it.",
    next: "Ask whether a backup was made at this time.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Upload)
}
