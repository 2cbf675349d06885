//! Detections of PROFINET.

mod identify;
mod provider;
mod reset;
mod set;

use super::Rule;

pub use provider::RULE as PROVIDER;

/// Those of cyclic data, which their decoder raises.
pub const CYCLIC: &[&Rule] = &[&provider::RULE];

/// Those that look at messages.
pub const RULES: &[&Rule] = &[
    &set::RULE,
    &reset::RULE,
    &identify::RULE,
    &super::net::new_writer::RULE,
    &super::net::peer_write::RULE,
];
