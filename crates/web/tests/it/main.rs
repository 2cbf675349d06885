//! The HTTP API over a real loopback listener, on real rooms in a temporary folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod api;
mod client;
mod commands;
mod discover;
mod export;
mod fixture;
mod hostile;
mod identity;
mod inbox;
mod live;
mod measure;
mod monitor;
mod stream;
mod tls;
