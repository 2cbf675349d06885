//! IB-DNP-001: outstation told to restart (cold).

use crate::detect::technique::RESTART;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNP-001",
    title: "Outstation told to restart (cold)",
    severity: 900,
    techniques: &[RESTART],
    meaning: "Function 13 restarts the whole outstation, as if its power was cut; until it is back the control \
              room neither sees nor controls it.",
    next: "Check that the outstation is back. Ask the control room whether it sent this.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[13])
}
