//! IB-DNP-015: another master at a DNP3 outstation.

use crate::detect::technique::{ROGUE_MASTER, UNAUTHORIZED};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-DNP-015",
    title: "Another master at a DNP3 outstation",
    severity: 850,
    techniques: &[ROGUE_MASTER, UNAUTHORIZED],
    meaning: "An outstation has its master. Now another machine asks it or commands it: one that was not there \
              before, or one that searched the network.",
    next: "Ask the control room whether a second master was set up. If not, isolate it and check what it wrote \
              and operated.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    let began = seen.link.requests == 1 || seen.link.changes == 1 || seen.link.awoke;
    seen.is_request() && began && (seen.client.searches || seen.link.newcomer)
}
