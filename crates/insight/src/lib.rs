//! Analytics as pure step functions: state in, sample in, decision out. No IO, no clock of its own.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod deadband;
pub mod processed;
