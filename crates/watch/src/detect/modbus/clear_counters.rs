//! IB-MB-003: Modbus diagnostic counters cleared.

use crate::detect::technique::INDICATORS;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-MB-003",
    title: "Modbus diagnostic counters cleared",
    severity: 400,
    techniques: &[INDICATORS],
    meaning: "Function 8 with sub-functions 10 or 20 clears the counters by which a person would see that \
              something was wrong on the bus.",
    next: "Ask whether somebody serviced the device. If not, look at what else this sender did before.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[0x0800_000A, 0x0800_0014])
}
