//! IB-NET-008: somebody speaks under the address of another machine.

use crate::detect::technique::{ROGUE_MASTER, SPOOF};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-008",
    title: "Somebody speaks under the address of another machine",
    severity: 800,
    techniques: &[SPOOF, ROGUE_MASTER],
    meaning: "Packets carry the address of a machine, but their number of hops is that of another kind of \
              computer: two network stacks speak under one address.",
    next: "Find the port of the switch that these packets come from. A device behind address translation \
              explains it; then it was always so.",
    trigger: never,
};
