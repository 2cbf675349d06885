//! Exact commands and answers: what a client sends and a controller understands.

use super::address::{Family, FileKind, Place};
use super::status::PcccStatus;
use super::{command, function};
use crate::enip::Error;
use crate::enip::reader::{Reader, put16, put32};

/// Most bytes of data in one command or answer (1770-6.5.16, 7: 236 for SLC 500, 244 for PLC-5).
const MAX_DATA: usize = 244;
/// Bytes of the requester id: its length, vendor and serial number (1756-PM020, "PCCC commands").
const REQUESTER: u8 = 7;
/// What names a level of a PLC-5 address that is larger than a byte (chapter 13).
const WIDE: u8 = 0xFF;
/// Levels of a PLC-5 address: file and element, and the word inside (chapter 13, logical binary addresses).
const FILE_ELEMENT: u8 = 0x06;
const FILE_ELEMENT_WORD: u8 = 0x0E;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requester {
    /// Vendor id.
    pub vendor: u16,
    /// Serial number.
    pub serial: u32,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Words from a place on.
    Read {
        /// The first.
        at: Place,
        /// Bytes, even, 2 to 244.
        bytes: u8,
    },
    /// Puts words from a place on.
    Write {
        /// The first.
        at: Place,
        /// Their bytes, even, 2 to 244.
        data: Vec<u8>,
    },
    /// Puts those bits of a word that `mask` has set to those of `bits`; the others stay as they are.
    Mask {
        /// The word.
        at: Place,
        /// Which bits.
        mask: u16,
        /// Their values.
        bits: u16,
    },
    /// What the controller is.
    Status,
}

/// A command as it travels in Execute PCCC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who asks.
    pub requester: Requester,
    /// Number that the answer repeats.
    pub transaction: u16,
    /// How addresses are written.
    pub family: Family,
    /// What is asked.
    pub ask: Ask,
}

impl Message {
    /// Appends the data of service 0x4B.
    ///
    /// # Errors
    /// A length that is odd, zero or too large.
    pub fn emit(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.push(REQUESTER);
        put16(out, self.requester.vendor);
        put32(out, self.requester.serial);
        let code = if self.ask == Ask::Status { command::DIAGNOSTIC } else { command::EXTENDED };
        out.extend_from_slice(&[code, 0]);
        put16(out, self.transaction);
        match (&self.ask, self.family) {
            (Ask::Status, _) => out.push(function::STATUS),
            (Ask::Read { at, bytes }, Family::Slc) => {
                out.extend_from_slice(&[function::READ_SLC, length(usize::from(*bytes))?]);
                emit_slc(at, out);
            }
            (Ask::Write { at, data }, Family::Slc) => {
                out.extend_from_slice(&[function::WRITE_SLC, length(data.len())?]);
                emit_slc(at, out);
                out.extend_from_slice(data);
            }
            (Ask::Mask { at, mask, bits }, Family::Slc) => {
                out.extend_from_slice(&[function::MASK_SLC, 2]);
                emit_slc(at, out);
                put16(out, *mask);
                put16(out, *bits & *mask);
            }
            (Ask::Read { at, bytes }, Family::Plc5) => {
                let bytes = length(usize::from(*bytes))?;
                emit_range(function::READ_PLC5, bytes, out);
                emit_plc5(at, out);
                out.push(bytes);
            }
            (Ask::Write { at, data }, Family::Plc5) => {
                emit_range(function::WRITE_PLC5, length(data.len())?, out);
                emit_plc5(at, out);
                out.extend_from_slice(data);
            }
            (Ask::Mask { at, mask, bits }, Family::Plc5) => {
                out.push(function::MODIFY_PLC5);
                emit_plc5(at, out);
                put16(out, !*mask);
                put16(out, *bits & *mask);
            }
        }
        Ok(())
    }

    /// Reads the data of service 0x4B. A PLC-5 address does not say the type of its file: it reads as `Integer`.
    ///
    /// # Errors
    /// The first thing that is not exactly right, also a command that is not one of these.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(data);
        let requester = read_requester(&mut r)?;
        let code = r.u8()?;
        zero("status of a command", r.u8()?)?;
        let transaction = r.u16()?;
        let function = r.u8()?;
        let (family, ask) = match (code, function) {
            (command::DIAGNOSTIC, function::STATUS) => (Family::Slc, Ask::Status),
            (command::EXTENDED, function::READ_SLC) => {
                let bytes = length(usize::from(r.u8()?))?;
                (Family::Slc, Ask::Read { at: read_slc(&mut r)?, bytes })
            }
            (command::EXTENDED, function::WRITE_SLC) => {
                let bytes = length(usize::from(r.u8()?))?;
                let at = read_slc(&mut r)?;
                (Family::Slc, Ask::Write { at, data: r.take(usize::from(bytes))?.to_vec() })
            }
            (command::EXTENDED, function::MASK_SLC) => {
                exactly("bytes of a mask", 2, r.u8()?)?;
                (Family::Slc, Ask::Mask { at: read_slc(&mut r)?, mask: r.u16()?, bits: r.u16()? })
            }
            (command::EXTENDED, function::READ_PLC5) => {
                let bytes = read_range(&mut r)?;
                let at = read_plc5(&mut r)?;
                exactly("bytes of the packet", bytes, r.u8()?)?;
                (Family::Plc5, Ask::Read { at, bytes })
            }
            (command::EXTENDED, function::WRITE_PLC5) => {
                let bytes = read_range(&mut r)?;
                let at = read_plc5(&mut r)?;
                (Family::Plc5, Ask::Write { at, data: r.take(usize::from(bytes))?.to_vec() })
            }
            (command::EXTENDED, function::MODIFY_PLC5) => {
                let at = read_plc5(&mut r)?;
                let (and, or) = (r.u16()?, r.u16()?);
                (Family::Plc5, Ask::Mask { at, mask: !and | or, bits: or })
            }
            (command::EXTENDED, other) => return Err(Error::Value { field: "function", got: other.into() }),
            (other, _) => return Err(Error::Value { field: "command", got: other.into() }),
        };
        r.finish()?;
        Ok(Self { requester, transaction, family, ask })
    }
}

/// The answer to a command, from the data of the reply to service 0x4B.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    /// How it went.
    pub status: PcccStatus,
    /// What it brought: of a read as many bytes as were asked for.
    pub data: &'a [u8],
}

impl<'a> Answer<'a> {
    /// Reads an answer against its command. The requester id of the answer is not compared: a widespread server sends
    /// one of its own; the transaction number tells the answer all the same.
    ///
    /// # Errors
    /// An answer that does not fit the command.
    pub fn parse(data: &'a [u8], to: &Message) -> Result<Self, Error> {
        let mut r = Reader::new(data);
        read_requester(&mut r)?;
        let asked = if to.ask == Ask::Status { command::DIAGNOSTIC } else { command::EXTENDED };
        let code = r.u8()?;
        if code != asked | command::REPLY {
            return Err(Error::Service { expected: asked | command::REPLY, got: code });
        }
        let code = r.u8()?;
        let transaction = r.u16()?;
        if transaction != to.transaction {
            let (expected, got) = (to.transaction.into(), transaction.into());
            return Err(Error::Echo { field: "transaction number", expected, got });
        }
        if code != 0 {
            // The extended status may be left out, and something may follow it.
            let extended = r.all().first().copied().filter(|_| code == 0xF0);
            return Ok(Self { status: PcccStatus { code, extended }, data: &[] });
        }
        let data = r.all();
        match &to.ask {
            Ask::Read { bytes, .. } if data.len() != usize::from(*bytes) => {
                let bytes = usize::from(*bytes);
                Err(Error::Quantity { what: "bytes of the answer", got: data.len(), min: bytes, max: bytes })
            }
            Ask::Write { .. } | Ask::Mask { .. } if !data.is_empty() => {
                Err(Error::Trailing { extra: data.len() })
            }
            _ => Ok(Self { status: PcccStatus::OK, data }),
        }
    }
}

/// Appends the data of the reply to service 0x4B. `code` is the command that was asked.
pub fn emit_answer(
    requester: &Requester,
    code: u8,
    transaction: u16,
    status: PcccStatus,
    data: &[u8],
    out: &mut Vec<u8>,
) {
    out.push(REQUESTER);
    put16(out, requester.vendor);
    put32(out, requester.serial);
    out.extend_from_slice(&[code | command::REPLY, status.code]);
    put16(out, transaction);
    out.extend(status.extended.filter(|_| status.code == 0xF0));
    if status.is_ok() {
        out.extend_from_slice(data);
    }
}

fn read_requester(r: &mut Reader<'_>) -> Result<Requester, Error> {
    exactly("length of the requester id", REQUESTER, r.u8()?)?;
    Ok(Requester { vendor: r.u16()?, serial: r.u32()? })
}

fn length(bytes: usize) -> Result<u8, Error> {
    let fits = bytes.is_multiple_of(2) && (2..=MAX_DATA).contains(&bytes);
    u8::try_from(bytes).ok().filter(|_| fits).ok_or(Error::Quantity {
        what: "data, in bytes and even,",
        got: bytes,
        min: 2,
        max: MAX_DATA,
    })
}

fn zero(field: &'static str, got: u8) -> Result<(), Error> {
    exactly(field, 0, got)
}

fn exactly(field: &'static str, expected: u8, got: u8) -> Result<(), Error> {
    if got == expected { Ok(()) } else { Err(Error::Value { field, got: got.into() }) }
}

/// One level of an address: a byte, or 0xFF and two.
fn emit_level(level: u16, out: &mut Vec<u8>) {
    match u8::try_from(level) {
        Ok(level) if level != WIDE => out.push(level),
        _ => {
            out.push(WIDE);
            put16(out, level);
        }
    }
}

fn read_level(r: &mut Reader<'_>) -> Result<u16, Error> {
    match r.u8()? {
        WIDE => r.u16(),
        level => Ok(level.into()),
    }
}

fn emit_slc(at: &Place, out: &mut Vec<u8>) {
    emit_level(at.file, out);
    out.push(at.kind.code());
    emit_level(at.element, out);
    emit_level(at.word, out);
}

fn read_slc(r: &mut Reader<'_>) -> Result<Place, Error> {
    let file = read_level(r)?;
    let code = r.u8()?;
    let kind = FileKind::of(code).ok_or(Error::Value { field: "type of the file", got: code.into() })?;
    Ok(Place { kind, file, element: read_level(r)?, word: read_level(r)? })
}

/// Function, packet offset and total transaction in words.
fn emit_range(function: u8, bytes: u8, out: &mut Vec<u8>) {
    out.push(function);
    put16(out, 0);
    put16(out, u16::from(bytes) / 2);
}

/// One packet only: the offset is 0, and the total is what it carries.
fn read_range(r: &mut Reader<'_>) -> Result<u8, Error> {
    let offset = r.u16()?;
    if offset != 0 {
        return Err(Error::Value { field: "packet offset", got: offset.into() });
    }
    length(usize::from(r.u16()?) * 2)
}

fn emit_plc5(at: &Place, out: &mut Vec<u8>) {
    out.push(if at.word == 0 { FILE_ELEMENT } else { FILE_ELEMENT_WORD });
    emit_level(at.file, out);
    emit_level(at.element, out);
    if at.word != 0 {
        emit_level(at.word, out);
    }
}

fn read_plc5(r: &mut Reader<'_>) -> Result<Place, Error> {
    let levels = r.u8()?;
    let (file, element) = (read_level(r)?, read_level(r)?);
    let word = match levels {
        FILE_ELEMENT => 0,
        FILE_ELEMENT_WORD => read_level(r)?,
        other => return Err(Error::Value { field: "levels of the address", got: other.into() }),
    };
    Ok(Place { kind: FileKind::Integer, file, element, word })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: Requester = Requester { vendor: 0x0001, serial: 0x0403_0201 };

    fn emitted(family: Family, ask: Ask) -> Vec<u8> {
        let message = Message { requester: WHO, transaction: 0x1234, family, ask };
        let mut out = Vec::new();
        message.emit(&mut out).unwrap();
        // The header is the same for all: requester, command, status, transaction.
        assert_eq!(out[..7], [7, 1, 0, 1, 2, 3, 4]);
        assert_eq!(out[8..11], [0, 0x34, 0x12]);
        let parsed = Message::parse(&out).unwrap();
        let kind = |ask: &Ask| match ask {
            Ask::Read { at, .. } | Ask::Write { at, .. } | Ask::Mask { at, .. } => Some(at.kind),
            Ask::Status => None,
        };
        if family == Family::Slc || kind(&message.ask) == Some(FileKind::Integer) {
            assert_eq!(parsed, message);
        }
        out[11..].to_vec()
    }

    /// Bytes as in 1770-6.5.16, chapter 7 and 13.
    #[test]
    fn commands_of_both_families() {
        let n7 = |element| Place { kind: FileKind::Integer, file: 7, element, word: 0 };
        let read = |at| Ask::Read { at, bytes: 4 };
        assert_eq!(emitted(Family::Slc, read(n7(10))), [0xA2, 4, 7, 0x89, 10, 0]);
        assert_eq!(emitted(Family::Slc, read(n7(255))), [0xA2, 4, 7, 0x89, 0xFF, 0xFF, 0, 0]);
        let t4 = Place { kind: FileKind::Timer, file: 4, element: 1, word: 2 };
        let write = |at| Ask::Write { at, data: vec![0x39, 0x30] };
        assert_eq!(emitted(Family::Slc, write(t4)), [0xAA, 2, 4, 0x86, 1, 2, 0x39, 0x30]);
        let mask = |at| Ask::Mask { at, mask: 0x0010, bits: 0x0010 };
        let b3 = Place { kind: FileKind::Bit, file: 3, element: 0, word: 0 };
        assert_eq!(emitted(Family::Slc, mask(b3)), [0xAB, 2, 3, 0x85, 0, 0, 0x10, 0, 0x10, 0]);
        assert_eq!(emitted(Family::Plc5, read(n7(10))), [0x01, 0, 0, 2, 0, 6, 7, 10, 4]);
        assert_eq!(emitted(Family::Plc5, read(n7(1_000)))[5..], [6, 7, 0xFF, 0xE8, 3, 4]);
        assert_eq!(emitted(Family::Plc5, write(t4)), [0x00, 0, 0, 1, 0, 0x0E, 4, 1, 2, 0x39, 0x30]);
        assert_eq!(emitted(Family::Plc5, mask(n7(1))), [0x26, 6, 7, 1, 0xEF, 0xFF, 0x10, 0]);
        assert_eq!(emitted(Family::Slc, Ask::Status), [0x03]);
        for bytes in [0, 3, 245] {
            let ask = Ask::Read { at: n7(0), bytes };
            let message = Message { requester: WHO, transaction: 1, family: Family::Slc, ask };
            assert!(message.emit(&mut Vec::new()).is_err(), "{bytes}");
        }
    }

    #[test]
    fn answers_are_held_against_their_commands() {
        let at = Place { kind: FileKind::Integer, file: 7, element: 0, word: 0 };
        let ask = Ask::Read { at, bytes: 2 };
        let message = Message { requester: WHO, transaction: 7, family: Family::Slc, ask };
        let answer = |status, data: &[u8]| {
            let mut out = Vec::new();
            emit_answer(&WHO, command::EXTENDED, 7, status, data, &mut out);
            out
        };
        let good = answer(PcccStatus::OK, &[9, 0]);
        assert_eq!(Answer::parse(&good, &message).unwrap().data, [9, 0]);
        let refused = answer(PcccStatus::NO_ADDRESS, &[]);
        let status = Answer::parse(&refused, &message).unwrap().status;
        assert_eq!(status, PcccStatus::NO_ADDRESS);
        assert!(status.to_string().ends_with("(status F0/06)") && status.is_address(), "{status}");
        for data in [&[9][..], &[9, 0, 0], &[]] {
            assert!(Answer::parse(&answer(PcccStatus::OK, data), &message).is_err(), "{data:?}");
        }
        let other = Message { transaction: 8, ..message.clone() };
        assert!(matches!(Answer::parse(&good, &other), Err(Error::Echo { .. })));
        let status = Message { ask: Ask::Status, ..message };
        assert!(matches!(Answer::parse(&good, &status), Err(Error::Service { .. })));
    }
}
