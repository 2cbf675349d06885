//! IB-SNM-002: setting of a device changed (SNMP).

use crate::decode::snmp::DEFAULT;
use crate::detect::technique::{MODIFY_PARAMETER, UNAUTHORIZED};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-SNM-002",
    title: "Setting of a device changed (SNMP)",
    severity: 500,
    techniques: &[MODIFY_PARAMETER, UNAUTHORIZED],
    meaning: "A value was set by SNMP. With it ports of switches are closed, uninterruptible power supplies \
              switched off, addresses changed.",
    next: "Ask who did this, and see in the details what was set.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[3, DEFAULT | 3])
}
