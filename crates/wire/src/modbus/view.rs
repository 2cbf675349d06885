//! The tolerant view: looks at any bytes, never fails, and says what is malformed.

use std::fmt;

use super::diagnostics;
use super::rtu::{self, Direction};
use super::table::{self, Length};
use super::{Access, Error, ExceptionCode, Function, Limits, MAX_PDU, Request, Table, mbap, registers};

/// Something that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// No function code.
    Empty,
    /// Larger than a PDU may be.
    TooLong {
        /// Bytes found.
        bytes: usize,
    },
    /// Not a standard function code.
    UnknownFunction(u8),
    /// Not a standard exception code.
    UnknownException(u8),
    /// The fields announce another length.
    Length {
        /// Bytes announced.
        announced: usize,
        /// Bytes there.
        found: usize,
    },
    /// A request that the strict reader refuses.
    Refused(Error),
    /// The MBAP protocol identifier is not 0.
    Protocol(u16),
    /// The MBAP length field contradicts the bytes.
    MbapLength {
        /// In the header.
        field: u16,
        /// Bytes behind it.
        found: usize,
    },
    /// The checksum is wrong.
    Crc {
        /// Computed.
        expected: u16,
        /// Found.
        got: u16,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no function code"),
            Self::TooLong { bytes } => write!(f, "{bytes} bytes, a PDU has at most {MAX_PDU}"),
            Self::UnknownFunction(code) => write!(f, "function code {code} is not a standard one"),
            Self::UnknownException(code) => write!(f, "exception code {code} is not a standard one"),
            Self::Length { announced, found } => write!(f, "{announced} bytes announced, {found} there"),
            Self::Refused(error) => error.fmt(f),
            Self::Protocol(id) => write!(f, "protocol identifier {id} instead of 0"),
            Self::MbapLength { field, found } => write!(f, "length field {field}, {found} bytes behind it"),
            Self::Crc { expected, got } => write!(f, "CRC {got:#06x} instead of {expected:#06x}"),
        }
    }
}

/// A look at a PDU. Every accessor gives `None` where the bytes do not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PduView<'a> {
    bytes: &'a [u8],
    direction: Direction,
}

impl<'a> PduView<'a> {
    /// Looks at a PDU that goes in `direction`.
    #[must_use]
    pub const fn new(bytes: &'a [u8], direction: Direction) -> Self {
        Self { bytes, direction }
    }

    /// The bytes looked at.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Which way it goes.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// Function code without the exception bit.
    #[must_use]
    pub fn function_code(&self) -> Option<u8> {
        self.bytes.first().map(|code| code & 0x7F)
    }

    /// The facts about the function, if it is a standard one.
    #[must_use]
    pub fn function(&self) -> Option<&'static Function> {
        table::function(self.function_code()?)
    }

    /// True if it changes the device: a write, a file write, or a diagnostic that restarts, silences or clears.
    #[must_use]
    pub fn changes_device(&self) -> bool {
        match self.function() {
            Some(f) if f.code == 8 => {
                self.sub_function().and_then(diagnostics::sub_function).is_some_and(|s| s.changes)
            }
            Some(f) => matches!(f.access, Access::Write | Access::ReadWrite),
            None => false,
        }
    }

    /// True for an exception response.
    #[must_use]
    pub fn is_exception(&self) -> bool {
        self.direction == Direction::Response && self.bytes.first().is_some_and(|code| code & 0x80 != 0)
    }

    /// Exception code of an exception response.
    #[must_use]
    pub fn exception(&self) -> Option<ExceptionCode> {
        self.is_exception().then(|| self.bytes.get(1).copied().map(ExceptionCode)).flatten()
    }

    fn word(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..at + 2)?;
        Some(u16::from_be_bytes(*bytes.first_chunk()?))
    }

    /// Address on the wire: of the data read or written, for function 23 of the data read.
    #[must_use]
    pub fn address(&self) -> Option<u16> {
        match (self.direction, self.function_code()?) {
            _ if self.is_exception() => None,
            (Direction::Request, 1..=6 | 15 | 16 | 22 | 23 | 24) | (_, 5 | 6 | 15 | 16 | 22) => self.word(1),
            _ => None,
        }
    }

    /// Registers or bits addressed: 1 for single writes, for function 23 those read.
    #[must_use]
    pub fn quantity(&self) -> Option<u16> {
        match (self.direction, self.function_code()?) {
            _ if self.is_exception() => None,
            (_, 5 | 6 | 22) => Some(1),
            (Direction::Request, 1..=4 | 23) | (_, 15 | 16) => self.word(3),
            _ => None,
        }
    }

    /// First address and quantity that a request writes, for function 23 those of its write part.
    #[must_use]
    pub fn write_range(&self) -> Option<(u16, u16)> {
        match (self.direction, self.function_code()?) {
            (Direction::Request, 5 | 6 | 15 | 16 | 22) => Some((self.address()?, self.quantity()?)),
            (Direction::Request, 23) => Some((self.word(5)?, self.word(7)?)),
            _ => None,
        }
    }

    /// Sub-function of function 8, or MEI type of function 43.
    #[must_use]
    pub fn sub_function(&self) -> Option<u16> {
        match self.function_code()? {
            _ if self.is_exception() => None,
            8 => self.word(1),
            43 => self.bytes.get(1).map(|mei| u16::from(*mei)),
            _ => None,
        }
    }

    /// The bulk data: register or bit bytes of a read's response or of a write's request, as far as they reach.
    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        let start = match (self.direction, self.function_code()) {
            (_, None) => return &[],
            _ if self.is_exception() => return &[],
            (Direction::Request, Some(15 | 16)) => 6,
            (Direction::Request, Some(23)) => 10,
            (_, Some(5 | 6 | 22)) => 3,
            (Direction::Response, Some(1..=4 | 12 | 17 | 20 | 21 | 23))
            | (Direction::Request, Some(20 | 21)) => 2,
            (Direction::Response, Some(24)) => 5,
            (Direction::Response, Some(43)) => 7,
            (_, Some(8)) => 3,
            (Direction::Request, Some(1..=4 | 24 | 43)) | (Direction::Response, Some(15 | 16)) => return &[],
            _ => 1,
        };
        self.bytes.get(start..).unwrap_or_default()
    }

    /// Everything that is not as it should be, at most four problems, the most telling first.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let Some(code) = self.bytes.first() else {
            found.push(Problem::Empty);
            return found;
        };
        if self.bytes.len() > MAX_PDU {
            found.push(Problem::TooLong { bytes: self.bytes.len() });
        }
        if self.function().is_none() || (self.direction == Direction::Request && code & 0x80 != 0) {
            found.push(Problem::UnknownFunction(*code));
            return found;
        }
        if let Some(exception) = self.exception().filter(|e| e.name().is_none()) {
            found.push(Problem::UnknownException(exception.0));
        }
        let length = match self.direction {
            Direction::Request => table::request_length(self.bytes),
            Direction::Response => table::response_length(self.bytes),
        };
        match length {
            Length::Known(n) | Length::Need(n) if n != self.bytes.len() => {
                found.push(Problem::Length { announced: n, found: self.bytes.len() });
            }
            _ if self.direction == Direction::Request => {
                found.extend(Request::parse(self.bytes, &Limits::STANDARD).err().map(Problem::Refused));
            }
            _ => {}
        }
        found
    }
}

/// One line for a person: "Write Multiple Registers: holding 100..101 (2)".
impl fmt::Display for PduView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(code) = self.function_code() else { return f.write_str("(empty)") };
        match self.function() {
            Some(function) => f.write_str(function.name)?,
            None => write!(f, "function {code}")?,
        }
        if let Some(exception) = self.exception() {
            return write!(f, ": exception {exception}");
        }
        if let Some(sub) = self.sub_function().filter(|_| code == 8).and_then(diagnostics::sub_function) {
            return write!(f, ": {}", sub.name);
        }
        if let (Some(table), Some(first)) = (self.function().map(|f| f.table), self.address()) {
            if table != Table::Device {
                write!(f, ": {} {first}", table.word())?;
            }
            match self.quantity() {
                Some(count) if count > 1 => {
                    write!(f, "..{} ({count})", u32::from(first) + u32::from(count) - 1)?;
                }
                _ => {}
            }
        }
        if code == 6
            && let Some(value) = registers(self.data()).next()
        {
            write!(f, " = {value}")?;
        }
        Ok(())
    }
}

/// A look at a whole frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AduView<'a> {
    bytes: &'a [u8],
    framing: Framing,
    direction: Direction,
}

/// How the frame is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// MBAP.
    Tcp,
    /// Unit and CRC.
    Rtu,
}

impl<'a> AduView<'a> {
    /// Looks at a TCP frame: the bytes of exactly one ADU, as far as they were captured.
    #[must_use]
    pub const fn tcp(bytes: &'a [u8], direction: Direction) -> Self {
        Self { bytes, framing: Framing::Tcp, direction }
    }

    /// Looks at a serial frame.
    #[must_use]
    pub const fn rtu(bytes: &'a [u8], direction: Direction) -> Self {
        Self { bytes, framing: Framing::Rtu, direction }
    }

    /// Transaction identifier, on TCP.
    #[must_use]
    pub fn transaction(&self) -> Option<u16> {
        match self.framing {
            Framing::Tcp => self.word(0),
            Framing::Rtu => None,
        }
    }

    /// Unit identifier.
    #[must_use]
    pub fn unit(&self) -> Option<u8> {
        match self.framing {
            Framing::Tcp => self.bytes.get(mbap::HEADER - 1).copied(),
            Framing::Rtu => self.bytes.first().copied(),
        }
    }

    /// The PDU, as far as it reaches; without the CRC on a serial frame.
    #[must_use]
    pub fn pdu(&self) -> PduView<'a> {
        let bytes = match self.framing {
            Framing::Tcp => self.bytes.get(mbap::HEADER..),
            Framing::Rtu => self.bytes.get(1..self.bytes.len().saturating_sub(2)),
        };
        PduView::new(bytes.unwrap_or_default(), self.direction)
    }

    fn word(&self, at: usize) -> Option<u16> {
        self.bytes.get(at..at + 2).and_then(|b| b.first_chunk()).map(|b| u16::from_be_bytes(*b))
    }

    /// Everything that is not as it should be, frame first.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        match self.framing {
            Framing::Tcp => {
                found.extend(self.word(2).filter(|id| *id != 0).map(Problem::Protocol));
                let behind = self.bytes.len().saturating_sub(mbap::HEADER - 1);
                let wrong = self.word(4).filter(|field| usize::from(*field) != behind);
                found.extend(wrong.map(|field| Problem::MbapLength { field, found: behind }));
            }
            Framing::Rtu => {
                if let Err(rtu::Fault::Crc { expected, got }) = rtu::parse_adu(self.bytes) {
                    found.push(Problem::Crc { expected, got });
                }
            }
        }
        found.extend(self.pdu().problems());
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: &[u8], direction: Direction) -> String {
        PduView::new(bytes, direction).to_string()
    }

    #[test]
    fn one_line_for_a_person() {
        assert_eq!(
            line(&[3, 0, 107, 0, 3], Direction::Request),
            "Read Holding Registers: holding 107..109 (3)"
        );
        assert_eq!(line(&[6, 0, 1, 0, 3], Direction::Request), "Write Single Register: holding 1 = 3");
        assert_eq!(
            line(&[0x83, 2], Direction::Response),
            "Read Holding Registers: exception 02 Illegal Data Address"
        );
        assert_eq!(line(&[8, 0, 4, 0, 0], Direction::Request), "Diagnostics: Force Listen Only Mode");
        assert_eq!(line(&[90], Direction::Request), "function 90");
        assert_eq!(line(&[], Direction::Request), "(empty)");
    }

    #[test]
    fn malformed_bytes_are_named() {
        let cut = PduView::new(&[3, 0, 107], Direction::Request);
        assert_eq!(cut.problems(), [Problem::Length { announced: 5, found: 3 }]);
        assert_eq!((cut.address(), cut.quantity()), (Some(107), None));
        let adu = AduView::tcp(&[0, 1, 0, 2, 0, 9, 1, 0x83, 0x63], Direction::Response);
        assert_eq!(
            adu.problems(),
            [
                Problem::Protocol(2),
                Problem::MbapLength { field: 9, found: 3 },
                Problem::UnknownException(0x63)
            ]
        );
        let many = PduView::new(&[3, 0, 0, 0, 200], Direction::Request).problems();
        assert!(matches!(many.as_slice(), [Problem::Refused(Error::Quantity { got: 200, .. })]), "{many:?}");
    }

    #[test]
    fn writes_are_recognised() {
        assert!(PduView::new(&[16, 0, 1], Direction::Request).changes_device());
        assert!(PduView::new(&[8, 0, 4, 0, 0], Direction::Request).changes_device());
        assert!(!PduView::new(&[8, 0, 11, 0, 0], Direction::Request).changes_device());
        let both = [23, 0, 3, 0, 6, 0, 14, 0, 3, 6, 0, 255, 0, 255, 0, 255];
        assert_eq!(PduView::new(&both, Direction::Request).write_range(), Some((14, 3)));
    }
}
