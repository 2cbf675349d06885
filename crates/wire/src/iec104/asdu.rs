//! The application data (101, 7): a look at one ASDU.

use super::table::{self, Access, Type};
use std::fmt;

/// Bytes before the objects (104, 7.1).
const HEADER: usize = 6;
/// Bytes of an object's address.
const ADDRESS: usize = 3;

/// Something that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The length is not that of the bytes, or not possible.
    Length,
    /// No control field of the standard.
    Control,
    /// Data behind a control field that has none.
    Trailing,
    /// The header is cut short.
    ShortHeader,
    /// No type of the standard.
    Type(u8),
    /// No cause of the standard.
    Cause(u8),
    /// No objects where there must be some.
    NoObjects,
    /// Fewer bytes than the objects need.
    ShortData,
    /// More bytes than the objects need.
    LongData,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => f.write_str("a length that does not fit"),
            Self::Control => f.write_str("a control field that does not exist"),
            Self::Trailing => f.write_str("data where there can be none"),
            Self::ShortHeader => f.write_str("the header is cut short"),
            Self::Type(code) => write!(f, "type {code} does not exist"),
            Self::Cause(code) => write!(f, "cause {code} does not exist"),
            Self::NoObjects => f.write_str("no objects"),
            Self::ShortData => f.write_str("fewer data than announced"),
            Self::LongData => f.write_str("more data than announced"),
        }
    }
}

/// One information object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// Its address, 0 to 16,777,215; 0 means that the address does not matter (101, 7.2.5).
    pub address: u32,
    /// Its bytes, without the address.
    pub data: &'a [u8],
}

/// The objects of an ASDU, as far as they are whole.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    rest: &'a [u8],
    left: u8,
    /// Bytes of each element.
    length: usize,
    /// With SQ = 1: the address of the next one.
    next: Option<u32>,
    sequence: bool,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        self.left = self.left.checked_sub(1)?;
        let address = match self.next {
            Some(address) => address,
            None => {
                let (address, rest) = self.rest.split_first_chunk::<ADDRESS>()?;
                self.rest = rest;
                u32::from_le_bytes([address[0], address[1], address[2], 0])
            }
        };
        let (data, rest) = self.rest.split_at_checked(self.length)?;
        self.rest = rest;
        self.next = self.sequence.then(|| address.wrapping_add(1) & 0xFF_FFFF);
        Some(Element { address, data })
    }
}

/// A look at an ASDU. Accessors give `None` where the bytes do not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsduView<'a> {
    bytes: &'a [u8],
}

impl<'a> AsduView<'a> {
    /// Looks at an ASDU.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Type identification (101, 7.2.1).
    #[must_use]
    pub fn type_id(&self) -> Option<u8> {
        self.bytes.first().copied()
    }

    /// The facts about its type, if it exists.
    #[must_use]
    pub fn kind(&self) -> Option<&'static Type> {
        table::kind(self.type_id()?)
    }

    /// Whether the objects follow each other without addresses of their own (SQ).
    #[must_use]
    pub fn is_sequence(&self) -> bool {
        self.bytes.get(1).is_some_and(|byte| byte & 0x80 != 0)
    }

    /// Number of objects, 0 to 127.
    #[must_use]
    pub fn count(&self) -> Option<u8> {
        self.bytes.get(1).map(|byte| byte & 0x7F)
    }

    /// Cause of transmission, 0 to 63 (101, 7.2.3).
    #[must_use]
    pub fn cause(&self) -> Option<u8> {
        self.bytes.get(2).map(|byte| byte & 0x3F)
    }

    /// Whether a confirmation says no (P/N).
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.bytes.get(2).is_some_and(|byte| byte & 0x40 != 0)
    }

    /// Whether it is only a test (T): nothing is to be done.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.bytes.get(2).is_some_and(|byte| byte & 0x80 != 0)
    }

    /// Originator address; 0 where it is not used.
    #[must_use]
    pub fn originator(&self) -> Option<u8> {
        self.bytes.get(3).copied()
    }

    /// Common address: the station, 65,535 for all of them.
    #[must_use]
    pub fn station(&self) -> Option<u16> {
        self.bytes.get(4..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
    }

    /// Its objects, as far as they are whole. None where the length of the element is not known.
    #[must_use]
    pub fn elements(&self) -> Elements<'a> {
        let length = self.kind().and_then(|kind| kind.length);
        Elements {
            rest: self.bytes.get(HEADER..).unwrap_or_default(),
            left: if length.is_some() { self.count().unwrap_or_default() } else { 0 },
            length: length.map_or(0, usize::from),
            next: None,
            sequence: self.is_sequence(),
        }
    }

    /// Whether a command only selects, to be executed later (S/E, 101, 7.2.6.15 to 7.2.6.18 and 7.2.6.39).
    #[must_use]
    pub fn is_select(&self) -> bool {
        let Some(kind) = self.kind().filter(|kind| kind.access == Access::Command) else { return false };
        let Some(at) = kind.qualifier else { return false };
        let element = self.elements().next();
        element.and_then(|element| element.data.get(usize::from(at))).is_some_and(|byte| byte & 0x80 != 0)
    }

    /// The first thing that is not as it should be.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        if self.bytes.len() < HEADER {
            return Some(Problem::ShortHeader);
        }
        let Some(kind) = self.kind() else { return Some(Problem::Type(self.type_id()?)) };
        let cause = self.cause()?;
        if table::cause(cause).is_none() {
            return Some(Problem::Cause(cause));
        }
        let length = usize::from(kind.length?);
        let count = usize::from(self.count()?);
        if count == 0 {
            return Some(Problem::NoObjects);
        }
        let addresses = if self.is_sequence() { 1 } else { count };
        let needed = HEADER + addresses * ADDRESS + count * length;
        match self.bytes.len() {
            have if have < needed => Some(Problem::ShortData),
            have if have > needed => Some(Problem::LongData),
            _ => None,
        }
    }
}

/// One line for a person.
impl fmt::Display for AsduView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind(), self.type_id()) {
            (Some(kind), _) => f.write_str(kind.name)?,
            (None, Some(code)) => write!(f, "type {code}")?,
            (None, None) => return f.write_str("(empty)"),
        }
        if self.is_select() {
            f.write_str(" (select)")?;
        }
        match self.cause().map(|cause| (table::cause(cause), cause)) {
            Some((Some(name), _)) => write!(f, ": {name}")?,
            Some((None, cause)) => write!(f, ": cause {cause}")?,
            None => {}
        }
        if self.is_negative() {
            f.write_str(", refused")?;
        }
        match (self.elements().next(), self.count()) {
            (Some(first), Some(count @ 2..)) => {
                write!(f, ", object {} and {} more", first.address, count - 1)
            }
            (Some(first), _) if first.address > 0 => write!(f, ", object {}", first.address),
            _ => Ok(()),
        }
    }
}
