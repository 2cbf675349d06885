//! IB-DNP-016: DNP3 stations tried one after the other.

use crate::detect::technique::{DISCOVERY, POINTS};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNP-016",
    title: "DNP3 stations tried one after the other",
    severity: 600,
    techniques: &[DISCOVERY, POINTS],
    meaning: "One sender asked many station addresses that do not answer, or used many addresses for itself. That is \
              how a tool finds out which outstations there are and whom they listen to.",
    next: "Ask whether a scan was planned. If not, isolate the sender.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    let silent = seen.link.unanswered_units();
    // Of stations that belong to somebody most answer.
    let searches = silent >= 8 && silent > seen.link.answering_units();
    seen.is_request() && (searches || seen.link.origins >= 4)
}
