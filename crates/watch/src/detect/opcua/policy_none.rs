//! IB-UA-001: OPC UA session without security.

use crate::detect::technique::BETWEEN;
use crate::detect::{Rule, Seen};
use crate::operation::Body;
use wire::opcua::table::ACTIVATE_SESSION;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-UA-001",
    title: "OPC UA session without security",
    severity: 350,
    techniques: &[BETWEEN],
    meaning: "The session runs with policy None: neither side proves who it is, and whoever is on the way reads and \
              changes what is said, passwords of older clients included.",
    next: "Let the server offer only signed and encrypted endpoints, and trust the client's certificate there.",
    trigger,
};

// Asking for endpoints without security is how OPC UA begins; a session is what matters.
fn trigger(seen: &Seen<'_>) -> bool {
    seen.calls(&[ACTIVATE_SESSION]) && matches!(seen.op.body, Body::OpcUa(_, true))
}
