//! S7comm-plus, recognised by its protocol id: what S7-1200/1500 speak with TIA Portal and panels. Its contents are
//! not decoded (from version 3 on they are signed or inside TLS), its operations are named.

use super::table::Access;
use super::{PROTOCOL_PLUS, be16};

/// A look at an S7comm-plus PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlusView<'a> {
    bytes: &'a [u8],
}

/// An operation of S7comm-plus.
const OPERATIONS: [(u16, &str, Access); 18] = [
    (0x04BB, "Explore", Access::Diagnostic),
    (0x04CA, "Create Object", Access::Session),
    (0x04D4, "Delete Object", Access::Session),
    (0x04F2, "Set Variable", Access::Write),
    (0x04FC, "Get Variable", Access::Read),
    (0x0506, "Add Link", Access::Diagnostic),
    (0x051A, "Remove Link", Access::Diagnostic),
    (0x0524, "Get Link", Access::Diagnostic),
    (0x0542, "Set Multiple Variables", Access::Write),
    (0x054C, "Get Multiple Variables", Access::Read),
    (0x0556, "Begin Sequence", Access::Download),
    (0x0560, "End Sequence", Access::Download),
    (0x056B, "Invoke", Access::Control),
    (0x057C, "Set Variable Substreamed", Access::Write),
    (0x0586, "Get Variable Substreamed", Access::Read),
    (0x0590, "Get Variables Address", Access::Read),
    (0x059A, "Abort", Access::Session),
    (0x05B3, "Start TLS", Access::Session),
];

/// Name of an operation, where it is known.
#[must_use]
pub fn operation_name(code: u16) -> Option<&'static str> {
    OPERATIONS.iter().find(|known| known.0 == code).map(|known| known.1)
}

impl<'a> PlusView<'a> {
    /// Looks at a PDU; `None` if it has another protocol id.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        (bytes.first() == Some(&PROTOCOL_PLUS)).then_some(Self { bytes })
    }

    /// Version: 1 and 2 in the clear, 3 signed, 254 keep-alive.
    #[must_use]
    pub fn version(&self) -> Option<u8> {
        self.bytes.get(1).copied()
    }

    /// Where the operation stands: behind the digest in version 3.
    fn body(&self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(4..)?;
        match (self.version()?, rest.first()?) {
            (1 | 2, _) | (3, 0x31..=0x33) => Some(rest),
            (3, digest) => rest.get(usize::from(*digest) + 1..),
            _ => None,
        }
    }

    /// `request`, `response` or `notification`.
    #[must_use]
    pub fn kind(&self) -> Option<&'static str> {
        Some(match self.body()?.first()? {
            0x31 => "request",
            0x32 => "response",
            0x33 => "notification",
            _ => return None,
        })
    }

    /// Code of the operation of a request or response.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        let body = self.body()?;
        matches!(body.first(), Some(0x31 | 0x32)).then_some(())?;
        be16(body, 3)
    }

    /// Name and effect of the operation of a request or response, where it is known.
    #[must_use]
    pub fn operation(&self) -> Option<(&'static str, Access)> {
        let code = self.code()?;
        OPERATIONS.iter().find(|known| known.0 == code).map(|known| (known.1, known.2))
    }
}

/// One line for a person.
impl std::fmt::Display for PlusView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("S7comm-plus")?;
        if self.version() == Some(0xFE) {
            return f.write_str(" keep-alive");
        }
        if let Some((name, _)) = self.operation() {
            write!(f, " {name}")?;
        }
        self.kind().map_or(Ok(()), |kind| write!(f, " {kind}"))
    }
}
