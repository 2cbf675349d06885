//! How a unit misbehaves.

use std::time::Duration;

use wire::modbus::{ExceptionCode, Limits, rtu};

use super::Framing;
use crate::rng::Rng;
use crate::talk;

/// How a unit answers. The default is a sound device that answers at once.
pub type Behaviour = talk::Behaviour<ExceptionCode, Lie, Ability>;

/// What a unit does with a request.
pub type Conduct = talk::Conduct<ExceptionCode, Lie>;

/// What a unit can do at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ability {
    /// Largest quantities it takes; beyond them it answers exception 03.
    pub limits: Limits,
    /// Silence it needs after an answer: requests that come sooner are lost.
    pub rest: Duration,
    /// Says nothing where others answer an exception.
    pub mute: bool,
}

impl Default for Ability {
    fn default() -> Self {
        Self { limits: Limits::STANDARD, rest: Duration::ZERO, mute: false }
    }
}

/// Which untruth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Another transaction identifier (TCP only; on RTU as [`Lie::Unit`]).
    Transaction,
    /// A protocol identifier that is not Modbus (TCP only; on RTU as [`Lie::Checksum`]).
    Protocol,
    /// Another unit.
    Unit,
    /// Another function code.
    Function,
    /// Only the first half of the frame; the rest never comes.
    Short,
    /// A byte count larger than asked for, with a frame that matches it.
    MoreData,
    /// A byte count smaller than asked for, with a frame that matches it.
    LessData,
    /// A byte count that contradicts the frame.
    Count,
    /// A wrong CRC (RTU) or a length field that announces more than comes (TCP).
    Checksum,
    /// The answer twice: the second answers nothing.
    Twice,
    /// The answer byte by byte in packets of their own.
    Dribble,
    /// Random bytes without end.
    Endless,
}

/// Every lie, for tests that go through all of them.
pub const LIES: [Lie; 12] = [
    Lie::Transaction,
    Lie::Protocol,
    Lie::Unit,
    Lie::Function,
    Lie::Short,
    Lie::MoreData,
    Lie::LessData,
    Lie::Count,
    Lie::Checksum,
    Lie::Twice,
    Lie::Dribble,
    Lie::Endless,
];

impl Lie {
    /// Every lie.
    pub fn all() -> impl Iterator<Item = Self> {
        LIES.into_iter()
    }

    /// Changes the sound ADU that stands in `out` from `start` on. [`Lie::Dribble`] and [`Lie::Endless`] are the
    /// server's business.
    pub(super) fn apply(self, framing: Framing, out: &mut Vec<u8>, start: usize, rng: &mut Rng) {
        let (unit_at, rtu) = match framing {
            Framing::Tcp => (start + 6, false),
            Framing::Rtu => (start, true),
        };
        let mut bump = |at: usize| {
            if let Some(byte) = out.get_mut(at) {
                *byte = byte.wrapping_add(1 + (rng.next() % 7) as u8);
            }
        };
        match self {
            Self::Transaction if !rtu => bump(start + 1),
            Self::Protocol if !rtu => bump(start + 3),
            Self::Transaction | Self::Unit => bump(unit_at),
            Self::Function => bump(unit_at + 1),
            Self::Count => bump(unit_at + 2),
            Self::Protocol | Self::Checksum if rtu => {
                let last = out.len().saturating_sub(1);
                out.iter_mut().skip(last).for_each(|byte| *byte ^= 0x55);
                return;
            }
            Self::Protocol | Self::Checksum => bump(start + 5),
            Self::Short => {
                out.truncate(start + (out.len() - start) / 2);
                return;
            }
            Self::MoreData | Self::LessData => self.resize(rtu, out, start, unit_at),
            Self::Twice => out.extend_from_within(start..),
            Self::Dribble | Self::Endless => {}
        }
        if rtu && !matches!(self, Self::Twice | Self::Dribble | Self::Endless) {
            seal(out, start);
        }
    }

    /// One register more or less, with every count in agreement with it.
    fn resize(self, rtu: bool, out: &mut Vec<u8>, start: usize, unit_at: usize) {
        let tail = if rtu { 2 } else { 0 };
        out.truncate(out.len().saturating_sub(tail));
        let grow = self == Self::MoreData;
        if grow {
            out.extend_from_slice(&[0x7F, 0xFF]);
        } else {
            out.truncate(out.len().saturating_sub(2).max(unit_at + 3));
        }
        let data = out.len().saturating_sub(unit_at + 3);
        if let Some(count) = out.get_mut(unit_at + 2) {
            *count = u8::try_from(data).unwrap_or(u8::MAX);
        }
        if rtu {
            out.extend_from_slice(&[0, 0]);
        } else {
            let length = u16::try_from(out.len() - start - 6).unwrap_or(u16::MAX);
            if let Some(field) = out.get_mut(start + 4..start + 6) {
                field.copy_from_slice(&length.to_be_bytes());
            }
        }
    }
}

/// A right CRC over a wrong frame: the lie must get past the checksum.
fn seal(out: &mut Vec<u8>, start: usize) {
    out.truncate(out.len().saturating_sub(2));
    let crc = rtu::crc16(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&crc.to_le_bytes());
}
