//! Why bytes were refused.

use crate::reader::{Extra, Short};

/// Bytes that are not exactly what the standard, the limits or the request allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fewer bytes than the fields announce.
    #[error("too short: {need} bytes needed, {have} there")]
    Truncated {
        /// Bytes there must be at least.
        need: usize,
        /// Bytes there are.
        have: usize,
    },
    /// Bytes after the last field.
    #[error("{extra} bytes after the end")]
    Trailing {
        /// Surplus bytes.
        extra: usize,
    },
    /// More than fits.
    #[error("{bytes} bytes, at most {max} fit")]
    TooLong {
        /// Bytes found or needed.
        bytes: usize,
        /// Most allowed.
        max: usize,
    },
    /// A count outside its limits.
    #[error("{what} is {got}, allowed are {min} to {max}")]
    Quantity {
        /// What is counted.
        what: &'static str,
        /// Found.
        got: usize,
        /// Smallest allowed.
        min: usize,
        /// Largest allowed.
        max: usize,
    },
    /// The reply carries another service than the request.
    #[error("service {got:#04x} answers a request with {expected:#04x}")]
    Service {
        /// Service of the reply to the request: its own with the top bit.
        expected: u8,
        /// Found.
        got: u8,
    },
    /// A field that must repeat the request does not.
    #[error("{field} must be {expected:#x} as in the request, it is {got:#x}")]
    Echo {
        /// Which field.
        field: &'static str,
        /// As requested.
        expected: u32,
        /// Found.
        got: u32,
    },
    /// A field with a value that the standard does not allow.
    #[error("{field} must not be {got:#x}")]
    Value {
        /// Which field.
        field: &'static str,
        /// Found.
        got: u32,
    },
    /// A path segment of a kind that is not used here.
    #[error("path segment {0:#04x} is not known")]
    Segment(u8),
    /// A name that is not ASCII text.
    #[error("a name is not plain text")]
    Text,
    /// An item that must be there is not.
    #[error("the packet has no item of type {0:#06x}")]
    MissingItem(u16),
    /// A service packet within a service packet.
    #[error("a multiple service packet inside another")]
    Nested,
}

impl Error {
    /// The general status a target answers a request with that failed so (Volume 1, appendix B-1).
    #[must_use]
    pub const fn status(&self) -> u8 {
        match self {
            Self::Truncated { .. } => 0x13,
            Self::Trailing { .. } | Self::TooLong { .. } => 0x15,
            Self::Segment(_) | Self::Text => 0x04,
            Self::Service { .. } | Self::Nested => 0x08,
            _ => 0x20,
        }
    }
}

impl From<Short> for Error {
    fn from(Short { need, have }: Short) -> Self {
        Self::Truncated { need, have }
    }
}

impl From<Extra> for Error {
    fn from(Extra(extra): Extra) -> Self {
        Self::Trailing { extra }
    }
}
