//! Device identification, function 43 / MEI type 14 (section 6.21).

use super::reader::Reader;
use super::table::Length;
use super::{Error, Request, Response};

/// MEI type of device identification.
pub const MEI_DEVICE_IDENTIFICATION: u8 = 14;

/// How much is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadCode {
    /// Objects 0 to 2, as a stream.
    Basic,
    /// Objects 0 to 0x7F, as a stream.
    Regular,
    /// Objects 0 to 0xFF, as a stream.
    Extended,
    /// Exactly one object.
    Specific,
}

impl ReadCode {
    /// Code on the wire, 1 to 4.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Basic => 1,
            Self::Regular => 2,
            Self::Extended => 3,
            Self::Specific => 4,
        }
    }

    /// From the code on the wire.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Basic),
            2 => Some(Self::Regular),
            3 => Some(Self::Extended),
            4 => Some(Self::Specific),
            _ => None,
        }
    }

    /// Largest object id that belongs to the category.
    #[must_use]
    pub const fn last_object(self) -> u8 {
        match self {
            Self::Basic => 0x02,
            Self::Regular => 0x7F,
            Self::Extended | Self::Specific => 0xFF,
        }
    }
}

/// What a device can answer: the level, and whether single objects can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Conformity {
    /// Basic, regular or extended.
    pub level: ReadCode,
    /// True if [`ReadCode::Specific`] works too (bit 7).
    pub individual: bool,
}

impl Conformity {
    /// Code on the wire: 01, 02, 03, 81, 82 or 83.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.level.code() | if self.individual { 0x80 } else { 0 }
    }

    /// From the code on the wire.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        let individual = code & 0x80 != 0;
        match ReadCode::from_code(code & 0x7F) {
            None | Some(ReadCode::Specific) => None,
            Some(level) => Some(Self { level, individual }),
        }
    }
}

/// Name of an object of the standard.
#[must_use]
pub const fn object_name(id: u8) -> Option<&'static str> {
    match id {
        0 => Some("VendorName"),
        1 => Some("ProductCode"),
        2 => Some("MajorMinorRevision"),
        3 => Some("VendorUrl"),
        4 => Some("ProductName"),
        5 => Some("ModelName"),
        6 => Some("UserApplicationName"),
        _ => None,
    }
}

/// Objects (id, value) in the object bytes of a response; stops at the first that does not fit.
pub fn objects(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (id, tail) = rest.split_first()?;
        let (length, tail) = tail.split_first()?;
        let (value, tail) = tail.split_at_checked(usize::from(*length))?;
        rest = tail;
        Some((*id, value))
    })
}

/// Appends one object as it stands in a response; a value is cut at 244 bytes, the most one response can carry.
pub fn push_object(out: &mut Vec<u8>, id: u8, value: &[u8]) {
    let value = value.get(..244).unwrap_or(value);
    out.push(id);
    out.push(u8::try_from(value.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(value);
}

/// Length of a response PDU: the head is 7 bytes, then per object id, length and value.
pub(super) fn response_length(pdu: &[u8]) -> Length {
    match pdu.get(1) {
        None => return Length::Need(2),
        Some(&MEI_DEVICE_IDENTIFICATION) => {}
        Some(_) => return Length::Unknown,
    }
    let Some(count) = pdu.get(6) else { return Length::Need(7) };
    let mut at = 7usize;
    for _ in 0..*count {
        let Some(length) = pdu.get(at + 1) else { return Length::Need(at + 2) };
        at += 2 + usize::from(*length);
        if at > super::MAX_PDU {
            break;
        }
    }
    Length::Known(at)
}

/// Reads the part after the read code of a response; `code` and `object` are those of the request.
pub(super) fn parse<'a>(reader: &mut Reader<'a>, code: ReadCode, object: u8) -> Result<Response<'a>, Error> {
    let level = reader.u8()?;
    let conformity = Conformity::from_code(level)
        .ok_or(Error::Value { field: "conformity level", got: u32::from(level) })?;
    let more_follows = match reader.u8()? {
        0x00 => false,
        0xFF => true,
        got => return Err(Error::Value { field: "more follows", got: u32::from(got) }),
    };
    let next_object = reader.u8()?;
    let count = reader.u8()?;
    let data = reader.rest();
    for index in 0..count {
        let id = reader.u8()?;
        if code == ReadCode::Specific && (index != 0 || id != object) {
            let (expected, got) = (u32::from(object), u32::from(id));
            return Err(Error::Echo { field: "object id", expected, got });
        }
        let length = reader.u8()?;
        reader.take(usize::from(length))?;
    }
    if count == 0 && (more_follows || code == ReadCode::Specific) {
        return Err(Error::Quantity { what: "number of objects", got: 0, min: 1, max: 255 });
    }
    Ok(Response::ReadDeviceIdentification { code, conformity, more_follows, next_object, objects: data })
}

/// Gathers the objects of a device over as many responses as it needs, bounded in objects and rounds.
#[derive(Debug, Clone, Default)]
pub struct Collector {
    objects: Vec<(u8, Vec<u8>)>,
    rounds: u8,
}

/// Most responses one identification may take; a device that goes on is cut off.
const MAX_ROUNDS: u8 = 64;

impl Collector {
    /// Takes a response; returns the next request if the device has more. A device that does not move forward
    /// or never ends is stopped.
    pub fn add(&mut self, response: &Response<'_>) -> Option<Request> {
        let Response::ReadDeviceIdentification { code, more_follows, next_object, objects: data, .. } =
            response
        else {
            return None;
        };
        let last = self.objects.last().map(|o| o.0);
        for (id, value) in objects(data) {
            if !self.objects.iter().any(|o| o.0 == id) {
                self.objects.push((id, value.to_vec()));
            }
        }
        self.rounds = self.rounds.saturating_add(1);
        let forward = last.is_none_or(|last| *next_object > last);
        let again = *more_follows && forward && self.rounds < MAX_ROUNDS && *code != ReadCode::Specific;
        again.then_some(Request::ReadDeviceIdentification { code: *code, object: *next_object })
    }

    /// The objects so far, in the order they came.
    #[must_use]
    pub fn objects(&self) -> &[(u8, Vec<u8>)] {
        &self.objects
    }

    /// An object as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self, id: u8) -> Option<String> {
        let (_, value) = self.objects.iter().find(|o| o.0 == id)?;
        Some(String::from_utf8_lossy(value).trim_end_matches(['\0', ' ']).to_owned())
    }
}
