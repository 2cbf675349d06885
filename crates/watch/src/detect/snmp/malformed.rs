//! IB-SNM-090: malformed SNMP messages.

use crate::detect::{Rule, rule_of_malformed};

/// The rule.
pub const RULE: Rule = rule_of_malformed("IB-SNM-090", "Malformed SNMP messages");
