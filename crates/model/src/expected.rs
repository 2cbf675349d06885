//! What Ironbridge itself will send, in a protocol's own words, so that the monitor can tell it from a stranger's.

use std::net::IpAddr;

/// One kind of request that a connection will send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedTraffic {
    /// The connection's name.
    pub connection: String,
    /// The device's address, if it is reached over IP.
    pub address: Option<IpAddr>,
    /// TCP or UDP port.
    pub port: u16,
    /// Protocol name as in `wire`.
    pub protocol: &'static str,
    /// Unit, rack/slot or similar.
    pub unit: u32,
    /// Function code.
    pub function: u8,
    /// First address touched.
    pub first: u32,
    /// Number of addresses touched.
    pub count: u32,
}
