//! IB-GOO-090: malformed GOOSE messages.

use crate::detect::technique::{DENIAL_OF_SERVICE, EXPLOIT};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-GOO-090",
    title: "Malformed GOOSE messages",
    severity: 500,
    techniques: &[EXPLOIT, DENIAL_OF_SERVICE],
    meaning: "Lengths or elements of messages contradict the standard. Broken software does this, and tools that look \
              for errors in devices (fuzzers), because such errors let them in or stop the device.",
    next: "Look at the packets, and find the sender at its port of the switch.",
    trigger: never,
};
