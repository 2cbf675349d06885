//! From a captured frame to a TCP or UDP payload: Ethernet, VLAN, ARP, LLDP, IPv4, IPv6, TCP, UDP, ICMP.
//!
//! ```text
//!   bytes + link type ─▶ Frame { addresses, VLAN, Content } ─▶ ip::Packet ─▶ Segment (TCP) │ Datagram (UDP)
//!                                        └─▶ Arp │ LLDP │ other EtherTypes │ Malformed
//! ```
//!
//! Standards: IEEE 802.3, 802.1Q, 802.1AB; RFC 826, 791, 8200, 9293, 768, 792. Only a tolerant view: the operating
//! system speaks these protocols, Ironbridge only watches them. Nothing allocates, nothing fails: what cannot be read
//! is [`Content::Malformed`], and a frame that was captured in part is read as far as it reaches.

pub mod dhcp;
mod ether;
pub mod ip;
pub mod lldp;
mod transport;

pub use ether::{Arp, Content, Frame, LinkType, ethertype};
pub use transport::{Datagram, Segment, flag};

use std::fmt;

/// A hardware address (IEEE 802, EUI-48).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// To everybody.
    pub const BROADCAST: Self = Self([0xFF; 6]);

    /// Whether it names a group: multicast or broadcast (I/G bit).
    #[must_use]
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Whether somebody chose it, so that its first half names no maker (U/L bit).
    #[must_use]
    pub const fn is_local(self) -> bool {
        self.0[0] & 2 != 0
    }

    /// Whether it can be a station's own: neither a group nor all zero.
    #[must_use]
    pub fn is_station(self) -> bool {
        !self.is_group() && self.0 != [0; 6]
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Why a part of a frame cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Problem {
    /// Shorter than its header.
    Short(&'static str),
    /// A field with a value that it must not have.
    Field(&'static str),
    /// A link type that is not read here.
    Link(u16),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(what) => write!(f, "{what} is cut short"),
            Self::Field(what) => write!(f, "{what} is not possible"),
            Self::Link(code) => write!(f, "link type {code} is not read"),
        }
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|word| u16::from_be_bytes(*word))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_be_bytes(*word))
}
