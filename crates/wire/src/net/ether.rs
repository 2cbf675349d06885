//! The frame: link types of captures, Ethernet II, 802.3 with LLC and SNAP, VLAN tags, ARP.

use super::ip::{self, Packet};
use super::{Mac, Problem, be16};
use std::net::Ipv4Addr;

/// Most VLAN tags that are looked through.
const MAX_TAGS: usize = 4;

/// EtherTypes that have a name here.
pub mod ethertype {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// ARP.
    pub const ARP: u16 = 0x0806;
    /// IPv6.
    pub const IPV6: u16 = 0x86DD;
    /// PROFINET: real-time data and DCP.
    pub const PROFINET: u16 = 0x8892;
    /// EtherCAT.
    pub const ETHERCAT: u16 = 0x88A4;
    /// IEC 61850 GOOSE.
    pub const GOOSE: u16 = 0x88B8;
    /// IEC 61850 sampled values.
    pub const SAMPLED_VALUES: u16 = 0x88BA;
    /// LLDP.
    pub const LLDP: u16 = 0x88CC;
    /// Precision time.
    pub const PTP: u16 = 0x88F7;
    /// Loopback test of switches.
    pub const LOOP: u16 = 0x9000;
}

/// How captured bytes begin (the registry of link types of tcpdump.org).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);

    /// Whether its frames are read.
    #[must_use]
    pub const fn is_read(self) -> bool {
        matches!(self.0, 0 | 1 | 12 | 14 | 101 | 108 | 113 | 228 | 229 | 276)
    }

    /// Its name, where it is known.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            0 | 108 => "loopback",
            1 => "Ethernet",
            12 | 14 | 101 => "raw IP",
            105 => "IEEE 802.11 (wireless LAN)",
            113 => "Linux cooked",
            127 => "IEEE 802.11 radiotap (wireless LAN)",
            147..=162 => "private use",
            195 | 215 | 230 => "IEEE 802.15.4 (Zigbee and others)",
            220 | 189 | 249 => "USB",
            228 => "IPv4",
            229 => "IPv6",
            276 => "Linux cooked 2",
            _ => "a link type without a name here",
        }
    }
}

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// IPv4 or IPv6.
    Ip(Packet<'a>),
    /// ARP for IPv4 over Ethernet.
    Arp(Arp),
    /// Another EtherType.
    Other {
        /// Which.
        ethertype: u16,
        /// Behind it.
        payload: &'a [u8],
    },
    /// 802.3 with LLC: spanning tree, CDP and the like.
    Llc {
        /// Destination access point; 0x42 is spanning tree, 0xAA is SNAP.
        dsap: u8,
        /// Protocol of SNAP, organisation and number in 40 bits, 0 if it is none.
        snap: u64,
        /// Behind the header.
        payload: &'a [u8],
    },
    /// It cannot be read.
    Malformed(Problem),
}

/// A look at one captured frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Who sent it on this segment, if the link has addresses.
    pub source: Option<Mac>,
    /// To whom.
    pub destination: Option<Mac>,
    /// Outermost VLAN, 0 to 4,095.
    pub vlan: Option<u16>,
    /// What it carries.
    pub content: Content<'a>,
}

/// ARP (RFC 826) for Ethernet and IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arp {
    /// Whether it answers.
    pub is_reply: bool,
    /// Hardware address of the sender.
    pub sender_mac: Mac,
    /// Its address; all zero in a probe.
    pub sender: Ipv4Addr,
    /// Hardware address of the target, zero in a question.
    pub target_mac: Mac,
    /// Whom it is about.
    pub target: Ipv4Addr,
}

impl<'a> Frame<'a> {
    /// Looks at a frame of a link type, as far as it was captured.
    #[must_use]
    pub fn new(link: LinkType, bytes: &'a [u8]) -> Self {
        let bare = |content| Self { source: None, destination: None, vlan: None, content };
        match link.0 {
            1 => Self::ethernet(bytes),
            0 | 108 => bare(loopback(bytes)),
            12 | 14 | 101 | 228 | 229 => bare(ip_content(bytes)),
            113 => Self::cooked(bytes, 16, 6, 4, 14),
            276 => Self::cooked(bytes, 20, 12, 11, 0),
            other => bare(Content::Malformed(Problem::Link(other))),
        }
    }

    fn ethernet(bytes: &'a [u8]) -> Self {
        let Some((addresses, rest)) = bytes.split_first_chunk::<12>() else {
            let content = Content::Malformed(Problem::Short("the Ethernet header"));
            return Self { source: None, destination: None, vlan: None, content };
        };
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5] = *addresses;
        let (vlan, content) = typed(rest);
        Self {
            source: Some(Mac([s0, s1, s2, s3, s4, s5])),
            destination: Some(Mac([d0, d1, d2, d3, d4, d5])),
            vlan,
            content,
        }
    }

    /// Linux cooked captures know only the sender; its address stands at `address`, its length before it at
    /// `length`, the EtherType at `kind`.
    fn cooked(bytes: &'a [u8], header: usize, address: usize, length: usize, kind: usize) -> Self {
        let source = bytes.get(address..).and_then(|b| b.first_chunk()).copied().map(Mac);
        let six = bytes.get(length..=length + usize::from(header == 16)).and_then(<[u8]>::last) == Some(&6);
        let content = match (be16(bytes, kind), bytes.get(header..)) {
            (Some(code), Some(payload)) => of_type(code, payload),
            _ => Content::Malformed(Problem::Short("the cooked header")),
        };
        Self { source: source.filter(|_| six), destination: None, vlan: None, content }
    }
}

/// EtherType or length, and what follows, through VLAN tags.
fn typed(mut rest: &[u8]) -> (Option<u16>, Content<'_>) {
    let mut vlan = None;
    for _ in 0..=MAX_TAGS {
        let Some(code) = be16(rest, 0) else {
            return (vlan, Content::Malformed(Problem::Short("the Ethernet header")));
        };
        let behind = rest.get(2..).unwrap_or_default();
        match code {
            0x8100 | 0x88A8 | 0x9100 => {
                let Some(tag) = be16(behind, 0) else {
                    return (vlan, Content::Malformed(Problem::Short("a VLAN tag")));
                };
                vlan = vlan.or(Some(tag & 0x0FFF));
                rest = behind.get(2..).unwrap_or_default();
            }
            0..=1500 => {
                let announced = behind.get(..usize::from(code)).unwrap_or(behind);
                return (vlan, llc(announced));
            }
            _ => return (vlan, of_type(code, behind)),
        }
    }
    (vlan, Content::Malformed(Problem::Field("a stack of more than four VLAN tags")))
}

fn llc(bytes: &[u8]) -> Content<'_> {
    match bytes {
        [0xAA, _, _, a, b, c, d, e, payload @ ..] => {
            let snap = u64::from_be_bytes([0, 0, 0, *a, *b, *c, *d, *e]);
            // An organisation of zero means an EtherType.
            if snap >> 16 == 0 {
                return of_type(u16::from_be_bytes([*d, *e]), payload);
            }
            Content::Llc { dsap: 0xAA, snap, payload }
        }
        [dsap, _, _, payload @ ..] => Content::Llc { dsap: *dsap, snap: 0, payload },
        _ => Content::Malformed(Problem::Short("the LLC header")),
    }
}

fn of_type(code: u16, payload: &[u8]) -> Content<'_> {
    match code {
        ethertype::IPV4 | ethertype::IPV6 => ip_content(payload),
        ethertype::ARP => arp(payload),
        ethertype => Content::Other { ethertype, payload },
    }
}

fn ip_content(bytes: &[u8]) -> Content<'_> {
    ip::Packet::new(bytes).map_or_else(Content::Malformed, Content::Ip)
}

/// BSD loopback: the address family in the byte order of the machine that captured.
fn loopback(bytes: &[u8]) -> Content<'_> {
    bytes.get(4..).map_or(Content::Malformed(Problem::Short("the loopback header")), ip_content)
}

fn arp(bytes: &[u8]) -> Content<'_> {
    let Some((fixed, rest)) = bytes.split_first_chunk::<8>() else {
        return Content::Malformed(Problem::Short("ARP"));
    };
    let [0, 1, 8, 0, 6, 4, op_high, op_low] = *fixed else {
        return Content::Other { ethertype: ethertype::ARP, payload: bytes };
    };
    let Some([a, b, c, d, e, f, p, q, r, s, g, h, i, j, k, l, t, u, v, w]) = rest.first_chunk().copied()
    else {
        return Content::Malformed(Problem::Short("ARP"));
    };
    Content::Arp(Arp {
        is_reply: u16::from_be_bytes([op_high, op_low]) == 2,
        sender_mac: Mac([a, b, c, d, e, f]),
        sender: Ipv4Addr::new(p, q, r, s),
        target_mac: Mac([g, h, i, j, k, l]),
        target: Ipv4Addr::new(t, u, v, w),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ethernet(rest: &[u8]) -> Vec<u8> {
        [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], rest].concat()
    }

    #[test]
    fn tags_are_looked_through() {
        let bytes = ethernet(&[0x88, 0xA8, 0x20, 7, 0x81, 0, 0, 9, 0x88, 0xCC, 1, 2]);
        let frame = Frame::new(LinkType::ETHERNET, &bytes);
        assert_eq!(frame.vlan, Some(7));
        assert_eq!(frame.content, Content::Other { ethertype: ethertype::LLDP, payload: &[1, 2] });
        assert_eq!(frame.source.unwrap().to_string(), "02:00:00:00:00:02");
        let deep = ethernet(&[0x81, 0, 0, 1].repeat(6));
        assert!(matches!(Frame::new(LinkType::ETHERNET, &deep).content, Content::Malformed(_)));
    }

    #[test]
    fn arp_and_its_truncation() {
        let arp =
            [8, 6, 0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1];
        let bytes = ethernet(&arp);
        let Content::Arp(seen) = Frame::new(LinkType::ETHERNET, &bytes).content else { panic!() };
        assert!(seen.is_reply && seen.sender == Ipv4Addr::new(10, 0, 0, 2));
        for end in 0..bytes.len() {
            assert!(!matches!(Frame::new(LinkType::ETHERNET, &bytes[..end]).content, Content::Arp(_)));
        }
    }

    #[test]
    fn odd_links_are_named() {
        assert!(!LinkType(195).is_read() && LinkType(195).name().contains("802.15.4"));
        assert_eq!(Frame::new(LinkType(195), &[1]).content, Content::Malformed(Problem::Link(195)));
    }
}
