//! IB-BASE-001: new machine on the network.

use crate::detect::technique::REMOTE;
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-BASE-001",
    title: "New machine on the network",
    severity: 450,
    techniques: &[REMOTE],
    meaning: "A machine that is not in the baseline speaks. A service laptop, a device that was replaced, or \
              somebody who should not be here.",
    next: "Find out whose it is by its address, network card and what it asks. Approve it if it belongs \
              here; else find its port at the switch.",
    trigger: never,
};
