//! IB-BASE-002: two machines talk that did not before.

use crate::detect::technique::REMOTE;
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-BASE-002",
    title: "Two machines talk that did not before",
    severity: 450,
    techniques: &[REMOTE],
    meaning: "Both machines are known, that they talk to each other in this way is new.",
    next: "Ask who changed something at either of them. Approve the link if it is meant; else stop it at \
              the firewall.",
    trigger: never,
};
