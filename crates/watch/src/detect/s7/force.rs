//! IB-S7-007: variables modified or forced with a programming tool.

use crate::detect::technique::{MANIPULATE_IMAGE, UNAUTHORIZED};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-S7-007",
    title: "Variables modified or forced with a programming tool",
    severity: 800,
    techniques: &[MANIPULATE_IMAGE, UNAUTHORIZED],
    meaning: "Test functions wrote or forced variables: a forced input or output no longer follows the process \
              until the force is taken back.",
    next: "Look for the force light of the controller and take back what is not wanted.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[0x1_0108, 0x1_0109])
}
