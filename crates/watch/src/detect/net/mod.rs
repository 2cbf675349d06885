//! Detections of the network and across protocols.

pub mod arp;
pub mod fins;
pub mod fox;
pub mod ftp;
pub mod malformed;
pub mod new_writer;
pub mod peer_write;
pub mod remote_screen;
pub mod scan;
pub mod telnet;

use super::Rule;

pub use arp::RULE as ARP;
pub use scan::RULE as SCAN;

/// All of them.
pub const RULES: &[&Rule] = &[
    &scan::RULE,
    &arp::RULE,
    &new_writer::RULE,
    &peer_write::RULE,
    &telnet::RULE,
    &ftp::RULE,
    &remote_screen::RULE,
    &fox::RULE,
    &fins::RULE,
    &malformed::RULE,
];
