//! Detections of DNS.

mod hidden;

use super::Rule;

/// Those that look at messages.
pub const RULES: &[&Rule] = &[&hidden::RULE];
