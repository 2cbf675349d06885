//! IB-SNM-001: SNMP with a community that everybody knows.

use crate::decode::snmp::DEFAULT;
use crate::detect::technique::{DEFAULT_CREDENTIALS, INFORMATION};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-SNM-001",
    title: "SNMP with a community that everybody knows",
    severity: 450,
    techniques: &[DEFAULT_CREDENTIALS, INFORMATION],
    meaning: "The word that guards the device's data is one that devices have when they leave the factory. \
              Whoever is on the network can read them, and perhaps set them.",
    next: "Give the device another community, or better SNMPv3 with users; let only known stations ask.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.is_request() && seen.op.function & DEFAULT != 0
}
