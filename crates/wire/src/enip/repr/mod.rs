//! Exact requests and replies: validated before they are sent, refused if they are not exactly right.

mod request;
mod response;

pub use request::{Request, emit_multiple, emit_request};
pub use response::{Reply, Response, Services, emit_error, emit_reply, emit_reply_multiple};
