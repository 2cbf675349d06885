//! IB-NTP-001: time server asked for more than the time.

use crate::detect::technique::{DENIAL_OF_SERVICE, INFORMATION};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NTP-001",
    title: "Time server asked for more than the time",
    severity: 300,
    techniques: &[INFORMATION, DENIAL_OF_SERVICE],
    meaning: "Control questions of NTP tell whom a server knows, and their long answers are used to flood \
              others.",
    next: "Let time servers answer such questions only to themselves.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[6, 7])
}
