//! Valid requests, and a valid response for each: shared by the property and the mutation tests.

use crate::random::Rng;
use wire::modbus::identification::push_object;
use wire::modbus::{Conformity, ExceptionCode, FileData, FileRange, ReadCode, Request, Response};

/// An address from which `quantity` items fit.
fn address(rng: &mut Rng, quantity: usize) -> u16 {
    rng.range(0, 65_536 - quantity as u64) as u16
}

pub fn request(rng: &mut Rng) -> Request {
    match rng.range(0, 19) {
        0 => {
            let quantity = rng.range(1, 2000) as u16;
            Request::ReadCoils { address: address(rng, quantity.into()), quantity }
        }
        1 => {
            let quantity = rng.range(1, 2000) as u16;
            Request::ReadDiscreteInputs { address: address(rng, quantity.into()), quantity }
        }
        2 => {
            let quantity = rng.range(1, 125) as u16;
            Request::ReadHoldingRegisters { address: address(rng, quantity.into()), quantity }
        }
        3 => {
            let quantity = rng.range(1, 125) as u16;
            Request::ReadInputRegisters { address: address(rng, quantity.into()), quantity }
        }
        4 => Request::WriteSingleCoil { address: rng.word(), value: rng.byte() & 1 == 1 },
        5 => Request::WriteSingleRegister { address: rng.word(), value: rng.word() },
        6 => Request::ReadExceptionStatus,
        7 => Request::Diagnostics { sub: 0, data: rng.words(1, 125) },
        8 => {
            Request::Diagnostics { sub: [2, 4, 10, 11, 14, 18, 20][rng.range(0, 6) as usize], data: vec![0] }
        }
        9 => Request::GetCommEventCounter,
        10 => Request::GetCommEventLog,
        11 => {
            let values: Vec<bool> = (0..rng.range(1, 1968)).map(|_| rng.byte() & 1 == 1).collect();
            Request::WriteMultipleCoils { address: address(rng, values.len()), values }
        }
        12 => {
            let values = rng.words(1, 123);
            Request::WriteMultipleRegisters { address: address(rng, values.len()), values }
        }
        13 => Request::ReportServerId,
        14 => Request::ReadFileRecord { groups: file_ranges(rng) },
        15 => Request::WriteFileRecord { groups: file_data(rng) },
        16 => Request::MaskWriteRegister { address: rng.word(), and_mask: rng.word(), or_mask: rng.word() },
        17 => {
            let (values, read_quantity) = (rng.words(1, 121), rng.range(1, 125) as u16);
            Request::ReadWriteMultipleRegisters {
                read_address: address(rng, read_quantity.into()),
                read_quantity,
                write_address: address(rng, values.len()),
                values,
            }
        }
        18 => Request::ReadFifoQueue { address: rng.word() },
        _ => Request::ReadDeviceIdentification { code: read_code(rng), object: rng.byte() },
    }
}

fn read_code(rng: &mut Rng) -> ReadCode {
    ReadCode::from_code(rng.range(1, 4) as u8).unwrap()
}

fn file_ranges(rng: &mut Rng) -> Vec<FileRange> {
    let mut budget = 0xF5u64;
    let mut groups = Vec::new();
    for _ in 0..rng.range(1, 35) {
        if budget < 4 {
            break;
        }
        let length = rng.range(1, ((budget - 2) / 2).min(12)) as u16;
        budget -= 2 + u64::from(length) * 2;
        groups.push(FileRange { file: rng.word().max(1), record: rng.range(0, 9_000) as u16, length });
    }
    groups
}

fn file_data(rng: &mut Rng) -> Vec<FileData> {
    let mut budget = 0xFBu64;
    let mut groups = Vec::new();
    for _ in 0..rng.range(1, 10) {
        if budget < 9 {
            break;
        }
        let values = rng.words(1, ((budget - 7) / 2).min(30));
        budget -= 7 + values.len() as u64 * 2;
        groups.push(FileData { file: rng.word().max(1), record: rng.range(0, 9_000) as u16, values });
    }
    groups
}

/// Bytes behind a response, which borrows them.
pub fn backing(request: &Request, rng: &mut Rng) -> Vec<u8> {
    match request {
        Request::ReadCoils { quantity, .. } | Request::ReadDiscreteInputs { quantity, .. } => {
            rng.bytes(usize::from(*quantity).div_ceil(8))
        }
        Request::ReadHoldingRegisters { quantity, .. }
        | Request::ReadInputRegisters { quantity, .. }
        | Request::ReadWriteMultipleRegisters { read_quantity: quantity, .. } => {
            rng.bytes(usize::from(*quantity) * 2)
        }
        Request::Diagnostics { sub: 2 | 11..=18, .. } => rng.bytes(2),
        Request::Diagnostics { data, .. } => data.iter().flat_map(|word| word.to_be_bytes()).collect(),
        Request::GetCommEventLog => {
            let count = rng.range(0, 64) as usize;
            rng.bytes(count)
        }
        Request::ReportServerId => {
            let count = rng.range(0, 251) as usize;
            rng.bytes(count)
        }
        Request::ReadFileRecord { groups } => {
            let mut data = Vec::new();
            for group in groups {
                data.extend_from_slice(&[group.length as u8 * 2 + 1, 6]);
                data.extend(rng.bytes(usize::from(group.length) * 2));
            }
            data
        }
        Request::WriteFileRecord { .. } => {
            let mut pdu = Vec::new();
            request.emit(&mut pdu);
            pdu.split_off(2)
        }
        Request::ReadFifoQueue { .. } => {
            let count = rng.range(0, 31) as usize;
            rng.bytes(count * 2)
        }
        Request::ReadDeviceIdentification { code: ReadCode::Specific, object } => {
            let (mut data, count) = (Vec::new(), rng.range(0, 244) as usize);
            push_object(&mut data, *object, &rng.bytes(count));
            data
        }
        Request::ReadDeviceIdentification { .. } => {
            let mut data = Vec::new();
            for id in 0..rng.range(1, 7) {
                let count = rng.range(0, 32) as usize;
                push_object(&mut data, id as u8, &rng.bytes(count));
            }
            data
        }
        _ => Vec::new(),
    }
}

/// A response that answers `request` over `data` from [`backing`]; one in eight is an exception.
pub fn response<'a>(request: &Request, data: &'a [u8], rng: &mut Rng) -> Response<'a> {
    if rng.range(0, 7) == 0 {
        return Response::Exception { function: request.function_code(), code: ExceptionCode(rng.byte()) };
    }
    match request {
        Request::ReadCoils { .. } => Response::ReadCoils { bits: data },
        Request::ReadDiscreteInputs { .. } => Response::ReadDiscreteInputs { bits: data },
        Request::ReadHoldingRegisters { .. } => Response::ReadHoldingRegisters { registers: data },
        Request::ReadInputRegisters { .. } => Response::ReadInputRegisters { registers: data },
        Request::WriteSingleCoil { address, value } => {
            Response::WriteSingleCoil { address: *address, value: *value }
        }
        Request::WriteSingleRegister { address, value } => {
            Response::WriteSingleRegister { address: *address, value: *value }
        }
        Request::ReadExceptionStatus => Response::ReadExceptionStatus { status: rng.byte() },
        Request::Diagnostics { sub, .. } => Response::Diagnostics { sub: *sub, data },
        Request::GetCommEventCounter => {
            Response::GetCommEventCounter { status: rng.word(), events: rng.word() }
        }
        Request::GetCommEventLog => Response::GetCommEventLog {
            status: rng.word(),
            events: rng.word(),
            messages: rng.word(),
            log: data,
        },
        Request::WriteMultipleCoils { address, values } => {
            Response::WriteMultipleCoils { address: *address, quantity: values.len() as u16 }
        }
        Request::WriteMultipleRegisters { address, values } => {
            Response::WriteMultipleRegisters { address: *address, quantity: values.len() as u16 }
        }
        Request::ReportServerId => Response::ReportServerId { data },
        Request::ReadFileRecord { .. } => Response::ReadFileRecord { data },
        Request::WriteFileRecord { .. } => Response::WriteFileRecord { data },
        Request::MaskWriteRegister { address, and_mask, or_mask } => {
            Response::MaskWriteRegister { address: *address, and_mask: *and_mask, or_mask: *or_mask }
        }
        Request::ReadWriteMultipleRegisters { .. } => {
            Response::ReadWriteMultipleRegisters { registers: data }
        }
        Request::ReadFifoQueue { .. } => Response::ReadFifoQueue { registers: data },
        Request::ReadDeviceIdentification { code, .. } => Response::ReadDeviceIdentification {
            code: *code,
            conformity: Conformity { level: ReadCode::Extended, individual: rng.byte() & 1 == 1 },
            more_follows: *code != ReadCode::Specific && rng.byte() & 1 == 1,
            next_object: rng.byte(),
            objects: data,
        },
    }
}
