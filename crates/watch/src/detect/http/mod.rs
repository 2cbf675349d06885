//! Detections of HTTP.

mod search;

use super::Rule;

/// Those that look at messages.
pub const RULES: &[&Rule] = &[&search::RULE, &super::net::sign_in::RULE];
