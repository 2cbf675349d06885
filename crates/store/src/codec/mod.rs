//! Encodings of the Parquet format (Encodings.md of apache/parquet-format), written and read for machine data.
//!
//! The library's encoders are general: level by level, value by value. History writes whole columns of one point,
//! knows where a constant stands, and repeats the same scan times for every point of a group. Those three facts
//! are worth a few hundred lines: what is written here is plain Parquet, checked against other readers in the tests.

pub mod decode;
pub mod encode;
pub mod split;

/// What is wrong with the bytes of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("damaged page: {0}")]
pub struct Damaged(pub &'static str);

/// Values of one block of DELTA_BINARY_PACKED for times and sequence numbers. Vectors cut at multiples of it repeat
/// byte for byte.
pub const STAMP_BLOCK: usize = 128;
/// Values of one block for measured values: longer, because every block header interrupts what zstd can predict.
pub const VALUE_BLOCK: usize = 1024;
/// Mini-blocks per block.
pub const MINI: usize = 4;
