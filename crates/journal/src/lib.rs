//! The journal: one writer, many readers. Everything that happens in the plant passes through it, in one order.
//!
//! ```text
//!   append ─▶ ring in memory ─▶ file ─▶ sync (100 ms or 4 MiB) ─▶ `synced` moves
//!               │                 │
//!               └── readers ──────┘   those that keep up read memory, the others files
//! ```
//!
//! One record (a batch of samples, a declaration, an event, a mark) has one [`model::Position`]. Each start opens a
//! new epoch, so that a position that somebody saw before a crash is never used again. Durable cursors say how far
//! the store and each destination have come; files are kept until all have passed, or to the bound, and what is
//! dropped there is named and counted. See `README.md` beside this file for the format and the guarantees.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod bytes;
mod columns;
mod cursor;
pub mod disk;
mod files;
mod frame;
mod journal;
mod keeper;
mod linelog;
mod mirror;
mod numbers;
mod open;
mod reader;
mod ring;
mod seal;
mod shared;
pub mod sim;
mod snapshot;
mod source;
mod types;
mod writer;

pub use cursor::Cursor;
pub use disk::{Disk, DiskFile, RealDisk};
pub use journal::Journal;
pub use numbers::Numbers;
pub use reader::Reader;
pub use sim::SimDisk;
pub use types::{
    CursorStats, Declared, Item, JournalError, Notice, Options, Record, Recovered, Start, State, Stats,
};
