//! Data types: the type code in each tag answer (Volume 1, appendix C-6.1; structures: 1756-PM020).

use super::Error;
use super::reader::{Reader, put16};
use std::fmt;

macro_rules! elementary {
    ($($(#[$doc:meta])* $name:ident $text:literal = $code:literal, $size:literal;)*) => {
        /// An elementary type of fixed size.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Elementary {
            $($(#[$doc])* $name,)*
        }

        impl Elementary {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Code on the wire.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self { $(Self::$name => $code,)* }
            }

            /// Bytes of one value.
            #[must_use]
            pub const fn size(self) -> usize {
                match self { $(Self::$name => $size,)* }
            }

            /// Name in the standard.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

elementary! {
    /// One byte, 0 or not.
    Bool "BOOL" = 0xC1, 1;
    /// Signed, 8 bits.
    Sint "SINT" = 0xC2, 1;
    /// Signed, 16 bits.
    Int "INT" = 0xC3, 2;
    /// Signed, 32 bits.
    Dint "DINT" = 0xC4, 4;
    /// Signed, 64 bits.
    Lint "LINT" = 0xC5, 8;
    /// Unsigned, 8 bits.
    Usint "USINT" = 0xC6, 1;
    /// Unsigned, 16 bits.
    Uint "UINT" = 0xC7, 2;
    /// Unsigned, 32 bits.
    Udint "UDINT" = 0xC8, 4;
    /// Unsigned, 64 bits.
    Ulint "ULINT" = 0xC9, 8;
    /// IEEE 754 single.
    Real "REAL" = 0xCA, 4;
    /// IEEE 754 double.
    Lreal "LREAL" = 0xCB, 8;
    /// Eight bits.
    Byte "BYTE" = 0xD1, 1;
    /// Sixteen bits.
    Word "WORD" = 0xD2, 2;
    /// Thirty-two bits: what arrays of BOOL are made of.
    Dword "DWORD" = 0xD3, 4;
    /// Sixty-four bits.
    Lword "LWORD" = 0xD4, 8;
}

impl Elementary {
    /// The type with the code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().find(|known| known.code() == code).copied()
    }

    /// Whether it is a string of bits rather than a number.
    #[must_use]
    pub const fn is_bits(self) -> bool {
        matches!(self, Self::Byte | Self::Word | Self::Dword | Self::Lword)
    }
}

/// What stands before the data of a read or write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One elementary type.
    Elementary(Elementary),
    /// A structure, by its handle: a checksum of its definition, so that it changes when the definition does.
    Structure(u16),
    /// Any other type code.
    Other(u16),
}

/// Code before a structure handle.
pub const STRUCTURE: u16 = 0x02A0;

impl Kind {
    /// Bytes on the wire.
    #[must_use]
    pub const fn wire_size(self) -> usize {
        if matches!(self, Self::Structure(_)) { 4 } else { 2 }
    }

    /// Appends it.
    pub fn emit(self, out: &mut Vec<u8>) {
        match self {
            Self::Elementary(kind) => put16(out, kind.code().into()),
            Self::Structure(handle) => {
                put16(out, STRUCTURE);
                put16(out, handle);
            }
            Self::Other(code) => put16(out, code),
        }
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let code = r.u16()?;
        if code == STRUCTURE {
            return Ok(Self::Structure(r.u16()?));
        }
        let elementary = u8::try_from(code).ok().and_then(Elementary::from_code);
        Ok(elementary.map_or(Self::Other(code), Self::Elementary))
    }

    /// Splits what a read answers into type and data.
    ///
    /// # Errors
    /// Fewer bytes than a type needs.
    pub fn split(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let mut r = Reader::new(bytes);
        let kind = Self::read(&mut r)?;
        Ok((kind, r.all()))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elementary(kind) => f.write_str(kind.name()),
            Self::Structure(handle) => write!(f, "structure {handle:#06x}"),
            Self::Other(code) => write!(f, "type {code:#06x}"),
        }
    }
}

/// The type word of a symbol or of a template's member (1756-PM020, "Symbol type attribute").
///
/// ```text
///  15         14 13        12      11 ... 0
///  structure  dimensions   system  type code, or template instance; BOOL: bit position in 10..8
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SymbolType(pub u16);

impl SymbolType {
    /// An elementary tag with 0 to 3 dimensions.
    #[must_use]
    pub const fn elementary(kind: Elementary, dimensions: u16) -> Self {
        Self(kind.code() as u16 | (dimensions & 3) << 13)
    }

    /// A structure with 0 to 3 dimensions.
    #[must_use]
    pub const fn structure(template: u16, dimensions: u16) -> Self {
        Self(0x8000 | template & 0x0FFF | (dimensions & 3) << 13)
    }

    /// The template of a structure, 1 to 4,095.
    #[must_use]
    pub const fn template(self) -> Option<u16> {
        if self.0 & 0x8000 != 0 { Some(self.0 & 0x0FFF) } else { None }
    }

    /// The elementary type, if it is one that is known.
    #[must_use]
    pub fn kind(self) -> Option<Elementary> {
        if self.template().is_some() { None } else { Elementary::from_code((self.0 & 0xFF) as u8) }
    }

    /// Dimensions of an array, 0 to 3.
    #[must_use]
    pub const fn dimensions(self) -> u16 {
        self.0 >> 13 & 3
    }

    /// A tag of the controller itself, not of the program.
    #[must_use]
    pub const fn is_system(self) -> bool {
        self.0 & 0x1000 != 0
    }
}
