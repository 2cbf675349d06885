//! What Ironbridge itself will send, in a protocol's own words, so that the monitor can tell it from a stranger's.

use crate::{Declaration, Time, Value};
use std::fmt;
use std::hash::Hasher;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// How a point stands on the wire: the driver's own coding, for whoever looks on.
pub trait Coding: Send + Sync + fmt::Debug {
    /// The value in engineering units that the bytes of its addresses stand for; `None` if they stand for none.
    fn value(&self, bytes: &[u8]) -> Option<Value>;

    /// Whether the bytes that are seen on the wire are what was asked for, within what the device can hold.
    fn agrees(&self, asked: &Value, seen: &[u8]) -> bool;
}

/// One kind of request that a connection will send.
#[derive(Clone, Debug)]
pub struct ExpectedTraffic {
    /// The connection's name.
    pub connection: Arc<str>,
    /// The device's address or name, if it is reached over IP; else empty.
    pub host: Arc<str>,
    /// TCP or UDP port.
    pub port: u16,
    /// Protocol name as in `wire`.
    pub protocol: &'static str,
    /// Unit, slot or similar.
    pub unit: u32,
    /// Function code.
    pub function: u8,
    /// Which of the device's tables. Modbus: the number of `wire::modbus::Table`; S7: area and data block, see [`s7_space`];
    /// BACnet: the type of the object; EtherNet/IP, OPC UA and SNMP: [`named_space`]; else 0.
    pub space: u64,
    /// First address touched. OPC UA: the number of the namespace, or the lowest that it may have.
    pub first: u32,
    /// Number of addresses touched; 0 where the protocol does not show addresses.
    pub count: u32,
    /// The point that these addresses are, if they are one.
    pub point: Option<Arc<Declaration>>,
    /// How it stands on the wire, where that can be seen.
    pub coding: Option<Arc<dyn Coding>>,
}

impl ExpectedTraffic {
    /// A connection to an endpoint, before anything is known of what it asks.
    pub fn to(connection: &str, host: &str, port: u16, protocol: &'static str) -> Self {
        Self {
            connection: connection.into(),
            host: host.into(),
            port,
            protocol,
            unit: 0,
            function: 0,
            space: 0,
            first: 0,
            count: 0,
            point: None,
            coding: None,
        }
    }

    /// The device's address, if the configuration gives it as one.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

/// The table of S7 addresses: area code and number of the data block (0 elsewhere).
pub const fn s7_space(area: u8, db: u16) -> u64 {
    (area as u64) << 24 | (db as u64) << 8
}

/// Marks tables of one point that a name stands for.
const NAMED: u64 = 1 << 63;

/// The table of a point that the protocol names: the bytes of the path of a CIP tag, the digits of an object of SNMP; they hold
/// one address, 0. What a node of OPC UA is within its namespace: it holds the numbers of namespaces.
#[must_use]
pub fn named_space(name: &[u8]) -> u64 {
    Reply::digest(name) | NAMED
}

/// Whether a table is one of [`named_space`].
#[must_use]
pub const fn is_named(space: u64) -> bool {
    space & NAMED != 0
}

/// An answer as it came out of the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// Our end of the connection.
    pub local: SocketAddr,
    /// The device's end.
    pub remote: SocketAddr,
    /// The number of the transaction.
    pub transaction: u32,
    /// [`Reply::digest`] of the message without what carries it.
    pub digest: u64,
    /// When it came.
    pub time: Time,
}

impl Reply {
    /// What stands for the bytes of an answer.
    #[must_use]
    pub fn digest(bytes: &[u8]) -> u64 {
        // Not secret and not made for enemies: who can choose both sides of a collision of 64 bits already sits in the socket.
        let mut hasher = std::hash::DefaultHasher::new();
        hasher.write(bytes);
        hasher.finish()
    }
}
