//! IB-104-003: parameters of measured values changed.

use crate::detect::technique::MODIFY_PARAMETER;
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-104-003",
    title: "Parameters of measured values changed",
    severity: 600,
    techniques: &[MODIFY_PARAMETER],
    meaning: "Thresholds, limits or smoothing of measured values decide what the control room hears of; they were changed or activated.",
    next: "Ask who set parameters at this time, and compare them with the documentation of the station.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Configure)
}
