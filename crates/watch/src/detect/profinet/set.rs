//! IB-PN-001: name or address of a PROFINET device changed.

use crate::detect::technique::{DENIAL_OF_SERVICE, MODIFY_PARAMETER};
use crate::detect::{Rule, Seen};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-PN-001",
    title: "Name or address of a PROFINET device changed",
    severity: 750,
    techniques: &[MODIFY_PARAMETER, DENIAL_OF_SERVICE],
    meaning: "DCP set the name, the address or another basic parameter of a device. DCP knows no password: \
              whoever is on the network can do it, and a device with a wrong name or address drops out of its \
              controller.",
    next: "Ask who sets up devices today. If nobody does, set name and address back and find the sender by \
              its hardware address.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[4])
}
