//! IB-BASE-007: far more requests than usual.

use crate::detect::technique::{BRUTE_FORCE_IO, DENIAL_OF_SERVICE};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-BASE-007",
    title: "Far more requests than usual",
    severity: 400,
    techniques: &[DENIAL_OF_SERVICE, BRUTE_FORCE_IO],
    meaning: "A client asks a device three times as often as in the busiest minute that was learned. Small \
              devices stop answering under such a load.",
    next: "Check whether the client was changed or restarts again and again.",
    trigger: never,
};
