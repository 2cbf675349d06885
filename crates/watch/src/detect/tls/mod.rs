//! Detections of TLS.

mod expired;
mod old;

use super::Rule;

/// Those that look at messages.
pub const RULES: &[&Rule] = &[&old::RULE, &expired::RULE];
