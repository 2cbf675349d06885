//! Why a PDU was refused.

/// A PDU that is not exactly what the protocol, the limits or the request allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fewer bytes than the fields announce.
    #[error("{what} is cut short: {need} bytes needed, {have} there")]
    Truncated {
        /// Which part.
        what: &'static str,
        /// Bytes it must have at least.
        need: usize,
        /// Bytes it has.
        have: usize,
    },
    /// Bytes after the last field.
    #[error("{what} has {extra} bytes after its end")]
    Trailing {
        /// Which part.
        what: &'static str,
        /// Surplus bytes.
        extra: usize,
    },
    /// A field with a value that is not allowed here.
    #[error("{field} must not be {got:#x}")]
    Value {
        /// Which field.
        field: &'static str,
        /// Found.
        got: u32,
    },
    /// A field that must agree with the request does not.
    #[error("{field} must be {expected} as asked for, it is {got}")]
    Mismatch {
        /// Which field.
        field: &'static str,
        /// As asked for.
        expected: u32,
        /// Found.
        got: u32,
    },
    /// A count outside its limits.
    #[error("{what} is {got}, allowed are {min} to {max}")]
    Count {
        /// What is counted.
        what: &'static str,
        /// Found.
        got: usize,
        /// Smallest allowed.
        min: usize,
        /// Largest allowed.
        max: usize,
    },
    /// A function that the strict representation does not speak.
    #[error("function {0:#04x} is none that is served here")]
    Function(u8),
}
