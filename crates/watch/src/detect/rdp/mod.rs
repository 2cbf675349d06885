//! Detections of remote desktops.

mod weak;

use super::Rule;

/// Those that look at messages.
pub const RULES: &[&Rule] = &[&weak::RULE];
