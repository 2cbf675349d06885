//! IB-104-006: many IEC 104 requests refused.

use crate::detect::technique::{INFORMATION, POINTS};
use crate::detect::{Rule, Seen};
use crate::operation::Outcome;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-104-006",
    title: "Many IEC 104 requests refused",
    severity: 400,
    techniques: &[POINTS, INFORMATION],
    meaning: "The station refused five and more requests without one success between: stations, objects or types that it does not have. Somebody tries what there is, or a control room is set up wrongly.",
    next: "Compare the requests with the object list of the station.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    matches!(seen.op.outcome, Outcome::Refused(_)) && seen.link.refused_in_row >= 5
}
