//! IB-DNP-003: application of an outstation stopped or initialised.

use crate::detect::technique::{MODE, SERVICE_STOP};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNP-003",
    title: "Application of an outstation stopped or initialised",
    severity: 900,
    techniques: &[MODE, SERVICE_STOP],
    meaning: "Functions 15 to 18 initialise, start or stop a program of the outstation.",
    next: "Check what the outstation runs now. Ask who works on it.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[15, 16, 17, 18])
}
