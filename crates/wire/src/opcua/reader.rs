//! Built-in types in binary (5.2).

use crate::reader::{Extra, Little, Reader, Short};
use std::fmt;

/// Deepest nesting that is followed.
const MAX_DEPTH: u8 = 8;

/// Something that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// A size that is not that of the bytes, or not possible.
    Size(u32),
    /// No message type of the standard.
    Type,
    /// It ends too early.
    Short,
    /// An encoding byte that does not exist.
    Encoding(u8),
    /// A length below -1.
    Length(i32),
    /// Nested deeper than anybody needs.
    Depth,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => write!(f, "a size of {size} bytes, which does not fit"),
            Self::Type => f.write_str("no message type of the standard"),
            Self::Short => f.write_str("it is cut short"),
            Self::Encoding(byte) => write!(f, "an encoding {byte:#04x} that does not exist"),
            Self::Length(length) => write!(f, "a length of {length}"),
            Self::Depth => f.write_str("nested too deep"),
        }
    }
}

impl From<Short> for Problem {
    fn from(_: Short) -> Self {
        Self::Short
    }
}

impl From<Extra> for Problem {
    fn from(_: Extra) -> Self {
        Self::Short
    }
}

/// Name of a node (OPC 10000-3, 8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId<'a> {
    /// Index of the namespace.
    pub namespace: u16,
    /// What it is within the namespace.
    pub id: Id<'a>,
}

/// Identifier of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Id<'a> {
    /// A number.
    Number(u32),
    /// Text, not checked to be UTF-8.
    Text(&'a [u8]),
    /// A GUID.
    Guid([u8; 16]),
    /// Bytes without meaning to others.
    Opaque(&'a [u8]),
}

impl<'a> NodeId<'a> {
    /// Reads one from the beginning of `bytes`.
    ///
    /// # Errors
    /// [`Problem`]: it is cut short, or no encoding of a node.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Problem> {
        Cursor::new(bytes).node()
    }

    /// Adds what it is within its namespace, the same for every way to pack it (5.2.2.9).
    pub(super) fn name(&self, out: &mut Vec<u8>) {
        let (kind, bytes): (u8, &[u8]) = match &self.id {
            Id::Number(number) => (0, &number.to_le_bytes()),
            Id::Text(text) => (3, text),
            Id::Guid(guid) => (4, guid),
            Id::Opaque(bytes) => (5, bytes),
        };
        out.push(kind);
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(bytes);
    }

    /// The number of a node of the standard's own namespace.
    #[must_use]
    pub const fn standard(&self) -> Option<u32> {
        match (self.namespace, self.id) {
            (0, Id::Number(number)) => Some(number),
            _ => None,
        }
    }
}

/// As configuration writes it: `ns=2;s=Press.counter` (5.3.1.10).
impl fmt::Display for NodeId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace != 0 {
            write!(f, "ns={};", self.namespace)?;
        }
        match self.id {
            Id::Number(number) => write!(f, "i={number}"),
            Id::Text(text) => write!(f, "s={}", String::from_utf8_lossy(text)),
            Id::Guid(bytes) => write!(f, "g={:032x}", u128::from_be_bytes(bytes)),
            Id::Opaque(bytes) => {
                f.write_str("b=")?;
                bytes.iter().take(32).try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

pub(super) type Cursor<'a> = Reader<'a, Little, Problem>;

impl<'a> Cursor<'a> {
    pub(super) fn i32(&mut self) -> Result<i32, Problem> {
        self.u32().map(u32::cast_signed)
    }

    /// A string, byte string or XML element: its bytes, empty where it is null.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Problem> {
        match self.i32()? {
            -1 => Ok(&[]),
            length => self.take(usize::try_from(length).map_err(|_| Problem::Length(length))?),
        }
    }

    /// Number of elements of an array; 0 where it is null.
    pub(super) fn count(&mut self) -> Result<usize, Problem> {
        match self.i32()? {
            -1 => Ok(0),
            // An element has one byte at least: a count beyond that is a lie, found before anybody believes it.
            count => usize::try_from(count)
                .ok()
                .filter(|count| *count <= self.remaining())
                .ok_or(Problem::Length(count)),
        }
    }

    pub(super) fn node(&mut self) -> Result<NodeId<'a>, Problem> {
        let encoding = self.u8()?;
        self.node_of(encoding)
    }

    fn node_of(&mut self, encoding: u8) -> Result<NodeId<'a>, Problem> {
        let (namespace, id) = match encoding {
            0 => (0, Id::Number(self.u8()?.into())),
            1 => (self.u8()?.into(), Id::Number(self.u16()?.into())),
            2 => (self.u16()?, Id::Number(self.u32()?)),
            3 => (self.u16()?, Id::Text(self.bytes()?)),
            4 => (self.u16()?, Id::Guid(self.array()?)),
            5 => (self.u16()?, Id::Opaque(self.bytes()?)),
            other => return Err(Problem::Encoding(other)),
        };
        Ok(NodeId { namespace, id })
    }

    fn expanded_node(&mut self) -> Result<(), Problem> {
        let encoding = self.u8()?;
        self.node_of(encoding & 0x3F)?;
        if encoding & 0x80 != 0 {
            self.bytes()?;
        }
        if encoding & 0x40 != 0 { self.u32().map(drop) } else { Ok(()) }
    }

    pub(super) fn qualified_name(&mut self) -> Result<(), Problem> {
        self.u16()?;
        self.bytes().map(drop)
    }

    /// The type of an extension object; its body is skipped.
    pub(super) fn extension(&mut self) -> Result<NodeId<'a>, Problem> {
        self.object().map(|(kind, _)| kind)
    }

    /// The type of an extension object, and its body.
    pub(super) fn object(&mut self) -> Result<(NodeId<'a>, &'a [u8]), Problem> {
        let kind = self.node()?;
        match self.u8()? {
            0 => Ok((kind, &[])),
            1 | 2 => Ok((kind, self.bytes()?)),
            other => Err(Problem::Encoding(other)),
        }
    }

    fn localized(&mut self) -> Result<(), Problem> {
        let mask = self.u8()?;
        (0..(mask & 3).count_ones()).try_for_each(|_| self.bytes().map(drop))
    }

    pub(super) fn diagnostic(&mut self, depth: u8) -> Result<(), Problem> {
        let depth = depth.checked_sub(1).ok_or(Problem::Depth)?;
        let mask = self.u8()?;
        self.take(4 * (mask & 0x0F).count_ones() as usize)?;
        if mask & 0x10 != 0 {
            self.bytes()?;
        }
        if mask & 0x20 != 0 {
            self.u32()?;
        }
        if mask & 0x40 != 0 { self.diagnostic(depth) } else { Ok(()) }
    }

    /// The variant of a data value, empty where it has none.
    pub(super) fn data_value(&mut self) -> Result<&'a [u8], Problem> {
        let mut value = *self;
        self.data_value_in(MAX_DEPTH)?;
        let mask = value.u8()?;
        if mask & 1 == 0 {
            return Ok(&[]);
        }
        let from = value.rest();
        value.variant(MAX_DEPTH)?;
        Ok(from.get(..from.len() - value.remaining()).unwrap_or_default())
    }

    /// Skips a variant.
    pub(super) fn argument(&mut self) -> Result<(), Problem> {
        self.variant(MAX_DEPTH)
    }

    /// A list of strings, skipped.
    pub(super) fn strings(&mut self) -> Result<(), Problem> {
        let count = self.count()?;
        (0..count).try_for_each(|_| self.bytes().map(drop))
    }

    fn data_value_in(&mut self, depth: u8) -> Result<(), Problem> {
        let mask = self.u8()?;
        if mask & 1 != 0 {
            self.variant(depth)?;
        }
        // Status, source time, server time, and the pico-seconds of both.
        let sizes = [(2, 4), (4, 8), (8, 8), (16, 2), (32, 2)];
        let rest = sizes.iter().filter(|(bit, _)| mask & bit != 0).map(|(_, size)| size).sum();
        self.take(rest).map(drop)
    }

    fn variant(&mut self, depth: u8) -> Result<(), Problem> {
        let depth = depth.checked_sub(1).ok_or(Problem::Depth)?;
        let encoding = self.u8()?;
        let count = if encoding & 0x80 != 0 { self.count()? } else { 1 };
        for _ in 0..count {
            self.scalar(encoding & 0x3F, depth)?;
        }
        if encoding & 0x40 != 0 {
            let dimensions = self.count()?;
            self.take(dimensions.saturating_mul(4))?;
        }
        Ok(())
    }

    fn scalar(&mut self, kind: u8, depth: u8) -> Result<(), Problem> {
        let size = match kind {
            0 => 0,
            1..=3 => 1,
            4 | 5 => 2,
            6 | 7 | 10 | 19 => 4,
            8 | 9 | 11 | 13 => 8,
            14 => 16,
            12 | 15 | 16 => return self.bytes().map(drop),
            17 => return self.node().map(drop),
            18 => return self.expanded_node(),
            20 => return self.qualified_name(),
            21 => return self.localized(),
            22 => return self.extension().map(drop),
            23 => return self.data_value_in(depth),
            24 => return self.variant(depth),
            25 => return self.diagnostic(depth),
            other => return Err(Problem::Encoding(other)),
        };
        self.take(size).map(drop)
    }
}
