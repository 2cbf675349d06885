//! Arrow Flight SQL (Apache Arrow, "Arrow Flight SQL", format version 1.5; gRPC over HTTP/2): the same tables and the same
//! SQL as over the PostgreSQL wire, in columns, for tools that take much at once.
//!
//! ```text
//!  door ─▶ connection: TLS ▶ HTTP/2 ─▶ service ─ bearer ─▶ client: a session for each who asks, prepared statements
//!                                        └─ DoGet: sql (one thread, lowest priority) ─▶ columns ─▶ as fast as they are taken
//! ```
//! Rationale: what a client prepared hangs on its connection and goes with it, so nothing needs to expire. A ticket is
//! the query itself: any connection with the same rights may fetch it, also after a restart. Rows are asked of the engine
//! only as fast as HTTP/2's windows let them go, so an answer is never whole in memory.

mod bearer;
mod client;
mod columns;
mod connection;
mod listing;
mod param;
mod service;

use crate::door::{Door, Options, Server};
use access::Access;
use sql::Sql;
use std::sync::Arc;

/// What all connections share.
struct Shared {
    door: Arc<Door>,
    bearers: bearer::Bearers,
}

/// Opens the listener.
///
/// # Errors
/// The port is taken, or the address may not be listened on without TLS.
pub async fn open(options: Options, access: Access, sql: Sql) -> Result<Server, String> {
    let door = Door::new(options, access, sql);
    let shared = Shared { door: door.clone(), bearers: bearer::Bearers::default() };
    Server::start(door, Arc::new(shared)).await
}
