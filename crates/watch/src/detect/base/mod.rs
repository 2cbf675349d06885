//! Detections against the baseline: what is not as it was learned and approved.

pub mod asset;
pub mod function;
pub mod link;
pub mod range;
pub mod rate;
pub mod read;
pub mod writer;
pub mod written;

use super::Rule;

pub use asset::RULE as ASSET;
pub use function::RULE as FUNCTION;
pub use link::RULE as LINK;
pub use range::RULE as RANGE;
pub use rate::RULE as RATE;
pub use read::RULE as READ;
pub use writer::RULE as WRITER;
pub use written::RULE as WRITTEN;

/// All of them.
pub const RULES: &[&Rule] = &[&ASSET, &FUNCTION, &LINK, &RANGE, &RATE, &READ, &WRITER, &WRITTEN];
