//! Iceberg tables of samples and events, in a folder or an S3 bucket: written by destinations, read by SQL.
//!
//! ```text
//!   place/samples/metadata/version-hint.text ─▶ vN.metadata.json ─▶ snapshot ─▶ manifest list ─▶ manifests
//!   place/samples/data/DAY/ib-....parquet    ◀──────────────── path, statistics of each file ◀──┘
//! ```
//! The format is the Apache Iceberg table specification, version 2; the catalogue is the folder itself, as Hadoop tables
//! have it: the one step that counts is making `vN+1.metadata.json`, which only one writer can.
//!
//! Rationale: the position up to which a gateway has delivered stands in the same step as its rows, so that a writer that
//! was killed, or never got the answer, reads there where to go on. Nothing stands in the table twice.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod columns;
mod error;
mod file;
mod manifest;
mod place;
mod read;
mod rows;
mod table;
mod tidy;

pub use columns::Kind;
pub use error::LakeError;
pub use place::{Bucket, Key, Opener, Place, Whereabouts};
pub use read::{Found, Reader, Wanted};
pub use rows::{EventRows, SampleRows};
pub use table::{Committed, Table};
pub use tidy::{Tidied, Tidy};
