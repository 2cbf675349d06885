//! IB-MB-016: modbus units tried one after the other.

use crate::detect::technique::DISCOVERY;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-MB-016",
    title: "Modbus units tried one after the other",
    severity: 550,
    techniques: &[DISCOVERY],
    meaning: "One sender asked many units behind an address, and most of them do not answer. That is how a \
              tool finds out what hangs on a serial line behind a gateway.",
    next: "Ask whether a scan was planned. If not, isolate the sender.",
    trigger,
};

/// A serial line has at most 32 devices (TIA-485): a round over so many that are off may still be a poll.
const MANY: u32 = 32;

fn trigger(seen: &Seen<'_>) -> bool {
    seen.is_request() && seen.link.unanswered_units() >= MANY
}
