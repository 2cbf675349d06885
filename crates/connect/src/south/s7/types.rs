//! Types: from bytes to values and back. Pure. Everything is big-endian.

use super::clock;
use crate::south::tags::{Precision, Scaling, agrees, to_bool, to_double, to_single, to_whole};
use model::{Status, Value, ValueType};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use wire::s7::bcd;

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident $words:expr;)*) => {
        /// What stands in memory.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Type {
            $($(#[$doc])* $name,)*
        }

        impl Type {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its names in configuration: ours first, then those of the PLC's programming languages.
            pub const fn names(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => &$words,)*
                }
            }
        }
    };
}

types! {
    /// One bit.
    Bool ["bool", "BOOL"];
    /// Signed, 8 bits.
    I8 ["i8", "SINT"];
    /// Unsigned, 8 bits.
    U8 ["u8", "BYTE", "USINT"];
    /// Signed, 16 bits.
    I16 ["i16", "INT"];
    /// Unsigned, 16 bits.
    U16 ["u16", "WORD", "UINT"];
    /// Signed, 32 bits.
    I32 ["i32", "DINT"];
    /// Unsigned, 32 bits.
    U32 ["u32", "DWORD", "UDINT"];
    /// Signed, 64 bits.
    I64 ["i64", "LINT"];
    /// Unsigned, 64 bits.
    U64 ["u64", "LWORD", "ULINT"];
    /// IEEE 754 single.
    F32 ["f32", "REAL"];
    /// IEEE 754 double.
    F64 ["f64", "LREAL"];
    /// Four decimal digits.
    Bcd16 ["bcd16", "BCD16"];
    /// Eight decimal digits.
    Bcd32 ["bcd32", "BCD32"];
    /// A counter: three decimal digits.
    Counter ["counter", "COUNTER"];
    /// Milliseconds, 32 bits, signed.
    Time ["time", "TIME"];
    /// Nanoseconds, 64 bits, signed.
    LTime ["ltime", "LTIME"];
    /// Milliseconds in three digits and a base.
    S5Time ["s5time", "S5TIME"];
    /// A date.
    Date ["date", "DATE"];
    /// A time of day in milliseconds.
    Tod ["tod", "TOD", "TIME_OF_DAY"];
    /// A time of day in nanoseconds.
    LTod ["ltod", "LTOD", "LTIME_OF_DAY"];
    /// Date and time, BCD.
    DateAndTime ["date_and_time", "DATE_AND_TIME", "DT"];
    /// Date and time in nanoseconds since 1970.
    Ldt ["ldt", "LDT"];
    /// Date and time as a structure.
    Dtl ["dtl", "DTL"];
    /// One character.
    Char ["char", "CHAR"];
    /// One character, 16 bits.
    WChar ["wchar", "WCHAR"];
    /// Characters with their length before them; needs `length`.
    String ["string", "STRING"];
    /// The same with 16 bits a character.
    WString ["wstring", "WSTRING"];
}

impl Type {
    /// The name in configuration.
    pub fn name(self) -> &'static str {
        self.names().first().copied().unwrap_or_default()
    }

    /// Bytes it takes; `length` is that of a text.
    pub const fn bytes(self, length: u16) -> u16 {
        match self {
            Self::Bool | Self::I8 | Self::U8 | Self::Char => 1,
            Self::I16 | Self::U16 | Self::Bcd16 | Self::Counter | Self::S5Time | Self::Date | Self::WChar => {
                2
            }
            Self::I32 | Self::U32 | Self::F32 | Self::Bcd32 | Self::Time | Self::Tod => 4,
            Self::I64 | Self::U64 | Self::F64 | Self::LTime | Self::LTod | Self::DateAndTime | Self::Ldt => 8,
            Self::Dtl => 12,
            Self::String => length.saturating_add(2),
            Self::WString => length.saturating_mul(2).saturating_add(4),
        }
    }

    /// Whether it needs a length.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::String | Self::WString)
    }

    /// Lowest and highest raw number of the whole ones.
    fn bounds(self) -> Option<std::ops::RangeInclusive<i128>> {
        Some(match self {
            Self::I8 => i8::MIN.into()..=i8::MAX.into(),
            Self::U8 => 0..=u8::MAX.into(),
            Self::I16 => i16::MIN.into()..=i16::MAX.into(),
            Self::U16 => 0..=u16::MAX.into(),
            Self::I32 | Self::Time => i32::MIN.into()..=i32::MAX.into(),
            Self::U32 => 0..=u32::MAX.into(),
            Self::I64 | Self::LTime => i64::MIN.into()..=i64::MAX.into(),
            Self::U64 => 0..=u64::MAX.into(),
            Self::Bcd16 => 0..=9_999,
            Self::Bcd32 => 0..=99_999_999,
            Self::Counter => 0..=999,
            Self::S5Time => 0..=9_990_000,
            _ => return None,
        })
    }
}

impl Serialize for Type {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Type {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let found = Self::ALL.iter().find(|kind| kind.names().contains(&text.as_str()));
        found.copied().ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no type")))
    }
}

impl JsonSchema for Type {
    fn schema_name() -> Cow<'static, str> {
        "S7Type".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = Self::ALL.iter().flat_map(|kind| kind.names()).copied().collect();
        json_schema!({ "type": "string", "enum": names })
    }
}

/// How to read and write one point.
#[derive(Clone, Debug, PartialEq)]
pub struct Codec {
    /// What stands in memory.
    pub kind: Type,
    /// Bit of its byte.
    pub bit: u8,
    /// Characters of a text.
    pub length: u16,
    /// Scaling, boxed: most points have none.
    pub scaling: Option<Box<Scaling>>,
}

impl Codec {
    /// Bytes it takes.
    pub const fn bytes(&self) -> u16 {
        self.kind.bytes(self.length)
    }

    /// The type of its raw values.
    pub const fn raw_type(&self) -> ValueType {
        match self.kind {
            Type::Bool => ValueType::Bool,
            Type::F32 | Type::F64 => ValueType::F64,
            Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::Time | Type::LTime => ValueType::I64,
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => ValueType::U64,
            Type::Bcd16 | Type::Bcd32 | Type::Counter | Type::S5Time => ValueType::U64,
            _ => ValueType::Text,
        }
    }

    /// The value in `bytes`; a text may end where its characters end.
    pub fn decode(&self, bytes: &[u8]) -> (Value, Status) {
        match self.raw(bytes) {
            Some(value) => match &self.scaling {
                None => (value, Status::GOOD),
                Some(scaling) => scaling.apply(value),
            },
            None => (Value::None, Status::BAD_DECODING_ERROR),
        }
    }

    fn raw(&self, bytes: &[u8]) -> Option<Value> {
        if self.kind.is_text() {
            return self.text(bytes).map(|text| Value::Text(text.into()));
        }
        let bytes = bytes.get(..self.bytes().into())?;
        let raw = bytes.iter().take(8).fold(0u64, |raw, byte| raw << 8 | u64::from(*byte));
        let text = |text: Option<String>| text.map(|text| Value::Text(text.into()));
        // The casts keep the bits: that is what reading memory as a signed number means.
        Some(match self.kind {
            Type::Bool => Value::Bool(raw >> self.bit & 1 == 1),
            Type::I8 => Value::I64((raw as u8 as i8).into()),
            Type::I16 => Value::I64((raw as u16 as i16).into()),
            Type::I32 | Type::Time => Value::I64((raw as u32 as i32).into()),
            Type::I64 | Type::LTime => Value::I64(raw as i64),
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => Value::U64(raw),
            Type::F32 => Value::F64(f32::from_bits(raw as u32).into()),
            Type::F64 => Value::F64(f64::from_bits(raw)),
            Type::Bcd16 | Type::Bcd32 => Value::U64(bcd::from_bytes(bytes)?),
            Type::Counter => Value::U64(bcd::from_bytes(&(raw as u16 & 0x0FFF).to_be_bytes())?),
            Type::S5Time => Value::U64(clock::s5time_ms(raw as u16)?),
            Type::Date => text(Some(clock::date_text(raw as u16)))?,
            Type::Tod => text(clock::tod_text(raw.checked_mul(1_000_000)?, 3))?,
            Type::LTod => text(clock::tod_text(raw, 9))?,
            Type::DateAndTime => text(clock::date_and_time_text(*bytes.first_chunk()?))?,
            Type::Ldt => text(Some(clock::ldt_text(raw as i64)))?,
            Type::Dtl => text(clock::dtl_text(*bytes.first_chunk()?))?,
            Type::Char => text(Some(char::from(raw as u8).to_string()))?,
            Type::WChar => text(char::from_u32(raw as u32).map(String::from))?,
            Type::String | Type::WString => return None,
        })
    }

    /// The characters of a STRING (Latin-1) or WSTRING (UTF-16); `None` if its head is not one: never written to, or the
    /// address is wrong.
    fn text(&self, bytes: &[u8]) -> Option<String> {
        if self.kind == Type::String {
            let [most, length, characters @ ..] = bytes else { return None };
            (length <= most && u16::from(*length) <= self.length).then_some(())?;
            return Some(characters.get(..usize::from(*length))?.iter().map(|c| char::from(*c)).collect());
        }
        let [m0, m1, l0, l1, characters @ ..] = bytes else { return None };
        let (most, length) = (u16::from_be_bytes([*m0, *m1]), u16::from_be_bytes([*l0, *l1]));
        (length <= most && length <= self.length).then_some(())?;
        let (units, _) = characters.get(..usize::from(length) * 2)?.as_chunks::<2>();
        let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
        Some(String::from_utf16_lossy(&units))
    }

    /// The bytes that stand for `value`, and where they begin in its place: a text keeps the length that the PLC
    /// declared. A bit is one byte, 0 or 1.
    ///
    /// # Errors
    /// Why the type cannot hold it.
    pub fn encode(&self, value: &Value) -> Result<(u32, Vec<u8>), String> {
        let whole = |bytes: Vec<u8>| Ok((0, bytes));
        if let Some(bounds) = self.kind.bounds() {
            let number = to_whole(value, self.scaling.as_deref(), bounds, self.kind.name())?;
            return whole(self.whole_bytes(number)?);
        }
        match self.kind {
            Type::Bool => return whole(vec![to_bool(value)?.into()]),
            Type::F32 => return whole(to_single(value, self.scaling.as_deref())?.to_be_bytes().to_vec()),
            Type::F64 => return whole(to_double(value, self.scaling.as_deref())?.to_be_bytes().to_vec()),
            _ => {}
        }
        let text = value.as_text().ok_or_else(|| format!("{value} is no text"))?;
        let bad = |form: &str| format!("`{text}` is none; write it like {form}");
        let stamp = "2026-11-22T09:10:11.123";
        match self.kind {
            Type::String => self.encode_string(text),
            Type::WString => self.encode_wstring(text),
            Type::Char => {
                whole(latin(text).filter(|c| c.len() == 1).ok_or_else(|| bad("a single character"))?)
            }
            Type::WChar => match text.encode_utf16().collect::<Vec<_>>().as_slice() {
                [unit] => whole(unit.to_be_bytes().to_vec()),
                _ => Err(bad("a single character")),
            },
            Type::Date => {
                whole(clock::date_raw(text).ok_or_else(|| bad("2026-11-22"))?.to_be_bytes().to_vec())
            }
            Type::Tod => {
                match clock::tod_ns(text).map(|ns| ns / 1_000_000).and_then(|ms| u32::try_from(ms).ok()) {
                    Some(ms) => whole(ms.to_be_bytes().to_vec()),
                    None => Err(bad("09:10:11.123")),
                }
            }
            Type::LTod => {
                whole(clock::tod_ns(text).ok_or_else(|| bad("09:10:11.123"))?.to_be_bytes().to_vec())
            }
            Type::DateAndTime => whole(clock::date_and_time_bytes(text).ok_or_else(|| bad(stamp))?.to_vec()),
            Type::Dtl => whole(clock::dtl_bytes(text).ok_or_else(|| bad(stamp))?.to_vec()),
            _ => whole(clock::ldt_ns(text).ok_or_else(|| bad(stamp))?.to_be_bytes().to_vec()),
        }
    }

    fn whole_bytes(&self, number: i128) -> Result<Vec<u8>, String> {
        let count = usize::from(self.bytes());
        // Two's complement of any width is the low bytes of the 128-bit number.
        let low = |number: i128| number.to_be_bytes().get(16 - count..).unwrap_or_default().to_vec();
        Ok(match self.kind {
            Type::Bcd16 | Type::Bcd32 | Type::Counter => bcd::to_bytes(number as u64, count),
            Type::S5Time => {
                let raw = clock::s5time_raw(number as u64).ok_or_else(|| {
                    format!("S5TIME cannot hold {number} ms: up to 9990 ms in steps of 10 ms, up to 99.9 s of 100 ms, up to 999 s of 1 s, up to 9990 s of 10 s")
                })?;
                raw.to_be_bytes().to_vec()
            }
            _ => low(number),
        })
    }

    fn encode_string(&self, text: &str) -> Result<(u32, Vec<u8>), String> {
        let characters =
            latin(text).ok_or_else(|| format!("`{text}` has characters that a STRING cannot hold"))?;
        let length = u8::try_from(characters.len()).ok().filter(|length| u16::from(*length) <= self.length);
        let length = length.ok_or_else(|| self.too_long(characters.len()))?;
        // Behind the declared length, which is the PLC's own.
        Ok((1, [vec![length], characters].concat()))
    }

    fn encode_wstring(&self, text: &str) -> Result<(u32, Vec<u8>), String> {
        let units: Vec<u16> = text.encode_utf16().collect();
        let length = u16::try_from(units.len()).ok().filter(|length| *length <= self.length);
        let length = length.ok_or_else(|| self.too_long(units.len()))?;
        Ok((2, std::iter::once(length).chain(units).flat_map(u16::to_be_bytes).collect()))
    }

    fn too_long(&self, have: usize) -> String {
        format!("the text has {have} characters, the PLC has room for {}", self.length)
    }

    /// Whether what was read back is what was written, as exactly as the type can hold it.
    pub fn agrees(&self, written: &Value, read: &Value) -> bool {
        let precision = match self.kind {
            Type::F32 => Precision::Single,
            Type::F64 => Precision::Double,
            _ => Precision::Whole,
        };
        if agrees(written, read, self.scaling.as_deref(), precision) {
            return true;
        }
        // Dates may be written shorter than they are read: the same bytes are the same moment.
        matches!((written, read), (Value::Text(_), Value::Text(_)))
            && !self.kind.is_text()
            && self.encode(written).is_ok_and(|bytes| self.encode(read) == Ok(bytes))
    }

    /// Type in words, for the declaration.
    pub fn words(&self) -> String {
        if self.kind.is_text() {
            format!("{} {}", self.kind.name(), self.length)
        } else {
            self.kind.name().to_owned()
        }
    }
}

fn latin(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn codec(kind: Type) -> Codec {
        Codec { kind, bit: 0, length: 10, scaling: None }
    }

    #[test]
    fn every_type_is_read() {
        let text = |text: &str| Value::from(text);
        for (kind, bytes, value) in [
            (Type::Bool, vec![1], Value::Bool(true)),
            (Type::I8, vec![0xFE], Value::I64(-2)),
            (Type::U8, vec![0xFE], Value::U64(254)),
            (Type::I16, vec![0xFF, 0xFE], Value::I64(-2)),
            (Type::U32, vec![0, 1, 0, 2], Value::U64(65_538)),
            (Type::F32, 1.5f32.to_be_bytes().to_vec(), Value::F64(1.5)),
            (Type::F64, (-0.1f64).to_be_bytes().to_vec(), Value::F64(-0.1)),
            (Type::I64, (-3i64).to_be_bytes().to_vec(), Value::I64(-3)),
            (Type::Bcd16, vec![0x12, 0x34], Value::U64(1_234)),
            (Type::Counter, vec![0x01, 0x23], Value::U64(123)),
            (Type::Time, (-1_500i32).to_be_bytes().to_vec(), Value::I64(-1_500)),
            (Type::S5Time, vec![0x21, 0x27], Value::U64(127_000)),
            (Type::Date, vec![0x34, 0xA2], text("2026-11-22")),
            (Type::Tod, 33_011_123u32.to_be_bytes().to_vec(), text("09:10:11.123")),
            (
                Type::DateAndTime,
                vec![0x26, 0x11, 0x22, 9, 0x10, 0x11, 0x12, 0x31],
                text("2026-11-22T09:10:11.123"),
            ),
            (Type::Char, vec![b'A'], text("A")),
            (Type::WChar, vec![0x20, 0xAC], text("€")),
            (Type::String, b"\x0A\x03M\xFCe\0\0\0\0\0\0\0".to_vec(), text("Müe")),
            (Type::WString, vec![0, 10, 0, 1, 0x20, 0xAC], text("€")),
        ] {
            assert_eq!(codec(kind).decode(&bytes), (value, Status::GOOD), "{kind:?}");
        }
        for (kind, bytes) in [
            (Type::Bcd16, vec![0x1A, 0]),
            (Type::S5Time, vec![0x0F, 0xFF]),
            (Type::String, vec![5, 6, 0, 0, 0, 0, 0, 0]),
            (Type::String, vec![254, 11, 0]),
            (Type::Dtl, vec![0; 12]),
            (Type::I16, vec![0]),
            (Type::Tod, vec![0xFF; 4]),
        ] {
            assert_eq!(codec(kind).decode(&bytes), (Value::None, Status::BAD_DECODING_ERROR), "{kind:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let refused = |kind, value: Value| codec(kind).encode(&value).unwrap_err();
        assert_eq!(refused(Type::U8, Value::I64(256)), "256 gives the raw number 256; u8 holds 0 to 255");
        assert!(refused(Type::String, Value::from("twelve chars")).contains("room for 10"));
        assert!(refused(Type::String, Value::from("€")).contains("cannot hold"));
        assert!(refused(Type::S5Time, Value::U64(12_345)).contains("S5TIME cannot hold"));
        assert!(refused(Type::Date, Value::from("yesterday")).contains("2026-11-22"));
        assert_eq!(codec(Type::String).encode(&Value::from("ab")), Ok((1, vec![2, b'a', b'b'])));
    }

    proptest! {
        /// What is written is read back, whatever the type.
        #[test]
        fn there_and_back(index in 0..Type::ALL.len(), bytes in prop::collection::vec(any::<u8>(), 24)) {
            let codec = Codec { length: 10, bit: 0, kind: Type::ALL[index], scaling: None };
            let (value, status) = codec.decode(&bytes);
            prop_assume!(status.is_good() && value.as_f64().is_none_or(f64::is_finite));
            let (at, encoded) = codec.encode(&value).unwrap();
            let mut memory = bytes.clone();
            memory[at as usize..at as usize + encoded.len()].copy_from_slice(&encoded);
            let (again, status) = codec.decode(&memory);
            prop_assert!(status.is_good() && codec.agrees(&value, &again), "{:?} {:?}", value, again);
        }
    }
}
