//! Detections of NTP.

mod control;

use super::Rule;

/// Those that look at messages.
pub const RULES: &[&Rule] = &[&control::RULE];
