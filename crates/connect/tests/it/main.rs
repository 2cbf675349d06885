//! Against peers nobody here wrote: pymodbus (`IRONBRIDGE_PEERS_PYTHON`), libmodbus (`cc`, `libmodbus-dev`), snmpd, and
//! devices that misbehave on purpose, many at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod arrivals;
mod discover;
mod ethernet_ip;
mod ethernet_ip_speed;
mod http;
mod libmodbus;
mod misbehaviour;
mod pymodbus;
mod scale;
mod security;
mod snmp;
mod support;
