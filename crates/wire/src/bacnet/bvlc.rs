//! The BACnet virtual link layer over UDP (annex J.2).

use super::{Error, MAX_MESSAGE, Reader};
use std::net::{Ipv4Addr, SocketAddrV4};

/// A BVLL message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bvlc<'a> {
    /// What a broadcast management device says about a request: 0 is yes (J.2.1).
    Result(u16),
    /// A broadcast from another network, passed on; with where it came from (J.2.5).
    Forwarded {
        /// The original sender.
        from: SocketAddrV4,
        /// The NPDU.
        npdu: &'a [u8],
    },
    /// A foreign device asks to be passed broadcasts for so many seconds (J.2.6).
    Register {
        /// Seconds, 1 to 65,535.
        seconds: u16,
    },
    /// A foreign device asks for a broadcast (J.2.10).
    Distribute(&'a [u8]),
    /// To one device (J.2.11).
    Unicast(&'a [u8]),
    /// To all on this network (J.2.12).
    Broadcast(&'a [u8]),
}

impl<'a> Bvlc<'a> {
    /// Reads a datagram.
    ///
    /// # Errors
    /// It is no BVLL message that a client takes part in, or its length is another than it says.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Error> {
        if datagram.len() > MAX_MESSAGE {
            return Err(Error::TooLong { what: "a datagram", most: MAX_MESSAGE });
        }
        let mut reader = Reader::new(datagram);
        if reader.u8()? != 0x81 {
            return Err(Error::Unexpected("BACnet/IP begins with 81"));
        }
        let function = reader.u8()?;
        let length = usize::from(reader.u16()?);
        if length != datagram.len() {
            return Err(Error::Unexpected("the datagram is not as long as it says"));
        }
        let message = match function {
            0x00 => Self::Result(reader.u16()?),
            0x04 => {
                let address = Ipv4Addr::from(reader.u32()?);
                let from = SocketAddrV4::new(address, reader.u16()?);
                Self::Forwarded { from, npdu: reader.all() }
            }
            0x05 => Self::Register { seconds: reader.u16()? },
            0x09 => Self::Distribute(reader.all()),
            0x0A => Self::Unicast(reader.all()),
            0x0B => Self::Broadcast(reader.all()),
            _ => return Err(Error::Unexpected("no part in this BVLL function is taken")),
        };
        reader.finish()?;
        Ok(message)
    }

    /// The NPDU in it, if it carries one.
    pub fn npdu(&self) -> Option<&'a [u8]> {
        match self {
            Self::Forwarded { npdu, .. }
            | Self::Distribute(npdu)
            | Self::Unicast(npdu)
            | Self::Broadcast(npdu) => Some(npdu),
            Self::Result(_) | Self::Register { .. } => None,
        }
    }

    /// Writes the datagram.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let (function, body): (u8, &[u8]) = match self {
            Self::Result(_) => (0x00, &[]),
            Self::Forwarded { npdu, .. } => (0x04, npdu),
            Self::Register { .. } => (0x05, &[]),
            Self::Distribute(npdu) => (0x09, npdu),
            Self::Unicast(npdu) => (0x0A, npdu),
            Self::Broadcast(npdu) => (0x0B, npdu),
        };
        out.extend([0x81, function, 0, 0]);
        match self {
            Self::Result(code) => out.extend(code.to_be_bytes()),
            Self::Register { seconds } => out.extend(seconds.to_be_bytes()),
            Self::Forwarded { from, .. } => {
                out.extend(from.ip().octets());
                out.extend(from.port().to_be_bytes());
            }
            _ => {}
        }
        out.extend(body);
        let length = u16::try_from(out.len() - start).unwrap_or(u16::MAX).to_be_bytes();
        for (place, byte) in out.iter_mut().skip(start + 2).zip(length) {
            *place = byte;
        }
    }
}
