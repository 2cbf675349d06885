//! Types: from the bytes of a tag to values and back, held against what the controller says they are. Pure.

use crate::south::tags::{Precision, Scaling, agrees, to_bool, to_double, to_single, to_whole};
use model::{Status, Value, ValueType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::enip::{Elementary, Kind};

/// Codes of texts that are no structures: one length byte, two length bytes.
const SHORT_STRING: u16 = 0xDA;
const STRING: u16 = 0xD0;

/// What a tag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// BOOL, a bit of an integer, an element of an array of BOOL.
    Bool,
    /// SINT.
    I8,
    /// USINT, BYTE.
    U8,
    /// INT.
    I16,
    /// UINT, WORD.
    U16,
    /// DINT.
    I32,
    /// UDINT, DWORD.
    U32,
    /// LINT.
    I64,
    /// ULINT, LWORD.
    U64,
    /// REAL.
    F32,
    /// LREAL.
    F64,
    /// STRING and other string types.
    Text,
}

impl Type {
    /// The name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::I8 => "i8",
            Self::U8 => "u8",
            Self::I16 => "i16",
            Self::U16 => "u16",
            Self::I32 => "i32",
            Self::U32 => "u32",
            Self::I64 => "i64",
            Self::U64 => "u64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Text => "text",
        }
    }

    /// The type that the controller's is here.
    pub const fn of(kind: Elementary) -> Self {
        match kind {
            Elementary::Bool => Self::Bool,
            Elementary::Sint => Self::I8,
            Elementary::Usint | Elementary::Byte => Self::U8,
            Elementary::Int => Self::I16,
            Elementary::Uint | Elementary::Word => Self::U16,
            Elementary::Dint => Self::I32,
            Elementary::Udint | Elementary::Dword => Self::U32,
            Elementary::Lint => Self::I64,
            Elementary::Ulint | Elementary::Lword => Self::U64,
            Elementary::Real => Self::F32,
            Elementary::Lreal => Self::F64,
        }
    }

    /// The type of its unscaled values.
    pub const fn value_type(self) -> ValueType {
        match self {
            Self::Bool => ValueType::Bool,
            Self::I8 | Self::I16 | Self::I32 | Self::I64 => ValueType::I64,
            Self::U8 | Self::U16 | Self::U32 | Self::U64 => ValueType::U64,
            Self::F32 | Self::F64 => ValueType::F64,
            Self::Text => ValueType::Text,
        }
    }
}

/// What the controller said of a tag when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Learned {
    pub(super) kind: Kind,
    /// Bytes of its data.
    pub(super) size: usize,
}

impl Learned {
    /// What it is here; `None` for a structure that is no text, and for types that are not read.
    pub(super) fn kind(self) -> Option<Type> {
        match self.kind {
            Kind::Elementary(kind) => Some(Type::of(kind)),
            Kind::Structure(_) if self.size > 4 => Some(Type::Text),
            Kind::Other(STRING | SHORT_STRING) => Some(Type::Text),
            Kind::Structure(_) | Kind::Other(_) => None,
        }
    }
}

/// How to read and write one tag.
#[derive(Clone, Debug)]
pub(super) struct Codec {
    /// As configured.
    pub(super) kind: Option<Type>,
    /// Bit of an integer.
    pub(super) bit: Option<u8>,
    pub(super) scaling: Option<Box<Scaling>>,
}

impl Codec {
    fn scaling(&self) -> Option<&Scaling> {
        self.scaling.as_deref()
    }

    /// The type of its values, as far as it is known.
    pub(super) fn value_type(&self, learned: Option<Learned>) -> ValueType {
        if self.bit.is_some() {
            return ValueType::Bool;
        }
        let kind = learned.and_then(Learned::kind).or(self.kind);
        match kind {
            Some(kind) if kind.value_type() == ValueType::Bool => ValueType::Bool,
            Some(Type::Text) => ValueType::Text,
            _ if self.scaling().is_some_and(|scaling| scaling.linear.is_some()) => ValueType::F64,
            Some(kind) => kind.value_type(),
            // Most tags are numbers; the declaration is put right with the first answer.
            None => ValueType::F64,
        }
    }

    /// Whether the tag fits what the controller says it is.
    pub(super) fn check(&self, learned: Learned) -> Result<(), String> {
        let said = learned.kind;
        let kind = learned.kind();
        if let Some(bit) = self.bit {
            let bits = match said {
                Kind::Elementary(kind)
                    if !matches!(kind, Elementary::Real | Elementary::Lreal | Elementary::Bool) =>
                {
                    kind.size() * 8
                }
                _ => return Err(format!("it is {said} in the controller, which has no bits to choose from")),
            };
            if usize::from(bit) >= bits {
                return Err(format!("it is {said} in the controller, which has the bits 0 to {}", bits - 1));
            }
            return match self.kind {
                None | Some(Type::Bool) => Ok(()),
                Some(kind) => Err(format!("a bit is bool, not {}: leave out `type`", kind.name())),
            };
        }
        match (self.kind, kind) {
            (_, None) => {
                Err(format!("it is {said} in the controller: name one of its members, e.g. Line1.Speed"))
            }
            (Some(wanted), Some(kind)) if wanted != kind => Err(format!(
                "it is {said} ({}) in the controller, the file says {}: write type = \"{}\" or leave it out",
                kind.name(),
                wanted.name(),
                kind.name()
            )),
            _ => Ok(()),
        }
    }

    /// The value in the data of a tag.
    pub(super) fn decode(&self, kind: Kind, data: &[u8]) -> (Value, Status) {
        let wrong = (Value::None, Status::BAD_DECODING_ERROR);
        let raw = match kind {
            Kind::Elementary(kind) => match number(kind, data) {
                Some(raw) => raw,
                None => return wrong,
            },
            Kind::Structure(_) | Kind::Other(STRING | SHORT_STRING) => {
                return text(kind, data).map_or(wrong, |text| (Value::Text(text.into()), Status::GOOD));
            }
            Kind::Other(_) => return wrong,
        };
        if let Some(bit) = self.bit {
            let bits = match raw {
                Value::I64(raw) => raw as u64,
                Value::U64(raw) => raw,
                _ => return wrong,
            };
            return (Value::Bool(bits >> bit & 1 == 1), Status::GOOD);
        }
        match (self.scaling(), raw) {
            (Some(scaling), raw @ (Value::I64(_) | Value::U64(_) | Value::F64(_))) => scaling.apply(raw),
            (_, raw) => (raw, Status::GOOD),
        }
    }

    /// The bytes that write `value` into a tag that the controller said to be `learned`.
    pub(super) fn encode(&self, value: &Value, learned: Learned) -> Result<Vec<u8>, String> {
        let kind = match learned.kind {
            Kind::Elementary(kind) => kind,
            Kind::Structure(_) => return encode_text(value, learned.size),
            other => return Err(format!("{other} cannot be written")),
        };
        let name = Type::of(kind).name();
        let whole = |low: i128, high: i128| to_whole(value, self.scaling(), low..=high, name);
        let signed = |bits: u32| whole(-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1);
        let unsigned = |bits: u32| whole(0, (1i128 << bits) - 1);
        let bits = 8 * kind.size() as u32;
        Ok(match kind {
            Elementary::Bool => vec![u8::from(to_bool(value)?)],
            Elementary::Real => to_single(value, self.scaling())?.to_le_bytes().to_vec(),
            Elementary::Lreal => to_double(value, self.scaling())?.to_le_bytes().to_vec(),
            Elementary::Sint | Elementary::Int | Elementary::Dint | Elementary::Lint => {
                signed(bits)?.to_le_bytes().into_iter().take(kind.size()).collect()
            }
            _ => unsigned(bits)?.to_le_bytes().into_iter().take(kind.size()).collect(),
        })
    }

    /// Or-mask and and-mask that write a bit of an integer of `size` bytes.
    pub(super) fn masks(&self, value: &Value, size: usize) -> Result<(Vec<u8>, Vec<u8>), String> {
        let on = to_bool(value)?;
        let mask = 1u64 << self.bit.unwrap_or(0).min(63);
        let bytes = |mask: u64| mask.to_le_bytes().into_iter().take(size).collect();
        Ok(if on { (bytes(mask), bytes(u64::MAX)) } else { (bytes(0), bytes(!mask)) })
    }

    /// Whether what was read back is what was written.
    pub(super) fn agrees(&self, written: &Value, read: &Value, learned: Option<Learned>) -> bool {
        let precision = match learned.map(|learned| learned.kind) {
            Some(Kind::Elementary(Elementary::Real)) => Precision::Single,
            Some(Kind::Elementary(Elementary::Lreal)) => Precision::Double,
            _ => Precision::Whole,
        };
        if let Value::Bool(read) = read {
            return to_bool(written) == Ok(*read);
        }
        agrees(written, read, self.scaling(), precision)
    }
}

fn number(kind: Elementary, data: &[u8]) -> Option<Value> {
    fn at<const N: usize>(data: &[u8]) -> Option<[u8; N]> {
        data.first_chunk().copied()
    }
    Some(match kind {
        Elementary::Bool => Value::Bool(*data.first()? != 0),
        Elementary::Sint => Value::I64(i8::from_le_bytes(at(data)?).into()),
        Elementary::Int => Value::I64(i16::from_le_bytes(at(data)?).into()),
        Elementary::Dint => Value::I64(i32::from_le_bytes(at(data)?).into()),
        Elementary::Lint => Value::I64(i64::from_le_bytes(at(data)?)),
        Elementary::Usint | Elementary::Byte => Value::U64(u8::from_le_bytes(at(data)?).into()),
        Elementary::Uint | Elementary::Word => Value::U64(u16::from_le_bytes(at(data)?).into()),
        Elementary::Udint | Elementary::Dword => Value::U64(u32::from_le_bytes(at(data)?).into()),
        Elementary::Ulint | Elementary::Lword => Value::U64(u64::from_le_bytes(at(data)?)),
        Elementary::Real => Value::F64(f32::from_le_bytes(at(data)?).into()),
        Elementary::Lreal => Value::F64(f64::from_le_bytes(at(data)?)),
    })
}

/// A length and that many characters; bytes that are not UTF-8 are Windows' Latin-1.
fn text(kind: Kind, data: &[u8]) -> Option<String> {
    let (length, rest) = match kind {
        Kind::Other(SHORT_STRING) => (usize::from(*data.first()?), data.get(1..)?),
        Kind::Other(_) => (usize::from(u16::from_le_bytes(*data.first_chunk()?)), data.get(2..)?),
        _ => {
            let length = i32::from_le_bytes(*data.first_chunk()?);
            (usize::try_from(length).ok()?, data.get(4..)?)
        }
    };
    let bytes = rest.get(..length)?;
    Some(
        std::str::from_utf8(bytes)
            .map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned),
    )
}

fn encode_text(value: &Value, size: usize) -> Result<Vec<u8>, String> {
    let text = value.as_text().ok_or_else(|| format!("{value} is no text"))?;
    if !text.is_ascii() {
        return Err("the controller's texts have plain letters only (ASCII)".into());
    }
    // A structure is padded to whole words; the array may be up to three bytes shorter than that.
    let room = size.saturating_sub(4);
    if text.len() > room {
        return Err(format!("the text has {} characters, the tag holds at most {room}", text.len()));
    }
    let mut data = u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    data.extend_from_slice(text.as_bytes());
    data.resize(size, 0);
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::tags::Linear;
    use proptest::prelude::*;

    fn codec(kind: Option<Type>, bit: Option<u8>) -> Codec {
        Codec { kind, bit, scaling: None }
    }

    fn learned(kind: Elementary) -> Learned {
        Learned { kind: Kind::Elementary(kind), size: kind.size() }
    }

    proptest! {
        #[test]
        fn numbers_there_and_back(raw in any::<i64>()) {
            for kind in Elementary::ALL {
                let bytes = &raw.to_le_bytes()[..kind.size()];
                let codec = codec(None, None);
                let learned = learned(*kind);
                let (value, status) = codec.decode(learned.kind, bytes);
                prop_assert_eq!(status, Status::GOOD);
                prop_assert_eq!(value.value_type(), Some(codec.value_type(Some(learned))));
                let whole = value.as_f64().is_some_and(f64::is_finite);
                if *kind != Elementary::Bool && whole {
                    prop_assert_eq!(&codec.encode(&value, learned).unwrap(), bytes);
                    prop_assert!(codec.agrees(&value, &value, Some(learned)));
                }
                prop_assert_eq!(codec.decode(learned.kind, &bytes[1..]).1, Status::BAD_DECODING_ERROR);
            }
        }

        #[test]
        fn bits_are_masked_in(old in any::<u32>(), bit in 0u8..32, on in any::<bool>()) {
            let codec = codec(None, Some(bit));
            let (or, and) = codec.masks(&Value::Bool(on), 4).unwrap();
            let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
            let new = (old | word(&or)) & word(&and);
            prop_assert_eq!(new, old & !(1 << bit) | u32::from(on) << bit);
            prop_assert_eq!(codec.decode(Kind::Elementary(Elementary::Dint), &new.to_le_bytes()), (Value::Bool(on), Status::GOOD));
        }
    }

    #[test]
    fn the_controller_knows_better() {
        let wrong = codec(Some(Type::I32), None).check(learned(Elementary::Real)).unwrap_err();
        assert_eq!(
            wrong,
            "it is REAL (f32) in the controller, the file says i32: write type = \"f32\" or leave it out"
        );
        assert!(codec(None, None).check(learned(Elementary::Lint)).is_ok());
        assert!(codec(None, Some(5)).check(learned(Elementary::Dint)).is_ok());
        assert!(codec(None, Some(32)).check(learned(Elementary::Dint)).unwrap_err().contains("bits 0 to 31"));
        assert!(codec(None, Some(0)).check(learned(Elementary::Real)).unwrap_err().contains("no bits"));
        let structure = Learned { kind: Kind::Other(0x123), size: 40 };
        assert!(codec(None, None).check(structure).unwrap_err().contains("name one of its members"));
    }

    #[test]
    fn texts_and_scaled_numbers() {
        let string = Learned { kind: Kind::Structure(0x0FCE), size: 88 };
        let codec_text = codec(Some(Type::Text), None);
        let bytes = codec_text.encode(&Value::from("Leeds"), string).unwrap();
        assert_eq!((bytes.len(), &bytes[..9]), (88, &b"\x05\0\0\0Leeds"[..]));
        assert_eq!(codec_text.decode(string.kind, &bytes), (Value::from("Leeds"), Status::GOOD));
        assert!(
            codec_text
                .encode(&Value::from("x".repeat(85).as_str()), string)
                .unwrap_err()
                .contains("at most 84")
        );
        let lying = [0xFF, 0xFF, 0, 0, b'a'];
        assert_eq!(codec_text.decode(string.kind, &lying).1, Status::BAD_DECODING_ERROR);
        let linear = Some(Linear::new(0.1, 0.0));
        let scaled =
            Codec { scaling: Some(Box::new(Scaling { linear, ..Scaling::default() })), ..codec(None, None) };
        let dint = learned(Elementary::Dint);
        assert_eq!(scaled.decode(dint.kind, &878i32.to_le_bytes()), (Value::F64(87.8), Status::GOOD));
        assert_eq!(scaled.encode(&Value::F64(87.8), dint).unwrap(), 878i32.to_le_bytes());
        assert_eq!(scaled.value_type(Some(dint)), ValueType::F64);
    }
}
