//! IB-MB-006: Modbus device asked who it is.

use crate::detect::technique::INFORMATION;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-MB-006",
    title: "Modbus device asked who it is",
    severity: 150,
    techniques: &[INFORMATION],
    meaning: "Functions 17 and 43 ask for maker, model and firmware. Inventory tools do this, and whoever \
              prepares an attack.",
    next: "Nothing to do if an inventory was planned; else note the sender.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[17, 43])
}
