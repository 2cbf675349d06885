//! IB-DNP-013: flood of DNP3 messages.

use crate::detect::technique::{BRUTE_FORCE_IO, DENIAL_OF_SERVICE};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNP-013",
    title: "Flood of DNP3 messages",
    severity: 800,
    techniques: &[DENIAL_OF_SERVICE, BRUTE_FORCE_IO],
    meaning: "More messages in a second than any master or outstation needs. An outstation that must read them all \
              answers nobody else any more.",
    next: "Ask the control room whether the outstation still answers. Isolate the sender.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.link.is_flooded()
}
