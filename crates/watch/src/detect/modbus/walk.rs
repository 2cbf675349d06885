//! IB-MB-017: registers of a device read one after the other.

use crate::detect::technique::{COLLECTION, POINTS};
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-MB-017",
    title: "Registers of a device read one after the other",
    severity: 450,
    techniques: &[POINTS, COLLECTION],
    meaning: "More than 125 single addresses, the most that one request can read, were read one by one, each behind \
              the one before. Programs read blocks; who goes through a device like this wants to know what it holds.",
    next: "Ask who set up a client at this time. If nobody did, isolate the sender.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Read) && seen.link.walk > 125
}
