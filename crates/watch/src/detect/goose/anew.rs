//! IB-GOO-004: a GOOSE publisher counts anew.

use crate::detect::technique::{DENIAL_OF_SERVICE, MANIPULATE_IMAGE};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-GOO-004",
    title: "A GOOSE publisher counts anew",
    severity: 350,
    techniques: &[MANIPULATE_IMAGE, DENIAL_OF_SERVICE],
    meaning: "State numbers went to others at once and go on from there. A device that was set up or replaced does \
              this; so does somebody who took its place. Receivers may ignore messages until the numbers are higher \
              again.",
    next: "Ask whether the device was worked on at this time.",
    trigger: never,
};
