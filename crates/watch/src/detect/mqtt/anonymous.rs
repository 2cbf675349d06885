//! IB-MQ-001: MQTT without sign-in.

use crate::decode::mqtt::ANONYMOUS;
use crate::detect::technique::ACCOUNTS;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-MQ-001",
    title: "MQTT without sign-in",
    severity: 300,
    techniques: &[ACCOUNTS],
    meaning: "A client connects to the broker without saying who it is. Whoever reaches the broker can then \
              read what is published there, and publish.",
    next: "Let the broker ask for a user or a certificate, and give each client only the topics that it \
              needs.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[ANONYMOUS])
}
