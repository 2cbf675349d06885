//! IB-BASE-008: a value outside the range of its point.

use crate::detect::technique::{MODIFY_PARAMETER, UNAUTHORIZED};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-BASE-008",
    title: "A value outside the range of its point",
    severity: 800,
    techniques: &[MODIFY_PARAMETER, UNAUTHORIZED],
    meaning: "Somebody wrote a value that the point must not have, as its declaration says. Ironbridge would \
              have refused it; the device took it from another.",
    next: "Look at the machine first. Then find out who sent it, and put the value back.",
    trigger: never,
};
