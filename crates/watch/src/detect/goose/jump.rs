//! IB-GOO-001: numbers of GOOSE messages jump.

use crate::detect::technique::{MANIPULATE_IMAGE, UNAUTHORIZED};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-GOO-001",
    title: "Numbers of GOOSE messages jump",
    severity: 850,
    techniques: &[MANIPULATE_IMAGE, UNAUTHORIZED],
    meaning: "State and sequence numbers of a publisher only count up. Going back, or far ahead, is how replayed and \
              forged messages look to the receivers: a breaker may open or stay closed by them.",
    next: "Check whether the device restarted or was set up at this time. If not, look for who else sends from its \
           address, at the port of the switch.",
    trigger: never,
};
