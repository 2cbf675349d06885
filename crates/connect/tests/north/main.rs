//! Destinations against a real broker (mosquitto) and an independent decoder of Sparkplug payloads.
//!
//! Each test starts a broker of its own on a free loopback port. A machine without mosquitto skips them, loudly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod broker;
mod cost;
mod hostile;
mod mqtt;
mod sparkplug;
mod support;
