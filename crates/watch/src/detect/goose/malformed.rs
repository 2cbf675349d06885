//! IB-GOO-090: malformed GOOSE messages.

use crate::detect::{Rule, rule_of_malformed};

/// The rule.
pub const RULE: Rule = rule_of_malformed("IB-GOO-090", "Malformed GOOSE messages");
