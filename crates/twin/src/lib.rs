//! The twin: simulated devices on real protocols, and the demonstration plant made of them.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod modbus;
mod rng;
