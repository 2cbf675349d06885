//! IB-UA-002: anonymous OPC UA session.

use crate::detect::technique::ACCOUNTS;
use crate::detect::{Rule, Seen};
use crate::operation::Body;
use wire::opcua::User;

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-UA-002",
    title: "Anonymous OPC UA session",
    severity: 300,
    techniques: &[ACCOUNTS],
    meaning: "A client signed in without saying who it is. What it does cannot be told from what others do.",
    next: "Let the server refuse anonymous users, or give them nothing but the right to read.",
    trigger,
};

fn trigger(seen: &Seen<'_>) -> bool {
    let Body::OpcUa(chunk, _) = seen.op.body else { return false };
    let user = chunk.message().and_then(|message| message.user());
    seen.is_request() && user == Some(User::Anonymous)
}
