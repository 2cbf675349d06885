//! Why a message is refused.

use crate::reader::{Extra, Short};

/// Why bytes are no message of the kind that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It ends too early.
    #[error("it has {have} bytes and needs at least {need}")]
    Short {
        /// Bytes that it would need at least.
        need: usize,
        /// Bytes that it has.
        have: usize,
    },
    /// Bytes are left that nobody has read.
    #[error("{0} bytes too many")]
    Extra(usize),
    /// Something stands in it that the standard does not allow here.
    #[error("{0}")]
    Unexpected(&'static str),
    /// It is longer than is taken.
    #[error("{what} is longer than {most}")]
    TooLong {
        /// What.
        what: &'static str,
        /// The limit.
        most: usize,
    },
}

impl From<Short> for Error {
    fn from(short: Short) -> Self {
        Self::Short { need: short.need, have: short.have }
    }
}

impl From<Extra> for Error {
    fn from(extra: Extra) -> Self {
        Self::Extra(extra.0)
    }
}
