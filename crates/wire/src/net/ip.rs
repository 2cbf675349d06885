//! IPv4 (RFC 791) and IPv6 (RFC 8200), up to the transport protocol.

use super::{Problem, be16, be32};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Protocol numbers.
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// IGMP.
    pub const IGMP: u8 = 2;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
}

/// Most extension headers of IPv6 that are walked.
const MAX_EXTENSIONS: usize = 8;

/// Where a fragment belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// Identification of the whole.
    pub id: u32,
    /// Offset of this part in bytes, a multiple of 8.
    pub offset: u16,
    /// Whether more follow.
    pub more: bool,
}

/// A look at a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// From.
    pub source: IpAddr,
    /// To.
    pub destination: IpAddr,
    /// Hops that it may still go.
    pub ttl: u8,
    /// Transport protocol.
    pub protocol: u8,
    /// If it is a part of a larger one.
    pub fragment: Option<Fragment>,
    /// What it carries, as far as it was captured.
    pub payload: &'a [u8],
    /// Bytes that it announces but that were not captured.
    pub missing: usize,
}

impl<'a> Packet<'a> {
    /// Looks at a packet; padding behind it is left out.
    ///
    /// # Errors
    /// A header that is cut short or contradicts itself.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Problem> {
        match bytes.first().map(|first| first >> 4) {
            Some(4) => v4(bytes),
            Some(6) => v6(bytes),
            Some(_) => Err(Problem::Field("the IP version")),
            None => Err(Problem::Short("the IP header")),
        }
    }
}

/// What of the announced bytes is there.
fn within(bytes: &[u8], announced: usize) -> (&[u8], usize) {
    let there = announced.min(bytes.len());
    (bytes.get(..there).unwrap_or_default(), announced - there)
}

fn v4(bytes: &[u8]) -> Result<Packet<'_>, Problem> {
    let short = Problem::Short("the IPv4 header");
    let [version, _, _, _, _, _, flags, offset, ttl, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] =
        *bytes.first_chunk().ok_or(short)?;
    let header = usize::from(version & 15) * 4;
    if header < 20 {
        return Err(Problem::Field("the length of the IPv4 header"));
    }
    // A capture before segmentation by the network card has a length of 0.
    let total = match be16(bytes, 2) {
        Some(0) => bytes.len(),
        Some(total) => usize::from(total),
        None => return Err(short),
    };
    if total < header {
        return Err(Problem::Field("the length of the IPv4 packet"));
    }
    let (payload, missing) = within(bytes.get(header..).ok_or(short)?, total - header);
    let place = u16::from_be_bytes([flags, offset]);
    let (more, units) = (place & 0x2000 != 0, place & 0x1FFF);
    let id = u32::from(be16(bytes, 4).unwrap_or_default());
    let fragment = (more || units != 0).then_some(Fragment { id, offset: units << 3, more });
    Ok(Packet {
        source: Ipv4Addr::new(s0, s1, s2, s3).into(),
        destination: Ipv4Addr::new(d0, d1, d2, d3).into(),
        ttl,
        protocol,
        fragment,
        payload,
        missing,
    })
}

fn address(bytes: &[u8], at: usize) -> Option<IpAddr> {
    bytes.get(at..)?.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets).into())
}

fn v6(bytes: &[u8]) -> Result<Packet<'_>, Problem> {
    let short = Problem::Short("the IPv6 header");
    let (source, destination) = (address(bytes, 8).ok_or(short)?, address(bytes, 24).ok_or(short)?);
    let announced = usize::from(be16(bytes, 4).ok_or(short)?);
    let (mut protocol, ttl) = match bytes.get(6..8) {
        Some([next, ttl]) => (*next, *ttl),
        _ => return Err(short),
    };
    let behind = bytes.get(40..).unwrap_or_default();
    let (mut payload, missing) = within(behind, if announced == 0 { behind.len() } else { announced });
    let mut fragment = None;
    for _ in 0..MAX_EXTENSIONS {
        let step = match protocol {
            0 | 43 | 60 | 135 => payload.get(1).map(|units| usize::from(*units) * 8 + 8),
            51 => payload.get(1).map(|units| usize::from(*units) * 4 + 8),
            44 => {
                let place = be16(payload, 2).ok_or(Problem::Short("an IPv6 fragment header"))?;
                let id = be32(payload, 4).ok_or(Problem::Short("an IPv6 fragment header"))?;
                if place & 0xFFF9 != 0 {
                    fragment = Some(Fragment { id, offset: place & 0xFFF8, more: place & 1 != 0 });
                }
                Some(8)
            }
            _ => break,
        };
        let step = step.ok_or(Problem::Short("an IPv6 extension header"))?;
        let next = payload.first().copied().ok_or(Problem::Short("an IPv6 extension header"))?;
        payload = payload.get(step..).ok_or(Problem::Short("an IPv6 extension header"))?;
        let first = protocol == 44;
        protocol = next;
        // Behind a later fragment's header stands data, no header.
        if first && fragment.is_some_and(|it| it.offset != 0) {
            break;
        }
    }
    Ok(Packet { source, destination, ttl, protocol, fragment, payload, missing })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_left_out_and_truncation_told() {
        let mut bytes = vec![0x45, 0, 0, 22, 0, 9, 0x20, 1, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 7, 8];
        bytes.extend_from_slice(&[0; 24]);
        let packet = Packet::new(&bytes).unwrap();
        assert_eq!((packet.payload, packet.missing, packet.protocol), (&[7, 8][..], 0, protocol::UDP));
        assert_eq!(packet.fragment, Some(Fragment { id: 9, offset: 8, more: true }));
        let packet = Packet::new(&bytes[..21]).unwrap();
        assert_eq!((packet.payload, packet.missing), (&[7][..], 1));
        assert_eq!(Packet::new(&bytes[..19]), Err(Problem::Short("the IPv4 header")));
        bytes[0] = 0x44;
        assert!(Packet::new(&bytes).is_err());
    }

    #[test]
    fn extension_headers_of_ipv6() {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 18, 0, 64];
        bytes.extend_from_slice(&[1; 32]);
        bytes.extend_from_slice(&[44, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(&[17, 0, 0, 1, 0, 0, 0, 5]);
        bytes.extend_from_slice(&[7, 8, 9, 9]);
        let packet = Packet::new(&bytes).unwrap();
        assert_eq!((packet.protocol, packet.payload), (17, &[7, 8][..]));
        assert_eq!(packet.fragment, Some(Fragment { id: 5, offset: 0, more: true }));
        for end in 0..bytes.len() {
            let _ = Packet::new(&bytes[..end]);
        }
    }
}
