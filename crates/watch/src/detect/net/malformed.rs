//! IB-NET-090: malformed messages.

use crate::detect::{Rule, rule_of_malformed};

/// The rule.
pub const RULE: Rule = rule_of_malformed("IB-NET-090", "Malformed messages");
