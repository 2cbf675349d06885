//! IB-WEB-001: pages of a web server tried one after the other.

use crate::detect::technique::{EXPLOIT, INFORMATION};
use crate::detect::{Rule, Seen};
use crate::operation::Outcome;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-WEB-001",
    title: "Pages of a web server tried one after the other",
    severity: 450,
    techniques: &[INFORMATION, EXPLOIT],
    meaning: "A client asked for twenty and more things that the server does not have, without one success \
              between. Scanners look for known weak pages like this.",
    next: "Ask whether a scan was planned. If not, isolate the sender.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    matches!(seen.op.outcome, Outcome::Refused(404 | 400 | 405 | 501)) && seen.link.refused_in_row >= 20
}
