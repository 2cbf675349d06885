//! The room from outside: identity, secrets, certificates and the ledger, over real files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod certificates;
mod files;
mod ledger;
mod secrets;
mod sessions;
mod setup;
mod tokens;
mod users;
