//! IB-RDP-001: remote desktop without sign-in before it.

use crate::decode::plain::WEAK;
use crate::detect::technique::{EXPLOIT, REMOTE};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-RDP-001",
    title: "Remote desktop without sign-in before it",
    severity: 450,
    techniques: &[REMOTE, EXPLOIT],
    meaning: "The server accepts a remote desktop without asking for a name first (no network level \
              authentication). Whoever reaches the port gets as far as the sign-in page, and to holes in what \
              draws it.",
    next: "Switch on network level authentication, and let only one machine reach this port.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.op.function == WEAK
}
