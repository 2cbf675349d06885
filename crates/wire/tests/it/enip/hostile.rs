//! A million hostile frames through everything that reads bytes.

use super::generate;
use crate::random::{Rng, spoil};
use wire::enip::encapsulation::{HEADER, Header};
use wire::enip::packet::{emit_connected, emit_unconnected};
use wire::enip::repr::Services;
use wire::enip::symbol::{Symbol, Template, TemplateSize};
use wire::enip::view::{FrameView, MessageView};
use wire::enip::{Command, Deframer, Identity, Limits, Packet, Reply, Request, Response};

const FRAMES: u64 = 1_000_000;
const L: Limits = Limits::STANDARD;

struct Sample {
    request: Request,
    frames: [Vec<u8>; 2],
}

fn samples(rng: &mut Rng) -> Vec<Sample> {
    let sample = |rng: &mut Rng| {
        let request = generate::request(rng);
        let frame = |rng: &mut Rng, message: &[u8]| {
            let mut out = Vec::new();
            if rng.byte() & 1 == 0 {
                let header = Header::new(Command::SendRrData, 7, 9);
                emit_unconnected(&header, 1, &mut out, |out| out.extend_from_slice(message));
            } else {
                let header = Header::new(Command::SendUnitData, 7, 9);
                emit_connected(&header, 3, 5, &mut out, |out| out.extend_from_slice(message));
            }
            out
        };
        let (mut asked, mut answered) = (Vec::new(), Vec::new());
        request.emit(&mut asked).unwrap();
        generate::reply(&request, rng, &mut answered);
        Sample { frames: [frame(rng, &asked), frame(rng, &answered)], request }
    };
    (0..512).map(|_| sample(rng)).collect()
}

/// Lies in length and count fields; half of them with a length field that fits again, so that they pass the deframer.
fn mutate(frame: &[u8], rng: &mut Rng, out: &mut Vec<u8>) {
    spoil(frame, out, rng, |out, at, byte, rng| match rng.range(0, 2) {
        0 => out.iter_mut().skip(2).take(2).for_each(|b| *b = b.wrapping_add(byte % 5).wrapping_sub(2)),
        1 => out.iter_mut().skip(HEADER + 6 + (at & 31)).take(2).for_each(|b| *b = byte),
        _ => {
            let count = rng.range(0, 64) as usize;
            out.truncate(HEADER);
            out.extend(rng.bytes(count));
        }
    });
    if out.len() >= HEADER && rng.byte() & 1 == 0 {
        let length = (out.len() - HEADER) as u16;
        out[2..4].copy_from_slice(&length.to_le_bytes());
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

fn strict(sample: &Request, message: &[u8], seen: &mut Seen, scratch: &mut Vec<u8>) {
    if let Ok(request) = Request::parse(message, &L) {
        seen.requests += 1;
        scratch.clear();
        // Numbers are emitted in their shortest form, so a second reading is the test, not equal bytes.
        request.emit(scratch).unwrap();
        assert_eq!(
            Request::parse(scratch, &L).as_ref(),
            Ok(&request),
            "an accepted request is emitted as it was read"
        );
    }
    match Response::parse(sample, message, &L) {
        Ok(response) => {
            seen.responses += 1;
            if let (Response::Multiple(parts), Request::Multiple { requests }) = (&response, sample) {
                assert_eq!(parts.len(), requests.len());
            }
        }
        Err(_) => seen.refused += 1,
    }
    if let Ok(reply) = Reply::parse(message) {
        let _ = Symbol::parse_list(reply.data, &[1, 2, 8]);
        let _ = Template::parse(reply.data, 3);
        let _ = TemplateSize::parse(reply.data);
        let _ = Identity::parse_attributes(reply.data);
        if let Ok(services) = Services::new(reply.data, 3) {
            assert_eq!(services.filter(|part| part.len() >= 4).count(), 3);
        }
    }
}

fn deframe(sample: &Sample, bytes: &[u8], rng: &mut Rng, seen: &mut Seen, scratch: &mut Vec<u8>) {
    const MAX: usize = 4_200;
    let mut deframer = Deframer::new(MAX);
    let (a, b) = bytes.split_at(rng.range(0, bytes.len() as u64) as usize);
    let mut delivered = 0;
    for mut part in [a, b] {
        loop {
            match deframer.feed(&mut part) {
                Ok(Some(frame)) => {
                    delivered += HEADER + frame.payload.len();
                    seen.frames += 1;
                    match Packet::parse(frame.payload, &L) {
                        Ok(Packet::Unconnected { message } | Packet::Connected { message, .. }) => {
                            strict(&sample.request, message, seen, scratch);
                        }
                        Err(_) => seen.refused += 1,
                    }
                    let _ = Identity::parse_list(frame.payload, &L);
                }
                Ok(None) => break,
                Err(_) => {
                    seen.desync += 1;
                    return;
                }
            }
        }
        assert!(deframer.pending() < HEADER + MAX);
    }
    assert_eq!(delivered + deframer.pending(), bytes.len(), "every byte is in a frame or pending");
}

fn look(bytes: &[u8]) {
    let view = FrameView::new(bytes);
    let _ = (view.session(), view.context(), view.connection());
    assert!(view.problems().len() <= 6 && view.payload().len() <= bytes.len());
    for message in view.message().into_iter().chain([MessageView::new(bytes)]) {
        let _ = (message.effect(), message.status(), message.to_string());
        assert!(message.data().len() <= bytes.len());
        if let Some(pccc) = message.pccc() {
            let _ = (pccc.facts(), pccc.transaction(), pccc.data());
        }
    }
}

#[test]
fn a_million_hostile_frames() {
    let seed =
        std::env::var("IRONBRIDGE_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x1209_B41D_6E00_0002);
    eprintln!("seed {seed} (set IRONBRIDGE_SEED to repeat)");
    let mut rng = Rng::new(seed);
    let pool = samples(&mut rng);
    let (mut seen, mut bytes, mut scratch) = (Seen::default(), Vec::new(), Vec::new());
    for index in 0..FRAMES {
        let sample = &pool[rng.range(0, pool.len() as u64 - 1) as usize];
        mutate(&sample.frames[usize::from(rng.byte() & 1)], &mut rng, &mut bytes);
        deframe(sample, &bytes, &mut rng, &mut seen, &mut scratch);
        if index % 4 == 0 {
            look(&bytes);
        }
    }
    eprintln!("{seen:?}");
    // The mutations must reach past the framing, or the test proves nothing.
    assert!(seen.frames > FRAMES / 10 && seen.responses > FRAMES / 100 && seen.requests > FRAMES / 100);
    assert!(seen.refused > FRAMES / 100 && seen.desync > FRAMES / 100);
}
