//! IB-NET-013: password in clear text.

use crate::detect::technique::{ACCOUNTS, SNIFFING};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-013",
    title: "Password in clear text",
    severity: 500,
    techniques: &[SNIFFING, ACCOUNTS],
    meaning: "A name and a password went over the network so that everybody on the way can read them. They are \
              not kept here.",
    next: "Use the encrypted kind of the protocol, and change this password: it must count as known.",
    trigger: never,
};
