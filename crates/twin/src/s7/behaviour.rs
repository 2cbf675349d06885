//! How a CPU misbehaves.

use wire::s7::{HeaderError, ReturnCode};

use crate::rng::Rng;
use crate::talk;

/// How it answers. The default is a sound CPU that answers at once. Negotiation is always sound.
pub type Behaviour = talk::Behaviour<Refusal, Lie>;
/// What it does with a request.
pub type Conduct = talk::Conduct<Refusal, Lie>;

/// What it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Every request as a whole.
    Whole(HeaderError),
    /// Every item.
    Items(ReturnCode),
}

/// Which untruth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Another reference.
    Reference,
    /// Another protocol id.
    Protocol,
    /// Another kind of PDU.
    Kind,
    /// Another function.
    Function,
    /// Another number of items.
    Items,
    /// Only the first half of the packet; the rest never comes.
    Short,
    /// Two bytes more, with every outer length in agreement.
    MoreData,
    /// Two bytes fewer, with every outer length in agreement.
    LessData,
    /// A length of an item that contradicts its data.
    Length,
    /// A TPKT length that announces more than comes.
    Packet,
    /// The answer twice: the second answers nothing.
    Twice,
    /// The answer byte by byte in segments of their own: the truth, but slowly.
    Dribble,
    /// The answer in transport fragments of 16 bytes: the truth, in an unusual way.
    Fragments,
    /// Random bytes without end.
    Endless,
}

/// Every lie, for tests that go through all of them.
pub const LIES: [Lie; 14] = [
    Lie::Reference,
    Lie::Protocol,
    Lie::Kind,
    Lie::Function,
    Lie::Items,
    Lie::Short,
    Lie::MoreData,
    Lie::LessData,
    Lie::Length,
    Lie::Packet,
    Lie::Twice,
    Lie::Dribble,
    Lie::Fragments,
    Lie::Endless,
];

/// Where the PDU begins in a packet.
const PDU: usize = 7;
/// Where the parameters of an answer begin.
const PARAMETERS: usize = PDU + 12;

impl Lie {
    /// Whether what is read is right nevertheless.
    #[must_use]
    pub const fn is_harmless(self) -> bool {
        matches!(self, Self::Twice | Self::Dribble | Self::Fragments)
    }

    /// Changes the sound packet that stands in `out` from `start` on. [`Lie::Dribble`] and [`Lie::Endless`] are the
    /// server's business.
    pub(super) fn apply(self, out: &mut Vec<u8>, start: usize, rng: &mut Rng) {
        let mut bump = |at: usize| {
            if let Some(byte) = out.get_mut(start + at) {
                *byte = byte.wrapping_add(1 + (rng.next() % 7) as u8);
            }
        };
        match self {
            Self::Protocol => bump(PDU),
            Self::Kind => bump(PDU + 1),
            Self::Reference => bump(PDU + 5),
            Self::Function => bump(PARAMETERS),
            Self::Items => bump(PARAMETERS + 1),
            Self::Length => bump(PARAMETERS + 5),
            Self::Packet => bump(3),
            Self::Short => out.truncate(start + (out.len() - start) / 2),
            Self::MoreData => resize(out, start, 2),
            Self::LessData => resize(out, start, -2),
            Self::Twice => out.extend_from_within(start..),
            Self::Fragments => fragment(out, start),
            Self::Dribble | Self::Endless => {}
        }
    }
}

fn resize(out: &mut Vec<u8>, start: usize, by: i16) {
    if by > 0 {
        out.extend_from_slice(&[0x7F, 0xFF]);
    } else {
        out.truncate(out.len().saturating_sub(2).max(start + PARAMETERS));
    }
    for at in [start + 2, start + PDU + 8] {
        let field = out.get_mut(at..at + 2).and_then(|field| field.first_chunk_mut::<2>());
        if let Some(field) = field {
            *field = u16::from_be_bytes(*field).wrapping_add_signed(by).to_be_bytes();
        }
    }
}

fn fragment(out: &mut Vec<u8>, start: usize) {
    let pdu = out.split_off((start + PDU).min(out.len()));
    out.truncate(start);
    let count = pdu.chunks(16).len();
    for (index, chunk) in pdu.chunks(16).enumerate() {
        wire::s7::tpkt::emit_with(out, |out| {
            wire::s7::cotp::Tpdu::Data { last: index + 1 == count, payload: chunk }.emit(out);
        });
    }
}
