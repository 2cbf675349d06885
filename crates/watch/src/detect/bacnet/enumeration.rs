//! IB-BAC-007: BACnet devices asked who they are.

use crate::detect::technique::{DISCOVERY, INFORMATION};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-BAC-007",
    title: "BACnet devices asked who they are",
    severity: 150,
    techniques: &[DISCOVERY, INFORMATION],
    meaning: "Tables of routers, or properties of the device object were read: maker, model, firmware, place. \
              Workstations do this, and whoever prepares an attack.",
    next: "Nothing to do if the sender is a known workstation; else note it.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[0x202, 0x206, 0x108])
}
