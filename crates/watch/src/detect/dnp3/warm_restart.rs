//! IB-DNP-002: outstation told to restart (warm).

use crate::detect::technique::RESTART;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNP-002",
    title: "Outstation told to restart (warm)",
    severity: 850,
    techniques: &[RESTART],
    meaning: "Function 14 restarts the application of the outstation; until it is back the control room \
              neither sees nor controls it.",
    next: "Check that the outstation is back. Ask the control room whether it sent this.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[14])
}
