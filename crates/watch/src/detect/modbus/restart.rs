//! IB-MB-001: Modbus device told to restart its communication.

use crate::detect::technique::RESTART;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-MB-001",
    title: "Modbus device told to restart its communication",
    severity: 800,
    techniques: &[RESTART],
    meaning: "Function 8 with sub-function 1 restarts the communication of a device; until it is back it \
              neither reports nor obeys. No HMI does this in normal work.",
    next: "Look whether the device answered, and whether its values froze afterwards. Find out who sent it.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[0x0800_0001])
}
