//! Valid requests, and a valid answer for each.

use crate::random::Rng;
use wire::s7::{Area, HeaderError, Item, ReadItem, Request, Response, ReturnCode, Setup, Size, WriteItem};

pub fn item(rng: &mut Rng) -> Item {
    let area = Area::ALL[rng.range(0, 6) as usize];
    if area.is_numbered() {
        return Item::numbered(area, rng.word(), rng.range(1, 20) as u16);
    }
    let db = if area == Area::Db { rng.word() } else { 0 };
    let byte = rng.range(0, Item::MAX_BYTE.into()) as u32;
    let size = Size::ALL[rng.range(0, 7) as usize];
    match size {
        Size::Bit => Item::bit_at(area, db, byte, rng.byte() & 7),
        size => Item { area, db, address: byte << 3, size, count: rng.range(1, 30) as u16 },
    }
}

/// What a request writes lives here.
pub struct Pool(Vec<Vec<u8>>);

impl Pool {
    pub fn new(rng: &mut Rng) -> Self {
        Self((0..20).map(|_| rng.bytes(200)).collect())
    }
}

pub fn request<'a>(rng: &mut Rng, pool: &'a Pool) -> Request<'a> {
    match rng.range(0, 9) {
        0 => Request::Setup(Setup { calling: rng.word(), called: rng.word(), pdu: rng.word() }),
        1 => Request::Szl { id: rng.word(), index: rng.word() },
        2 => Request::SzlNext { sequence: rng.byte() },
        3..=6 => Request::Read((0..rng.range(1, 20)).map(|_| item(rng)).collect()),
        _ => {
            let count = rng.range(1, 20) as usize;
            let write =
                |(item, bytes): (Item, &'a Vec<u8>)| WriteItem { item, data: &bytes[..item.data_length()] };
            let items: Vec<Item> = (0..count).map(|_| item(rng)).collect();
            Request::Write(items.into_iter().zip(&pool.0).map(write).collect())
        }
    }
}

fn code(rng: &mut Rng) -> ReturnCode {
    [ReturnCode::ADDRESS, ReturnCode::MISSING, ReturnCode::ACCESS, ReturnCode::TYPE][rng.range(0, 3) as usize]
}

pub fn response<'a>(request: &Request<'_>, pool: &'a Pool, rng: &mut Rng) -> Response<'a> {
    if rng.range(0, 19) == 0 {
        if let Request::Szl { .. } = request {
            return Response::SzlRefused {
                sequence: rng.byte(),
                code: code(rng),
                error: HeaderError(0xD401),
            };
        }
        if !matches!(request, Request::SzlNext { .. }) {
            return Response::Refused(HeaderError(0x8104));
        }
    }
    match request {
        Request::Setup(setup) => Response::Setup(Setup { pdu: setup.pdu / 2, ..*setup }),
        Request::Read(items) => {
            let answer = |(item, bytes): (&Item, &'a Vec<u8>)| match rng.range(0, 5) {
                0 => ReadItem::Refused(code(rng)),
                _ => ReadItem::Data(&bytes[..item.data_length()]),
            };
            Response::Read(items.iter().zip(&pool.0).map(answer).collect())
        }
        Request::Write(items) => Response::Write(
            items
                .iter()
                .map(|_| if rng.range(0, 3) == 0 { code(rng) } else { ReturnCode::SUCCESS })
                .collect(),
        ),
        Request::Szl { .. } => {
            let length = rng.range(8, 200) as usize;
            let (sequence, last) = (rng.byte(), rng.byte() & 1 == 0);
            Response::Szl { sequence, unit: rng.byte(), last, data: &pool.0[0][..length] }
        }
        Request::SzlNext { sequence } => {
            Response::Szl { sequence: *sequence, unit: rng.byte(), last: true, data: &pool.0[1][..50] }
        }
    }
}
