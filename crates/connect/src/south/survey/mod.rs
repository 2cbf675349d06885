//! What measuring has in common whatever the protocol: a conversation that ends as soon as the device stops answering, how
//! many requests and connections it takes at once, and the file that keeps what was learned.
//!
//! ```text
//!   protocol's survey ─ questions ─▶ Voice ─ pauses, faults, counts ─▶ Tongue (one connection of the protocol)
//!                     └ tempo: row, depth, sockets ─┘
//! ```

pub(in crate::south) mod measured;
pub(in crate::south) mod tempo;
pub(in crate::south) mod voice;

pub(in crate::south) use voice::{Manner, Tongue, Voice};
