//! A million hostile frames through everything that reads bytes.

use wire::modbus::rtu::{Direction, RequestDeframer, ResponseDeframer};
use wire::modbus::view::{AduView, PduView};
use wire::modbus::{Limits, MAX_PDU, Request, Response, bits, file_record, mbap, registers, rtu};

use super::generate;
use crate::random::{Rng, spoil};

const FRAMES: u64 = 1_000_000;
const L: Limits = Limits::STANDARD;

/// Valid frames to start from, built once: building them costs more than reading them.
struct Sample {
    request: Request,
    request_adu: Vec<u8>,
    response_adu: Vec<u8>,
}

fn samples(rng: &mut Rng, serial: bool) -> Vec<Sample> {
    let mut samples = Vec::new();
    while samples.len() < 512 {
        let request = generate::request(rng);
        if !request.expects_response() {
            continue;
        }
        let data = generate::backing(&request, rng);
        let (mut request_pdu, mut response_pdu) = (Vec::new(), Vec::new());
        request.emit(&mut request_pdu);
        generate::response(&request, &data, rng).emit(&mut response_pdu);
        let (mut request_adu, mut response_adu) = (Vec::new(), Vec::new());
        if serial {
            rtu::emit_adu(1, &request_pdu, &mut request_adu);
            rtu::emit_adu(1, &response_pdu, &mut response_adu);
        } else {
            mbap::emit_adu(1, 1, &request_pdu, &mut request_adu);
            mbap::emit_adu(1, 1, &response_pdu, &mut response_adu);
        }
        samples.push(Sample { request, request_adu, response_adu });
    }
    samples
}

/// Lies in the length and count fields, wrong ids.
fn mutate(frame: &[u8], serial: bool, rng: &mut Rng, out: &mut Vec<u8>) {
    spoil(frame, out, rng, |out, _, byte, rng| match rng.range(0, 2) {
        0 => out.iter_mut().skip(4).take(2).for_each(|b| *b = b.wrapping_add(byte % 5).wrapping_sub(2)),
        1 => out.iter_mut().skip(6).take(3).for_each(|b| *b = if byte & 1 == 0 { byte } else { *b }),
        _ => out.iter_mut().take(7).for_each(|b| *b ^= byte & rng.byte() & rng.byte()),
    });
    // Half of the serial frames get a right CRC again, else nearly nothing would pass the checksum.
    if serial && out.len() > 3 && rng.byte() & 1 == 0 {
        out.truncate(out.len() - 2);
        let crc = rtu::crc16(out);
        out.extend_from_slice(&crc.to_le_bytes());
    }
}

/// An accepted response has exactly the data that its request asked for.
fn assert_exact(request: &Request, response: &Response<'_>) {
    match (request, response) {
        (Request::ReadCoils { quantity, .. }, Response::ReadCoils { bits: data })
        | (Request::ReadDiscreteInputs { quantity, .. }, Response::ReadDiscreteInputs { bits: data }) => {
            assert_eq!(data.len(), usize::from(*quantity).div_ceil(8));
            assert_eq!(bits(data, usize::from(*quantity)).count(), usize::from(*quantity));
        }
        (
            Request::ReadHoldingRegisters { quantity, .. },
            Response::ReadHoldingRegisters { registers: data },
        )
        | (Request::ReadInputRegisters { quantity, .. }, Response::ReadInputRegisters { registers: data })
        | (
            Request::ReadWriteMultipleRegisters { read_quantity: quantity, .. },
            Response::ReadWriteMultipleRegisters { registers: data },
        ) => {
            assert_eq!(data.len(), usize::from(*quantity) * 2);
            assert_eq!(registers(data).count(), usize::from(*quantity));
        }
        (Request::ReadFileRecord { groups }, Response::ReadFileRecord { data }) => {
            let lengths: Vec<usize> = file_record::groups(data).map(|g| g.len() / 2).collect();
            assert_eq!(lengths, groups.iter().map(|g| usize::from(g.length)).collect::<Vec<_>>());
        }
        (Request::ReadFifoQueue { .. }, Response::ReadFifoQueue { registers }) => {
            assert!(registers.len() <= 62 && registers.len() % 2 == 0);
        }
        (_, Response::Exception { function, .. }) => assert_eq!(*function, request.function_code()),
        _ => assert_eq!(response.function_code(), request.function_code()),
    }
    // Writes: what is accepted repeats the request.
    if let (
        Request::WriteSingleRegister { address, value },
        Response::WriteSingleRegister { address: a, value: v },
    ) = (request, response)
    {
        assert_eq!((address, value), (a, v));
    }
}

#[derive(Default, Debug)]
struct Seen {
    frames: u64,
    requests: u64,
    responses: u64,
    refused: u64,
    desync: u64,
}

fn strict(sample: &Request, pdu: &[u8], seen: &mut Seen, scratch: &mut Vec<u8>) {
    assert!((1..=MAX_PDU).contains(&pdu.len()));
    if let Ok(request) = Request::parse(pdu, &L) {
        seen.requests += 1;
        scratch.clear();
        request.emit(scratch);
        if !matches!(request, Request::WriteMultipleCoils { .. }) {
            assert_eq!(scratch.as_slice(), pdu, "an accepted request is emitted as it came");
        }
    }
    match Response::parse(sample, pdu, &L) {
        Ok(response) => {
            seen.responses += 1;
            assert_exact(sample, &response);
        }
        Err(_) => seen.refused += 1,
    }
}

fn tcp(sample: &Sample, bytes: &[u8], rng: &mut Rng, seen: &mut Seen, scratch: &mut Vec<u8>) {
    let mut deframer = mbap::Deframer::new();
    let (a, b) = bytes.split_at(rng.range(0, bytes.len() as u64) as usize);
    let mut delivered = 0;
    for mut part in [a, b] {
        loop {
            match deframer.feed(&mut part) {
                Ok(Some(frame)) => {
                    delivered += mbap::HEADER + frame.pdu.len();
                    seen.frames += 1;
                    strict(&sample.request, frame.pdu, seen, scratch);
                }
                Ok(None) => break,
                Err(_) => {
                    seen.desync += 1;
                    return;
                }
            }
        }
        assert!(deframer.pending() < mbap::MAX_ADU);
    }
    assert_eq!(delivered + deframer.pending(), bytes.len(), "every byte is in a frame or pending");
}

fn serial(sample: &Sample, bytes: &[u8], rng: &mut Rng, seen: &mut Seen, scratch: &mut Vec<u8>) {
    let (a, b) = bytes.split_at(rng.range(0, bytes.len() as u64) as usize);
    let (mut slave, mut delivered) = (RequestDeframer::new(), 0);
    for mut part in [a, b] {
        while let Some(frame) = slave.feed(&mut part) {
            delivered += frame.pdu.len() as u64 + 3;
            seen.frames += 1;
            strict(&sample.request, frame.pdu, seen, scratch);
        }
    }
    while let Some(frame) = slave.silence() {
        delivered += frame.pdu.len() as u64 + 3;
    }
    assert_eq!(delivered + slave.skipped(), bytes.len() as u64, "every byte is in a frame or counted");
    let mut master = ResponseDeframer::new();
    for mut part in [a, b] {
        match master.feed(1, &sample.request, &mut part) {
            Ok(Some(frame)) => {
                seen.frames += 1;
                strict(&sample.request, frame.pdu, seen, scratch);
                return;
            }
            Ok(None) => assert!(part.is_empty() && master.pending() < rtu::MAX_ADU),
            Err(_) => {
                seen.desync += 1;
                return;
            }
        }
    }
}

fn look(bytes: &[u8], direction: Direction) {
    for adu in [AduView::tcp(bytes, direction), AduView::rtu(bytes, direction)] {
        let pdu = adu.pdu();
        let _ = (
            adu.transaction(),
            adu.unit(),
            pdu.address(),
            pdu.quantity(),
            pdu.write_range(),
            pdu.exception(),
        );
        assert!(pdu.data().len() <= bytes.len());
        assert!(adu.problems().len() <= 6);
    }
}

#[test]
fn a_million_hostile_frames() {
    let seed =
        std::env::var("IRONBRIDGE_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x1209_B41D_6E00_0001);
    eprintln!("seed {seed} (set IRONBRIDGE_SEED to repeat)");
    let mut rng = Rng::new(seed);
    let pools = [samples(&mut rng, false), samples(&mut rng, true)];
    let (mut seen, mut bytes, mut scratch) = (Seen::default(), Vec::new(), Vec::new());
    for index in 0..FRAMES {
        let is_serial = index % 2 == 1;
        let pool = &pools[usize::from(is_serial)];
        let sample = &pool[rng.range(0, pool.len() as u64 - 1) as usize];
        let (frame, direction) = match rng.byte() & 1 {
            0 => (&sample.request_adu, Direction::Request),
            _ => (&sample.response_adu, Direction::Response),
        };
        mutate(frame, is_serial, &mut rng, &mut bytes);
        if is_serial {
            serial(sample, &bytes, &mut rng, &mut seen, &mut scratch);
        } else {
            tcp(sample, &bytes, &mut rng, &mut seen, &mut scratch);
        }
        if index % 8 == 0 {
            look(&bytes, direction);
            let _ = PduView::new(&bytes, direction).to_string();
        }
    }
    eprintln!("{seen:?}");
    // The mutations must reach past the framing, or the test proves nothing.
    assert!(seen.frames > FRAMES / 10 && seen.responses > FRAMES / 100 && seen.requests > FRAMES / 100);
    assert!(seen.refused > FRAMES / 100 && seen.desync > FRAMES / 100);
}
