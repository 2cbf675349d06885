//! IB-104-090: malformed IEC 104 messages.

use crate::detect::{Rule, rule_of_malformed};

/// The rule.
pub const RULE: Rule = rule_of_malformed("IB-104-090", "Malformed IEC 104 messages");
