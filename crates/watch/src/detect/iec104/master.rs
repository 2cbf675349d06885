//! IB-104-007: another master at an IEC 104 station.

use crate::detect::technique::{ROGUE_MASTER, UNAUTHORIZED};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-104-007",
    title: "Another master at an IEC 104 station",
    severity: 750,
    techniques: &[ROGUE_MASTER, UNAUTHORIZED],
    meaning: "A station has its master. Now another machine asks it or commands it: one that was not there \
              before, or one that searched the network.",
    next: "Ask the control room whether a second master was set up. If not, isolate it and check what it \
              commanded.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    let began = seen.link.requests == 1 || seen.link.changes == 1 || seen.link.awoke;
    seen.is_request() && began && (seen.client.searches || seen.link.newcomer)
}
