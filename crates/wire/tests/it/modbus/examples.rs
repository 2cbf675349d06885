//! The examples that MODBUS Application Protocol V1.1b3 prints in each section, byte for byte.

use wire::modbus::{
    Conformity, Error, ExceptionCode, FileData, FileRange, Limits, ReadCode, Request, Response, bit, bits,
    file_record, identification, registers,
};

const L: Limits = Limits::STANDARD;

fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// Both directions of both PDUs of one example.
fn example(request: &Request, request_hex: &str, response: &Response<'_>, response_hex: &str) {
    let (request_bytes, response_bytes) = (hex(request_hex), hex(response_hex));
    let mut out = Vec::new();
    request.emit(&mut out);
    assert_eq!(out, request_bytes, "emitted request");
    assert_eq!(Request::parse(&request_bytes, &L).as_ref(), Ok(request));
    out.clear();
    response.emit(&mut out);
    assert_eq!(out, response_bytes, "emitted response");
    assert_eq!(Response::parse(request, &response_bytes, &L).as_ref(), Ok(response));
    for cut in 0..response_bytes.len() {
        let short = response_bytes.get(..cut).unwrap();
        assert!(Response::parse(request, short, &L).is_err(), "cut at {cut} accepted");
    }
    for cut in 0..request_bytes.len() {
        assert!(Request::parse(request_bytes.get(..cut).unwrap(), &L).is_err(), "cut at {cut} accepted");
    }
}

#[test]
fn reads_of_bits() {
    let coils = hex("CD 6B 05");
    let request = Request::ReadCoils { address: 19, quantity: 19 };
    example(&request, "01 00 13 00 13", &Response::ReadCoils { bits: &coils }, "01 03 CD 6B 05");
    // Outputs 27 to 20 are ON-ON-OFF-OFF-ON-ON-OFF-ON.
    let first: Vec<bool> = bits(&coils, 8).collect();
    assert_eq!(first, [true, false, true, true, false, false, true, true]);
    assert_eq!((bit(&coils, 18), bit(&coils, 24)), (Some(true), None));
    let inputs = hex("AC DB 35");
    let request = Request::ReadDiscreteInputs { address: 196, quantity: 22 };
    example(&request, "02 00 C4 00 16", &Response::ReadDiscreteInputs { bits: &inputs }, "02 03 AC DB 35");
}

#[test]
fn reads_of_registers() {
    let data = hex("02 2B 00 00 00 64");
    let request = Request::ReadHoldingRegisters { address: 107, quantity: 3 };
    let response = Response::ReadHoldingRegisters { registers: &data };
    example(&request, "03 00 6B 00 03", &response, "03 06 02 2B 00 00 00 64");
    assert_eq!(registers(&data).collect::<Vec<_>>(), [555, 0, 100]);
    let data = hex("00 0A");
    let request = Request::ReadInputRegisters { address: 8, quantity: 1 };
    example(&request, "04 00 08 00 01", &Response::ReadInputRegisters { registers: &data }, "04 02 00 0A");
}

#[test]
fn single_writes() {
    let request = Request::WriteSingleCoil { address: 172, value: true };
    let response = Response::WriteSingleCoil { address: 172, value: true };
    example(&request, "05 00 AC FF 00", &response, "05 00 AC FF 00");
    let request = Request::WriteSingleRegister { address: 1, value: 3 };
    let response = Response::WriteSingleRegister { address: 1, value: 3 };
    example(&request, "06 00 01 00 03", &response, "06 00 01 00 03");
    let request = Request::MaskWriteRegister { address: 4, and_mask: 0xF2, or_mask: 0x25 };
    let response = Response::MaskWriteRegister { address: 4, and_mask: 0xF2, or_mask: 0x25 };
    example(&request, "16 00 04 00 F2 00 25", &response, "16 00 04 00 F2 00 25");
}

#[test]
fn about_the_device() {
    let response = Response::ReadExceptionStatus { status: 0x6D };
    example(&Request::ReadExceptionStatus, "07", &response, "07 6D");
    let data = hex("A5 37");
    let request = Request::Diagnostics { sub: 0, data: vec![0xA537] };
    example(&request, "08 00 00 A5 37", &Response::Diagnostics { sub: 0, data: &data }, "08 00 00 A5 37");
    let response = Response::GetCommEventCounter { status: 0xFFFF, events: 0x0108 };
    example(&Request::GetCommEventCounter, "0B", &response, "0B FF FF 01 08");
    let log = hex("20 00");
    let response = Response::GetCommEventLog { status: 0, events: 0x0108, messages: 0x0121, log: &log };
    example(&Request::GetCommEventLog, "0C", &response, "0C 08 00 00 01 08 01 21 20 00");
    let data = hex("11 FF 01 02");
    example(&Request::ReportServerId, "11", &Response::ReportServerId { data: &data }, "11 04 11 FF 01 02");
}

#[test]
fn multiple_writes() {
    let values = bits(&[0xCD, 0x01], 10).collect();
    let request = Request::WriteMultipleCoils { address: 19, values };
    let response = Response::WriteMultipleCoils { address: 19, quantity: 10 };
    example(&request, "0F 00 13 00 0A 02 CD 01", &response, "0F 00 13 00 0A");
    let request = Request::WriteMultipleRegisters { address: 1, values: vec![0x000A, 0x0102] };
    let response = Response::WriteMultipleRegisters { address: 1, quantity: 2 };
    example(&request, "10 00 01 00 02 04 00 0A 01 02", &response, "10 00 01 00 02");
    let data = hex("00 FE 0A CD 00 01 00 03 00 0D 00 FF");
    let request = Request::ReadWriteMultipleRegisters {
        read_address: 3,
        read_quantity: 6,
        write_address: 14,
        values: vec![255; 3],
    };
    example(
        &request,
        "17 00 03 00 06 00 0E 00 03 06 00 FF 00 FF 00 FF",
        &Response::ReadWriteMultipleRegisters { registers: &data },
        "17 0C 00 FE 0A CD 00 01 00 03 00 0D 00 FF",
    );
}

#[test]
fn files_and_queues() {
    let groups =
        vec![FileRange { file: 4, record: 1, length: 2 }, FileRange { file: 3, record: 9, length: 2 }];
    let data = hex("05 06 0D FE 00 20 05 06 33 CD 00 40");
    example(
        &Request::ReadFileRecord { groups },
        "14 0E 06 00 04 00 01 00 02 06 00 03 00 09 00 02",
        &Response::ReadFileRecord { data: &data },
        "14 0C 05 06 0D FE 00 20 05 06 33 CD 00 40",
    );
    let words: Vec<Vec<u16>> = file_record::groups(&data).map(|g| registers(g).collect()).collect();
    assert_eq!(words, [[0x0DFE, 0x0020], [0x33CD, 0x0040]]);
    let echo = hex("06 00 04 00 07 00 03 06 AF 04 BE 10 0D");
    let group = FileData { file: 4, record: 7, values: vec![0x06AF, 0x04BE, 0x100D] };
    example(
        &Request::WriteFileRecord { groups: vec![group] },
        "15 0D 06 00 04 00 07 00 03 06 AF 04 BE 10 0D",
        &Response::WriteFileRecord { data: &echo },
        "15 0D 06 00 04 00 07 00 03 06 AF 04 BE 10 0D",
    );
    let queue = hex("01 B8 12 84");
    let request = Request::ReadFifoQueue { address: 0x04DE };
    example(
        &request,
        "18 04 DE",
        &Response::ReadFifoQueue { registers: &queue },
        "18 00 06 00 02 01 B8 12 84",
    );
}

#[test]
fn identification_over_several_responses() {
    let request = Request::ReadDeviceIdentification { code: ReadCode::Basic, object: 0 };
    let mut objects = Vec::new();
    identification::push_object(&mut objects, 0, b"Company identification");
    identification::push_object(&mut objects, 1, b"Product code XX");
    let conformity = Conformity { level: ReadCode::Basic, individual: false };
    let first = Response::ReadDeviceIdentification {
        code: ReadCode::Basic,
        conformity,
        more_follows: true,
        next_object: 2,
        objects: &objects,
    };
    let mut text = "2B 0E 01 01 FF 02 02".to_owned();
    objects.iter().for_each(|byte| text.push_str(&format!(" {byte:02X}")));
    example(&request, "2B 0E 01 00", &first, &text);
    let mut collector = identification::Collector::default();
    let next = collector.add(&first).unwrap();
    assert_eq!(next, Request::ReadDeviceIdentification { code: ReadCode::Basic, object: 2 });
    let pdu = hex("2B 0E 01 01 00 00 01 02 05 56 32 2E 31 31");
    assert_eq!(collector.add(&Response::parse(&next, &pdu, &L).unwrap()), None);
    assert_eq!(collector.text(1).as_deref(), Some("Product code XX"));
    assert_eq!(collector.text(2).as_deref(), Some("V2.11"));
    // A device that says "more follows" from the same object for ever is stopped.
    assert_eq!(collector.add(&first), None);
}

#[test]
fn exceptions_are_answers() {
    let request = Request::ReadCoils { address: 0x04A1, quantity: 1 };
    let expected = Response::Exception { function: 1, code: ExceptionCode::ILLEGAL_DATA_ADDRESS };
    example(&request, "01 04 A1 00 01", &expected, "81 02");
    assert_eq!(
        Response::parse(&request, &[0x82, 2], &L),
        Err(Error::FunctionMismatch { expected: 1, got: 0x82 })
    );
    assert_eq!(Response::parse(&request, &[0x81, 2, 0], &L), Err(Error::Trailing { extra: 1 }));
}

#[test]
fn requests_out_of_bounds_name_the_exception() {
    for (pdu, exception) in [
        ("03 00 00 00 7E", ExceptionCode::ILLEGAL_DATA_VALUE),
        ("03 00 00 00 00", ExceptionCode::ILLEGAL_DATA_VALUE),
        ("03 FF FF 00 02", ExceptionCode::ILLEGAL_DATA_ADDRESS),
        ("01 00 00 07 D1", ExceptionCode::ILLEGAL_DATA_VALUE),
        ("05 00 00 12 34", ExceptionCode::ILLEGAL_DATA_VALUE),
        ("08 00 15 00 00", ExceptionCode::ILLEGAL_FUNCTION),
        ("08 00 02 00 01", ExceptionCode::ILLEGAL_DATA_VALUE),
        ("10 00 00 00 02 03 00 00 00", ExceptionCode::ILLEGAL_DATA_VALUE),
        ("14 07 07 00 01 00 00 00 01", ExceptionCode::ILLEGAL_DATA_VALUE),
        ("14 07 06 00 00 00 00 00 01", ExceptionCode::ILLEGAL_DATA_VALUE),
        ("2B 0D 01 00", ExceptionCode::ILLEGAL_FUNCTION),
        ("2B 0E 05 00", ExceptionCode::ILLEGAL_DATA_VALUE),
        ("63 00", ExceptionCode::ILLEGAL_FUNCTION),
    ] {
        let error = Request::parse(&hex(pdu), &L).expect_err(pdu);
        assert_eq!(error.exception(), exception, "{pdu}: {error}");
    }
    let small = Limits { read_registers: 16, ..L };
    let request = Request::ReadHoldingRegisters { address: 0, quantity: 17 };
    assert!(request.validate(&small).is_err() && request.validate(&L).is_ok());
}
