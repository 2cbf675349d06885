//! The twin: simulated devices on real protocols, and the demonstration plant made of them.
//!
//! - [`bacnet`]: BACnet/IP devices, alone or behind a router: priorities, subscriptions, long answers.
//! - [`enip`]: a Logix controller: tags, structures, programs, connections.
//! - [`http`]: a device with a web service.
//! - [`modbus`]: a Modbus server for any stream, sound by default, as bad as a real device on request.
//! - [`mqtt`]: a device with a small broker inside.
//! - [`opcua`]: an OPC UA server in a machine: structures, methods, encrypted.
//! - [`s7`]: a Siemens S7 CPU, the same way.
//! - [`snmp`]: an SNMP agent.
//! - [`plant`]: a pure, seeded model of a small bottling plant.
//! - [`start`], [`demo_config`]: the plant on the network, and the configuration that reads it.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod bacnet;
mod demo;
pub mod enip;
pub mod http;
pub mod modbus;
pub mod mqtt;
pub mod opcua;
pub mod plant;
mod rng;
pub mod s7;
pub mod snmp;
mod sparkplug;
mod talk;

pub use demo::{Addresses, File, Handle, Options, Ports, StartError, demo_config, start};
pub use plant::{Machine, SWITCHES, Switch};
pub use talk::{Behaviour, Conduct, Server};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
