//! IB-NET-005: traffic between two others goes over a third card.

use crate::detect::technique::{BETWEEN, SPOOF};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-005",
    title: "Traffic between two others goes over a third card",
    severity: 900,
    techniques: &[BETWEEN, SPOOF],
    meaning: "A card announced itself for the address of another machine, and packets between others now really go \
              over it. Whoever owns it reads everything and can change it.",
    next: "Find this card at its port of the switch and pull the plug. Then check what the two machines \
              believe: values, set points, states.",
    trigger: never,
};
