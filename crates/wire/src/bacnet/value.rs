//! Primitive values with application tags (20.2).

use super::tag::{Class, Tag};
use super::{Error, MAX_INSTANCE, Reader};

/// Deepest nesting of a structure that is passed over.
const MAX_DEPTH: usize = 16;

/// An object: its type and instance (20.2.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Object type, 0 to 1,023; see [`super::table::object_type`].
    pub kind: u16,
    /// Instance, 0 to 4,194,303.
    pub instance: u32,
}

impl ObjectId {
    /// An object; bits beyond the standard's ranges are dropped.
    pub const fn new(kind: u16, instance: u32) -> Self {
        Self { kind: kind & 0x3FF, instance: instance & MAX_INSTANCE }
    }

    /// A device.
    pub const fn device(instance: u32) -> Self {
        Self::new(8, instance)
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let number = match bytes.first_chunk::<4>() {
            Some(four) if bytes.len() == 4 => u32::from_be_bytes(*four),
            _ => return Err(Error::Unexpected("an object identifier has four bytes")),
        };
        Ok(Self { kind: (number >> 22) as u16, instance: number & MAX_INSTANCE })
    }

    pub(crate) fn bytes(self) -> [u8; 4] {
        (u32::from(self.kind) << 22 | self.instance).to_be_bytes()
    }
}

/// A primitive value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing; written to a priority it gives that priority up (19.2).
    Null,
    /// True or false.
    Boolean(bool),
    /// Whole number from 0.
    Unsigned(u64),
    /// Whole number.
    Signed(i64),
    /// IEEE 754 single.
    Real(f32),
    /// IEEE 754 double.
    Double(f64),
    /// Bytes.
    Octets(Vec<u8>),
    /// Text, out of UTF-8, UCS-2 or Latin-1.
    Text(String),
    /// Bits, the first is bit 0.
    Bits(Vec<bool>),
    /// One of an enumeration.
    Enumerated(u32),
    /// Year since 1900, month, day, day of week; 255 stands for any.
    Date([u8; 4]),
    /// Hour, minute, second, hundredths; 255 stands for any.
    Time([u8; 4]),
    /// An object.
    Object(ObjectId),
    /// What is none of these, with its tags: a structure, a text in a character set that is not known, a number of odd
    /// length. It is passed over whole, so that it spoils nothing beside it.
    Raw(Vec<u8>),
}

fn wide(bytes: &[u8]) -> Result<u64, Error> {
    if bytes.is_empty() || bytes.len() > 8 {
        return Err(Error::Unexpected("a number has one to eight bytes"));
    }
    Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn four(bytes: &[u8]) -> Result<[u8; 4], Error> {
    bytes.try_into().map_err(|_| Error::Unexpected("a date, a time and a single have four bytes"))
}

impl Value {
    /// Reads what stands here: a value with its application tag, or the whole of something else.
    ///
    /// # Errors
    /// It is cut, or ends a bracket that is not its own.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let mut whole = *reader;
        let value = match Tag::read(reader)? {
            Tag::Value { class: Class::Application, number: 1, length } => match length {
                0 => Some(Self::Boolean(false)),
                1 => Some(Self::Boolean(true)),
                _ => return Err(Error::Unexpected("a Boolean is 0 or 1")),
            },
            Tag::Value { class, number, length } => {
                let bytes = reader.take(usize::try_from(length).unwrap_or(usize::MAX))?;
                if class == Class::Application { Self::of(number, bytes).ok() } else { None }
            }
            Tag::Opening(number) => {
                pass_over(reader, number)?;
                None
            }
            Tag::Closing(_) => return Err(Error::Unexpected("a value was expected here")),
        };
        match value {
            Some(value) => Ok(value),
            None => Ok(Self::Raw(whole.take(whole.remaining() - reader.remaining())?.to_vec())),
        }
    }

    fn of(number: u8, bytes: &[u8]) -> Result<Self, Error> {
        Ok(match number {
            0 if bytes.is_empty() => Self::Null,
            2 => Self::Unsigned(wide(bytes)?),
            3 => {
                let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
                let unused = 64 - 8 * bytes.len().clamp(1, 8);
                let number = wide(bytes)?.cast_signed();
                // The sign of the shortest form becomes that of 64 bits.
                Self::Signed(if negative { number << unused >> unused } else { number })
            }
            4 => Self::Real(f32::from_be_bytes(four(bytes)?)),
            5 => match bytes.try_into() {
                Ok(eight) => Self::Double(f64::from_be_bytes(eight)),
                Err(_) => return Err(Error::Unexpected("a double has eight bytes")),
            },
            6 => Self::Octets(bytes.to_vec()),
            7 => text(bytes)?,
            8 => bits(bytes)?,
            9 => Self::Enumerated(super::tag::unsigned(bytes)?),
            10 => Self::Date(four(bytes)?),
            11 => Self::Time(four(bytes)?),
            12 => Self::Object(ObjectId::read(bytes)?),
            _ => return Err(Error::Unexpected("no type of the standard has this number")),
        })
    }

    /// Writes the value with its application tag.
    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        let (number, bytes): (u8, Vec<u8>) = match self {
            Self::Null => (0, Vec::new()),
            Self::Boolean(value) => {
                return Tag::Value { class: Class::Application, number: 1, length: (*value).into() }
                    .emit(out);
            }
            Self::Unsigned(value) => (2, short(value.to_be_bytes(), |_| false)),
            Self::Signed(value) => (3, short(value.to_be_bytes(), |byte| byte & 0x80 != 0)),
            Self::Real(value) => (4, value.to_be_bytes().into()),
            Self::Double(value) => (5, value.to_be_bytes().into()),
            Self::Octets(bytes) => (6, bytes.clone()),
            Self::Text(text) => (7, [&[0], text.as_bytes()].concat()),
            Self::Bits(bits) => (8, packed(bits)),
            Self::Enumerated(value) => (9, super::tag::shortest(*value)),
            Self::Date(four) => (10, four.to_vec()),
            Self::Time(four) => (11, four.to_vec()),
            Self::Object(object) => (12, object.bytes().into()),
            Self::Raw(bytes) => return out.extend(bytes),
        };
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Tag::Value { class: Class::Application, number, length }.emit(out);
        out.extend(bytes);
    }
}

/// Everything to the end of a bracket that has been opened.
fn pass_over(reader: &mut Reader<'_>, number: u8) -> Result<(), Error> {
    let mut open = vec![number];
    while let Some(inner) = open.last().copied() {
        match Tag::read(reader)? {
            Tag::Opening(_) if open.len() >= MAX_DEPTH => {
                return Err(Error::TooLong { what: "a structure", most: MAX_DEPTH });
            }
            Tag::Opening(number) => open.push(number),
            Tag::Closing(number) if number == inner => drop(open.pop()),
            Tag::Closing(_) => return Err(Error::Unexpected("a bracket closes that was not opened")),
            // Of an application Boolean the length is the value.
            Tag::Value { class: Class::Application, number: 1, .. } => {}
            Tag::Value { length, .. } => {
                reader.take(usize::try_from(length).unwrap_or(usize::MAX))?;
            }
        }
    }
    Ok(())
}

/// Without leading bytes that only repeat the sign.
fn short(bytes: [u8; 8], negative: impl Fn(u8) -> bool) -> Vec<u8> {
    let signed = negative(0x80);
    let fill = if bytes.first().is_some_and(|first| negative(*first)) { 0xFF } else { 0 };
    let mut rest = bytes.as_slice();
    while let [first, second, ..] = rest {
        if *first != fill || (signed && (second & 0x80 != 0) != (fill == 0xFF)) {
            break;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    rest.to_vec()
}

/// Character set 0 is UTF-8, 4 is UCS-2, 5 is ISO 8859-1 (20.2.9).
fn text(bytes: &[u8]) -> Result<Value, Error> {
    match bytes.split_first() {
        Some((0, text)) => std::str::from_utf8(text)
            .map(|text| Value::Text(text.into()))
            .map_err(|_| Error::Unexpected("a text is not UTF-8 as it says")),
        Some((4, text)) => {
            let pairs = text.chunks(2).map(|pair| match pair {
                [high, low] => Ok(u16::from_be_bytes([*high, *low])),
                _ => Err(Error::Unexpected("a text of UCS-2 has two bytes a character")),
            });
            let units: Vec<u16> = pairs.collect::<Result<_, _>>()?;
            String::from_utf16(&units)
                .map(Value::Text)
                .map_err(|_| Error::Unexpected("a text is not UCS-2 as it says"))
        }
        Some((5, text)) => Ok(Value::Text(text.iter().copied().map(char::from).collect())),
        _ => Err(Error::Unexpected("a text has a character set that is not known")),
    }
}

fn bits(bytes: &[u8]) -> Result<Value, Error> {
    let Some((unused, bytes)) = bytes.split_first() else {
        return Err(Error::Unexpected("a bit string has at least one byte"));
    };
    let unused = usize::from(*unused);
    if unused > 7 || unused > bytes.len() * 8 {
        return Err(Error::Unexpected("a bit string leaves out more bits than it has"));
    }
    let all = bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte & (0x80 >> bit) != 0));
    Ok(Value::Bits(all.take(bytes.len() * 8 - unused).collect()))
}

fn packed(bits: &[bool]) -> Vec<u8> {
    let unused = (8 - bits.len() % 8) % 8;
    let byte = |bits: &[bool]| {
        bits.iter().enumerate().fold(0u8, |byte, (at, bit)| if *bit { byte | 0x80 >> at } else { byte })
    };
    std::iter::once(unused as u8).chain(bits.chunks(8).map(byte)).collect()
}
