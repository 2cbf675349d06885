//! PostgreSQL for connections and destinations alike: how a database is reached, and what it says in words.

mod dial;
mod server;
mod words;

pub use dial::connect;
pub use server::{Database, DatabaseKeys};
pub use words::fault;
