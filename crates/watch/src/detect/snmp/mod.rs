//! Detections of SNMP.

mod default;
pub mod malformed;
mod set;

use super::Rule;

/// Those that look at messages.
pub const RULES: &[&Rule] = &[&default::RULE, &set::RULE];
