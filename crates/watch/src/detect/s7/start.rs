//! IB-S7-002: Siemens controller told to start.

use crate::detect::technique::MODE;
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-S7-002",
    title: "Siemens controller told to start",
    severity: 700,
    techniques: &[MODE],
    meaning: "A program was started from the network, by the PI service P_PROGRAM. After planned work this is \
              normal.",
    next: "Ask who works on this device today; if nobody does, take the sender off the network and compare \
              the program with the last backup.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Start)
}
