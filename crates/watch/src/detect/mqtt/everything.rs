//! IB-MQ-002: somebody listens to everything at the broker.

use crate::decode::mqtt::EVERYTHING;
use crate::detect::technique::{COLLECTION, POINTS};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-MQ-002",
    title: "Somebody listens to everything at the broker",
    severity: 250,
    techniques: &[COLLECTION, POINTS],
    meaning: "A client subscribed to all topics. Historians and gateways do this; so does somebody who wants \
              to know what the plant has.",
    next: "Check that the client is a known one.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[EVERYTHING])
}
