//! Detections of IEC 60870-5-104.

mod broadcast;
mod file_transfer;
pub mod malformed;
mod master;
mod parameter;
mod reset;
mod stop_data;
mod sweep;
mod unknown;

use super::Rule;

/// Those that look at messages.
pub const RULES: &[&Rule] = &[
    &reset::RULE,
    &stop_data::RULE,
    &parameter::RULE,
    &file_transfer::RULE,
    &broadcast::RULE,
    &unknown::RULE,
    &master::RULE,
    &sweep::RULE,
    &super::net::peer_write::RULE,
];
