//! Tags: what the next bytes are (20.2.1).

use super::{Error, Reader};

/// Whether a tag names a type or a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The number is a type of the standard's table.
    Application,
    /// The number is a place in the service's own structure.
    Context,
}

/// The head of a value, or a bracket around several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// `length` bytes follow; of an application Boolean the length is the value itself.
    Value {
        /// Application or context.
        class: Class,
        /// Type or place.
        number: u8,
        /// Bytes that follow.
        length: u32,
    },
    /// The bracket of place `0` opens.
    Opening(u8),
    /// It closes.
    Closing(u8),
}

impl Tag {
    /// Reads a tag.
    ///
    /// # Errors
    /// It is cut, or has a form that the standard does not know.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let head = reader.u8()?;
        let class = if head & 8 == 0 { Class::Application } else { Class::Context };
        let number = match head >> 4 {
            15 => match reader.u8()? {
                255 => return Err(Error::Unexpected("the tag number 255 is reserved")),
                number => number,
            },
            number => number,
        };
        let length = match (head & 7, class) {
            (6, Class::Context) => return Ok(Self::Opening(number)),
            (7, Class::Context) => return Ok(Self::Closing(number)),
            (6 | 7, Class::Application) => {
                return Err(Error::Unexpected("an application tag has no brackets"));
            }
            (5, _) => match reader.u8()? {
                254 => reader.u16()?.into(),
                255 => reader.u32()?,
                short => short.into(),
            },
            (short, _) => short.into(),
        };
        Ok(Self::Value { class, number, length })
    }

    /// Writes a tag in its shortest form.
    pub(crate) fn emit(self, out: &mut Vec<u8>) {
        let (number, bits, length) = match self {
            Self::Value { class, number, length } => {
                let bits = if class == Class::Context { 8 } else { 0 };
                (number, bits | u8::try_from(length.min(5)).unwrap_or(5), Some(length))
            }
            Self::Opening(number) => (number, 0x0E, None),
            Self::Closing(number) => (number, 0x0F, None),
        };
        if number < 15 {
            out.push(number << 4 | bits);
        } else {
            out.extend([0xF0 | bits, number]);
        }
        match length {
            None | Some(0..=4) => {}
            Some(length @ 5..=253) => out.extend(length.to_be_bytes().last()),
            Some(length) => match u16::try_from(length) {
                Ok(length) => {
                    out.push(254);
                    out.extend(length.to_be_bytes());
                }
                Err(_) => {
                    out.push(255);
                    out.extend(length.to_be_bytes());
                }
            },
        }
    }
}

/// The bytes of the value at place `number`, which has to stand here.
pub(crate) fn context<'a>(reader: &mut Reader<'a>, number: u8) -> Result<&'a [u8], Error> {
    match Tag::read(reader)? {
        Tag::Value { class: Class::Context, number: found, length } if found == number => {
            reader.take(usize::try_from(length).unwrap_or(usize::MAX))
        }
        _ => Err(Error::Unexpected("another part of the service was expected here")),
    }
}

/// The same where it may be left out.
pub(crate) fn optional<'a>(reader: &mut Reader<'a>, number: u8) -> Result<Option<&'a [u8]>, Error> {
    let mut ahead = *reader;
    match Tag::read(&mut ahead) {
        Ok(Tag::Value { class: Class::Context, number: found, .. }) if found == number => {
            context(reader, number).map(Some)
        }
        _ => Ok(None),
    }
}

/// The bracket of place `number` has to open here.
pub(crate) fn opening(reader: &mut Reader<'_>, number: u8) -> Result<(), Error> {
    match Tag::read(reader)? {
        Tag::Opening(found) if found == number => Ok(()),
        _ => Err(Error::Unexpected("an opening bracket was expected here")),
    }
}

/// Whether the bracket of place `number` closes here; then it is read.
pub(crate) fn closes(reader: &mut Reader<'_>, number: u8) -> bool {
    let mut ahead = *reader;
    let closes = Tag::read(&mut ahead) == Ok(Tag::Closing(number));
    if closes {
        *reader = ahead;
    }
    closes
}

/// An unsigned number of one to four bytes (20.2.4), as the standard writes it: without leading zeros is not asked.
pub(crate) fn unsigned(bytes: &[u8]) -> Result<u32, Error> {
    if bytes.is_empty() || bytes.len() > 4 {
        return Err(Error::Unexpected("a number has one to four bytes"));
    }
    Ok(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

/// The shortest bytes of an unsigned number.
pub(crate) fn shortest(number: u32) -> Vec<u8> {
    let skip = (number.leading_zeros() / 8).min(3);
    number.to_be_bytes().into_iter().skip(skip as usize).collect()
}

/// A value at place `number`.
pub(crate) fn put(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    Tag::Value { class: Class::Context, number, length }.emit(out);
    out.extend(bytes);
}
