//! IB-BAC-090: malformed BACnet messages.

use crate::detect::{Rule, rule_of_malformed};

/// The rule.
pub const RULE: Rule = rule_of_malformed("IB-BAC-090", "Malformed BACnet messages");
