//! IB-TLS-002: certificate out of its time.

use crate::decode::tls::EXPIRED;
use crate::detect::technique::BETWEEN;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-TLS-002",
    title: "Certificate out of its time",
    severity: 250,
    techniques: &[BETWEEN],
    meaning: "A server showed a certificate whose time is over or has not begun. A client that accepts it \
              would accept others, too.",
    next: "Renew the certificate; check the clock of the server.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.op.function == EXPIRED
}
