//! IB-BASE-006: a known writer writes what it did not before.

use crate::detect::technique::{MODIFY_PARAMETER, UNAUTHORIZED};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-BASE-006",
    title: "A known writer writes what it did not before",
    severity: 700,
    techniques: &[UNAUTHORIZED, MODIFY_PARAMETER],
    meaning: "A client that may write to this device changes values that it never changed.",
    next: "Ask the operator of this client what was done. Approve the data if it was meant; else put the \
              values back.",
    trigger: never,
};
