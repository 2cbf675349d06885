//! The simulated devices against raw frames, and the plant against itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

mod client;
mod demo;
mod enip;
mod misbehaviour;
mod s7;
mod server;
