//! IB-TLS-001: encryption of an old version.

use crate::decode::tls::CHOSEN;
use crate::detect::technique::BETWEEN;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-TLS-001",
    title: "Encryption of an old version",
    severity: 300,
    techniques: &[BETWEEN],
    meaning: "The connection uses SSL 3.0, TLS 1.0 or TLS 1.1, which have known holes and are withdrawn (RFC \
              8996).",
    next: "Update client or server, or set both to TLS 1.2 or later.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    matches!(seen.op.function.checked_sub(CHOSEN), Some(0x0300..=0x0302))
}
