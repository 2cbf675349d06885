//! Black box: the binary as its users meet it, against software that nobody here wrote.

mod bacnet;
/// What the database of the destinations' tests stands on.
mod broker {
    pub use crate::harness::free_port;

    pub fn wait_for<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
        crate::harness::wait_for(what, std::time::Duration::from_secs(60), condition)
    }
}
mod changes;
mod command_line;
mod commands;
mod configuration;
mod contracts;
mod crash;
#[allow(dead_code, reason = "shared with the destinations")]
#[path = "../../../crates/connect/tests/north/database.rs"]
mod database;
mod delivery;
mod destinations;
mod discover;
mod docs;
mod drivers;
mod ethernet_ip;
mod exchange;
mod export;
mod first_hour;
mod flight;
mod guard;
mod harness;
mod history;
mod hostile;
mod hostile_text;
mod job_orders;
mod lake;
mod modbus;
mod monitor;
mod mqtt_in;
mod network;
mod opcua;
mod opcua_server;
mod orders;
mod outages;
mod payloads;
mod s7;
mod services;
mod sites;
mod sql;
mod tryton;
mod webhook;
