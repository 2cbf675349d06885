//! IB-SMB-002: windows shares of an old kind (SMB 1).

use crate::decode::smb::OLD;
use crate::detect::technique::EXPLOIT;
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-SMB-002",
    title: "Windows shares of an old kind (SMB 1)",
    severity: 350,
    techniques: &[EXPLOIT],
    meaning: "Two machines speak SMB 1. It has known holes through which worms have stopped whole plants, and \
              is switched off since 2017 wherever it can be.",
    next: "Find out which machine needs it; update or separate it.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.is_request() && (OLD..2 * OLD).contains(&seen.op.function) && seen.op.function & 0xFF != 0x72
}
