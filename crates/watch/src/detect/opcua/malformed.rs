//! IB-UA-090: malformed OPC UA messages.

use crate::detect::{Rule, rule_of_malformed};

/// The rule.
pub const RULE: Rule = rule_of_malformed("IB-UA-090", "Malformed OPC UA messages");
