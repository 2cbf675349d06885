//! IB-UA-003: address space of an OPC UA server searched.

use crate::detect::technique::POINTS;
use crate::detect::{Rule, Seen};
use crate::links::FunctionCount;
use wire::opcua::table::BROWSE;

/// Requests to browse from which on it is a search.
const MANY: u32 = 200;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-UA-003",
    title: "Address space of an OPC UA server searched",
    severity: 300,
    techniques: &[POINTS],
    meaning: "A client asked some hundred times within minutes what there is. Setting up a connection looks like this, and so does \
              somebody who wants to know what the plant has.",
    next: "Ask who set up a client at this time.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    let asked =
        || seen.link.functions.iter().find(|known| known.function == BROWSE).map_or(0, FunctionCount::lately);
    seen.calls(&[BROWSE]) && asked() >= MANY
}
