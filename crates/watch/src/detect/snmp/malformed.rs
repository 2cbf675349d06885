//! IB-SNM-090: malformed SNMP messages.

use crate::detect::technique::{DENIAL_OF_SERVICE, EXPLOIT};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-SNM-090",
    title: "Malformed SNMP messages",
    severity: 500,
    techniques: &[EXPLOIT, DENIAL_OF_SERVICE],
    meaning: "The lengths or codes of messages contradict the standard. Broken software does this, and tools \
              that look for errors in devices (fuzzers), because such errors let them in or stop the device.",
    next: "Look at the packets. If the sender is a normal client, update its software; if not, isolate it.",
    trigger: never,
};
