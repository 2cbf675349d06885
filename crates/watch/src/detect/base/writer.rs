//! IB-BASE-005: a client writes that is not approved to.

use crate::detect::technique::{MODIFY_PARAMETER, UNAUTHORIZED};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-BASE-005",
    title: "A client writes that is not approved to",
    severity: 850,
    techniques: &[UNAUTHORIZED, MODIFY_PARAMETER],
    meaning: "A client changes values of a device that it never wrote to. The device takes them from anybody \
              who asks.",
    next: "Ask the owner of this client now. If nobody knows of it, isolate it, and put the values back \
              that it changed.",
    trigger: never,
};
