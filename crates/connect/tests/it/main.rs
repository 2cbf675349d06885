//! Against peers nobody here wrote: pymodbus, snap7, bacpypes3 and asyncua (`IRONBRIDGE_PEERS_PYTHON`), node-opcua
//! (`IRONBRIDGE_PEERS_NODE_DIR`), libmodbus (`cc`, `libmodbus-dev`), snmpd, paho-mqtt and sparkplug-client through
//! mosquitto, and devices that misbehave on purpose, many at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod arrivals;
mod bacnet;
#[allow(dead_code, reason = "shared with the destinations")]
#[path = "../north/broker.rs"]
mod broker;
mod budget;
mod characterise;
mod characterise_plc;
mod demo;
mod discover;
mod ethernet_ip;
mod http;
mod libmodbus;
mod misbehaviour;
mod mixed;
mod mqtt_in;
mod names;
mod opcua;
mod pccc;
mod profiles;
mod pymodbus;
mod s7;
mod scale;
mod security;
mod snmp;
mod snmp_traps;
mod sparkplug_host;
mod support;
mod syslog;
mod webhook;
mod wrong;
