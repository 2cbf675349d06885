//! IB-GOO-001: two counts of one GOOSE publisher.

use crate::detect::technique::{MANIPULATE_IMAGE, UNAUTHORIZED};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-GOO-001",
    title: "Two counts of one GOOSE publisher",
    severity: 850,
    techniques: &[MANIPULATE_IMAGE, UNAUTHORIZED],
    meaning: "State and sequence numbers of a publisher only count up. Here they go to and fro between two counts: \
              messages that were recorded, or made up, come beside the device's own. A breaker may open or stay closed \
              by them.",
    next: "Check whether the device restarted or was set up at this time. If not, look for who else sends from its \
           address, at the port of the switch.",
    trigger: never,
};
