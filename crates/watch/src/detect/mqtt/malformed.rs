//! IB-MQ-090: malformed MQTT messages.

use crate::detect::{Rule, rule_of_malformed};

/// The rule.
pub const RULE: Rule = rule_of_malformed("IB-MQ-090", "Malformed MQTT messages");
