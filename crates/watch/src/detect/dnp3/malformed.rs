//! IB-DNP-090: malformed DNP3 messages.

use crate::detect::{Rule, rule_of_malformed};

/// The rule.
pub const RULE: Rule = rule_of_malformed("IB-DNP-090", "Malformed DNP3 messages");
