//! The demonstration plant on the network, and the Ironbridge configuration that reads it.
//!
//! One table of units and tags ([`units`]; [`machines`] for what is no Modbus) gives both the registers and the configuration text, so that they cannot
//! disagree.

mod config;
mod encode;
mod hosts;
mod machines;
mod run;
mod tag;
mod tags_line;
mod tags_utilities;
mod units;

pub use config::{File, demo_config};
pub use run::{Addresses, Handle, Options, Ports, StartError, start};
