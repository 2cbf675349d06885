//! Responses, checked against the request they answer.

use super::request::{coil_value, coil_word, diagnostics_answer};
use super::{put_count, put16, registers};
use crate::modbus::diagnostics::Answer;
use crate::modbus::file_record::{self, REFERENCE_TYPE};
use crate::modbus::identification::{self, MEI_DEVICE_IDENTIFICATION};
use crate::modbus::reader::Reader;
use crate::modbus::{
    Conformity, Error, ExceptionCode, FileData, FileRange, Limits, MAX_PDU, ReadCode, Request,
};

/// A response PDU. Bulk data stay in the buffer they came in: registers as big-endian bytes (see
/// [`registers`](super::registers)), bits packed from the lowest bit (see [`bits`](super::bits)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response<'a> {
    /// Function 1: `quantity.div_ceil(8)` bytes.
    ReadCoils {
        /// Packed bits; padding in the last byte is not checked.
        bits: &'a [u8],
    },
    /// Function 2: `quantity.div_ceil(8)` bytes.
    ReadDiscreteInputs {
        /// Packed bits; padding in the last byte is not checked.
        bits: &'a [u8],
    },
    /// Function 3: exactly twice the quantity in bytes.
    ReadHoldingRegisters {
        /// Register bytes.
        registers: &'a [u8],
    },
    /// Function 4: exactly twice the quantity in bytes.
    ReadInputRegisters {
        /// Register bytes.
        registers: &'a [u8],
    },
    /// Function 5, an echo.
    WriteSingleCoil {
        /// Coil.
        address: u16,
        /// Value.
        value: bool,
    },
    /// Function 6, an echo.
    WriteSingleRegister {
        /// Register.
        address: u16,
        /// Value.
        value: u16,
    },
    /// Function 7.
    ReadExceptionStatus {
        /// Eight device-specific outputs.
        status: u8,
    },
    /// Function 8.
    Diagnostics {
        /// Sub-function.
        sub: u16,
        /// Data words as bytes.
        data: &'a [u8],
    },
    /// Function 11.
    GetCommEventCounter {
        /// 0xFFFF while a command is still processed, 0 otherwise.
        status: u16,
        /// Successful messages.
        events: u16,
    },
    /// Function 12.
    GetCommEventLog {
        /// 0xFFFF while a command is still processed, 0 otherwise.
        status: u16,
        /// Successful messages.
        events: u16,
        /// Messages seen.
        messages: u16,
        /// Event bytes, newest first, at most 64.
        log: &'a [u8],
    },
    /// Function 15.
    WriteMultipleCoils {
        /// First coil.
        address: u16,
        /// Coils.
        quantity: u16,
    },
    /// Function 16.
    WriteMultipleRegisters {
        /// First register.
        address: u16,
        /// Registers.
        quantity: u16,
    },
    /// Function 17.
    ReportServerId {
        /// Device-specific: id, run indicator (0xFF on), additional data.
        data: &'a [u8],
    },
    /// Function 20.
    ReadFileRecord {
        /// The groups as on the wire; see [`file_record::groups`].
        data: &'a [u8],
    },
    /// Function 21, an echo.
    WriteFileRecord {
        /// The groups of the request as on the wire.
        data: &'a [u8],
    },
    /// Function 22, an echo.
    MaskWriteRegister {
        /// Register.
        address: u16,
        /// Bits kept.
        and_mask: u16,
        /// Bits set.
        or_mask: u16,
    },
    /// Function 23: exactly twice the read quantity in bytes.
    ReadWriteMultipleRegisters {
        /// Register bytes.
        registers: &'a [u8],
    },
    /// Function 24: 0 to 31 registers.
    ReadFifoQueue {
        /// Register bytes.
        registers: &'a [u8],
    },
    /// Function 43 / MEI type 14.
    ReadDeviceIdentification {
        /// As asked for.
        code: ReadCode,
        /// What the device can answer.
        conformity: Conformity,
        /// True if another request must follow.
        more_follows: bool,
        /// First object of the next request, meaningful if `more_follows`.
        next_object: u8,
        /// The objects as on the wire; see [`identification::objects`].
        objects: &'a [u8],
    },
    /// An exception (section 7): the device understood the frame and refuses.
    Exception {
        /// Function code of the request, without bit 7.
        function: u8,
        /// Why.
        code: ExceptionCode,
    },
}

impl<'a> Response<'a> {
    /// Function code on the wire, with bit 7 for an exception.
    #[must_use]
    pub const fn function_code(&self) -> u8 {
        match self {
            Self::ReadCoils { .. } => 1,
            Self::ReadDiscreteInputs { .. } => 2,
            Self::ReadHoldingRegisters { .. } => 3,
            Self::ReadInputRegisters { .. } => 4,
            Self::WriteSingleCoil { .. } => 5,
            Self::WriteSingleRegister { .. } => 6,
            Self::ReadExceptionStatus { .. } => 7,
            Self::Diagnostics { .. } => 8,
            Self::GetCommEventCounter { .. } => 11,
            Self::GetCommEventLog { .. } => 12,
            Self::WriteMultipleCoils { .. } => 15,
            Self::WriteMultipleRegisters { .. } => 16,
            Self::ReportServerId { .. } => 17,
            Self::ReadFileRecord { .. } => 20,
            Self::WriteFileRecord { .. } => 21,
            Self::MaskWriteRegister { .. } => 22,
            Self::ReadWriteMultipleRegisters { .. } => 23,
            Self::ReadFifoQueue { .. } => 24,
            Self::ReadDeviceIdentification { .. } => 43,
            Self::Exception { function, .. } => *function | 0x80,
        }
    }

    /// Appends the PDU.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(self.function_code());
        match self {
            Self::ReadCoils { bits: data }
            | Self::ReadDiscreteInputs { bits: data }
            | Self::ReadHoldingRegisters { registers: data }
            | Self::ReadInputRegisters { registers: data }
            | Self::ReadWriteMultipleRegisters { registers: data }
            | Self::ReportServerId { data }
            | Self::ReadFileRecord { data }
            | Self::WriteFileRecord { data } => {
                put_count(out, data.len());
                out.extend_from_slice(data);
            }
            Self::WriteSingleCoil { address, value } => {
                put16(out, *address);
                put16(out, coil_word(*value));
            }
            Self::WriteSingleRegister { address, value } => {
                put16(out, *address);
                put16(out, *value);
            }
            Self::ReadExceptionStatus { status } => out.push(*status),
            Self::Diagnostics { sub, data } => {
                put16(out, *sub);
                out.extend_from_slice(data);
            }
            Self::GetCommEventCounter { status, events } => {
                put16(out, *status);
                put16(out, *events);
            }
            Self::GetCommEventLog { status, events, messages, log } => {
                put_count(out, 6 + log.len());
                [status, events, messages].into_iter().for_each(|word| put16(out, *word));
                out.extend_from_slice(log);
            }
            Self::WriteMultipleCoils { address, quantity }
            | Self::WriteMultipleRegisters { address, quantity } => {
                put16(out, *address);
                put16(out, *quantity);
            }
            Self::MaskWriteRegister { address, and_mask, or_mask } => {
                [address, and_mask, or_mask].into_iter().for_each(|word| put16(out, *word));
            }
            Self::ReadFifoQueue { registers } => {
                let bytes = u16::try_from(registers.len()).unwrap_or(u16::MAX);
                put16(out, bytes.saturating_add(2));
                put16(out, bytes / 2);
                out.extend_from_slice(registers);
            }
            Self::ReadDeviceIdentification { code, conformity, more_follows, next_object, objects } => {
                let more = if *more_follows { 0xFF } else { 0 };
                let head = [MEI_DEVICE_IDENTIFICATION, code.code(), conformity.code(), more, *next_object];
                out.extend_from_slice(&head);
                put_count(out, identification::objects(objects).count());
                out.extend_from_slice(objects);
            }
            Self::Exception { code, .. } => out.push(code.0),
        }
    }

    /// Reads a response PDU as the answer to `request`: function code, byte counts and echoed fields must be
    /// exactly those the request asked for. An exception response is `Ok` too. Does not allocate.
    ///
    /// # Errors
    /// The first thing that is not exactly right. The data must then not be used.
    pub fn parse(request: &Request, pdu: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        if pdu.len() > MAX_PDU {
            return Err(Error::TooLong { bytes: pdu.len() });
        }
        let mut r = Reader::new(pdu);
        let (got, expected) = (r.u8()?, request.function_code());
        let response = if got == expected | 0x80 {
            Self::Exception { function: expected, code: ExceptionCode(r.u8()?) }
        } else if got == expected {
            Self::parse_body(request, &mut r, limits)?
        } else {
            return Err(Error::FunctionMismatch { expected, got });
        };
        r.finish()?;
        Ok(response)
    }

    fn parse_body(request: &Request, r: &mut Reader<'a>, limits: &Limits) -> Result<Self, Error> {
        Ok(match request {
            Request::ReadCoils { quantity, .. } => Self::ReadCoils { bits: bit_bytes(r, *quantity)? },
            Request::ReadDiscreteInputs { quantity, .. } => {
                Self::ReadDiscreteInputs { bits: bit_bytes(r, *quantity)? }
            }
            Request::ReadHoldingRegisters { quantity, .. } => {
                Self::ReadHoldingRegisters { registers: register_bytes(r, *quantity)? }
            }
            Request::ReadInputRegisters { quantity, .. } => {
                Self::ReadInputRegisters { registers: register_bytes(r, *quantity)? }
            }
            Request::WriteSingleCoil { address, value } => {
                echo(r, "address", *address)?;
                let got = coil_value(r.u16()?)?;
                same("coil value", u32::from(*value), u32::from(got))?;
                Self::WriteSingleCoil { address: *address, value: got }
            }
            Request::WriteSingleRegister { address, value } => {
                echo(r, "address", *address)?;
                echo(r, "register value", *value)?;
                Self::WriteSingleRegister { address: *address, value: *value }
            }
            Request::ReadExceptionStatus => Self::ReadExceptionStatus { status: r.u8()? },
            Request::Diagnostics { sub, data } => diagnostics(r, *sub, data)?,
            Request::GetCommEventCounter => Self::GetCommEventCounter { status: r.u16()?, events: r.u16()? },
            Request::GetCommEventLog => event_log(r)?,
            Request::WriteMultipleCoils { address, values } => {
                let (address, quantity) = echo_range(r, *address, values.len())?;
                Self::WriteMultipleCoils { address, quantity }
            }
            Request::WriteMultipleRegisters { address, values } => {
                let (address, quantity) = echo_range(r, *address, values.len())?;
                Self::WriteMultipleRegisters { address, quantity }
            }
            Request::ReportServerId => Self::ReportServerId { data: counted(r)? },
            Request::ReadFileRecord { groups } => Self::ReadFileRecord { data: file_read(r, groups)? },
            Request::WriteFileRecord { groups } => Self::WriteFileRecord { data: file_write(r, groups)? },
            Request::MaskWriteRegister { address, and_mask, or_mask } => {
                echo(r, "address", *address)?;
                echo(r, "and mask", *and_mask)?;
                echo(r, "or mask", *or_mask)?;
                Self::MaskWriteRegister { address: *address, and_mask: *and_mask, or_mask: *or_mask }
            }
            Request::ReadWriteMultipleRegisters { read_quantity, .. } => {
                Self::ReadWriteMultipleRegisters { registers: register_bytes(r, *read_quantity)? }
            }
            Request::ReadFifoQueue { .. } => Self::ReadFifoQueue { registers: fifo(r, limits)? },
            Request::ReadDeviceIdentification { code, object } => {
                same("MEI type", u32::from(MEI_DEVICE_IDENTIFICATION), u32::from(r.u8()?))?;
                same("read device id code", u32::from(code.code()), u32::from(r.u8()?))?;
                identification::parse(r, *code, *object)?
            }
        })
    }
}

fn same(field: &'static str, expected: u32, got: u32) -> Result<(), Error> {
    if expected == got { Ok(()) } else { Err(Error::Echo { field, expected, got }) }
}

fn echo(r: &mut Reader<'_>, field: &'static str, expected: u16) -> Result<(), Error> {
    same(field, u32::from(expected), u32::from(r.u16()?))
}

fn echo_range(r: &mut Reader<'_>, address: u16, quantity: usize) -> Result<(u16, u16), Error> {
    let quantity = u16::try_from(quantity).unwrap_or(u16::MAX);
    echo(r, "address", address)?;
    echo(r, "quantity", quantity)?;
    Ok((address, quantity))
}

/// A byte count, which must be the expected one, and that many bytes.
fn exactly<'a>(r: &mut Reader<'a>, expected: usize) -> Result<&'a [u8], Error> {
    let got = usize::from(r.u8()?);
    if got == expected { r.take(got) } else { Err(Error::ByteCount { expected, got }) }
}

fn counted<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Error> {
    let count = usize::from(r.u8()?);
    r.take(count)
}

fn bit_bytes<'a>(r: &mut Reader<'a>, quantity: u16) -> Result<&'a [u8], Error> {
    exactly(r, usize::from(quantity).div_ceil(8))
}

fn register_bytes<'a>(r: &mut Reader<'a>, quantity: u16) -> Result<&'a [u8], Error> {
    exactly(r, usize::from(quantity) * 2)
}

fn diagnostics<'a>(r: &mut Reader<'a>, sub: u16, sent: &[u16]) -> Result<Response<'a>, Error> {
    echo(r, "sub-function", sub)?;
    let data = match diagnostics_answer(sub) {
        Answer::Echo => {
            let data = r.take(sent.len() * 2)?;
            for (got, expected) in registers(data).zip(sent) {
                same("diagnostics data", u32::from(*expected), u32::from(got))?;
            }
            data
        }
        Answer::Word => r.take(2)?,
        Answer::None => return Err(Error::Trailing { extra: r.remaining() }),
    };
    Ok(Response::Diagnostics { sub, data })
}

fn event_log<'a>(r: &mut Reader<'a>) -> Result<Response<'a>, Error> {
    let count = usize::from(r.u8()?);
    let events_max = 64;
    let Some(length) = count.checked_sub(6).filter(|n| *n <= events_max) else {
        return Err(Error::Quantity { what: "event log bytes", got: count, min: 6, max: 6 + events_max });
    };
    let (status, events, messages) = (r.u16()?, r.u16()?, r.u16()?);
    Ok(Response::GetCommEventLog { status, events, messages, log: r.take(length)? })
}

fn fifo<'a>(r: &mut Reader<'a>, limits: &Limits) -> Result<&'a [u8], Error> {
    let (bytes, count) = (usize::from(r.u16()?), usize::from(r.u16()?));
    let max = usize::from(limits.clamped().fifo_registers);
    if count > max {
        return Err(Error::Quantity { what: "FIFO count", got: count, min: 0, max });
    }
    if bytes != 2 + count * 2 {
        return Err(Error::ByteCount { expected: 2 + count * 2, got: bytes });
    }
    r.take(count * 2)
}

/// Section 6.14: per group its length, the reference type and the registers.
fn file_read<'a>(r: &mut Reader<'a>, groups: &[FileRange]) -> Result<&'a [u8], Error> {
    let expected: usize = groups.iter().map(|g| 2 + usize::from(g.length) * 2).sum();
    let data = exactly(r, expected)?;
    let mut inner = Reader::new(data);
    for group in groups {
        let (length, wanted) = (usize::from(inner.u8()?), 1 + usize::from(group.length) * 2);
        if length != wanted {
            return Err(Error::ByteCount { expected: wanted, got: length });
        }
        file_record::reference(&mut inner)?;
        inner.take(length - 1)?;
    }
    inner.finish()?;
    Ok(data)
}

/// Section 6.15: the response repeats the request.
fn file_write<'a>(r: &mut Reader<'a>, groups: &[FileData]) -> Result<&'a [u8], Error> {
    let expected: usize = groups.iter().map(|g| 7 + g.values.len() * 2).sum();
    let data = exactly(r, expected)?;
    let mut inner = Reader::new(data);
    for group in groups {
        same("reference type", u32::from(REFERENCE_TYPE), u32::from(inner.u8()?))?;
        echo(&mut inner, "file number", group.file)?;
        echo(&mut inner, "record number", group.record)?;
        echo(&mut inner, "record length", u16::try_from(group.values.len()).unwrap_or(u16::MAX))?;
        for value in &group.values {
            echo(&mut inner, "record data", *value)?;
        }
    }
    inner.finish()?;
    Ok(data)
}
