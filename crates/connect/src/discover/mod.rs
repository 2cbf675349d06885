//! Finding devices: asks addresses, gently and only after a person's yes, who they are; drafts a connection file.
//!
//! ```text
//!  Ask ─ targets ─▶ Plan (what, to whom, how long) ── yes ──▶ Desk ─▶ scan ─▶ Asker ─▶ Probe (a protocol's folder)
//!        known endpoints ─ skipped                                       └▶ Found ─▶ draft of a connection file
//! ```
//! Rationale: on a floor where a controller takes one connection, looking around can stop a machine. So the framework
//! owns everything that makes it gentle (what is known is not asked again, one conversation per address, pauses that
//! grow with each fault, a limit on the whole), and a protocol's probe only says which questions it puts.

mod asker;
mod cable;
mod desk;
mod drafting;
mod everybody;
pub mod mdns;
mod neighbours;
mod plan;
mod scan;
mod targets;

pub use asker::{Asker, Opened, Reply};
pub use desk::{Busy, Desk};
pub use drafting::{Wish, draft, looked_at, siblings};
pub use neighbours::{Neighbours, neighbours};
pub(crate) use plan::{CONNECTION_PACKETS, REQUEST_PACKETS};
pub use plan::{Plan, Share, Skipped, host_of, parse_ports, plan};
pub use scan::{Remark, Scan, ScanState, Snapshot};
pub use targets::MOST_ADDRESSES;

use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// How a protocol's questions travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A connection to a port.
    Tcp,
    /// Single datagrams.
    Udp,
}

impl Transport {
    /// `tcp` or `udp`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// The most that a probe does to one address whose port is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Connections opened one after the other; 0 for datagrams.
    pub connections: u32,
    /// Requests sent.
    pub requests: u32,
}

/// How a protocol finds its devices. Stands in the protocol's folder; `south::PROBES` lists them.
pub struct Probe {
    /// Short name, e.g. `modbus`.
    pub name: &'static str,
    /// For people, e.g. `Modbus TCP`.
    pub title: &'static str,
    /// The protocol's own port.
    pub port: u16,
    /// How its questions travel.
    pub transport: Transport,
    /// What it asks, in words.
    pub asks: &'static str,
    /// How well the protocol protects its traffic, in words.
    pub security: &'static str,
    /// The most that it does to one address.
    pub effort: fn(&Ask) -> Effort,
    /// How everybody on a cable is asked at once, if the protocol has that.
    pub broadcast: Option<Broadcast>,
    /// Asks one address. Faults are counted by the [`Asker`]; they are no reason to ask again.
    pub look: for<'a> fn(&'a mut Asker<'_>, &'a Ask) -> BoxFuture<'a, Vec<Found>>,
}

/// One question to everybody on a cable.
#[derive(Clone, Copy, Debug)]
pub struct Broadcast {
    /// Our own port, where answers are told to everybody as well; 0 takes any free one.
    pub from: u16,
    /// The datagram.
    pub question: fn() -> Vec<u8>,
    /// Who answers with that; `None` if it is no answer. The port is the one that was asked.
    pub hear: fn(std::net::SocketAddr, &[u8]) -> Option<Found>,
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Probe({})", self.name)
    }
}

/// What a person wants to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Addresses, ranges, names, or `neighbours`.
    pub targets: Vec<String>,
    /// Addresses and ranges that get nothing.
    pub exclude: Vec<String>,
    /// Names of probes; empty for all.
    pub protocols: Vec<String>,
    /// Other ports than the protocol's own.
    pub ports: BTreeMap<String, Vec<u16>>,
    /// Modbus unit ids. A serial gateway's bus is not ours to fill: 1 and 255 unless a person says otherwise.
    pub units: Vec<u8>,
    /// Addresses asked at the same time, 1 to 64; each gets one question at a time.
    pub at_once: usize,
    /// How long to wait for an answer, 100 ms to 10 s.
    pub timeout: Duration,
    /// Silence between two questions to one address, up to 10 s; it doubles with each fault.
    pub pause: Duration,
    /// Interface on whose cable everybody is asked at once, by one packet for each protocol that has that.
    pub interface: Option<String>,
    /// How long that cable is listened to, 3 s to 2 min: switches say by LLDP every 30 s who they are.
    pub listen: Duration,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            exclude: Vec::new(),
            protocols: Vec::new(),
            ports: BTreeMap::new(),
            units: vec![1, 255],
            at_once: 16,
            timeout: Duration::from_secs(1),
            pause: Duration::from_millis(100),
            interface: None,
            listen: Duration::from_secs(35),
        }
    }
}

/// One device, or one unit of it, as it introduced itself. Everything in it is the device's own word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Name of the probe.
    pub protocol: &'static str,
    /// The protocol, for people.
    pub title: &'static str,
    /// Where it answered.
    pub address: IpAddr,
    /// On which port.
    pub port: u16,
    /// Which part of the device, e.g. `unit 1`, `rack 0, slot 2`; may be empty.
    pub place: String,
    /// Maker; empty if not told.
    pub vendor: String,
    /// Product; empty if not told.
    pub model: String,
    /// Version of its firmware; empty if not told.
    pub firmware: String,
    /// Serial number; empty if not told.
    pub serial: String,
    /// The name people gave it; empty if not told.
    pub name: String,
    /// More that it said, name and value.
    pub details: Vec<(String, String)>,
    /// The kind of connection that reads it; `None` if there is none.
    pub kind: Option<&'static str>,
    /// Keys of the connection file and their values in TOML, besides `kind`, `host` and `port`.
    pub keys: Vec<(&'static str, String)>,
    /// Keys of the device and their values in TOML.
    pub device_keys: Vec<(&'static str, String)>,
    /// Tags that every such device has, name and value in TOML.
    pub tags: Vec<(&'static str, &'static str)>,
    /// A profile that fits what it said.
    pub profile: Option<String>,
}

impl Found {
    /// Somebody who answered `probe`, of whom nothing is known yet.
    pub fn new(probe: &'static Probe, address: IpAddr, port: u16) -> Self {
        Self {
            protocol: probe.name,
            title: probe.title,
            address,
            port,
            place: String::new(),
            vendor: String::new(),
            model: String::new(),
            firmware: String::new(),
            serial: String::new(),
            name: String::new(),
            details: Vec::new(),
            kind: None,
            keys: Vec::new(),
            device_keys: Vec::new(),
            tags: Vec::new(),
            profile: None,
        }
    }

    /// Whether both are the same part of the same device, by the same protocol.
    pub(crate) fn is_same_part(&self, other: &Self) -> bool {
        (self.protocol, self.address, self.port, &self.place)
            == (other.protocol, other.address, other.port, &other.place)
    }

    /// Vendor, model and firmware in one line; says so if it told nothing.
    pub fn words(&self) -> String {
        let parts = [self.vendor.as_str(), self.model.as_str()];
        let mut text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            text = format!("a {} device that does not say what it is", self.title);
        }
        if !self.firmware.is_empty() {
            text.push_str(&format!(", firmware {}", self.firmware));
        }
        text
    }
}

/// Longest text that is kept of what a device says, in characters.
const MOST_TEXT: usize = 80;

/// A device's text, fit to be shown and written: no control characters, no surrounding blanks, at most 80 characters.
pub fn clean(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).take(MOST_TEXT).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_says_cannot_break_a_line() {
        assert_eq!(clean(" Acme\n[device.x]\u{1b}[31m\0 "), "Acme[device.x][31m");
        assert_eq!(clean(&"x".repeat(200)).len(), 80);
    }
}
