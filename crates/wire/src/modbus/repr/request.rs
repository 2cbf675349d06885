//! Requests: what a client asks.

use super::{bits, pack_bits, put_count, put16, registers};
use crate::modbus::diagnostics::{self, Answer};
use crate::modbus::file_record::{self, REFERENCE_TYPE};
use crate::modbus::identification::MEI_DEVICE_IDENTIFICATION;
use crate::modbus::reader::Reader;
use crate::modbus::{Error, FileData, FileRange, Function, Limits, MAX_PDU, ReadCode, table};

/// A request PDU. Addresses are those on the wire, 0-based.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Function 1 (section 6.1).
    ReadCoils {
        /// First coil.
        address: u16,
        /// Coils, 1 to 2000.
        quantity: u16,
    },
    /// Function 2 (section 6.2).
    ReadDiscreteInputs {
        /// First input.
        address: u16,
        /// Inputs, 1 to 2000.
        quantity: u16,
    },
    /// Function 3 (section 6.3).
    ReadHoldingRegisters {
        /// First register.
        address: u16,
        /// Registers, 1 to 125.
        quantity: u16,
    },
    /// Function 4 (section 6.4).
    ReadInputRegisters {
        /// First register.
        address: u16,
        /// Registers, 1 to 125.
        quantity: u16,
    },
    /// Function 5 (section 6.5).
    WriteSingleCoil {
        /// Coil.
        address: u16,
        /// On or off.
        value: bool,
    },
    /// Function 6 (section 6.6).
    WriteSingleRegister {
        /// Register.
        address: u16,
        /// Value.
        value: u16,
    },
    /// Function 7 (section 6.7).
    ReadExceptionStatus,
    /// Function 8 (section 6.8).
    Diagnostics {
        /// Sub-function, see [`diagnostics::SUB_FUNCTIONS`].
        sub: u16,
        /// Data words: any number from 1 for sub-function 0, exactly one for the others.
        data: Vec<u16>,
    },
    /// Function 11 (section 6.9).
    GetCommEventCounter,
    /// Function 12 (section 6.10).
    GetCommEventLog,
    /// Function 15 (section 6.11).
    WriteMultipleCoils {
        /// First coil.
        address: u16,
        /// Values, 1 to 1968.
        values: Vec<bool>,
    },
    /// Function 16 (section 6.12).
    WriteMultipleRegisters {
        /// First register.
        address: u16,
        /// Values, 1 to 123.
        values: Vec<u16>,
    },
    /// Function 17 (section 6.13).
    ReportServerId,
    /// Function 20 (section 6.14).
    ReadFileRecord {
        /// What to read, 1 to 35 groups.
        groups: Vec<FileRange>,
    },
    /// Function 21 (section 6.15).
    WriteFileRecord {
        /// What to write.
        groups: Vec<FileData>,
    },
    /// Function 22 (section 6.16): new = (old AND and_mask) OR (or_mask AND NOT and_mask).
    MaskWriteRegister {
        /// Register.
        address: u16,
        /// Bits to keep.
        and_mask: u16,
        /// Bits to set among the others.
        or_mask: u16,
    },
    /// Function 23 (section 6.17): the write comes first.
    ReadWriteMultipleRegisters {
        /// First register to read.
        read_address: u16,
        /// Registers to read, 1 to 125.
        read_quantity: u16,
        /// First register to write.
        write_address: u16,
        /// Values to write, 1 to 121.
        values: Vec<u16>,
    },
    /// Function 24 (section 6.18).
    ReadFifoQueue {
        /// Register that holds the queue's count.
        address: u16,
    },
    /// Function 43 / MEI type 14 (section 6.21).
    ReadDeviceIdentification {
        /// How much.
        code: ReadCode,
        /// First object, or the only one for [`ReadCode::Specific`].
        object: u8,
    },
}

impl Request {
    /// Function code on the wire.
    #[must_use]
    pub const fn function_code(&self) -> u8 {
        match self {
            Self::ReadCoils { .. } => 1,
            Self::ReadDiscreteInputs { .. } => 2,
            Self::ReadHoldingRegisters { .. } => 3,
            Self::ReadInputRegisters { .. } => 4,
            Self::WriteSingleCoil { .. } => 5,
            Self::WriteSingleRegister { .. } => 6,
            Self::ReadExceptionStatus => 7,
            Self::Diagnostics { .. } => 8,
            Self::GetCommEventCounter => 11,
            Self::GetCommEventLog => 12,
            Self::WriteMultipleCoils { .. } => 15,
            Self::WriteMultipleRegisters { .. } => 16,
            Self::ReportServerId => 17,
            Self::ReadFileRecord { .. } => 20,
            Self::WriteFileRecord { .. } => 21,
            Self::MaskWriteRegister { .. } => 22,
            Self::ReadWriteMultipleRegisters { .. } => 23,
            Self::ReadFifoQueue { .. } => 24,
            Self::ReadDeviceIdentification { .. } => 43,
        }
    }

    /// The facts about its function.
    #[must_use]
    pub fn function(&self) -> Option<&'static Function> {
        table::function(self.function_code())
    }

    /// False only for Force Listen Only Mode, which no device answers (section 6.8.1).
    #[must_use]
    pub const fn expects_response(&self) -> bool {
        !matches!(self, Self::Diagnostics { sub: 4, .. })
    }

    /// Checks quantities, ranges and values. [`Request::emit`] does not; a driver calls this first.
    ///
    /// # Errors
    /// What is out of bounds.
    pub fn validate(&self, limits: &Limits) -> Result<(), Error> {
        let limits = limits.clamped();
        match self {
            Self::ReadCoils { address, quantity } | Self::ReadDiscreteInputs { address, quantity } => {
                range("quantity of bits", *address, usize::from(*quantity), limits.read_bits)
            }
            Self::ReadHoldingRegisters { address, quantity }
            | Self::ReadInputRegisters { address, quantity } => {
                range("quantity of registers", *address, usize::from(*quantity), limits.read_registers)
            }
            Self::WriteMultipleCoils { address, values } => {
                range("quantity of coils", *address, values.len(), limits.write_bits)
            }
            Self::WriteMultipleRegisters { address, values } => {
                range("quantity of registers", *address, values.len(), limits.write_registers)
            }
            Self::ReadWriteMultipleRegisters { read_address, read_quantity, write_address, values } => {
                range(
                    "registers to read",
                    *read_address,
                    usize::from(*read_quantity),
                    limits.read_write_read,
                )?;
                range("registers to write", *write_address, values.len(), limits.read_write_write)
            }
            Self::Diagnostics { sub, data } => check_diagnostics(*sub, data),
            Self::ReadFileRecord { groups } => check_file_read(groups, &limits),
            Self::WriteFileRecord { groups } => check_file_write(groups, &limits),
            Self::WriteSingleCoil { .. }
            | Self::WriteSingleRegister { .. }
            | Self::ReadExceptionStatus
            | Self::GetCommEventCounter
            | Self::GetCommEventLog
            | Self::ReportServerId
            | Self::MaskWriteRegister { .. }
            | Self::ReadFifoQueue { .. }
            | Self::ReadDeviceIdentification { .. } => Ok(()),
        }
    }

    /// Appends the PDU. A request that does not [`Request::validate`] gives bytes that any receiver refuses.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(self.function_code());
        match self {
            Self::ReadCoils { address, quantity }
            | Self::ReadDiscreteInputs { address, quantity }
            | Self::ReadHoldingRegisters { address, quantity }
            | Self::ReadInputRegisters { address, quantity } => {
                put16(out, *address);
                put16(out, *quantity);
            }
            Self::WriteSingleCoil { address, value } => {
                put16(out, *address);
                put16(out, coil_word(*value));
            }
            Self::WriteSingleRegister { address, value } => {
                put16(out, *address);
                put16(out, *value);
            }
            Self::ReadExceptionStatus
            | Self::GetCommEventCounter
            | Self::GetCommEventLog
            | Self::ReportServerId => {}
            Self::Diagnostics { sub, data } => {
                put16(out, *sub);
                data.iter().for_each(|word| put16(out, *word));
            }
            Self::WriteMultipleCoils { address, values } => {
                put16(out, *address);
                put16(out, word_count(values.len()));
                put_count(out, values.len().div_ceil(8));
                pack_bits(values.iter().copied(), out);
            }
            Self::WriteMultipleRegisters { address, values } => emit_registers(*address, values, out),
            Self::ReadFileRecord { groups } => emit_file_read(groups, out),
            Self::WriteFileRecord { groups } => emit_file_write(groups, out),
            Self::MaskWriteRegister { address, and_mask, or_mask } => {
                put16(out, *address);
                put16(out, *and_mask);
                put16(out, *or_mask);
            }
            Self::ReadWriteMultipleRegisters { read_address, read_quantity, write_address, values } => {
                put16(out, *read_address);
                put16(out, *read_quantity);
                emit_registers(*write_address, values, out);
            }
            Self::ReadFifoQueue { address } => put16(out, *address),
            Self::ReadDeviceIdentification { code, object } => {
                out.extend_from_slice(&[MEI_DEVICE_IDENTIFICATION, code.code(), *object]);
            }
        }
    }

    /// Reads a request PDU. Reads (functions 1 to 4, 7, 11, 12, 17, 24, 43) do not allocate.
    ///
    /// # Errors
    /// The first thing that is not exactly right; [`Error::exception`] is what a server answers.
    pub fn parse(pdu: &[u8], limits: &Limits) -> Result<Self, Error> {
        if pdu.len() > MAX_PDU {
            return Err(Error::TooLong { bytes: pdu.len() });
        }
        let mut r = Reader::new(pdu);
        let code = r.u8()?;
        let request = match code {
            1 => Self::ReadCoils { address: r.u16()?, quantity: r.u16()? },
            2 => Self::ReadDiscreteInputs { address: r.u16()?, quantity: r.u16()? },
            3 => Self::ReadHoldingRegisters { address: r.u16()?, quantity: r.u16()? },
            4 => Self::ReadInputRegisters { address: r.u16()?, quantity: r.u16()? },
            5 => Self::WriteSingleCoil { address: r.u16()?, value: coil_value(r.u16()?)? },
            6 => Self::WriteSingleRegister { address: r.u16()?, value: r.u16()? },
            7 => Self::ReadExceptionStatus,
            8 => parse_diagnostics(&mut r)?,
            11 => Self::GetCommEventCounter,
            12 => Self::GetCommEventLog,
            15 => parse_write_coils(&mut r)?,
            16 => {
                let (address, values) = parse_registers(&mut r)?;
                Self::WriteMultipleRegisters { address, values }
            }
            17 => Self::ReportServerId,
            20 => parse_file_read(&mut r)?,
            21 => parse_file_write(&mut r)?,
            22 => Self::MaskWriteRegister { address: r.u16()?, and_mask: r.u16()?, or_mask: r.u16()? },
            23 => {
                let (read_address, read_quantity) = (r.u16()?, r.u16()?);
                let (write_address, values) = parse_registers(&mut r)?;
                Self::ReadWriteMultipleRegisters { read_address, read_quantity, write_address, values }
            }
            24 => Self::ReadFifoQueue { address: r.u16()? },
            43 => parse_identification(&mut r)?,
            _ => return Err(Error::UnknownFunction(code)),
        };
        r.finish()?;
        request.validate(limits)?;
        Ok(request)
    }
}

fn range(what: &'static str, address: u16, quantity: usize, max: u16) -> Result<(), Error> {
    let max = usize::from(max);
    if quantity == 0 || quantity > max {
        return Err(Error::Quantity { what, got: quantity, min: 1, max });
    }
    if usize::from(address) + quantity > 0x1_0000 {
        return Err(Error::AddressRange { address, quantity });
    }
    Ok(())
}

fn word_count(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

pub(super) const fn coil_word(value: bool) -> u16 {
    if value { 0xFF00 } else { 0x0000 }
}

pub(super) fn coil_value(word: u16) -> Result<bool, Error> {
    match word {
        0xFF00 => Ok(true),
        0x0000 => Ok(false),
        got => Err(Error::Value { field: "coil value", got: u32::from(got) }),
    }
}

fn emit_registers(address: u16, values: &[u16], out: &mut Vec<u8>) {
    put16(out, address);
    put16(out, word_count(values.len()));
    put_count(out, values.len() * 2);
    values.iter().for_each(|value| put16(out, *value));
}

fn parse_registers(r: &mut Reader<'_>) -> Result<(u16, Vec<u16>), Error> {
    let (address, quantity, count) = (r.u16()?, r.u16()?, usize::from(r.u8()?));
    let expected = usize::from(quantity) * 2;
    if count != expected {
        return Err(Error::ByteCount { expected, got: count });
    }
    Ok((address, registers(r.take(count)?).collect()))
}

fn parse_write_coils(r: &mut Reader<'_>) -> Result<Request, Error> {
    let (address, quantity, count) = (r.u16()?, usize::from(r.u16()?), usize::from(r.u8()?));
    let expected = quantity.div_ceil(8);
    if count != expected {
        return Err(Error::ByteCount { expected, got: count });
    }
    Ok(Request::WriteMultipleCoils { address, values: bits(r.take(count)?, quantity).collect() })
}

fn parse_diagnostics(r: &mut Reader<'_>) -> Result<Request, Error> {
    let sub = r.u16()?;
    let odd = r.remaining() % 2;
    if odd != 0 {
        return Err(Error::Trailing { extra: odd });
    }
    let data = registers(r.take(r.remaining())?).collect();
    Ok(Request::Diagnostics { sub, data })
}

fn check_diagnostics(sub: u16, data: &[u16]) -> Result<(), Error> {
    let facts = diagnostics::sub_function(sub).ok_or(Error::UnknownSubFunction { function: 8, sub })?;
    let max = if sub == 0 { (MAX_PDU - 3) / 2 } else { 1 };
    if data.is_empty() || data.len() > max {
        return Err(Error::Quantity { what: "data words", got: data.len(), min: 1, max });
    }
    match data.first() {
        Some(word) if sub != 0 && !diagnostics::word_allowed(facts.code, *word) => {
            Err(Error::Value { field: "diagnostics data", got: u32::from(*word) })
        }
        _ => Ok(()),
    }
}

fn emit_file_read(groups: &[FileRange], out: &mut Vec<u8>) {
    put_count(out, groups.len() * 7);
    for group in groups {
        out.push(REFERENCE_TYPE);
        put16(out, group.file);
        put16(out, group.record);
        put16(out, group.length);
    }
}

fn parse_file_read(r: &mut Reader<'_>) -> Result<Request, Error> {
    let count = usize::from(r.u8()?);
    if count != r.remaining() || !count.is_multiple_of(7) {
        return Err(Error::ByteCount { expected: r.remaining() / 7 * 7, got: count });
    }
    let mut groups = Vec::with_capacity(count / 7);
    while r.remaining() > 0 {
        file_record::reference(r)?;
        groups.push(FileRange { file: r.u16()?, record: r.u16()?, length: r.u16()? });
    }
    Ok(Request::ReadFileRecord { groups })
}

fn check_file_read(groups: &[FileRange], limits: &Limits) -> Result<(), Error> {
    let max = usize::from(limits.file_groups);
    if groups.is_empty() || groups.len() > max {
        return Err(Error::Quantity { what: "groups", got: groups.len(), min: 1, max });
    }
    for group in groups {
        file_record::check(group.file, group.record, usize::from(group.length), limits)?;
    }
    // The answer must fit: 0xF5 bytes of groups, each with a length, a type and its registers (section 6.14).
    let answer: usize = groups.iter().map(|g| 2 + usize::from(g.length) * 2).sum();
    if answer > 0xF5 { Err(Error::TooLong { bytes: answer + 2 }) } else { Ok(()) }
}

fn emit_file_write(groups: &[FileData], out: &mut Vec<u8>) {
    put_count(out, groups.iter().map(|g| 7 + g.values.len() * 2).sum());
    for group in groups {
        out.push(REFERENCE_TYPE);
        put16(out, group.file);
        put16(out, group.record);
        put16(out, word_count(group.values.len()));
        group.values.iter().for_each(|value| put16(out, *value));
    }
}

fn parse_file_write(r: &mut Reader<'_>) -> Result<Request, Error> {
    let count = usize::from(r.u8()?);
    if count != r.remaining() {
        return Err(Error::ByteCount { expected: r.remaining(), got: count });
    }
    let mut groups = Vec::new();
    while r.remaining() > 0 {
        file_record::reference(r)?;
        let (file, record, length) = (r.u16()?, r.u16()?, usize::from(r.u16()?));
        groups.push(FileData { file, record, values: registers(r.take(length * 2)?).collect() });
    }
    Ok(Request::WriteFileRecord { groups })
}

fn check_file_write(groups: &[FileData], limits: &Limits) -> Result<(), Error> {
    let max = usize::from(limits.file_groups);
    if groups.is_empty() || groups.len() > max {
        return Err(Error::Quantity { what: "groups", got: groups.len(), min: 1, max });
    }
    for group in groups {
        file_record::check(group.file, group.record, group.values.len(), limits)?;
    }
    let bytes: usize = groups.iter().map(|g| 7 + g.values.len() * 2).sum();
    if bytes > 0xFB { Err(Error::TooLong { bytes: bytes + 2 }) } else { Ok(()) }
}

fn parse_identification(r: &mut Reader<'_>) -> Result<Request, Error> {
    let mei = r.u8()?;
    if mei != MEI_DEVICE_IDENTIFICATION {
        return Err(Error::UnknownSubFunction { function: 43, sub: u16::from(mei) });
    }
    let code = r.u8()?;
    let code = ReadCode::from_code(code)
        .ok_or(Error::Value { field: "read device id code", got: u32::from(code) })?;
    Ok(Request::ReadDeviceIdentification { code, object: r.u8()? })
}

/// What a response to sub-function `sub` carries; unknown ones are treated as one word.
pub(super) fn diagnostics_answer(sub: u16) -> Answer {
    diagnostics::sub_function(sub).map_or(Answer::Word, |s| s.answer)
}
