//! A million mutated packets through every reader: nothing panics, nothing wrong is accepted.

use super::generate::{self, Pool};
use crate::random::{Rng, spoil};
use wire::s7::cotp::{Joiner, Tpdu};
use wire::s7::tpkt::{self, Deframer};
use wire::s7::view::PacketView;
use wire::s7::{MAX_ITEMS, ReadItem, Request, Response, cotp};

const PACKETS: u64 = 1_000_000;

struct Sample<'a> {
    request: Request<'a>,
    question: Vec<u8>,
    answer: Vec<u8>,
}

fn samples<'a>(rng: &mut Rng, pool: &'a Pool) -> Vec<Sample<'a>> {
    let sample = |_| {
        let request = generate::request(rng, pool);
        let (mut question, mut answer) = (Vec::new(), Vec::new());
        let response = generate::response(&request, pool, rng);
        cotp::emit_data_with(&mut question, |out| request.emit(9, out));
        cotp::emit_data_with(&mut answer, |out| response.emit(&request, 9, out));
        Sample { request, question, answer }
    };
    (0..512).map(sample).collect()
}

/// Lies in lengths and counts; half get a right TPKT again.
fn mutate(packet: &[u8], rng: &mut Rng, out: &mut Vec<u8>) {
    spoil(packet, out, rng, |out, _, byte, rng| match rng.range(0, 3) {
        0 => out.iter_mut().skip(2).take(2).for_each(|b| *b = b.wrapping_add(byte % 5).wrapping_sub(2)),
        1 => out.iter_mut().skip(13).take(4).for_each(|b| *b = b.wrapping_add(byte % 3).wrapping_sub(1)),
        2 => out.iter_mut().skip(17).take(8).for_each(|b| *b = if byte & 3 == 0 { byte } else { *b }),
        _ => out.iter_mut().skip(5).take(2).for_each(|b| *b = if byte & 1 == 0 { 0 } else { *b }),
    });
    if rng.byte() & 1 == 0 && out.len() >= 7 {
        let length = (out.len() as u16).to_be_bytes();
        out[..4].copy_from_slice(&[3, 0, length[0], length[1]]);
    }
}

/// An accepted answer has exactly what its request asked for.
fn assert_exact(request: &Request<'_>, response: &Response<'_>) {
    match (request, response) {
        (Request::Read(items), Response::Read(answers)) => {
            assert_eq!(items.len(), answers.len());
            for (item, answer) in items.iter().zip(answers) {
                if let ReadItem::Data(data) = answer {
                    assert_eq!(data.len(), item.data_length());
                }
            }
        }
        (Request::Write(items), Response::Write(codes)) => assert_eq!(items.len(), codes.len()),
        (Request::Setup(_), Response::Setup(_)) => {}
        (Request::Szl { .. }, Response::Szl { .. } | Response::SzlRefused { .. }) => {}
        (
            Request::SzlNext { sequence },
            Response::Szl { sequence: got, .. } | Response::SzlRefused { sequence: got, .. },
        ) => {
            assert_eq!(sequence, got);
        }
        (_, Response::Refused(error)) => assert_ne!(error.0, 0),
        (request, response) => panic!("{response:?} was taken as the answer to {request:?}"),
    }
}

#[derive(Default, Debug)]
struct Seen {
    packets: u64,
    requests: u64,
    responses: u64,
    refused: u64,
    desync: u64,
    problems: u64,
}

fn strict(sample: &Sample<'_>, pdu: &[u8], seen: &mut Seen, scratch: &mut Vec<u8>) {
    match Request::parse(pdu) {
        Ok((reference, request)) => {
            seen.requests += 1;
            scratch.clear();
            request.emit(reference, scratch);
            if let Request::Read(items) = &request {
                assert!((1..=MAX_ITEMS).contains(&items.len()));
            }
            if !matches!(request, Request::Write(_)) {
                assert_eq!(scratch.len(), pdu.len(), "an accepted request is emitted as it came");
            }
        }
        Err(_) => seen.refused += 1,
    }
    if let Ok(response) = Response::parse(&sample.request, pdu) {
        seen.responses += 1;
        assert_exact(&sample.request, &response);
    }
}

fn take(sample: &Sample<'_>, bytes: &[u8], rng: &mut Rng, seen: &mut Seen, scratch: &mut Vec<u8>) {
    let (mut deframer, mut joiner) = (Deframer::new(), Joiner::default());
    let (a, b) = bytes.split_at(rng.range(0, bytes.len() as u64) as usize);
    for mut part in [a, b] {
        loop {
            match deframer.feed(&mut part) {
                Ok(Some(tpdu)) => {
                    seen.packets += 1;
                    let Ok(Tpdu::Data { last, payload }) = Tpdu::parse(tpdu) else { continue };
                    if let Ok(Some(pdu)) = joiner.take(last, payload) {
                        strict(sample, pdu, seen, scratch);
                        joiner.clear();
                    }
                }
                Ok(None) => break,
                Err(_) => {
                    seen.desync += 1;
                    return;
                }
            }
        }
        assert!(deframer.pending() < tpkt::MAX_PACKET);
    }
}

#[test]
fn a_million_hostile_packets() {
    let seed =
        std::env::var("IRONBRIDGE_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x7000_B41D_6E00_0001);
    eprintln!("seed {seed} (set IRONBRIDGE_SEED to repeat)");
    let mut rng = Rng::new(seed);
    let pool = Pool::new(&mut rng);
    let samples = samples(&mut rng, &pool);
    let (mut seen, mut bytes, mut scratch) = (Seen::default(), Vec::new(), Vec::new());
    for index in 0..PACKETS {
        let sample = &samples[rng.range(0, samples.len() as u64 - 1) as usize];
        let packet = if rng.byte() & 1 == 0 { &sample.question } else { &sample.answer };
        mutate(packet, &mut rng, &mut bytes);
        take(sample, &bytes, &mut rng, &mut seen, &mut scratch);
        if index % 8 == 0 {
            let view = PacketView::new(&bytes);
            let problems = view.problems().len();
            assert!(problems <= 6);
            seen.problems += problems as u64;
            assert!(view.to_string().len() < 2_000);
        }
    }
    eprintln!("{seen:?}");
    // The mutations must reach past the framing, or the test proves nothing.
    assert!(seen.packets > PACKETS / 4 && seen.responses > PACKETS / 100 && seen.requests > PACKETS / 100);
    assert!(seen.refused > PACKETS / 100 && seen.desync > PACKETS / 100 && seen.problems > PACKETS / 100);
}
