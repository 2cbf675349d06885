//! Detections of EtherNet/IP and CIP.

mod clock;
mod controller;
mod firmware;
mod identity;
pub mod malformed;
mod network_settings;
mod program_download;
mod program_upload;
mod refusals;
mod reset;
mod start;
mod stop;

use super::Rule;

/// Those that look at messages.
pub const RULES: &[&Rule] = &[
    &stop::RULE,
    &start::RULE,
    &reset::RULE,
    &firmware::RULE,
    &program_download::RULE,
    &program_upload::RULE,
    &network_settings::RULE,
    &clock::RULE,
    &identity::RULE,
    &controller::RULE,
    &refusals::RULE,
    &super::net::new_writer::RULE,
    &super::net::peer_write::RULE,
];
