//! Codec against the standard's own examples, against random valid frames, and against hostile bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

mod bacnet;
mod dnp3;
mod enip;
mod goose;
mod iec104;
mod modbus;
mod names;
mod nats;
mod net;
mod office;
mod opcua;
mod pcap;
mod random;
mod s7;
mod syslog;
