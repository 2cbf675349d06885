//! IB-NET-015: two machines give out addresses (DHCP).

use crate::detect::technique::{BETWEEN, DENIAL_OF_SERVICE};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-015",
    title: "Two machines give out addresses (DHCP)",
    severity: 650,
    techniques: &[BETWEEN, DENIAL_OF_SERVICE],
    meaning: "In one network two servers answer who asks for an address. The second one can lead all traffic \
              of new machines through itself.",
    next: "Check whether both are meant to be there. If not, find the new one at its port of the switch.",
    trigger: never,
};
