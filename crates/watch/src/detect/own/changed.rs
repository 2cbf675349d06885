//! IB-OWN-003: an answer was changed between device and gateway.

use crate::detect::technique::{BETWEEN, MANIPULATE_IMAGE};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-OWN-003",
    title: "An answer was changed between device and gateway",
    severity: 950,
    techniques: &[BETWEEN, MANIPULATE_IMAGE],
    meaning: "What the device answered on the wire is not what arrived at this gateway, in the same \
              transaction. Somebody stands in between and changes values.",
    next: "Trust the local display of the machine, not the values here. Find what stands between the \
              capture point and the gateway.",
    trigger: never,
};
