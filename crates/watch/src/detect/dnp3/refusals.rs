//! IB-DNP-012: many DNP3 requests refused.

use crate::detect::technique::{INFORMATION, POINTS};
use crate::detect::{Rule, Seen};
use crate::operation::Outcome;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNP-012",
    title: "Many DNP3 requests refused",
    severity: 400,
    techniques: &[POINTS, INFORMATION],
    meaning: "The outstation refused five and more requests without one success between: functions or objects \
              that it does not have. Somebody tries what it can do, or a master is set up wrongly.",
    next: "Compare the requests with the device profile of the outstation.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    matches!(seen.op.outcome, Outcome::Refused(_))
        && seen.link.refused_in_row >= 5
        && !seen.link.is_flooded()
        && seen.link.out_of_turn == 0
        && !seen.client.searches
}
