//! What may be wrong with a packet.

use crate::s7::Error;
use std::fmt;

/// Something that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Neither S7comm nor S7comm-plus.
    Protocol(Option<u8>),
    /// A kind of PDU that does not exist.
    Kind(u8),
    /// A function that is not known.
    Function(u16),
    /// The fields announce another length.
    Length {
        /// Bytes announced.
        announced: usize,
        /// Bytes there.
        found: usize,
    },
    /// The parameters announce more or fewer items than there are.
    Items {
        /// Items announced.
        announced: usize,
        /// Items found.
        found: usize,
    },
    /// A request that the strict reader refuses.
    Refused(Error),
    /// The packet is not TPKT.
    Tpkt,
    /// The transport layer is not COTP class 0.
    Cotp(Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(Some(id)) => write!(f, "protocol id {id:#04x} is neither S7comm nor S7comm-plus"),
            Self::Protocol(None) => f.write_str("nothing in it"),
            Self::Kind(kind) => write!(f, "kind {kind} does not exist"),
            Self::Function(code) => write!(f, "function {code:#04x} is not known"),
            Self::Length { announced, found } => write!(f, "{announced} bytes announced, {found} there"),
            Self::Items { announced, found } => write!(f, "{announced} items announced, {found} there"),
            Self::Refused(error) | Self::Cotp(error) => error.fmt(f),
            Self::Tpkt => f.write_str("no TPKT header"),
        }
    }
}
