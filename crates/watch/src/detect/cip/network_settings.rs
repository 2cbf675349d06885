//! IB-CIP-007: network settings of a device changed (CIP).

use crate::detect::technique::{DENIAL_OF_SERVICE, MODIFY_PARAMETER};
use crate::detect::{Rule, Seen};
use crate::operation::Effect;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-CIP-007",
    title: "Network settings of a device changed (CIP)",
    severity: 800,
    techniques: &[MODIFY_PARAMETER, DENIAL_OF_SERVICE],
    meaning: "Address, port or link settings were written. A wrong address takes the device off the network; a \
              changed one lets another take its place.",
    next: "Compare address and port settings of the device with the plan of the network.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.asks(Effect::Configure) && matches!(seen.op.function >> 8, 0xF4..=0xF6)
}
