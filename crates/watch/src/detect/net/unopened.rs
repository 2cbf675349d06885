//! IB-NET-007: packets of a control connection that nobody opened.

use crate::detect::technique::{SPOOF, UNAUTHORIZED};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-007",
    title: "Packets of a control connection that nobody opened",
    severity: 600,
    techniques: &[UNAUTHORIZED, SPOOF],
    meaning: "The capture has been running for a while, and now packets come of a connection that was never seen \
              to open. Packets that somebody puts into a connection of others look like this, and so does a mirror \
              port that was set up anew.",
    next: "Ask whether the mirror port or a route was changed at this time. If not, find which port of the \
              switch these packets come from.",
    trigger: never,
};
