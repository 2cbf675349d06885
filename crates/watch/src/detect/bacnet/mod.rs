//! Detections of BACnet.

mod clock;
mod enumeration;
mod file_write;
pub mod malformed;
mod objects;
mod restart;
mod routes;
mod silence;

use super::Rule;

/// Those that look at messages.
pub const RULES: &[&Rule] = &[
    &silence::RULE,
    &restart::RULE,
    &file_write::RULE,
    &objects::RULE,
    &routes::RULE,
    &clock::RULE,
    &enumeration::RULE,
    &super::net::new_writer::RULE,
    &super::net::peer_write::RULE,
];
