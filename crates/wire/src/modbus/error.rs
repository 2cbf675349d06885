//! Why a PDU was refused.

use super::ExceptionCode;
use crate::reader::{Extra, Short};

/// A PDU that is not exactly what the standard, the limits or the request allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fewer bytes than the fields announce.
    #[error("the PDU is too short: {need} bytes needed, {have} there")]
    Truncated {
        /// Bytes the PDU must have at least.
        need: usize,
        /// Bytes it has.
        have: usize,
    },
    /// Bytes after the last field.
    #[error("the PDU has {extra} bytes after its end")]
    Trailing {
        /// Surplus bytes.
        extra: usize,
    },
    /// More than [`super::MAX_PDU`] bytes, or a response that could not fit.
    #[error("{bytes} bytes do not fit a PDU of at most 253")]
    TooLong {
        /// Bytes found or needed.
        bytes: usize,
    },
    /// A function code outside the table.
    #[error("function code {0} is not a standard one")]
    UnknownFunction(u8),
    /// A sub-function of 8, or a MEI type of 43, outside the tables.
    #[error("function code {function} has no standard sub-function {sub}")]
    UnknownSubFunction {
        /// Function code, 8 or 43.
        function: u8,
        /// Sub-function or MEI type.
        sub: u16,
    },
    /// A quantity outside its limits.
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
    /// The range leaves the 65,536 addresses of its table.
    #[error("address {address} with quantity {quantity} runs past 65535")]
    AddressRange {
        /// First address on the wire, 0-based.
        address: u16,
        /// How many.
        quantity: usize,
    },
    /// A byte count that contradicts the quantity or the request.
    #[error("the byte count is {got}, it must be {expected}")]
    ByteCount {
        /// What it must be.
        expected: usize,
        /// Found.
        got: usize,
    },
    /// The response carries another function code than the request.
    #[error("function code {got:#04x} answers a request with {expected:#04x}")]
    FunctionMismatch {
        /// Function code of the request.
        expected: u8,
        /// Found, exception bit included.
        got: u8,
    },
    /// A field that must repeat the request does not.
    #[error("{field} must be {expected} as in the request, it is {got}")]
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
}

impl Error {
    /// The exception a server answers a request with that failed so (section 7: 01 for the function, 02 for the
    /// address, 03 for everything about structure and quantity).
    #[must_use]
    pub const fn exception(&self) -> ExceptionCode {
        match self {
            Self::UnknownFunction(_) | Self::UnknownSubFunction { .. } => ExceptionCode::ILLEGAL_FUNCTION,
            Self::AddressRange { .. } => ExceptionCode::ILLEGAL_DATA_ADDRESS,
            _ => ExceptionCode::ILLEGAL_DATA_VALUE,
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
