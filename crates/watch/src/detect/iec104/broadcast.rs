//! IB-104-005: command to all stations at once.

use crate::detect::technique::UNAUTHORIZED;
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// Setting the clock is what this address is for.
const CLOCK: u32 = 103;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-104-005",
    title: "Command to all stations at once",
    severity: 700,
    techniques: &[UNAUTHORIZED],
    meaning: "A command to the common address of all stations reaches every station behind this line.",
    next: "Ask the control room whether it sent this.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.is_request() && seen.op.unit == 0xFFFF && seen.op.effect == Effect::Write && !seen.calls(&[CLOCK])
}
