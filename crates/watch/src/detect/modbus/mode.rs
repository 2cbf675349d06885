//! IB-MB-012: Schneider controller started or stopped.

use crate::detect::technique::MODE;
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-MB-012",
    title: "Schneider controller started or stopped",
    severity: 900,
    techniques: &[MODE],
    meaning: "Somebody started or stopped the program of the controller over UMAS. A stopped controller does \
              not control.",
    next: "Look at the state of the controller now, and ask who works on it.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Start) || seen.asks(Effect::Stop)
}
