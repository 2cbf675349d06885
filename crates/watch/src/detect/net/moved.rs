//! IB-NET-017: an address moved to another network card.

use crate::detect::technique::BETWEEN;
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-017",
    title: "An address moved to another network card",
    severity: 350,
    techniques: &[BETWEEN],
    meaning: "An address was announced from another hardware address than before, and the old one is silent since. A \
              standby that takes over for its partner does this, a device that was replaced, or somebody who waited \
              until the machine was off.",
    next: "Ask whether a device was replaced or a redundant pair switched over. If not, find the new card at its port \
           of the switch.",
    trigger: never,
};
