//! IB-104-008: many objects commanded one after the other.

use crate::detect::technique::{BRUTE_FORCE_IO, UNAUTHORIZED};
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-104-008",
    title: "Many objects commanded one after the other",
    severity: 850,
    techniques: &[BRUTE_FORCE_IO, UNAUTHORIZED],
    meaning: "Sixteen and more different objects were commanded within ten seconds. No person does this, and \
              few programs: attacks on power grids switched all breakers of a station like this (Industroyer).",
    next: "Check the states of the switches now. Ask the control room whether it sent this.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Write) && seen.link.commanded_objects() >= 16
}
