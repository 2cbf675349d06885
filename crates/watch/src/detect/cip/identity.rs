//! IB-CIP-009: EtherNet/IP device asked who it is.

use crate::detect::technique::{DISCOVERY, INFORMATION};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-CIP-009",
    title: "EtherNet/IP device asked who it is",
    severity: 150,
    techniques: &[DISCOVERY, INFORMATION],
    meaning: "ListIdentity and the identity object tell maker, model, firmware and serial number. Engineering \
              and inventory tools ask for them, and whoever prepares an attack.",
    next: "Nothing to do if the sender is a known tool; else note it.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[0xF000_0063, 0x0101])
}
