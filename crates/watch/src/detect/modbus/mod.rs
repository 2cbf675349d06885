//! Detections of Modbus.

mod clear_counters;
mod file_write;
mod function_scan;
mod identity;
mod listen_only;
pub mod malformed;
mod mode;
mod odd_function;
mod program_download;
mod program_upload;
mod programming;
mod refusals;
mod restart;
mod units;
mod walk;

use super::Rule;

/// Those that look at messages.
pub const RULES: &[&Rule] = &[
    &restart::RULE,
    &listen_only::RULE,
    &clear_counters::RULE,
    &function_scan::RULE,
    &refusals::RULE,
    &identity::RULE,
    &program_download::RULE,
    &program_upload::RULE,
    &mode::RULE,
    &programming::RULE,
    &file_write::RULE,
    &odd_function::RULE,
    &units::RULE,
    &walk::RULE,
    &super::net::new_writer::RULE,
    &super::net::peer_write::RULE,
];
