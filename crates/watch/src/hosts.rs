//! Who was seen.

use crate::findings::Scene;
use crate::protocol::Protocol;
use crate::text;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use wire::net::Mac;

/// Most identity facts of a host.
const MAX_FACTS: usize = 32;
/// Most hardware addresses of a host.
const MAX_MACS: usize = 4;
/// Two cards fight for an address as long as the pauses between are shorter, in nanoseconds.
const CONTESTED_NS: i64 = 60_000_000_000;

/// What names a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// Speaks IP.
    Ip(IpAddr),
    /// Speaks only Ethernet.
    Mac(Mac),
}

impl Endpoint {
    /// Whether it names one host, not a group.
    pub fn is_unicast(self) -> bool {
        match self {
            Self::Ip(IpAddr::V4(ip)) => !ip.is_multicast() && !ip.is_broadcast() && !ip.is_unspecified(),
            Self::Ip(IpAddr::V6(ip)) => !ip.is_multicast() && !ip.is_unspecified(),
            Self::Mac(mac) => mac.is_station(),
        }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Mac(mac) => mac.fmt(f),
        }
    }
}

/// Place of a host in the table; 0 stands for all hosts without room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct HostId(pub u32);

/// What a fact of identity is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// Who made it.
    Vendor,
    /// What it is: model, order number.
    Model,
    /// Firmware or revision.
    Firmware,
    /// Serial number.
    Serial,
    /// What people call it.
    Name,
    /// Anything else it says of itself.
    Description,
}

impl Field {
    /// A short word for files.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::Model => "model",
            Self::Firmware => "firmware",
            Self::Serial => "serial",
            Self::Name => "name",
            Self::Description => "description",
        }
    }
}

/// Something that a host said of itself.
#[derive(Debug, Clone)]
pub struct Fact {
    /// What about.
    pub field: Field,
    /// The text, made safe.
    pub value: Box<str>,
    /// Where it was learned, e.g. "Modbus 43/14".
    pub source: &'static str,
    /// In which packet.
    pub evidence: Evidence,
}

/// Which packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, serde::Serialize)]
pub struct Evidence {
    /// Number of the capture, from 0.
    pub file: u32,
    /// Number of the packet in it, from 1.
    pub frame: u64,
}

/// A second card that was announced for an address.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    pub card: Mac,
    /// The card that had it before.
    pub first: Mac,
    /// Where and when.
    pub scene: Scene,
    /// It was told that both use it.
    pub told: bool,
}

/// One host.
#[derive(Debug, Clone)]
pub struct Host {
    pub endpoint: Endpoint,
    /// Hardware addresses it was seen with, the first first.
    pub macs: Vec<Mac>,
    pub vlan: Option<u16>,
    pub first_ns: i64,
    pub last_ns: i64,
    pub sent: u64,
    pub received: u64,
    pub facts: Vec<Fact>,
    /// Protocols that it answered in.
    pub serves: u64,
    /// Protocols that it asked in.
    pub asks: u64,
    /// Programs, settings or states of others that it changed.
    pub engineers: bool,
    /// Its address was announced with its hardware address by ARP or neighbour discovery.
    pub announced: bool,
    /// Got frames that went to everybody: a broadcast address of a network.
    pub group: bool,
    /// Forwards for others: says so by LLDP, or sends spanning tree.
    pub bridge: bool,
    /// Another card that was announced for its address, after its own.
    pub claim: Option<Claim>,
    /// When its own card was seen latest after that.
    pub contested_ns: Option<i64>,
    /// Which numbers of hops its packets of control protocols begin with, and how many had the usual ones.
    pub hops: (u8, u16),
    /// It searched the network, or a device.
    pub searches: bool,
}

impl Host {
    /// Whether two cards have been speaking for its address until now, or a moment ago.
    pub fn is_contested(&self, now_ns: i64) -> bool {
        self.contested_ns.is_some_and(|since| now_ns.saturating_sub(since) < CONTESTED_NS)
    }

    /// Whether it answered in a protocol.
    pub const fn serves(&self, protocol: Protocol) -> bool {
        self.serves & protocol.bit() != 0
    }
}

/// The table of hosts.
pub struct Hosts {
    places: HashMap<Endpoint, HostId>,
    list: Vec<Host>,
    limit: usize,
    pub refused: u64,
}

impl Hosts {
    pub fn new(limit: usize) -> Self {
        let others = Endpoint::Ip(Ipv4Addr::UNSPECIFIED.into());
        Self { places: HashMap::new(), list: vec![blank(others, 0)], limit, refused: 0 }
    }

    /// The host of an endpoint; makes it if there is room.
    pub fn id(&mut self, endpoint: Endpoint, time_ns: i64) -> HostId {
        if let Some(id) = self.places.get(&endpoint) {
            return *id;
        }
        if self.list.len() > self.limit {
            self.refused += 1;
            return HostId(0);
        }
        let id = HostId(u32::try_from(self.list.len()).unwrap_or(0));
        self.list.push(blank(endpoint, time_ns));
        self.places.insert(endpoint, id);
        id
    }

    /// The host of an endpoint, if it is known.
    pub fn find(&self, endpoint: Endpoint) -> Option<&Host> {
        self.places.get(&endpoint).and_then(|id| self.get(*id))
    }

    pub fn get(&self, id: HostId) -> Option<&Host> {
        self.list.get(id.0 as usize)
    }

    pub fn get_mut(&mut self, id: HostId) -> Option<&mut Host> {
        self.list.get_mut(id.0 as usize)
    }

    /// How many, without the one that stands for those without room.
    pub fn len(&self) -> usize {
        self.list.len().saturating_sub(1)
    }

    /// All but the one that stands for those without room.
    pub fn iter(&self) -> impl Iterator<Item = (HostId, &Host)> {
        self.list
            .iter()
            .enumerate()
            .skip(1)
            .filter_map(|(at, host)| Some((HostId(u32::try_from(at).ok()?), host)))
    }

    /// Notes that it sent a packet from a hardware address.
    pub fn sent(&mut self, id: HostId, mac: Option<Mac>, vlan: Option<u16>, time_ns: i64) {
        let Some(host) = self.get_mut(id) else { return };
        host.sent += 1;
        host.last_ns = host.last_ns.max(time_ns);
        if let Some(mac) = mac
            && host.macs.first() != Some(&mac)
            && mac.is_station()
            && host.macs.len() < MAX_MACS
            && !host.macs.contains(&mac)
        {
            host.macs.push(mac);
        }
        host.vlan = host.vlan.or(vlan);
    }

    /// Notes that a packet was sent to it.
    pub fn received(&mut self, id: HostId, mac: Option<Mac>, time_ns: i64) {
        if let Some(host) = self.get_mut(id) {
            host.group |= mac.is_some_and(Mac::is_group);
            // Where it is reached, until it speaks itself.
            if host.macs.is_empty() {
                host.macs.extend(mac.filter(|mac| mac.is_station()));
            }
            host.received += 1;
            host.last_ns = host.last_ns.max(time_ns);
        }
    }

    /// Notes what it said of itself.
    pub fn fact(&mut self, id: HostId, field: Field, value: &[u8], source: &'static str, evidence: Evidence) {
        let Some(host) = self.get_mut(id) else { return };
        let value = text::clean(value);
        let known = host.facts.iter().any(|fact| fact.field == field && *fact.value == *value);
        if value.is_empty() || known || host.facts.len() >= MAX_FACTS {
            return;
        }
        host.facts.push(Fact { field, value: value.into(), source, evidence });
    }
}

const fn blank(endpoint: Endpoint, time_ns: i64) -> Host {
    Host {
        endpoint,
        macs: Vec::new(),
        vlan: None,
        first_ns: time_ns,
        last_ns: time_ns,
        sent: 0,
        received: 0,
        facts: Vec::new(),
        serves: 0,
        asks: 0,
        engineers: false,
        announced: false,
        group: false,
        bridge: false,
        claim: None,
        contested_ns: None,
        hops: (0, 0),
        searches: false,
    }
}
