//! Detections of OPC UA.

mod address_space;
mod anonymous;
mod browse;
pub mod malformed;
mod policy_none;
mod refusals;

use super::Rule;

/// Those that look at messages.
pub const RULES: &[&Rule] = &[
    &policy_none::RULE,
    &anonymous::RULE,
    &browse::RULE,
    &address_space::RULE,
    &refusals::RULE,
    &super::net::new_writer::RULE,
    &super::net::peer_write::RULE,
];
