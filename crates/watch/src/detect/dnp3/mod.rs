//! Detections of DNP3.

mod application;
mod assign_class;
mod broadcast;
mod cold_restart;
mod configuration;
mod file_change;
mod file_transfer;
mod flood;
pub mod malformed;
pub mod not_understood;
mod operate_silent;
mod operate_unselected;
mod refusals;
mod rogue_master;
mod stations;
mod turn;
mod unsolicited_off;
mod warm_restart;

use super::Rule;

/// Those that look at messages.
pub const RULES: &[&Rule] = &[
    &cold_restart::RULE,
    &warm_restart::RULE,
    &application::RULE,
    &unsolicited_off::RULE,
    &file_change::RULE,
    &file_transfer::RULE,
    &operate_unselected::RULE,
    &operate_silent::RULE,
    &configuration::RULE,
    &assign_class::RULE,
    &broadcast::RULE,
    &refusals::RULE,
    &not_understood::RULE,
    &flood::RULE,
    &turn::RULE,
    &rogue_master::RULE,
    &stations::RULE,
    &super::net::peer_write::RULE,
];
