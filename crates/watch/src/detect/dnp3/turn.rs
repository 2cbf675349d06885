//! IB-DNP-014: DNP3 requests out of turn.

use crate::detect::technique::{SPOOF, UNAUTHORIZED};
use crate::detect::{Rule, Seen};
use crate::operation::{Body, Kind};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNP-014",
    title: "DNP3 requests out of turn",
    severity: 650,
    techniques: &[UNAUTHORIZED, SPOOF],
    meaning: "Requests count from 0 to 15 and wait for their answer; here several come at once, or one comes again \
              that was answered already. Messages that were recorded and are sent again, or put in between others, \
              look like this.",
    next: "Look at the packets: who sent them, and was it the master? Ask the control room what it sent at this \
              time.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.op.kind != Kind::Response
        && matches!(seen.op.body, Body::Dnp3(_))
        && seen.link.out_of_turn >= 2
        && !seen.link.is_flooded()
}
