//! Detections of the network and across protocols.

pub mod arp;
pub mod changed;
pub mod dhcp;
pub mod diverted;
pub mod fins;
pub mod fox;
pub mod ftp;
pub mod impostor;
pub mod malformed;
pub mod moved;
pub mod new_writer;
pub mod password;
pub mod peer_write;
pub mod remote_screen;
pub mod scan;
pub mod side_talk;
pub mod sign_in;
pub mod sweep;
pub mod telnet;
pub mod unopened;

use super::Rule;

pub use arp::RULE as ARP;
pub use changed::RULE as CHANGED;
pub use new_writer::RULE as NEW_WRITER;
pub use password::RULE as PASSWORD;
pub use peer_write::RULE as PEER_WRITE;
pub use scan::RULE as SCAN;
pub use sweep::RULE as SWEEP;

/// All of them.
pub const RULES: &[&Rule] = &[
    &scan::RULE,
    &arp::RULE,
    &new_writer::RULE,
    &peer_write::RULE,
    &diverted::RULE,
    &changed::RULE,
    &unopened::RULE,
    &impostor::RULE,
    &sweep::RULE,
    &password::RULE,
    &sign_in::RULE,
    &dhcp::RULE,
    &side_talk::RULE,
    &moved::RULE,
    &telnet::RULE,
    &ftp::RULE,
    &remote_screen::RULE,
    &fox::RULE,
    &fins::RULE,
    &malformed::RULE,
];

/// For protocols whose sign-ins are all that is judged.
pub const SIGN_IN: &[&Rule] = &[&sign_in::RULE];
