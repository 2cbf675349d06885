//! The tag list and the definitions of structures (1756-PM020, "Retrieving tag information").

use super::reader::{Reader, put16, put32};
use super::{Error, SymbolType};

/// Attributes of a symbol.
pub mod attribute {
    /// Name.
    pub const NAME: u16 = 1;
    /// Type word.
    pub const TYPE: u16 = 2;
    /// Three dimensions.
    pub const DIMENSIONS: u16 = 8;
    /// Who outside the controller may read or write it.
    pub const EXTERNAL_ACCESS: u16 = 10;
}

/// Most symbols of one answer: an entry has at least six bytes.
const MAX_SYMBOLS: usize = 65_535 / 6;

/// One tag of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Instance of the symbol class.
    pub instance: u32,
    /// Name; `Program:Name` is a program.
    pub name: String,
    /// Type.
    pub kind: SymbolType,
    /// Elements of each dimension, 0 where there is none.
    pub dimensions: [u32; 3],
    /// 0 read and write, 2 read only, 3 none; `None` where the controller does not tell.
    pub access: Option<u8>,
}

impl Symbol {
    /// Reads the answer to Get Instance Attribute List, asked for `attributes`.
    ///
    /// # Errors
    /// Entries that do not fit, attributes of unknown size.
    pub fn parse_list(data: &[u8], attributes: &[u16]) -> Result<Vec<Self>, Error> {
        let mut r = Reader::new(data);
        let mut symbols = Vec::new();
        while r.remaining() > 0 && symbols.len() < MAX_SYMBOLS {
            let mut symbol = Self {
                instance: r.u32()?,
                name: String::new(),
                kind: SymbolType(0),
                dimensions: [0; 3],
                access: None,
            };
            for attribute in attributes {
                symbol.read_attribute(*attribute, &mut r)?;
            }
            symbols.push(symbol);
        }
        r.finish()?;
        Ok(symbols)
    }

    fn read_attribute(&mut self, attribute: u16, r: &mut Reader<'_>) -> Result<(), Error> {
        match attribute {
            attribute::NAME => {
                let count = usize::from(r.u16()?);
                let name = std::str::from_utf8(r.take(count)?).map_err(|_| Error::Text)?;
                self.name = name.to_owned();
            }
            attribute::TYPE => self.kind = SymbolType(r.u16()?),
            attribute::DIMENSIONS => self.dimensions = [r.u32()?, r.u32()?, r.u32()?],
            attribute::EXTERNAL_ACCESS => self.access = Some(r.u8()?),
            // Symbol address, symbol object address, software control.
            3 | 5 | 6 => {
                r.u32()?;
            }
            // Bytes of the type.
            7 => {
                r.u16()?;
            }
            other => return Err(Error::Value { field: "symbol attribute", got: other.into() }),
        }
        Ok(())
    }

    /// Appends the entry with `attributes`; those of unknown size are left out.
    pub fn emit(&self, attributes: &[u16], out: &mut Vec<u8>) {
        put32(out, self.instance);
        for attribute in attributes {
            match *attribute {
                attribute::NAME => {
                    put16(out, u16::try_from(self.name.len()).unwrap_or(u16::MAX));
                    out.extend_from_slice(self.name.as_bytes());
                }
                attribute::TYPE => put16(out, self.kind.0),
                attribute::DIMENSIONS => self.dimensions.iter().for_each(|d| put32(out, *d)),
                attribute::EXTERNAL_ACCESS => out.push(self.access.unwrap_or(0)),
                3 | 5 => put32(out, 0),
                // Software control: this is the tag itself, not an alias.
                6 => put32(out, 1 << 26),
                7 => put16(out, 0),
                _ => {}
            }
        }
    }
}

/// What the attributes of a template say of its definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateSize {
    /// Size of the definition in 32-bit words (attribute 4).
    pub definition_words: u32,
    /// Bytes of one structure on the wire (attribute 5).
    pub structure_bytes: u32,
    /// Members (attribute 2).
    pub members: u16,
    /// Handle (attribute 1): stands before the structure's data.
    pub handle: u16,
}

impl TemplateSize {
    /// The attributes to ask for, in this order.
    pub const ATTRIBUTES: [u16; 4] = [4, 5, 2, 1];

    /// Bytes of the definition to ask for: its header is not read (1756-PM020, step 3).
    #[must_use]
    pub const fn definition_bytes(&self) -> u32 {
        self.definition_words.saturating_mul(4).saturating_sub(23)
    }

    /// Appends the answer to Get Attribute List for [`TemplateSize::ATTRIBUTES`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        put16(out, 4);
        for (attribute, value) in [
            (4, self.definition_words),
            (5, self.structure_bytes),
            (2, self.members.into()),
            (1, self.handle.into()),
        ] {
            put16(out, attribute);
            put16(out, 0);
            if attribute >= 4 {
                put32(out, value);
            } else {
                put16(out, (value & 0xFFFF) as u16);
            }
        }
    }

    /// Reads the answer to Get Attribute List for [`TemplateSize::ATTRIBUTES`].
    ///
    /// # Errors
    /// Another list, or an attribute that is not there.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(data);
        let count = r.u16()?;
        if count != 4 {
            return Err(Error::Quantity { what: "attributes", got: count.into(), min: 4, max: 4 });
        }
        let mut attribute = |expected: u16| -> Result<u32, Error> {
            let (got, status) = (r.u16()?, r.u16()?);
            if got != expected {
                return Err(Error::Echo { field: "attribute", expected: expected.into(), got: got.into() });
            }
            if status != 0 {
                return Err(Error::Value { field: "status of an attribute", got: status.into() });
            }
            if expected >= 4 { r.u32() } else { r.u16().map(u32::from) }
        };
        let (definition_words, structure_bytes) = (attribute(4)?, attribute(5)?);
        let (members, handle) = (attribute(2)?, attribute(1)?);
        r.finish()?;
        Ok(Self {
            definition_words,
            structure_bytes,
            members: (members & 0xFFFF) as u16,
            handle: (handle & 0xFFFF) as u16,
        })
    }
}

/// One member of a structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name; hidden ones begin with `ZZZZZZZZZZ` or `__`.
    pub name: String,
    /// Its type.
    pub kind: SymbolType,
    /// Elements of an array; for BOOL, its bit in the byte at `offset`.
    pub info: u16,
    /// Where it lies in the structure's data.
    pub offset: u32,
}

impl Member {
    /// Whether people see it.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.name.starts_with("ZZZZZZZZZZ") || self.name.starts_with("__") || self.name.is_empty()
    }
}

/// The definition of a structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Name of the type.
    pub name: String,
    /// Its members in order.
    pub members: Vec<Member>,
}

impl Template {
    /// Reads a definition of `count` members: eight bytes each, then the names, each ended by a zero: the type's (up to
    /// a semicolon), then the members'.
    ///
    /// # Errors
    /// Fewer bytes or names than members.
    pub fn parse(data: &[u8], count: u16) -> Result<Self, Error> {
        let mut r = Reader::new(data);
        let mut members = Vec::with_capacity(usize::from(count).min(r.remaining() / 8));
        for _ in 0..count {
            let (info, kind, offset) = (r.u16()?, SymbolType(r.u16()?), r.u32()?);
            members.push(Member { name: String::new(), kind, info, offset });
        }
        let text = r.all();
        let mut names = text.split(|byte| *byte == 0);
        let short = || Error::Truncated { need: data.len() + 1, have: data.len() };
        let name = names.next().ok_or_else(short)?;
        let name = name.split(|byte| *byte == b';').next().unwrap_or_default();
        let plain = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Error::Text);
        let name = plain(name)?;
        for member in &mut members {
            member.name = plain(names.next().ok_or_else(short)?)?;
        }
        Ok(Self { name, members })
    }

    /// Appends the definition.
    pub fn emit(&self, out: &mut Vec<u8>) {
        for member in &self.members {
            put16(out, member.info);
            put16(out, member.kind.0);
            put32(out, member.offset);
        }
        out.extend_from_slice(self.name.as_bytes());
        out.extend_from_slice(b";n\0");
        for member in &self.members {
            out.extend_from_slice(member.name.as_bytes());
            out.push(0);
        }
    }

    /// Characters of a string type: a length and an array of characters, as STRING is.
    #[must_use]
    pub fn text_length(&self) -> Option<u16> {
        match self.members.as_slice() {
            [len, data]
                if len.name == "LEN"
                    && data.name == "DATA"
                    && len.kind.kind() == Some(super::Elementary::Dint)
                    && data.kind.kind() == Some(super::Elementary::Sint) =>
            {
                Some(data.info)
            }
            _ => None,
        }
    }
}

/// Class and attributes that tell whether the program was changed (1756-PM020, "Maintaining symbol cache coherency").
pub mod changes {
    /// The class.
    pub const CLASS: u32 = 0xAC;
    /// The attributes: when any byte of the answer changes, tags and definitions are to be read again.
    pub const ATTRIBUTES: [u16; 5] = [1, 2, 3, 4, 10];
    /// Bytes of each.
    pub const SIZES: [usize; 5] = [2, 2, 4, 4, 4];
}

/// Appends the answer to Get Attribute List for [`changes::ATTRIBUTES`].
pub fn emit_changes(values: [u32; 5], out: &mut Vec<u8>) {
    put16(out, 5);
    for ((value, attribute), size) in values.into_iter().zip(changes::ATTRIBUTES).zip(changes::SIZES) {
        put16(out, attribute);
        put16(out, 0);
        if size == 2 {
            put16(out, (value & 0xFFFF) as u16);
        } else {
            put32(out, value);
        }
    }
}
