//! Devices in, destinations out: one folder per protocol or target, one runner each.
//!
//! ```text
//!  device ── Driver ── Link ─┐                ┌─ Feed ── Sink ── destination
//!                            ├─▶ namespace ──▶┤
//!  device ── Driver ── Link ─┘                └─ Feed ── Sink ── destination
//! ```
//!
//! A [`kind::Kind`] is how a protocol or a target enters the product: a name, the schema of its own configuration and
//! a pure constructor. The runners own time, retry, pacing, quality on loss and telemetry, so that a kind holds
//! nothing but its protocol.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod characterise;
pub mod discover;
pub mod disk;
pub mod draft;
mod endless;
mod http;
pub mod import;
pub mod inbox;
pub mod kind;
pub mod mqtt;
mod nats;
pub mod north;
mod postgres;
pub mod reach;
pub mod south;
pub mod witness;
