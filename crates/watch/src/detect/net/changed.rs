//! IB-NET-006: data changed on the way.

use crate::detect::technique::{BETWEEN, SPOOF};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-006",
    title: "Data changed on the way",
    severity: 950,
    techniques: &[BETWEEN, SPOOF],
    meaning: "The same piece of a connection was seen twice with different bytes. A packet that is sent again has \
              the same bytes: somebody on the way changes what the two ends say.",
    next: "Compare the packets with each other: what was changed tells what is wanted. Find the card that sent \
              the second one, and do not trust values that came over this connection.",
    trigger: never,
};
