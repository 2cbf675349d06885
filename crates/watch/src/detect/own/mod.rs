//! Detections of our own address: what no plan and no ledger explains, and what did not arrive as it was sent.

pub mod changed;
pub mod unplanned;
pub mod write;

use super::Rule;

pub use changed::RULE as CHANGED;
pub use unplanned::RULE as UNPLANNED;
pub use write::RULE as WRITE;

/// All of them.
pub const RULES: &[&Rule] = &[&CHANGED, &UNPLANNED, &WRITE];
