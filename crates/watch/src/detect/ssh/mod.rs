//! Detections of SSH.

mod old;

use super::Rule;

/// Those that look at messages.
pub const RULES: &[&Rule] = &[&old::RULE];
