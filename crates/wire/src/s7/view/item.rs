//! A look at one addressed variable.

use crate::s7::{be16, table};
use std::fmt;

/// One addressed variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemView<'a> {
    bytes: &'a [u8],
}

impl<'a> ItemView<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Syntax: 10 S7 any, B0 DB read, B2 symbolic (S7-1200), 82 to 84 NC.
    #[must_use]
    pub fn syntax(&self) -> Option<u8> {
        self.bytes.get(2).copied()
    }

    pub(super) fn any(&self) -> bool {
        self.syntax() == Some(0x10)
    }

    /// Area code, in S7 any form.
    #[must_use]
    pub fn area(&self) -> Option<u8> {
        self.bytes.get(8).copied().filter(|_| self.any())
    }

    /// Number of the data block.
    #[must_use]
    pub fn db(&self) -> Option<u16> {
        match self.syntax()? {
            0x10 => be16(self.bytes, 6),
            0xB0 => be16(self.bytes, 5),
            _ => None,
        }
    }

    /// Address in bits; the number for counters and timers.
    #[must_use]
    pub fn address(&self) -> Option<u32> {
        let [a, b, c] = *self.bytes.get(9..)?.first_chunk()?;
        self.any().then_some(u32::from_be_bytes([0, a, b, c]))
    }

    /// Code of an element and how many.
    #[must_use]
    pub fn size(&self) -> Option<(u8, u16)> {
        if !self.any() {
            return None;
        }
        Some((*self.bytes.get(3)?, be16(self.bytes, 4)?))
    }
}

/// As an engineer writes it: `DB10.DBX4.0 REAL 1`.
impl fmt::Display for ItemView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(area), Some(address), Some((size, count))) = (self.area(), self.address(), self.size())
        else {
            return match self.syntax() {
                Some(syntax) => write!(f, "item of syntax {syntax:02X}"),
                None => f.write_str("item"),
            };
        };
        let (byte, bit) = (address >> 3, address & 7);
        match (area, table::area_name(area)) {
            (0x84 | 0x85, Some(name)) => {
                write!(f, "{name}{}.{name}X{byte}.{bit}", self.db().unwrap_or_default())?;
            }
            (0x1C..=0x1F, Some(name)) => write!(f, "{name}{address}")?,
            (_, Some(name)) => write!(f, "{name}{byte}.{bit}")?,
            (code, None) => write!(f, "area {code:02X} {byte}.{bit}")?,
        }
        let size = match size {
            1 => "BOOL",
            2 => "BYTE",
            3 => "CHAR",
            4 => "WORD",
            5 => "INT",
            6 => "DWORD",
            7 => "DINT",
            8 => "REAL",
            _ => "",
        };
        if size.is_empty() { write!(f, " x{count}") } else { write!(f, " {size} {count}") }
    }
}
