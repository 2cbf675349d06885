//! IB-MB-002: Modbus device told to be silent (listen only).

use crate::detect::technique::{DENIAL_OF_SERVICE, UNAUTHORIZED};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-MB-002",
    title: "Modbus device told to be silent (listen only)",
    severity: 850,
    techniques: &[DENIAL_OF_SERVICE, UNAUTHORIZED],
    meaning: "Function 8 with sub-function 4 makes a device ignore everybody until it is restarted: the \
              operator loses sight and control of it.",
    next: "Check that the device still answers; a restart brings it back. Find out who sent it.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[0x0800_0004])
}
