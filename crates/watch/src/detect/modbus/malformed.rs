//! IB-MB-090: malformed Modbus messages.

use crate::detect::{Rule, rule_of_malformed};

/// The rule.
pub const RULE: Rule = rule_of_malformed("IB-MB-090", "Malformed Modbus messages");
