//! IB-GOO-003: simulated GOOSE messages.

use crate::detect::technique::MANIPULATE_IMAGE;
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-GOO-003",
    title: "Simulated GOOSE messages",
    severity: 600,
    techniques: &[MANIPULATE_IMAGE],
    meaning: "Messages marked as simulation come from a test set. Devices in test mode follow them instead of the \
              real ones.",
    next: "Ask who tests at this time, and see that every device left its test mode afterwards.",
    trigger: never,
};
