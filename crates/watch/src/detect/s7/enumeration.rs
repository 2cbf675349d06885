//! IB-S7-006: Siemens controller asked who it is.

use crate::detect::technique::INFORMATION;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-S7-006",
    title: "Siemens controller asked who it is",
    severity: 150,
    techniques: &[INFORMATION],
    meaning: "System status lists tell order number, firmware, serial number and state. Inventory tools and \
              HMIs ask for them, and whoever prepares an attack.",
    next: "Nothing to do if the sender is a known HMI or inventory tool; else note it.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[0x1_0401])
}
