//! IB-UA-090: malformed OPC UA messages.

use crate::detect::technique::{DENIAL_OF_SERVICE, EXPLOIT};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-UA-090",
    title: "Malformed OPC UA messages",
    severity: 500,
    techniques: &[EXPLOIT, DENIAL_OF_SERVICE],
    meaning: "The types or sizes of messages contradict the standard. Broken software does this, and tools that look \
              for errors in servers (fuzzers), because such errors let them in or stop the server.",
    next: "Look at the packets. If the sender is a normal client, update its software; if not, isolate it.",
    trigger: never,
};
