//! IB-OWN-001: a command from our own address that nobody authorised.

use crate::detect::technique::{MODIFY_PARAMETER, UNAUTHORIZED};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-OWN-001",
    title: "A command from our own address that nobody authorised",
    severity: 950,
    techniques: &[UNAUTHORIZED, MODIFY_PARAMETER],
    meaning: "A command left this gateway's own address, and there is no person and no policy in the ledger \
              who asked for it. Another program on this machine sent it, or another machine uses its address.",
    next: "Look at the machine first. Then check the programs on the gateway and the hardware address in \
              the packet; until it is clear, take the gateway's writes off.",
    trigger: never,
};
