//! IB-104-001: station told to restart its process.

use crate::detect::technique::RESTART;
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-104-001",
    title: "Station told to restart its process",
    severity: 900,
    techniques: &[RESTART],
    meaning: "A reset process command restarts the program of the station or clears its events; until it is back the control room neither sees nor controls it.",
    next: "Check that the station is back. Ask the control room whether it sent this.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Restart)
}
