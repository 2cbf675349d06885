//! IB-NET-016: controllers talk about something else.

use crate::detect::technique::{COMMAND_CHANNEL, LATERAL};
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-016",
    title: "Controllers talk about something else",
    severity: 450,
    techniques: &[LATERAL, COMMAND_CHANNEL],
    meaning: "Two machines that are controllers to others exchange data in no protocol of controllers, at a \
              port that no known service has. Files that are moved from one taken-over machine to the next \
              look like this; so does a maker's own protocol.",
    next: "Ask whether the maker's manual knows this port. If not, look into the packets and check what \
              runs on both machines.",
    trigger: never,
};
