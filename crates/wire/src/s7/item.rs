//! Items: what a read or write addresses.

use super::{Error, be16};

/// A memory area of the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Area {
    /// Inputs as they stand at the terminals, past the process image (PIW, `:P`).
    Peripheral,
    /// Process image of the inputs (I, German E).
    Inputs,
    /// Process image of the outputs (Q, German A).
    Outputs,
    /// Flags, bit memory (M).
    Flags,
    /// A data block (DB).
    Db,
    /// Counters (C, German Z).
    Counters,
    /// Timers (T).
    Timers,
}

impl Area {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Peripheral, Self::Inputs, Self::Outputs, Self::Flags, Self::Db, Self::Counters, Self::Timers];

    /// Code on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Counters => 0x1C,
            Self::Timers => 0x1D,
            Self::Peripheral => 0x80,
            Self::Inputs => 0x81,
            Self::Outputs => 0x82,
            Self::Flags => 0x83,
            Self::Db => 0x84,
        }
    }

    /// The area with this code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|area| area.code() == code)
    }

    /// Whether elements are numbered words, not bytes.
    #[must_use]
    pub const fn is_numbered(self) -> bool {
        matches!(self, Self::Counters | Self::Timers)
    }
}

/// What one element of an item is ("transport size" of a request).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Size {
    /// One bit; only one per item.
    Bit,
    /// A byte.
    Byte,
    /// A character.
    Char,
    /// 16 bits.
    Word,
    /// 16 bits, signed.
    Int,
    /// 32 bits.
    DWord,
    /// 32 bits, signed.
    DInt,
    /// IEEE 754 single.
    Real,
    /// A counter.
    Counter,
    /// A timer.
    Timer,
}

impl Size {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Bit,
        Self::Byte,
        Self::Char,
        Self::Word,
        Self::Int,
        Self::DWord,
        Self::DInt,
        Self::Real,
        Self::Counter,
        Self::Timer,
    ];

    /// Code in a request.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Bit => 1,
            Self::Byte => 2,
            Self::Char => 3,
            Self::Word => 4,
            Self::Int => 5,
            Self::DWord => 6,
            Self::DInt => 7,
            Self::Real => 8,
            Self::Counter => 0x1C,
            Self::Timer => 0x1D,
        }
    }

    /// The size with this code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|size| size.code() == code)
    }

    /// Bytes of one element; a bit travels in a byte.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Bit | Self::Byte | Self::Char => 1,
            Self::Word | Self::Int | Self::Counter | Self::Timer => 2,
            Self::DWord | Self::DInt | Self::Real => 4,
        }
    }

    /// Code before data, and whether its length counts bits.
    #[must_use]
    pub const fn data_code(self) -> (u8, bool) {
        match self {
            Self::Bit => (3, true),
            Self::Byte | Self::Char | Self::Word | Self::DWord => (4, true),
            Self::Int => (5, true),
            Self::DInt => (6, false),
            Self::Real => (7, false),
            Self::Counter | Self::Timer => (9, false),
        }
    }
}

/// One variable in "S7 any" form (syntax 10 hex).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Item {
    /// Where.
    pub area: Area,
    /// Number of the data block, 0 elsewhere.
    pub db: u16,
    /// In bits (byte * 8 + bit), 0 to 2^24 - 1; the number for counters and timers.
    pub address: u32,
    /// What one element is.
    pub size: Size,
    /// How many, at least 1; exactly 1 for bits.
    pub count: u16,
}

impl Item {
    /// Bytes of an item on the wire.
    pub const LENGTH: usize = 12;
    /// Largest byte address.
    pub const MAX_BYTE: u32 = (1 << 21) - 1;

    /// `count` bytes from byte `start`.
    #[must_use]
    pub const fn bytes_at(area: Area, db: u16, start: u32, count: u16) -> Self {
        Self { area, db, address: start << 3, size: Size::Byte, count }
    }

    /// One bit, 0 to 7 of a byte.
    #[must_use]
    pub const fn bit_at(area: Area, db: u16, byte: u32, bit: u8) -> Self {
        Self { area, db, address: (byte << 3) | (bit & 7) as u32, size: Size::Bit, count: 1 }
    }

    /// `count` counters or timers from `number`.
    #[must_use]
    pub const fn numbered(area: Area, number: u16, count: u16) -> Self {
        let size = if matches!(area, Area::Counters) { Size::Counter } else { Size::Timer };
        Self { area, db: 0, address: number as u32, size, count }
    }

    /// Bytes of its data.
    #[must_use]
    pub const fn data_length(&self) -> usize {
        self.size.bytes() * self.count as usize
    }

    /// Checks what [`Item::emit`] does not.
    ///
    /// # Errors
    /// A count or an address that no item has.
    pub fn validate(&self) -> Result<(), Error> {
        let max = if self.size == Size::Bit { 1 } else { usize::from(u16::MAX) };
        if self.count == 0 || usize::from(self.count) > max {
            return Err(Error::Count { what: "the count of an item", got: self.count.into(), min: 1, max });
        }
        if self.address >= 1 << 24 {
            return Err(Error::Value { field: "an address", got: self.address });
        }
        let element = matches!(self.size, Size::Counter | Size::Timer);
        if element != self.area.is_numbered() {
            return Err(Error::Value {
                field: "the size of an item in this area",
                got: self.size.code().into(),
            });
        }
        if !element && self.size != Size::Bit && self.address & 7 != 0 {
            return Err(Error::Value { field: "the bit of an item that is none", got: self.address & 7 });
        }
        Ok(())
    }

    /// Appends its twelve bytes.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let [_, a, b, c] = self.address.to_be_bytes();
        let ([count_hi, count_lo], [db_hi, db_lo]) = (self.count.to_be_bytes(), self.db.to_be_bytes());
        let size = self.size.code();
        out.extend_from_slice(&[
            0x12,
            0x0A,
            0x10,
            size,
            count_hi,
            count_lo,
            db_hi,
            db_lo,
            self.area.code(),
            a,
            b,
            c,
        ]);
    }

    /// Reads twelve bytes.
    ///
    /// # Errors
    /// Another syntax, an unknown area or size, or what [`Item::validate`] refuses.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let short = Error::Truncated { what: "an item", need: Self::LENGTH, have: bytes.len() };
        let [spec, length, syntax, size, ..] = bytes else { return Err(short) };
        if (*spec, *length, *syntax) != (0x12, 0x0A, 0x10) {
            return Err(Error::Value { field: "the syntax of an item", got: (*syntax).into() });
        }
        let [area, a, b, c] = *bytes.get(8..).and_then(|b| b.first_chunk()).ok_or(short)?;
        let item = Self {
            area: Area::from_code(area).ok_or(Error::Value { field: "the area", got: area.into() })?,
            db: be16(bytes, 6).ok_or(short)?,
            address: u32::from_be_bytes([0, a, b, c]),
            size: Size::from_code(*size)
                .ok_or(Error::Value { field: "the size of an item", got: (*size).into() })?,
            count: be16(bytes, 4).ok_or(short)?,
        };
        item.validate()?;
        Ok(item)
    }
}
