//! Detections of Siemens S7.

mod blocks;
mod clock;
mod enumeration;
mod erase;
mod flash;
mod force;
pub mod malformed;
mod password;
mod program_download;
mod program_upload;
mod refusals;
mod start;
mod stop;

use super::Rule;

/// Those that look at messages.
pub const RULES: &[&Rule] = &[
    &stop::RULE,
    &start::RULE,
    &program_download::RULE,
    &program_upload::RULE,
    &password::RULE,
    &enumeration::RULE,
    &force::RULE,
    &clock::RULE,
    &erase::RULE,
    &flash::RULE,
    &blocks::RULE,
    &refusals::RULE,
    &super::net::new_writer::RULE,
    &super::net::peer_write::RULE,
];
