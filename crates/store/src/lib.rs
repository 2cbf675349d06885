//! The historian: what the journal has made durable becomes segments that any tool can read, and answers.
//!
//! ```text
//!   journal ─▶ head (columns in memory) ─▶ segments L0 ─▶ L1 ─▶ L2 (a day) + rollups of an hour
//!                 └──────────────┬───────────────┴──────────┘
//!                     range, latest, trend, aggregate, parts for SQL
//! ```
//!
//! A segment is a Parquet file with an index in its own metadata; `README.md` beside this crate describes the layout
//! and how to read it elsewhere. What is in the catalogue exists; the catalogue is replaced as a whole, so a crash
//! leaves either the old or the new state, and the journal still has what the new one would have held.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod cache;
mod catalogue;
pub mod codec;
mod error;
mod events;
mod flush;
mod head;
mod keeper;
mod lines;
mod merge;
mod metadata;
mod options;
mod query;
pub mod rollup;
pub mod run;
mod scan;
pub mod segment;
mod store;
mod trend;
mod worker;

pub use catalogue::Entry;
pub use error::StoreError;
pub use events::EventFilter;
pub use metadata::Effective;
pub use options::{Options, Rule, SegmentInfo, StoreNotice, StoreState, StoreStats};
pub use query::{Newest, Order, Samples};
pub use rollup::Bucket;
pub use run::Run;
pub use scan::Part;
pub use store::Store;
pub use trend::Trend;
