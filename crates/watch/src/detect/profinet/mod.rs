//! Detections of PROFINET.

mod identify;
mod reset;
mod set;

use super::Rule;

/// Those that look at messages.
pub const RULES: &[&Rule] = &[
    &set::RULE,
    &reset::RULE,
    &identify::RULE,
    &super::net::new_writer::RULE,
    &super::net::peer_write::RULE,
];
