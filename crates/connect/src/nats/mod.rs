//! NATS for connections and destinations alike: how a cluster is reached, and one session with one of its servers.
//!
//! ```text
//!  ServerKeys ─▶ Servers ─ Session::open ─▶ publish ─▶ acknowledgements
//!                                           request ─▶ JSON of JetStream's API
//!                                           pull ─▶ messages of a consumer ─▶ acknowledge
//! ```
//! Rationale: the protocol is a dozen lines of text, spoken through [`wire::nats`]; a client library would bring a
//! queue, a reconnect and a notion of sessions of its own beside those of feed and link.

mod nkey;
mod server;
mod session;

pub use server::{ServerKeys, Servers};
pub use session::{Heard, Incoming, PullEnd, Session};

use serde_json::Value as Json;

/// "Stream not found" (JetStream's own error codes).
pub const STREAM_NOT_FOUND: u64 = 10_059;
/// Longest name of a stream, a consumer or a domain.
const MAX_NAME: usize = 200;

/// Whether a server takes this as the name of a stream, a consumer or a domain.
pub fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(plain)
}

/// The subject of a request to JetStream's API, in its domain where it has one.
pub fn api(domain: Option<&str>, what: &str) -> String {
    match domain {
        Some(domain) => format!("$JS.{domain}.API.{what}"),
        None => format!("$JS.API.{what}"),
    }
}

/// JetStream's code and words, if its answer is an error.
pub fn error_of(answer: &Json) -> Option<(u64, String)> {
    let error = answer.get("error")?;
    let code = error.get("err_code").and_then(Json::as_u64).unwrap_or(0);
    Some((code, error.get("description").and_then(Json::as_str).unwrap_or("unknown").to_owned()))
}
