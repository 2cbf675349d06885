//! IB-CIP-090: malformed EtherNet/IP messages.

use crate::detect::{Rule, rule_of_malformed};

/// The rule.
pub const RULE: Rule = rule_of_malformed("IB-CIP-090", "Malformed EtherNet/IP messages");
