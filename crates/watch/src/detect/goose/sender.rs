//! IB-GOO-002: two senders of one GOOSE control block.

use crate::detect::technique::{MANIPULATE_IMAGE, UNAUTHORIZED};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-GOO-002",
    title: "Two senders of one GOOSE control block",
    severity: 850,
    techniques: &[MANIPULATE_IMAGE, UNAUTHORIZED],
    meaning: "A control block belongs to one device. Messages of it come from a second address: somebody speaks for \
              the device, or it was replaced.",
    next: "Check whether the device was replaced. If not, find the second sender at its port of the switch.",
    trigger: never,
};
