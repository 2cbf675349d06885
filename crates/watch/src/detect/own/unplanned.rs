//! IB-OWN-002: our own address asks what no connection plans.

use crate::detect::technique::{POINTS, REMOTE};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-OWN-002",
    title: "Our own address asks what no connection plans",
    severity: 550,
    techniques: &[REMOTE, POINTS],
    meaning: "Requests left this gateway's own address that none of its connections plans. Another program on \
              this machine sent them, somebody looks around from here, or another machine uses its address.",
    next: "Check who is signed in at the gateway and what else runs there. Discovery and measuring by hand \
              explain it for their time.",
    trigger: never,
};
