//! IB-PN-003: PROFINET devices asked who they are.

use crate::detect::technique::DISCOVERY;
use crate::detect::{Rule, Seen};
use crate::operation::Body;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-PN-003",
    title: "PROFINET devices asked who they are",
    severity: 150,
    techniques: &[DISCOVERY],
    meaning: "Identify asks all devices, or one, for name, maker and address. Engineering tools and \
              controllers do this, and whoever prepares an attack.",
    next: "Nothing to do if the sender is a known tool or controller; else note it.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[5])
        && matches!(seen.op.body, Body::Dcp(view) if view.blocks().any(|block| block.option == 0xFF))
}
