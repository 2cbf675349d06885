//! IB-DNP-009: configuration of an outstation saved or activated.

use crate::detect::technique::MODIFY_PARAMETER;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNP-009",
    title: "Configuration of an outstation saved or activated",
    severity: 700,
    techniques: &[MODIFY_PARAMETER],
    meaning: "Functions 19 and 31 save or activate a configuration.",
    next: "Compare the configuration of the outstation with the approved one.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[19, 31])
}
