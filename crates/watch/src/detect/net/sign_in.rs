//! IB-NET-014: many sign-ins refused.

use crate::detect::technique::ACCOUNTS;
use crate::detect::{Rule, Seen};
use crate::operation::{Effect, Outcome};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-014",
    title: "Many sign-ins refused",
    severity: 550,
    techniques: &[ACCOUNTS],
    meaning: "Five and more sign-ins were refused in a row. Somebody tries passwords, or a program has an old \
              one.",
    next: "Look into the server's log: which user, from where. If it goes on, isolate the sender.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.op.effect == Effect::Security
        && matches!(seen.op.outcome, Outcome::Refused(_))
        && seen.link.refused_in_row >= 5
}
