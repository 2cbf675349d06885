//! The strict representation: a PDU that is exactly right, or an error.
//!
//! Jobs: setup communication, read var, write var, and system status lists (user data, group 4, sub-function 1).

mod request;
mod response;

use super::table::SETUP;
use super::{Error, HeaderError, Item, PROTOCOL, ReturnCode, be16};

/// Kind of a PDU ("ROSCTR").
const JOB: u8 = 1;
const ACK: u8 = 2;
const ACK_DATA: u8 = 3;
const USERDATA: u8 = 7;
/// User data, method: question, and answer or continuation.
const METHOD_REQUEST: u8 = 0x11;
const METHOD_RESPONSE: u8 = 0x12;
const SZL_REQUEST: u8 = 0x44;
const SZL_RESPONSE: u8 = 0x84;
const SZL_READ: u8 = 1;

/// What both sides can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// Jobs under way at once that the caller may start, at least 1.
    pub calling: u16,
    /// Jobs under way at once in the other direction.
    pub called: u16,
    /// Largest PDU in bytes, header included.
    pub pdu: u16,
}

/// One variable with what is written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteItem<'a> {
    /// Where.
    pub item: Item,
    /// Exactly the item's data.
    pub data: &'a [u8],
}

/// One answered variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadItem<'a> {
    /// Its data.
    Data(&'a [u8]),
    /// Why there are none.
    Refused(ReturnCode),
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<'a> {
    /// First of every session.
    Setup(Setup),
    /// Read 1 to 20 variables.
    Read(Vec<Item>),
    /// Write 1 to 20 variables.
    Write(Vec<WriteItem<'a>>),
    /// Read a system status list.
    Szl {
        /// Its id, e.g. 0x0011.
        id: u16,
        /// Its index.
        index: u16,
    },
    /// The next part of a system status list.
    SzlNext {
        /// Sequence number of the answer that is continued.
        sequence: u8,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response<'a> {
    /// What the device can do.
    Setup(Setup),
    /// As many as were asked for, in order.
    Read(Vec<ReadItem<'a>>),
    /// A code for each item, in order.
    Write(Vec<ReturnCode>),
    /// A part of a system status list; the first one begins with its header (see [`super::szl::List`]).
    Szl {
        /// To be repeated by [`Request::SzlNext`].
        sequence: u8,
        /// Number of this list among those being sent.
        unit: u8,
        /// Nothing follows.
        last: bool,
        /// Its bytes.
        data: &'a [u8],
    },
    /// The device has no such list.
    SzlRefused {
        /// To agree with the request's.
        sequence: u8,
        /// Why.
        code: ReturnCode,
        /// Error of the service, e.g. D401.
        error: HeaderError,
    },
    /// The device refuses the job as a whole.
    Refused(HeaderError),
}

/// Header fields and the two parts behind them.
#[derive(Debug, Clone, Copy)]
struct Parts<'a> {
    kind: u8,
    reference: u16,
    error: u16,
    parameters: &'a [u8],
    data: &'a [u8],
}

impl<'a> Parts<'a> {
    fn parse(pdu: &'a [u8]) -> Result<Self, Error> {
        let short = |need| Error::Truncated { what: "the PDU", need, have: pdu.len() };
        let [protocol, kind, ..] = pdu else { return Err(short(10)) };
        if *protocol != PROTOCOL {
            return Err(Error::Value { field: "the protocol", got: (*protocol).into() });
        }
        let header = match *kind {
            JOB | USERDATA => 10,
            ACK | ACK_DATA => 12,
            kind => return Err(Error::Value { field: "the kind of the PDU", got: kind.into() }),
        };
        let (Some(reference), Some(parameters), Some(data), Some(rest)) =
            (be16(pdu, 4), be16(pdu, 6), be16(pdu, 8), pdu.get(header..))
        else {
            return Err(short(header));
        };
        let error = if header == 12 { be16(pdu, 10).ok_or(short(12))? } else { 0 };
        let total = usize::from(parameters) + usize::from(data);
        let extra = rest.len().checked_sub(total).ok_or(short(header + total))?;
        if extra > 0 {
            return Err(Error::Trailing { what: "the PDU", extra });
        }
        let (parameters, data) = rest.split_at_checked(parameters.into()).ok_or(short(header + total))?;
        Ok(Self { kind: *kind, reference, error, parameters, data })
    }

    fn no_data(&self) -> Result<(), Error> {
        match self.data.len() {
            0 => Ok(()),
            extra => Err(Error::Trailing { what: "the parameters", extra }),
        }
    }
}

/// Reference of a PDU, by which an answer finds its question, and whether the PDU is an answer; `None` if there is
/// none.
#[must_use]
pub fn reference(pdu: &[u8]) -> Option<u16> {
    if pdu.first() == Some(&PROTOCOL) { be16(pdu, 4) } else { None }
}

fn emit_pdu(
    (kind, reference, error): (u8, u16, u16),
    out: &mut Vec<u8>,
    parameters: impl FnOnce(&mut Vec<u8>),
    data: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    let [hi, lo] = reference.to_be_bytes();
    out.extend_from_slice(&[PROTOCOL, kind, 0, 0, hi, lo, 0, 0, 0, 0]);
    if matches!(kind, ACK | ACK_DATA) {
        out.extend_from_slice(&error.to_be_bytes());
    }
    let body = out.len();
    parameters(out);
    let middle = out.len();
    data(out);
    for (at, count) in [(6, middle - body), (8, out.len() - middle)] {
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        if let Some(field) = out.get_mut(start + at..start + at + 2) {
            field.copy_from_slice(&count.to_be_bytes());
        }
    }
}

fn put16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.push(u8::try_from(count).unwrap_or(u8::MAX));
}

fn none(_: &mut Vec<u8>) {}

/// Code, size and length before data; a fill byte behind the data before it, if that was odd.
fn put_data(code: u8, item: &Item, data: &[u8], odd: &mut bool, out: &mut Vec<u8>) {
    if *odd {
        out.push(0);
    }
    let (size, in_bits) = item.size.data_code();
    let length = match item.size {
        super::Size::Bit => data.len(),
        _ if in_bits => data.len() * 8,
        _ => data.len(),
    };
    out.extend_from_slice(&[code, size]);
    put16(out, u16::try_from(length).unwrap_or(u16::MAX));
    out.extend_from_slice(data);
    *odd = data.len() % 2 == 1;
}

/// Takes the data of one item from the front of `rest`: its code and its bytes.
fn take_data<'a>(item: &Item, last: bool, rest: &mut &'a [u8]) -> Result<ReadItem<'a>, Error> {
    let have = rest.len();
    let short = |need| Error::Truncated { what: "the data of an item", need, have };
    let [code, size, hi, lo, tail @ ..] = *rest else { return Err(short(4)) };
    if *code != ReturnCode::SUCCESS.0 && *code != 0 {
        // Nothing follows, whatever stands in the length (0 or 4, by device).
        *rest = tail;
        return Ok(ReadItem::Refused(ReturnCode(*code)));
    }
    let (expected, _) = item.size.data_code();
    if *size != expected {
        return Err(Error::Mismatch {
            field: "the size of an item",
            expected: expected.into(),
            got: (*size).into(),
        });
    }
    let length = usize::from(u16::from_be_bytes([*hi, *lo]));
    let bytes = match *size {
        3..=5 => length.div_ceil(8),
        _ => length,
    };
    let wanted = item.data_length();
    if bytes != wanted {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        return Err(Error::Mismatch {
            field: "the length of an item",
            expected: number(wanted),
            got: number(bytes),
        });
    }
    let (data, tail) = tail.split_at_checked(wanted).ok_or(short(wanted + 4))?;
    *rest = match tail {
        [_, tail @ ..] if !last && wanted % 2 == 1 => tail,
        tail => tail,
    };
    Ok(ReadItem::Data(data))
}

impl Setup {
    fn emit(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[SETUP, 0]);
        [self.calling, self.called, self.pdu].into_iter().for_each(|word| put16(out, word));
    }

    fn parse(parameters: &[u8]) -> Result<Self, Error> {
        match (be16(parameters, 2), be16(parameters, 4), be16(parameters, 6), parameters.len()) {
            (Some(calling), Some(called), Some(pdu), 8) => Ok(Self { calling, called, pdu }),
            (.., have) => Err(Error::Truncated { what: "the negotiation", need: 8, have }),
        }
    }
}
