//! Captured packets: reads pcap and pcapng files, standard input and folders of them, and listens at interfaces.
//!
//! ```text
//!   arguments ─▶ inputs() ─▶ Input ─▶ Source::open ─▶ next(): Packet { number, time, link type, bytes }
//!   interface ─▶ live::Live::open ─▶ packets(): the same
//! ```
//!
//! A capture from a plant is often damaged: cut off by a full disk, copied while it was written. Everything in front of
//! the damage is delivered, then [`Damage`] says in words what is wrong and at which byte.
//!
//! Rationale: the two formats are a page each, and reading them here means no allocation per packet, limits that are
//! ours, and an end of a file that is told, not guessed.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod buffer;
mod input;
pub mod live;
mod pcap;
mod pcapng;
mod source;
pub mod write;

pub use input::{Input, inputs};
pub use source::{Damage, Packet, Source};

/// Largest packet that is taken, in bytes; a capture says at most 262,144, some tools write more.
pub const MAX_PACKET: usize = 1024 * 1024;
