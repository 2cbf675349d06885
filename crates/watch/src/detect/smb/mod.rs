//! Detections of SMB.

pub mod administration;
pub mod exploit;
mod old;

use super::Rule;

pub use administration::RULE as ADMINISTRATION;
pub use exploit::RULE as EXPLOIT;

/// Those that look at messages.
pub const RULES: &[&Rule] = &[&old::RULE, &exploit::RULE, &administration::RULE, &super::net::sign_in::RULE];
