//! SQL over the PostgreSQL wire protocol (version 3.0; PostgreSQL 15, chapter 55), for tools that speak it.
//!
//! ```text
//!  listener ─▶ connection: TLS ▶ start-up ▶ SCRAM ─▶ session: statements, portals ─▶ sql (one thread, lowest priority)
//!                                                      ▲ cancel, from a connection of its own
//! ```
//! Rationale: clients are many and unknown, so nothing they send sizes an allocation before it is checked, and every
//! wait has an end: the first packet, the sign-in, a write that nobody reads. Rows are asked of the engine only as fast
//! as they are taken.

mod commands;
mod connection;
mod encode;
mod extended;
mod message;
mod param;
mod reply;
mod server;
mod session;
mod startup;

use crate::door::{Door, Options, Server};
use access::Access;
use sql::Sql;

/// Opens the listener.
///
/// # Errors
/// The port is taken, or the address may not be listened on without TLS.
pub async fn open(options: Options, access: Access, sql: Sql) -> Result<Server, String> {
    let door = Door::new(options, access, sql);
    Server::start(door.clone(), server::Shared::new(door)).await
}
