//! Values: from the words of a data file and back. Pure.

use crate::south::tags::{Precision, Scaling, agrees, to_bool, to_single, to_whole};
use model::{Status, Value, ValueType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::enip::pccc::{Address, Family, FileKind};

/// Letters of a text (1770-6.5.16, 13).
const LETTERS: usize = 82;

/// What an address holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// A bit.
    Bool,
    /// A word, signed.
    I16,
    /// A word, unsigned.
    U16,
    /// Two words, signed.
    I32,
    /// Two words.
    F32,
    /// Letters.
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
            Self::F32 => "f32",
            Self::Text => "text",
        }
    }

    /// The type of its unscaled values.
    pub const fn value_type(self) -> ValueType {
        match self {
            Self::Bool => ValueType::Bool,
            Self::I16 | Self::I32 => ValueType::I64,
            Self::U16 => ValueType::U64,
            Self::F32 => ValueType::F64,
            Self::Text => ValueType::Text,
        }
    }

    /// What an address holds if nothing else is said.
    pub const fn of(address: &Address) -> Self {
        if address.bit.is_some() {
            return Self::Bool;
        }
        match address.place.kind {
            FileKind::Float => Self::F32,
            FileKind::Long => Self::I32,
            FileKind::Text | FileKind::Ascii => Self::Text,
            FileKind::Output | FileKind::Input | FileKind::Status | FileKind::Bit => Self::U16,
            FileKind::Timer | FileKind::Counter | FileKind::Control | FileKind::Integer => Self::I16,
        }
    }

    /// Whether an address can be read as this.
    pub const fn fits(self, address: &Address) -> bool {
        let own = Self::of(address);
        let words = matches!(own, Self::I16 | Self::U16) && matches!(self, Self::I16 | Self::U16);
        words || self as u8 == own as u8
    }
}

/// How to read and write one value.
#[derive(Clone, Debug)]
pub(super) struct Codec {
    pub(super) address: Address,
    pub(super) kind: Type,
    pub(super) family: Family,
    pub(super) scaling: Option<Box<Scaling>>,
}

impl Codec {
    fn scaling(&self) -> Option<&Scaling> {
        self.scaling.as_deref()
    }

    /// The value in the bytes from its address on.
    pub(super) fn decode(&self, bytes: &[u8]) -> (Value, Status) {
        let Some(raw) = self.raw(bytes) else { return (Value::None, Status::BAD_DECODING_ERROR) };
        match (self.scaling(), raw) {
            (Some(scaling), raw @ (Value::I64(_) | Value::U64(_) | Value::F64(_))) => scaling.apply(raw),
            (_, raw) => (raw, Status::GOOD),
        }
    }

    fn raw(&self, bytes: &[u8]) -> Option<Value> {
        let word = || bytes.first_chunk().map(|bytes| u16::from_le_bytes(*bytes));
        Some(match self.kind {
            Type::Bool => Value::Bool(word()? >> self.address.bit.unwrap_or(0) & 1 == 1),
            Type::I16 => Value::I64(word()?.cast_signed().into()),
            Type::U16 => Value::U64(word()?.into()),
            Type::I32 => Value::I64(i32::from_le_bytes(*bytes.first_chunk()?).into()),
            Type::F32 => Value::F64(f32::from_le_bytes(self.float(*bytes.first_chunk()?)).into()),
            Type::Text => Value::Text(self.text(bytes)?.into()),
        })
    }

    /// A PLC-5 has the high word first.
    const fn float(&self, [a, b, c, d]: [u8; 4]) -> [u8; 4] {
        match self.family {
            Family::Slc => [a, b, c, d],
            Family::Plc5 => [c, d, a, b],
        }
    }

    /// The letters of each word are swapped; bytes that are not UTF-8 are Latin-1.
    fn text(&self, bytes: &[u8]) -> Option<String> {
        let (length, words) = match self.address.place.kind {
            FileKind::Text => (usize::from(u16::from_le_bytes(*bytes.first_chunk()?)), bytes.get(2..)?),
            _ => (2, bytes.get(..2)?),
        };
        let letters: Vec<u8> = swapped(words).collect();
        let letters = letters.get(..length)?;
        let text = std::str::from_utf8(letters);
        Some(text.map_or_else(|_| letters.iter().copied().map(char::from).collect(), str::to_owned))
    }

    /// The bytes that write `value`.
    pub(super) fn encode(&self, value: &Value) -> Result<Vec<u8>, String> {
        let whole = |low: i128, high: i128| to_whole(value, self.scaling(), low..=high, self.kind.name());
        Ok(match self.kind {
            Type::Bool => return Err("a bit is written by a mask".into()),
            Type::I16 => (whole(i16::MIN.into(), i16::MAX.into())? as i16).to_le_bytes().to_vec(),
            Type::U16 => (whole(0, u16::MAX.into())? as u16).to_le_bytes().to_vec(),
            Type::I32 => (whole(i32::MIN.into(), i32::MAX.into())? as i32).to_le_bytes().to_vec(),
            Type::F32 => self.float(to_single(value, self.scaling())?.to_le_bytes()).to_vec(),
            Type::Text => self.encode_text(value)?,
        })
    }

    fn encode_text(&self, value: &Value) -> Result<Vec<u8>, String> {
        let text = value.as_text().ok_or_else(|| format!("{value} is no text"))?;
        if !text.is_ascii() {
            return Err("the controller's texts have plain letters only (ASCII)".into());
        }
        let long = self.address.place.kind == FileKind::Text;
        let room = if long { LETTERS } else { 2 };
        if text.len() > room {
            return Err(format!(
                "the text has {} letters, {} holds at most {room}",
                text.len(),
                self.address
            ));
        }
        let mut letters = text.as_bytes().to_vec();
        letters.resize(room, if long { 0 } else { b' ' });
        let mut data = Vec::with_capacity(room + 2);
        if long {
            data.extend_from_slice(&u16::try_from(text.len()).unwrap_or(0).to_le_bytes());
        }
        data.extend(swapped(&letters));
        Ok(data)
    }

    /// Mask and bits that write a bit.
    pub(super) fn mask(&self, value: &Value) -> Result<(u16, u16), String> {
        let on = to_bool(value)?;
        let mask = 1 << self.address.bit.unwrap_or(0).min(15);
        Ok((mask, if on { mask } else { 0 }))
    }

    /// Whether what was read back is what was written.
    pub(super) fn agrees(&self, written: &Value, read: &Value) -> bool {
        match (self.kind, read) {
            (Type::Bool, Value::Bool(read)) => to_bool(written) == Ok(*read),
            // Two letters are padded with spaces.
            (Type::Text, read) => {
                let same = |a: &str, b: &str| a.trim_end() == b.trim_end();
                written.as_text().zip(read.as_text()).is_some_and(|(a, b)| same(a, b))
            }
            (Type::F32, read) => agrees(written, read, self.scaling(), Precision::Single),
            (_, read) => agrees(written, read, self.scaling(), Precision::Whole),
        }
    }
}

/// The two bytes of each word the other way round.
fn swapped(words: &[u8]) -> impl Iterator<Item = u8> {
    words.chunks(2).flat_map(|word| word.iter().rev().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::tags::Linear;

    fn codec(at: &str, family: Family) -> Codec {
        let address = Address::parse(at, family).unwrap();
        Codec { address, kind: Type::of(&address), family, scaling: None }
    }

    #[test]
    fn values_there_and_back() {
        for (at, family, bytes, value) in [
            ("N7:0", Family::Slc, vec![0xFE, 0xFF], Value::I64(-2)),
            ("B3:0", Family::Slc, vec![0xFE, 0xFF], Value::U64(65_534)),
            ("T4:0.ACC", Family::Slc, vec![0x39, 0x30], Value::I64(12_345)),
            ("L9:0", Family::Slc, vec![0, 0, 0, 0x80], Value::I64(i32::MIN.into())),
            ("F8:0", Family::Slc, vec![0, 0, 0xC0, 0x3F], Value::F64(1.5)),
            ("F8:0", Family::Plc5, vec![0xC0, 0x3F, 0, 0], Value::F64(1.5)),
            ("A10:0", Family::Slc, b"BA".to_vec(), Value::from("AB")),
        ] {
            let codec = codec(at, family);
            assert_eq!(codec.decode(&bytes), (value.clone(), Status::GOOD), "{at}");
            assert_eq!(codec.encode(&value).unwrap(), bytes, "{at}");
            assert!(codec.agrees(&value, &value));
            assert_eq!(codec.decode(&bytes[1..]).1, Status::BAD_DECODING_ERROR, "{at}");
        }
    }

    #[test]
    fn texts_bits_and_what_does_not_fit() {
        let text = codec("ST9:0", Family::Slc);
        let bytes = text.encode(&Value::from("Leeds")).unwrap();
        assert_eq!((bytes.len(), &bytes[..8]), (84, &b"\x05\0eLde\0s"[..]));
        assert_eq!(text.decode(&bytes).0, Value::from("Leeds"));
        assert_eq!(text.decode(&[90, 0, 1, 2]).1, Status::BAD_DECODING_ERROR, "longer than it is");
        assert!(text.encode(&Value::from("x".repeat(83).as_str())).unwrap_err().contains("at most 82"));
        let letters = codec("A10:0", Family::Slc);
        assert!(
            letters.agrees(&Value::from("A"), &letters.decode(&letters.encode(&Value::from("A")).unwrap()).0)
        );
        let bit = codec("B3:0/15", Family::Slc);
        assert_eq!(bit.decode(&[0, 0x80]).0, Value::Bool(true));
        assert_eq!(bit.mask(&Value::Bool(true)), Ok((0x8000, 0x8000)));
        assert_eq!(bit.mask(&Value::Bool(false)), Ok((0x8000, 0)));
        let mut tenths = codec("N7:0", Family::Slc);
        tenths.scaling =
            Some(Box::new(Scaling { linear: Some(Linear::new(0.1, 0.0)), ..Scaling::default() }));
        assert_eq!(tenths.decode(&[235, 0]).0, Value::F64(23.5));
        assert_eq!(tenths.encode(&Value::F64(23.5)).unwrap(), [235, 0]);
        assert!(tenths.encode(&Value::F64(1e6)).unwrap_err().contains("i16 holds"));
    }
}
