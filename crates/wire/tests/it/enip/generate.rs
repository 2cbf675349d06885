//! Valid requests, and a valid reply for each.

use crate::random::Rng;
use wire::enip::connection::{
    CLASS_3, Direction, EXPLICIT, ForwardClose, ForwardOpen, Opened, Patience, Triad, UnconnectedSend,
    emit_closed,
};
use wire::enip::repr::{emit_reply, emit_reply_multiple};
use wire::enip::table::class_id;
use wire::enip::{Elementary, Kind, Path, Request, Segment, Status};

fn name(rng: &mut Rng) -> Box<str> {
    let count = rng.range(1, 20);
    (0..count).map(|_| char::from(b'A' + (rng.byte() % 26))).collect::<String>().into()
}

fn number(rng: &mut Rng) -> u32 {
    match rng.range(0, 2) {
        0 => u32::from(rng.byte()),
        1 => u32::from(rng.word()),
        _ => rng.next() as u32,
    }
}

pub fn tag(rng: &mut Rng) -> Path {
    let mut segments = Vec::new();
    for _ in 0..rng.range(1, 4) {
        segments.push(Segment::Symbol(name(rng)));
        for _ in 0..rng.range(0, 3) {
            segments.push(Segment::Member(number(rng)));
        }
    }
    Path(segments)
}

pub fn route(rng: &mut Rng) -> Path {
    let port = |rng: &mut Rng| match rng.range(0, 2) {
        0 => Segment::Port { port: 1, link: [rng.byte()].into() },
        1 => Segment::Port { port: 2, link: b"10.0.0.17".as_slice().into() },
        _ => Segment::Port { port: 15 + rng.word() % 1_000, link: [rng.byte(), rng.byte()].into() },
    };
    Path((0..rng.range(1, 3)).map(|_| port(rng)).collect())
}

fn object(rng: &mut Rng) -> Path {
    // None of the classes whose services have a meaning of their own.
    let mut path = Path::object(0x100 + rng.range(0, 500) as u32, number(rng));
    if rng.byte() & 1 == 1 {
        path.0.push(Segment::Attribute(number(rng)));
    }
    path
}

fn kind(rng: &mut Rng) -> Kind {
    match rng.range(0, 5) {
        0 => Kind::Structure(rng.word()),
        _ => Kind::Elementary(Elementary::ALL[rng.range(0, Elementary::ALL.len() as u64 - 1) as usize]),
    }
}

fn data(rng: &mut Rng) -> Vec<u8> {
    let count = rng.range(1, 60) as usize;
    rng.bytes(count)
}

fn triad(rng: &mut Rng) -> Triad {
    Triad { connection: rng.word(), vendor: rng.word(), originator: rng.next() as u32 }
}

fn attributes(rng: &mut Rng) -> Vec<u16> {
    rng.words(1, 6)
}

fn forward_open(rng: &mut Rng) -> Request {
    let large = rng.byte() & 1 == 1;
    let direction = |rng: &mut Rng| Direction {
        interval_us: number(rng),
        size: if large { rng.word() } else { rng.word() & 511 },
        flags: EXPLICIT,
    };
    let mut path = route(rng);
    path.0.extend(Path::object(class_id::ROUTER, 1).0);
    Request::ForwardOpen(Box::new(ForwardOpen {
        large,
        patience: Patience::millis(rng.range(1, 10_000)),
        to_target_id: number(rng),
        to_originator_id: number(rng),
        triad: triad(rng),
        multiplier: rng.byte() % 8,
        to_target: direction(rng),
        to_originator: direction(rng),
        transport: CLASS_3,
        path,
    }))
}

pub fn request(rng: &mut Rng) -> Request {
    match rng.range(0, 14) {
        0 => Request::GetAttributesAll { path: object(rng) },
        1 => Request::GetAttributeList { path: object(rng), attributes: attributes(rng) },
        2 => Request::GetAttributeSingle { path: object(rng) },
        3 => Request::SetAttributeSingle { path: object(rng), data: data(rng) },
        4 => {
            let requests = (0..rng.range(1, 5)).map(|_| {
                let mut out = Vec::new();
                Request::ReadTag { path: tag(rng), elements: rng.word().max(1) }.emit(&mut out).unwrap();
                out
            });
            Request::Multiple { requests: requests.collect() }
        }
        5 => Request::ReadTag { path: tag(rng), elements: rng.word().max(1) },
        6 => Request::ReadTagFragmented { path: tag(rng), elements: rng.word().max(1), offset: number(rng) },
        7 => Request::WriteTag {
            path: tag(rng),
            kind: kind(rng),
            elements: rng.word().max(1),
            data: data(rng),
        },
        8 => Request::WriteTagFragmented {
            path: tag(rng),
            kind: kind(rng),
            elements: rng.word().max(1),
            offset: number(rng),
            data: data(rng),
        },
        9 => {
            let size = [1, 2, 4, 8][rng.range(0, 3) as usize];
            Request::ReadModifyWrite { path: tag(rng), or: rng.bytes(size), and: rng.bytes(size) }
        }
        10 => Request::GetInstanceAttributeList {
            path: Path::object(class_id::SYMBOL, number(rng)),
            attributes: attributes(rng),
        },
        11 => Request::ReadTemplate {
            path: Path::object(class_id::TEMPLATE, number(rng)),
            offset: number(rng),
            bytes: rng.word(),
        },
        12 => forward_open(rng),
        13 => Request::ForwardClose(Box::new(ForwardClose {
            patience: Patience::millis(2_000),
            triad: triad(rng),
            path: Path::object(class_id::ROUTER, 1),
        })),
        _ => Request::UnconnectedSend(Box::new(UnconnectedSend {
            patience: Patience::millis(2_000),
            message: data(rng),
            route: route(rng),
        })),
    }
}

/// A valid reply. That of an Unconnected Send answers the message within, here as if that were a service without data.
pub fn reply(request: &Request, rng: &mut Rng, out: &mut Vec<u8>) {
    let service = request.service();
    let bytes = data(rng);
    let status = if rng.byte() & 3 == 0 { Status::PARTIAL } else { Status::OK };
    match request {
        _ if rng.byte() & 15 == 0 => emit_reply(service, Status::with(0xFF, 0x2107), out, |_| {}),
        Request::ReadTag { .. } | Request::ReadTagFragmented { .. } => {
            emit_reply(service, status, out, |out| {
                kind(rng).emit(out);
                out.extend_from_slice(&bytes);
            })
        }
        Request::WriteTag { .. } | Request::WriteTagFragmented { .. } | Request::ReadModifyWrite { .. } => {
            emit_reply(service, Status::OK, out, |_| {});
        }
        Request::Multiple { requests } => {
            let mut one = Vec::new();
            emit_reply(0x4C, Status::OK, &mut one, |out| out.extend_from_slice(&[0xC4, 0, 1, 2, 3, 4]));
            let parts: Vec<&[u8]> = requests.iter().map(|_| one.as_slice()).collect();
            emit_reply_multiple(Status::OK, parts.into_iter(), out);
        }
        Request::ForwardOpen(open) => emit_reply(service, Status::OK, out, |out| {
            Opened {
                to_target_id: rng.next() as u32,
                to_originator_id: open.to_originator_id,
                triad: open.triad,
                to_target_us: 1,
                to_originator_us: 2,
            }
            .emit(out);
        }),
        Request::ForwardClose(close) => {
            emit_reply(service, Status::OK, out, |out| emit_closed(&close.triad, out))
        }
        _ => emit_reply(service, status, out, |out| out.extend_from_slice(&bytes)),
    }
}
