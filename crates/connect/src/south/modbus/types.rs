//! Types: from register bytes to values and back. Pure.
//!
//! Orders are written as people know them: A is the most significant byte of a 32-bit value. `ABCD` is big-endian as
//! the standard has it, `CDAB` has the low word first, `BADC` swaps the bytes of every register, `DCBA` does both. The
//! same two switches apply to 64-bit values (`CDAB` is `GHEFCDAB`) and, for the bytes, to 16-bit ones and to bits.

use crate::south::tags::{Precision, Scaling, agrees, to_bool, to_double, to_single, to_whole};
use model::{Status, Value, ValueType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What stands in the registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// A coil, a discrete input, one bit of a register, or a whole register that is not 0.
    Bool,
    /// Signed 16-bit integer.
    I16,
    /// Unsigned 16-bit integer.
    U16,
    /// Signed 32-bit integer.
    I32,
    /// Unsigned 32-bit integer.
    U32,
    /// Signed 64-bit integer.
    I64,
    /// Unsigned 64-bit integer.
    U64,
    /// IEEE 754 single.
    F32,
    /// IEEE 754 double.
    F64,
    /// Four decimal digits in one register.
    Bcd16,
    /// Eight decimal digits in two registers.
    Bcd32,
    /// Characters; needs `length`.
    Text,
}

impl Type {
    /// The name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::I16 => "i16",
            Self::U16 => "u16",
            Self::I32 => "i32",
            Self::U32 => "u32",
            Self::I64 => "i64",
            Self::U64 => "u64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Bcd16 => "bcd16",
            Self::Bcd32 => "bcd32",
            Self::Text => "text",
        }
    }

    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Bool,
        Self::I16,
        Self::U16,
        Self::I32,
        Self::U32,
        Self::I64,
        Self::U64,
        Self::F32,
        Self::F64,
        Self::Bcd16,
        Self::Bcd32,
        Self::Text,
    ];

    /// Lowest and highest raw number; `None` where there is no integer limit.
    fn bounds(self) -> Option<(i128, i128)> {
        Some(match self {
            Self::I16 => (i16::MIN.into(), i16::MAX.into()),
            Self::U16 => (0, u16::MAX.into()),
            Self::I32 => (i32::MIN.into(), i32::MAX.into()),
            Self::U32 => (0, u32::MAX.into()),
            Self::I64 => (i64::MIN.into(), i64::MAX.into()),
            Self::U64 => (0, u64::MAX.into()),
            Self::Bcd16 => (0, 9_999),
            Self::Bcd32 => (0, 99_999_999),
            Self::Bool | Self::F32 | Self::F64 | Self::Text => return None,
        })
    }
}

/// Order of words and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum Order {
    /// Big-endian, as the standard has it.
    #[default]
    #[serde(alias = "ABCDEFGH")]
    ABCD,
    /// Low word first, bytes big-endian.
    #[serde(alias = "GHEFCDAB")]
    CDAB,
    /// High word first, bytes of each register swapped.
    #[serde(alias = "BADCFEHG")]
    BADC,
    /// Little-endian.
    #[serde(alias = "HGFEDCBA")]
    DCBA,
}

impl Order {
    /// The name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ABCD => "ABCD",
            Self::CDAB => "CDAB",
            Self::BADC => "BADC",
            Self::DCBA => "DCBA",
        }
    }

    /// All of them.
    pub const ALL: [Self; 4] = [Self::ABCD, Self::CDAB, Self::BADC, Self::DCBA];

    const fn words_swapped(self) -> bool {
        matches!(self, Self::CDAB | Self::DCBA)
    }

    const fn bytes_swapped(self) -> bool {
        matches!(self, Self::BADC | Self::DCBA)
    }
}

/// How characters lie in registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Packing {
    /// Two per register, the first in the high byte.
    #[default]
    HighFirst,
    /// Two per register, the first in the low byte.
    LowFirst,
    /// One per register, in the low byte.
    LowByte,
    /// One per register, in the high byte.
    HighByte,
}

impl Packing {
    /// The name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HighFirst => "high-first",
            Self::LowFirst => "low-first",
            Self::LowByte => "low-byte",
            Self::HighByte => "high-byte",
        }
    }

    /// All of them.
    pub const ALL: [Self; 4] = [Self::HighFirst, Self::LowFirst, Self::LowByte, Self::HighByte];
}

/// How to read and write one point.
#[derive(Clone, Debug, PartialEq)]
pub struct Codec {
    /// What stands in the registers.
    pub kind: Type,
    /// Order of words and bytes.
    pub order: Order,
    /// Bit of a register.
    pub bit: Option<u8>,
    /// Characters of a text.
    pub length: u16,
    /// Packing of a text.
    pub packing: Packing,
    /// Scaling, boxed: most points have none.
    pub scaling: Option<Box<Scaling>>,
}

impl Codec {
    /// A codec without scaling, in the given order.
    #[cfg(test)]
    pub fn plain(kind: Type, order: Order) -> Self {
        Self { kind, order, bit: None, length: 0, packing: Packing::HighFirst, scaling: None }
    }

    /// Registers it takes.
    pub const fn registers(&self) -> u16 {
        match self.kind {
            Type::Bool | Type::I16 | Type::U16 | Type::Bcd16 => 1,
            Type::I32 | Type::U32 | Type::F32 | Type::Bcd32 => 2,
            Type::I64 | Type::U64 | Type::F64 => 4,
            Type::Text => match self.packing {
                Packing::HighFirst | Packing::LowFirst => self.length.div_ceil(2),
                Packing::LowByte | Packing::HighByte => self.length,
            },
        }
    }

    /// The type of its raw values.
    pub const fn raw_type(&self) -> ValueType {
        match self.kind {
            Type::Bool => ValueType::Bool,
            Type::Text => ValueType::Text,
            Type::F32 | Type::F64 => ValueType::F64,
            Type::U16 | Type::U32 | Type::U64 | Type::Bcd16 | Type::Bcd32 => ValueType::U64,
            Type::I16 | Type::I32 | Type::I64 => ValueType::I64,
        }
    }

    /// The value in `bytes`, which must be at least as long as its registers.
    pub fn decode(&self, bytes: &[u8]) -> (Value, Status) {
        let Some(bytes) = bytes.get(..usize::from(self.registers()) * 2) else {
            return (Value::None, Status::BAD_DECODING_ERROR);
        };
        if self.kind == Type::Text {
            return (Value::Text(self.text(bytes).into()), Status::GOOD);
        }
        let raw = self.assemble(bytes);
        // The casts keep the bits: that is what reading a register as a signed number means.
        let value = match self.kind {
            Type::Bool => {
                return (Value::Bool(self.bit.map_or(raw != 0, |bit| raw & (1 << bit) != 0)), Status::GOOD);
            }
            Type::I16 => Value::I64((raw as u16 as i16).into()),
            Type::I32 => Value::I64((raw as u32 as i32).into()),
            Type::I64 => Value::I64(raw as i64),
            Type::U16 | Type::U32 | Type::U64 => Value::U64(raw),
            Type::F32 => Value::F64(f32::from_bits(raw as u32).into()),
            Type::F64 => Value::F64(f64::from_bits(raw)),
            Type::Bcd16 | Type::Bcd32 => match bcd_to_number(raw) {
                Some(number) => Value::U64(number),
                None => return (Value::None, Status::BAD_DECODING_ERROR),
            },
            Type::Text => Value::None,
        };
        match &self.scaling {
            None => (value, Status::GOOD),
            Some(scaling) => scaling.apply(value),
        }
    }

    fn assemble(&self, bytes: &[u8]) -> u64 {
        let (pairs, _) = bytes.as_chunks::<2>();
        let register = |pair: &[u8; 2]| {
            u64::from(if self.order.bytes_swapped() {
                u16::from_le_bytes(*pair)
            } else {
                u16::from_be_bytes(*pair)
            })
        };
        if self.order.words_swapped() {
            pairs.iter().rev().fold(0, |raw, pair| raw << 16 | register(pair))
        } else {
            pairs.iter().fold(0, |raw, pair| raw << 16 | register(pair))
        }
    }

    fn disassemble(&self, raw: u64) -> Vec<u16> {
        let count = u32::from(self.registers());
        let mut words: Vec<u16> = (0..count).rev().map(|i| (raw >> (16 * i)) as u16).collect();
        if self.order.words_swapped() {
            words.reverse();
        }
        if self.order.bytes_swapped() {
            words.iter_mut().for_each(|word| *word = word.swap_bytes());
        }
        words
    }

    fn text(&self, bytes: &[u8]) -> String {
        let (pairs, _) = bytes.as_chunks::<2>();
        let mut characters: Vec<u8> = Vec::with_capacity(bytes.len());
        for [high, low] in pairs {
            match self.packing {
                Packing::HighFirst => characters.extend([*high, *low]),
                Packing::LowFirst => characters.extend([*low, *high]),
                Packing::LowByte => characters.push(*low),
                Packing::HighByte => characters.push(*high),
            }
        }
        characters.truncate(self.length.into());
        let end = characters.iter().position(|c| *c == 0).unwrap_or(characters.len());
        characters.truncate(end);
        // What is not UTF-8 is an older device's Latin-1.
        let text = String::from_utf8(characters)
            .unwrap_or_else(|wrong| wrong.into_bytes().into_iter().map(char::from).collect());
        text.trim_end().to_owned()
    }

    /// The registers that stand for `value`.
    ///
    /// # Errors
    /// Why the type cannot hold it.
    pub fn encode(&self, value: &Value) -> Result<Vec<u16>, String> {
        let scaling = self.scaling.as_deref();
        let bits = match self.kind {
            Type::Text => return self.encode_text(value),
            Type::Bool => u64::from(to_bool(value)?) << self.bit.unwrap_or(0),
            Type::F64 => to_double(value, scaling)?.to_bits(),
            Type::F32 => to_single(value, scaling)?.to_bits().into(),
            _ => {
                let (lowest, highest) = self.kind.bounds().unwrap_or((0, 0));
                // Two's complement of any width is the low bits of the 128-bit number.
                let bits = to_whole(value, scaling, lowest..=highest, self.kind.name())? as u64;
                if matches!(self.kind, Type::Bcd16 | Type::Bcd32) { number_to_bcd(bits) } else { bits }
            }
        };
        Ok(self.disassemble(bits))
    }

    fn encode_text(&self, value: &Value) -> Result<Vec<u16>, String> {
        let text = value.as_text().ok_or_else(|| format!("{value} is no text"))?;
        let length = usize::from(self.length);
        if text.len() > length {
            return Err(format!("the text has {} bytes, the device has room for {length}", text.len()));
        }
        let mut characters = text.as_bytes().to_vec();
        characters.resize(usize::from(self.registers()) * 2, 0);
        let (pairs, _) = characters.as_chunks::<2>();
        let count = self.registers().into();
        Ok(match self.packing {
            Packing::HighFirst => pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect(),
            Packing::LowFirst => pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect(),
            Packing::LowByte => characters.iter().take(count).map(|c| u16::from(*c)).collect(),
            Packing::HighByte => characters.iter().take(count).map(|c| u16::from(*c) << 8).collect(),
        })
    }

    /// Whether what was read back is what was written: the same, or within one raw step or the rounding of a single.
    pub fn agrees(&self, written: &Value, read: &Value) -> bool {
        let precision = match self.kind {
            Type::F32 => Precision::Single,
            Type::F64 => Precision::Double,
            _ => Precision::Whole,
        };
        agrees(written, read, self.scaling.as_deref(), precision)
    }

    /// Type and order in words, for the declaration.
    pub fn words(&self) -> String {
        let mut words = self.kind.name().to_owned();
        if self.kind == Type::Text {
            words.push_str(&format!(" {} {}", self.length, self.packing.name()));
        } else if self.registers() > 1 || self.order.bytes_swapped() {
            words.push(' ');
            words.push_str(self.order.name());
        }
        words
    }
}

fn bcd_to_number(raw: u64) -> Option<u64> {
    (0..16)
        .rev()
        .map(|i| raw >> (4 * i) & 0xF)
        .try_fold(0, |number, digit| (digit < 10).then_some(number * 10 + digit))
}

fn number_to_bcd(number: u64) -> u64 {
    let mut rest = number;
    let mut bcd = 0;
    for shift in (0..32).step_by(4) {
        bcd |= (rest % 10) << shift;
        rest /= 10;
    }
    bcd
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::tags::Linear;
    use proptest::prelude::*;

    fn bytes(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_be_bytes()).collect()
    }

    /// type, order, bytes on the wire, value: both directions.
    #[test]
    fn every_type_in_every_order() {
        use Order::*;
        let u32_value = Value::U64(0x0A0B_0C0D);
        let u64_value = Value::U64(0x0102_0304_0506_0708);
        let rows: &[(Type, Order, &[u8], Value)] = &[
            (Type::U16, ABCD, &[0x12, 0x34], Value::U64(0x1234)),
            (Type::U16, CDAB, &[0x12, 0x34], Value::U64(0x1234)),
            (Type::U16, BADC, &[0x34, 0x12], Value::U64(0x1234)),
            (Type::U16, DCBA, &[0x34, 0x12], Value::U64(0x1234)),
            (Type::I16, ABCD, &[0xFF, 0xFE], Value::I64(-2)),
            (Type::I16, DCBA, &[0xFE, 0xFF], Value::I64(-2)),
            (Type::U32, ABCD, &[0x0A, 0x0B, 0x0C, 0x0D], u32_value.clone()),
            (Type::U32, CDAB, &[0x0C, 0x0D, 0x0A, 0x0B], u32_value.clone()),
            (Type::U32, BADC, &[0x0B, 0x0A, 0x0D, 0x0C], u32_value.clone()),
            (Type::U32, DCBA, &[0x0D, 0x0C, 0x0B, 0x0A], u32_value),
            (Type::I32, ABCD, &[0xFF, 0xFF, 0xFF, 0xFD], Value::I64(-3)),
            (Type::I32, CDAB, &[0xFF, 0xFD, 0xFF, 0xFF], Value::I64(-3)),
            (Type::I32, BADC, &[0xFF, 0xFF, 0xFD, 0xFF], Value::I64(-3)),
            (Type::I32, DCBA, &[0xFD, 0xFF, 0xFF, 0xFF], Value::I64(-3)),
            (Type::U64, ABCD, &[1, 2, 3, 4, 5, 6, 7, 8], u64_value.clone()),
            (Type::U64, CDAB, &[7, 8, 5, 6, 3, 4, 1, 2], u64_value.clone()),
            (Type::U64, BADC, &[2, 1, 4, 3, 6, 5, 8, 7], u64_value.clone()),
            (Type::U64, DCBA, &[8, 7, 6, 5, 4, 3, 2, 1], u64_value),
            (Type::I64, ABCD, &[0x80, 0, 0, 0, 0, 0, 0, 0], Value::I64(i64::MIN)),
            (Type::I64, CDAB, &[0, 0, 0, 0, 0, 0, 0x80, 0], Value::I64(i64::MIN)),
            (Type::I64, BADC, &[0, 0x80, 0, 0, 0, 0, 0, 0], Value::I64(i64::MIN)),
            (Type::I64, DCBA, &[0, 0, 0, 0, 0, 0, 0, 0x80], Value::I64(i64::MIN)),
            // 1.5f32 = 3FC00000, -2.25f64 = C002000000000000
            (Type::F32, ABCD, &[0x3F, 0xC0, 0, 0], Value::F64(1.5)),
            (Type::F32, CDAB, &[0, 0, 0x3F, 0xC0], Value::F64(1.5)),
            (Type::F32, BADC, &[0xC0, 0x3F, 0, 0], Value::F64(1.5)),
            (Type::F32, DCBA, &[0, 0, 0xC0, 0x3F], Value::F64(1.5)),
            (Type::F64, ABCD, &[0xC0, 2, 0, 0, 0, 0, 0, 0], Value::F64(-2.25)),
            (Type::F64, CDAB, &[0, 0, 0, 0, 0, 0, 0xC0, 2], Value::F64(-2.25)),
            (Type::F64, BADC, &[2, 0xC0, 0, 0, 0, 0, 0, 0], Value::F64(-2.25)),
            (Type::F64, DCBA, &[0, 0, 0, 0, 0, 0, 2, 0xC0], Value::F64(-2.25)),
            (Type::Bcd16, ABCD, &[0x12, 0x34], Value::U64(1234)),
            (Type::Bcd16, BADC, &[0x34, 0x12], Value::U64(1234)),
            (Type::Bcd32, ABCD, &[0x12, 0x34, 0x56, 0x78], Value::U64(12_345_678)),
            (Type::Bcd32, CDAB, &[0x56, 0x78, 0x12, 0x34], Value::U64(12_345_678)),
            (Type::Bcd32, BADC, &[0x34, 0x12, 0x78, 0x56], Value::U64(12_345_678)),
            (Type::Bcd32, DCBA, &[0x78, 0x56, 0x34, 0x12], Value::U64(12_345_678)),
            (Type::Bool, ABCD, &[0, 1], Value::Bool(true)),
        ];
        for (kind, order, wire, value) in rows {
            let codec = Codec::plain(*kind, *order);
            assert_eq!(codec.decode(wire), (value.clone(), Status::GOOD), "{kind:?} {order:?}");
            assert_eq!(bytes(&codec.encode(value).unwrap()), *wire, "{kind:?} {order:?}");
            assert_eq!(value.value_type(), Some(codec.raw_type()), "{kind:?}");
        }
    }

    #[test]
    fn bits_count_from_the_lowest() {
        let mut codec = Codec::plain(Type::Bool, Order::ABCD);
        codec.bit = Some(3);
        assert_eq!(codec.decode(&[0, 0b1000]).0, Value::Bool(true));
        assert_eq!(codec.decode(&[0xFF, 0b1111_0111]).0, Value::Bool(false));
        codec.bit = Some(15);
        assert_eq!(codec.decode(&[0x80, 0]).0, Value::Bool(true));
        codec.order = Order::DCBA;
        assert_eq!(codec.decode(&[0, 0x80]).0, Value::Bool(true));
    }

    #[test]
    fn text_in_four_packings() {
        for (packing, wire) in [
            (Packing::HighFirst, &b"ABC\0"[..]),
            (Packing::LowFirst, b"BA\0C"),
            (Packing::LowByte, b"\0A\0B\0C"),
            (Packing::HighByte, b"A\0B\0C\0"),
        ] {
            let codec = Codec { length: 3, packing, ..Codec::plain(Type::Text, Order::ABCD) };
            assert_eq!(codec.decode(wire), (Value::from("ABC"), Status::GOOD), "{packing:?}");
            assert_eq!(bytes(&codec.encode(&Value::from("ABC")).unwrap()), wire, "{packing:?}");
        }
        let codec = Codec { length: 6, ..Codec::plain(Type::Text, Order::ABCD) };
        assert_eq!(
            codec.decode(b"B\xE4r\0xx").0,
            Value::from("Bär"),
            "Latin-1, and what follows NUL is not text"
        );
        assert_eq!(codec.decode(b"ab    ").0, Value::from("ab"));
        assert!(codec.encode(&Value::from("sevenths")).is_err());
        assert_eq!(bytes(&codec.encode(&Value::from("ab")).unwrap()), b"ab\0\0\0\0");
    }

    fn scaled(kind: Type, scaling: Scaling) -> Codec {
        Codec { scaling: Some(Box::new(scaling)), ..Codec::plain(kind, Order::ABCD) }
    }

    #[test]
    fn scales_and_finds_broken_sensors() {
        let linear = Some(Linear::between((0.0, 27_648.0), (0.0, 100.0)).unwrap());
        let codec =
            scaled(Type::I16, Scaling { linear, bad_above: Some(32_511.0), bad_below: Some(-4_864.0) });
        assert_eq!(codec.decode(&13_824i16.to_be_bytes()), (Value::F64(50.0), Status::GOOD));
        assert_eq!(codec.decode(&32_767i16.to_be_bytes()), (Value::None, Status::BAD_SENSOR_FAILURE));
        assert_eq!(codec.decode(&(-4_865i16).to_be_bytes()), (Value::None, Status::BAD_SENSOR_FAILURE));
        assert_eq!(codec.encode(&Value::F64(50.0)), Ok(vec![13_824]));
        assert!(codec.encode(&Value::F64(200.0)).unwrap_err().contains("-32768 to 32767"));
        assert!(codec.agrees(&Value::F64(50.001), &Value::F64(50.0)));
        assert!(!codec.agrees(&Value::F64(51.0), &Value::F64(50.0)));
    }

    #[test]
    fn refuses_what_does_not_fit() {
        for (kind, value) in [
            (Type::U16, Value::I64(-1)),
            (Type::U16, Value::I64(65_536)),
            (Type::I16, Value::I64(32_768)),
            (Type::I32, Value::I64(1 << 31)),
            (Type::U32, Value::I64(-1)),
            (Type::I64, Value::U64(u64::MAX)),
            (Type::U64, Value::I64(-1)),
            (Type::Bcd16, Value::U64(10_000)),
            (Type::U16, Value::F64(1.5)),
            (Type::F32, Value::F64(1e39)),
            (Type::F64, Value::F64(f64::NAN)),
            (Type::Bool, Value::I64(2)),
            (Type::Text, Value::I64(2)),
        ] {
            assert!(Codec::plain(kind, Order::ABCD).encode(&value).is_err(), "{kind:?} {value:?}");
        }
        assert_eq!(
            Codec::plain(Type::Bcd16, Order::ABCD).decode(&[0x12, 0x3A]),
            (Value::None, Status::BAD_DECODING_ERROR)
        );
        assert_eq!(
            Codec::plain(Type::U32, Order::ABCD).decode(&[1, 2]),
            (Value::None, Status::BAD_DECODING_ERROR)
        );
    }

    #[test]
    fn singles_agree_within_their_rounding() {
        let codec = Codec::plain(Type::F32, Order::ABCD);
        assert!(codec.agrees(&Value::F64(0.1), &Value::F64(f64::from(0.1f32))));
        assert!(!codec.agrees(&Value::F64(0.1), &Value::F64(0.1001)));
        assert!(!Codec::plain(Type::U16, Order::ABCD).agrees(&Value::U64(5), &Value::U64(6)));
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(raw in any::<u64>(), kind in 0usize..12, order in 0usize..4) {
            let codec = Codec::plain(Type::ALL[kind], Order::ALL[order]);
            let wire = bytes(&codec.disassemble(raw));
            let (value, status) = codec.decode(&wire);
            if status.is_good() && codec.kind != Type::Bool && codec.kind != Type::Text && value.as_f64().unwrap().is_finite() {
                prop_assert_eq!(bytes(&codec.encode(&value).unwrap()), wire);
            }
        }

        #[test]
        fn any_bytes_decode_without_panic(wire in prop::collection::vec(any::<u8>(), 0..12), kind in 0usize..12, order in 0usize..4, length in 0u16..9, packing in 0usize..4) {
            let codec = Codec { length, packing: Packing::ALL[packing], ..Codec::plain(Type::ALL[kind], Order::ALL[order]) };
            let (value, status) = codec.decode(&wire);
            prop_assert_eq!(status.is_good(), value != Value::None);
        }
    }
}
