//! TCP (RFC 9293) and UDP (RFC 768).

use super::{Problem, be16, be32};

/// Flags of TCP.
pub mod flag {
    /// The sender is done.
    pub const FIN: u8 = 1;
    /// Opens a connection.
    pub const SYN: u8 = 2;
    /// Ends it at once.
    pub const RST: u8 = 4;
    /// Acknowledges.
    pub const ACK: u8 = 16;
}

/// A look at a TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Port of the sender.
    pub source: u16,
    /// Port of the receiver.
    pub destination: u16,
    /// Number of the first byte.
    pub sequence: u32,
    /// Next byte that the sender expects, if [`flag::ACK`] is set.
    pub acknowledged: u32,
    /// Flags.
    pub flags: u8,
    /// Data, as far as they were captured.
    pub payload: &'a [u8],
}

impl<'a> Segment<'a> {
    /// Looks at what an IP packet carries.
    ///
    /// # Errors
    /// A header that is cut short or contradicts itself.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Problem> {
        let short = Problem::Short("the TCP header");
        let [a, b, c, d, s0, s1, s2, s3, k0, k1, k2, k3, offset, flags] =
            *bytes.first_chunk().ok_or(short)?;
        let header = usize::from(offset >> 4) * 4;
        if header < 20 {
            return Err(Problem::Field("the length of the TCP header"));
        }
        Ok(Self {
            source: u16::from_be_bytes([a, b]),
            destination: u16::from_be_bytes([c, d]),
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
            acknowledged: u32::from_be_bytes([k0, k1, k2, k3]),
            flags,
            payload: bytes.get(header..).ok_or(short)?,
        })
    }

    /// Whether a flag is set.
    #[must_use]
    pub const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// A look at a UDP datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Port of the sender.
    pub source: u16,
    /// Port of the receiver.
    pub destination: u16,
    /// Data, as far as they were captured.
    pub payload: &'a [u8],
}

impl<'a> Datagram<'a> {
    /// Looks at what an IP packet carries.
    ///
    /// # Errors
    /// A header that is cut short or contradicts itself.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Problem> {
        let short = Problem::Short("the UDP header");
        let length = usize::from(be16(bytes, 4).ok_or(short)?);
        let ports = be32(bytes, 0).ok_or(short)?;
        let payload = bytes.get(8..).ok_or(short)?;
        let announced = match length {
            0 => payload.len(),
            1..=7 => return Err(Problem::Field("the length of the UDP datagram")),
            _ => length - 8,
        };
        let payload = payload.get(..announced).unwrap_or(payload);
        Ok(Self { source: (ports >> 16) as u16, destination: (ports & 0xFFFF) as u16, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_skipped() {
        let mut bytes =
            vec![0x13, 0x88, 1, 0xF6, 0, 0, 0, 1, 0, 0, 0, 2, 0x60, 0x18, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1];
        bytes.push(42);
        let segment = Segment::new(&bytes).unwrap();
        assert_eq!((segment.source, segment.destination, segment.payload), (5000, 502, &[42][..]));
        assert!(segment.has(flag::ACK) && !segment.has(flag::SYN));
        assert!(Segment::new(&bytes[..23]).is_err());
        bytes[12] = 0x40;
        assert!(Segment::new(&bytes).is_err());
    }

    #[test]
    fn datagrams_end_where_they_say() {
        let bytes = [0, 53, 0, 54, 0, 9, 0, 0, 1, 2];
        assert_eq!(Datagram::new(&bytes).unwrap().payload, &[1]);
        assert_eq!(Datagram::new(&bytes[..8]).unwrap().payload, &[] as &[u8]);
        assert!(Datagram::new(&[0, 53, 0, 54, 0, 3, 0, 0]).is_err());
    }
}
