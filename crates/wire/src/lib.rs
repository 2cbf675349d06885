//! Sans-IO protocol codecs, one folder per protocol.
//!
//! ```text
//!   driver ──┐                       ┌── strict  repr  (acting: exact or refused)
//!   twin  ───┼──▶ wire::<protocol> ──┤
//!   watch ───┘                       └── tolerant view  (looking: never fails)
//! ```
//!
//! A protocol is written once and used three times: the driver and the simulated device act on the strict
//! representation, the passive monitor looks through the tolerant view, and both read the same table of facts.
//! Nothing here opens a socket, reads a clock or logs; bytes go in, frames and errors come out.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod bacnet;
pub mod dnp3;
pub mod dns;
pub mod enip;
pub mod ftp;
pub mod goose;
pub mod http;
pub mod iec104;
pub mod mdns;
pub mod modbus;
pub mod mqtt;
pub mod nats;
pub mod net;
pub mod ntp;
pub mod opcua;
pub mod profinet;
pub mod rdp;
mod reader;
pub mod s7;
pub mod smb;
pub mod snmp;
pub mod ssh;
pub mod syslog;
pub mod telnet;
pub mod tls;
