//! IB-S7-090: malformed S7 messages.

use crate::detect::{Rule, rule_of_malformed};

/// The rule.
pub const RULE: Rule = rule_of_malformed("IB-S7-090", "Malformed S7 messages");
