//! IB-S7-005: password sent to a Siemens controller.

use crate::detect::technique::ACCOUNTS;
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-S7-005",
    title: "Password sent to a Siemens controller",
    severity: 500,
    techniques: &[ACCOUNTS],
    meaning: "Somebody gave the controller its password over the network, in a form that can be read back. \
              Many tries are guessing.",
    next: "Ask who worked on the controller. Change the password if nobody did.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Security)
}
