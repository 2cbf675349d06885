//! From a request PDU to a response PDU: pure, the same for every framing.

use wire::modbus::diagnostics;
use wire::modbus::identification::push_object;
use wire::modbus::{
    Conformity, ExceptionCode, FileData, FileRange, Limits, MAX_PDU, ReadCode, Request, Response, Table,
    file_record,
};

use super::bank::{Device, Identity};
use super::station::Unit;

/// Appends the response PDU to `pdu`. Appends nothing if the standard says that nobody answers: Force Listen Only
/// Mode, and everything after it until the communication is restarted (section 6.8.1).
pub fn answer(unit: &Unit, limits: &Limits, pdu: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let function = pdu.first().copied().unwrap_or_default();
    unit.record_receive();
    let result = Request::parse(pdu, limits).map_err(|error| error.exception()).and_then(|request| {
        if unit.is_listening_only() && !matches!(request, Request::Diagnostics { sub: 1, .. }) {
            return Ok(());
        }
        respond(unit, &request, out)
    });
    if let Err(code) = result {
        out.truncate(start);
        if !unit.is_listening_only() && !unit.behaviour().ability.mute {
            Response::Exception { function: function & 0x7F, code }.emit(out);
        }
        unit.record_exception(code);
    }
    if out.len() == start {
        unit.record_silence();
    } else {
        unit.record_send();
    }
}

fn respond(unit: &Unit, request: &Request, out: &mut Vec<u8>) -> Result<(), ExceptionCode> {
    let device = unit.device();
    match request {
        Request::ReadCoils { address, quantity } => bits(device, 1, Table::Coils, *address, *quantity, out),
        Request::ReadDiscreteInputs { address, quantity } => {
            bits(device, 2, Table::DiscreteInputs, *address, *quantity, out)
        }
        Request::ReadHoldingRegisters { address, quantity } => {
            registers(device, 3, Table::HoldingRegisters, *address, *quantity, out)
        }
        Request::ReadInputRegisters { address, quantity } => {
            registers(device, 4, Table::InputRegisters, *address, *quantity, out)
        }
        Request::WriteSingleCoil { address, value } => {
            device.write_bits(*address, &[*value])?;
            emit(Response::WriteSingleCoil { address: *address, value: *value }, out)
        }
        Request::WriteSingleRegister { address, value } => {
            device.write_registers(*address, &[*value])?;
            emit(Response::WriteSingleRegister { address: *address, value: *value }, out)
        }
        Request::WriteMultipleCoils { address, values } => {
            device.write_bits(*address, values)?;
            emit(Response::WriteMultipleCoils { address: *address, quantity: count(values) }, out)
        }
        Request::WriteMultipleRegisters { address, values } => {
            device.write_registers(*address, values)?;
            emit(Response::WriteMultipleRegisters { address: *address, quantity: count(values) }, out)
        }
        Request::MaskWriteRegister { address, and_mask, or_mask } => {
            device.mask_register(*address, *and_mask, *or_mask)?;
            let (address, and_mask, or_mask) = (*address, *and_mask, *or_mask);
            emit(Response::MaskWriteRegister { address, and_mask, or_mask }, out)
        }
        Request::ReadWriteMultipleRegisters { read_address, read_quantity, write_address, values } => {
            device.write_registers(*write_address, values)?;
            registers(device, 23, Table::HoldingRegisters, *read_address, *read_quantity, out)
        }
        Request::ReadFileRecord { groups } => read_file(device, groups, out),
        Request::WriteFileRecord { groups } => write_file(device, groups, request, out),
        Request::ReadFifoQueue { address } => fifo(device, *address, out),
        Request::ReadExceptionStatus => {
            emit(Response::ReadExceptionStatus { status: device.exception_status()? }, out)
        }
        Request::ReportServerId => {
            out.extend_from_slice(&[17, 0]);
            counted(out, |out| device.server_id(out))
        }
        Request::ReadDeviceIdentification { code, object } => {
            identification(&device.identity()?, *code, *object, out)
        }
        Request::GetCommEventCounter => {
            emit(Response::GetCommEventCounter { status: 0, events: unit.event_count() }, out)
        }
        Request::GetCommEventLog => {
            let (events, messages) = (unit.event_count(), unit.message_count());
            let log = unit.event_log();
            emit(Response::GetCommEventLog { status: 0, events, messages, log: &log }, out)
        }
        Request::Diagnostics { sub, data } => diagnose(unit, *sub, data, out),
    }
}

fn count<T>(values: &[T]) -> u16 {
    u16::try_from(values.len()).unwrap_or(u16::MAX)
}

fn emit(response: Response<'_>, out: &mut Vec<u8>) -> Result<(), ExceptionCode> {
    response.emit(out);
    Ok(())
}

/// Appends data behind a byte count that is already there and fills the count in.
fn counted(
    out: &mut Vec<u8>,
    data: impl FnOnce(&mut Vec<u8>) -> Result<(), ExceptionCode>,
) -> Result<(), ExceptionCode> {
    let start = out.len();
    data(out)?;
    let bytes = u8::try_from(out.len() - start).map_err(|_| ExceptionCode::SERVER_DEVICE_FAILURE)?;
    if let Some(field) = out.get_mut(start - 1) {
        *field = bytes;
    }
    Ok(())
}

fn bits(
    device: &dyn Device,
    function: u8,
    table: Table,
    address: u16,
    quantity: u16,
    out: &mut Vec<u8>,
) -> Result<(), ExceptionCode> {
    out.extend_from_slice(&[function, 0]);
    counted(out, |out| device.read_bits(table, address, quantity, out))
}

fn registers(
    device: &dyn Device,
    function: u8,
    table: Table,
    address: u16,
    quantity: u16,
    out: &mut Vec<u8>,
) -> Result<(), ExceptionCode> {
    out.extend_from_slice(&[function, 0]);
    counted(out, |out| device.read_registers(table, address, quantity, out))
}

fn read_file(device: &dyn Device, groups: &[FileRange], out: &mut Vec<u8>) -> Result<(), ExceptionCode> {
    out.extend_from_slice(&[20, 0]);
    counted(out, |out| {
        for group in groups {
            out.push(0);
            counted(out, |out| {
                out.push(file_record::REFERENCE_TYPE);
                device.read_file(group.file, group.record, group.length, out)
            })?;
        }
        Ok(())
    })
}

fn write_file(
    device: &dyn Device,
    groups: &[FileData],
    request: &Request,
    out: &mut Vec<u8>,
) -> Result<(), ExceptionCode> {
    for group in groups {
        device.write_file(group.file, group.record, &group.values)?;
    }
    request.emit(out); // the response repeats the request (section 6.15)
    Ok(())
}

fn fifo(device: &dyn Device, address: u16, out: &mut Vec<u8>) -> Result<(), ExceptionCode> {
    let mut data = Vec::new();
    device.read_fifo(address, &mut data)?;
    emit(Response::ReadFifoQueue { registers: &data }, out)
}

/// Section 6.21: as many whole objects as fit, the rest with the next request.
fn identification(
    identity: &Identity,
    code: ReadCode,
    object: u8,
    out: &mut Vec<u8>,
) -> Result<(), ExceptionCode> {
    let conformity = Conformity { level: identity.level, individual: true };
    // A device asked for more than it has answers at its own level.
    let last = code.last_object().min(identity.level.last_object());
    let (mut objects, mut next) = (Vec::new(), None);
    if code == ReadCode::Specific {
        let value = identity.objects.get(&object).ok_or(ExceptionCode::ILLEGAL_DATA_ADDRESS)?;
        push_object(&mut objects, object, value);
    } else {
        // An unknown first object means: from the beginning.
        let first = if identity.objects.contains_key(&object) { object } else { 0 };
        for (id, value) in identity.objects.range(first..).filter(|(id, _)| **id <= last) {
            if objects.len() + 2 + value.len() > MAX_PDU - 7 && !objects.is_empty() {
                next = Some(*id);
                break;
            }
            push_object(&mut objects, *id, value);
        }
    }
    let (more_follows, next_object) = (next.is_some(), next.unwrap_or(0));
    emit(
        Response::ReadDeviceIdentification { code, conformity, more_follows, next_object, objects: &objects },
        out,
    )
}

fn diagnose(unit: &Unit, sub: u16, data: &[u16], out: &mut Vec<u8>) -> Result<(), ExceptionCode> {
    let word = match sub {
        1 => {
            unit.restart(data.first() == Some(&0xFF00));
            None
        }
        2 => Some(0),
        4 => {
            unit.listen_only();
            return Ok(());
        }
        10 => {
            unit.clear();
            None
        }
        11..=18 => Some(unit.diagnostic_counter(sub)),
        _ => None,
    };
    debug_assert!(diagnostics::sub_function(sub).is_some());
    let bytes: Vec<u8> = match word {
        Some(word) => word.to_be_bytes().to_vec(),
        None => data.iter().flat_map(|word| word.to_be_bytes()).collect(),
    };
    emit(Response::Diagnostics { sub, data: &bytes }, out)
}
