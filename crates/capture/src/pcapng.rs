//! The newer format (draft-ietf-opsawg-pcapng): blocks of type, length, body, length. Of its blocks, those with packets and interfaces
//! are read, others skipped.

use crate::buffer::Buffer;
use crate::{Damage, MAX_PACKET, Packet};
use std::io::Read;

/// Largest block that is taken.
const MAX_BLOCK: usize = MAX_PACKET + 64 * 1024;
/// Most interfaces of a section.
const MAX_INTERFACES: usize = 4_096;

const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE: u32 = 3;
const ENHANCED: u32 = 6;

#[derive(Clone, Copy)]
struct Interface {
    link: u16,
    /// Most bytes of a packet; 0 is no limit.
    snap: u32,
    resolution: Resolution,
    /// Seconds to add to all times.
    offset_s: i64,
}

/// What a time of an interface counts.
#[derive(Clone, Copy)]
enum Resolution {
    /// 10^-n seconds.
    Decimal(u8),
    /// 2^-n seconds.
    Binary(u8),
}

impl Resolution {
    fn nanoseconds(self, ticks: u64) -> i64 {
        let ns = match self {
            Self::Decimal(n @ 0..=9) => u128::from(ticks) * 10u128.pow(9 - u32::from(n)),
            Self::Decimal(n) => u128::from(ticks) / 10u128.pow(u32::from(n.min(27)) - 9),
            Self::Binary(n) => (u128::from(ticks) * 1_000_000_000) >> n.min(63),
        };
        i64::try_from(ns).unwrap_or(i64::MAX)
    }
}

/// Where a section stands.
#[derive(Default)]
pub(crate) struct State {
    big: bool,
    interfaces: Vec<Interface>,
}

/// The fields of a packet within a block.
struct Found {
    time_ns: i64,
    link: u16,
    original: u32,
    /// Where the data stand in the block, and how many bytes.
    data: (usize, usize),
}

impl State {
    fn u32(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let word = *bytes.get(at..)?.first_chunk()?;
        Some(if self.big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) })
    }

    fn u16(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let word = *bytes.get(at..)?.first_chunk()?;
        Some(if self.big { u16::from_be_bytes(word) } else { u16::from_le_bytes(word) })
    }

    fn interface(&mut self, block: &[u8]) -> Option<()> {
        let mut new = Interface {
            link: self.u16(block, 8)?,
            snap: self.u32(block, 12)?,
            resolution: Resolution::Decimal(6),
            offset_s: 0,
        };
        let mut at = 16;
        while let (Some(code @ 1..), Some(length)) = (self.u16(block, at), self.u16(block, at + 2)) {
            let value = block.get(at + 4..at + 4 + usize::from(length))?;
            match (code, value) {
                (9, [n]) if n & 0x80 == 0 => new.resolution = Resolution::Decimal(*n),
                (9, [n]) => new.resolution = Resolution::Binary(n & 0x7F),
                (14, value) => {
                    let eight = *value.first_chunk()?;
                    new.offset_s =
                        if self.big { i64::from_be_bytes(eight) } else { i64::from_le_bytes(eight) };
                }
                _ => {}
            }
            at += 4 + usize::from(length).next_multiple_of(4);
        }
        if self.interfaces.len() < MAX_INTERFACES {
            self.interfaces.push(new);
        }
        Some(())
    }

    /// A packet in a block of this kind; `None` if it contradicts itself.
    fn packet(&self, kind: u32, block: &[u8]) -> Option<Found> {
        if kind == SIMPLE {
            let interface = self.interfaces.first()?;
            let original = self.u32(block, 8)?;
            let there = u32::try_from(block.len().saturating_sub(16)).ok()?;
            let snap = if interface.snap == 0 { u32::MAX } else { interface.snap };
            let length = original.min(snap).min(there) as usize;
            return Some(Found { time_ns: 0, link: interface.link, original, data: (12, length) });
        }
        let index = if kind == ENHANCED { self.u32(block, 8)? } else { self.u16(block, 8)?.into() };
        let interface = self.interfaces.get(index as usize)?;
        let ticks = u64::from(self.u32(block, 12)?) << 32 | u64::from(self.u32(block, 16)?);
        let (captured, original) = (self.u32(block, 20)? as usize, self.u32(block, 24)?);
        (captured <= block.len().checked_sub(32)?).then_some(())?;
        let offset = interface.offset_s.saturating_mul(1_000_000_000);
        let time_ns = interface.resolution.nanoseconds(ticks).saturating_add(offset);
        Some(Found { time_ns, link: interface.link, original, data: (28, captured) })
    }
}

pub(crate) fn next<'a, R: Read>(
    state: &mut State,
    number: u64,
    buffer: &'a mut Buffer<R>,
) -> Result<Option<Packet<'a>>, Damage> {
    loop {
        let at = buffer.position();
        let head = buffer.front(12)?;
        if head.is_empty() {
            return Ok(None);
        }
        if head.len() < 12 {
            return Err(Damage::Cut { what: "a block header", at });
        }
        if head.starts_with(&SECTION.to_le_bytes()) {
            state.big = match head.get(8..12) {
                Some([0x1A, 0x2B, 0x3C, 0x4D]) => true,
                Some([0x4D, 0x3C, 0x2B, 0x1A]) => false,
                _ => return Err(Damage::Wrong { what: "the byte order of a section", at }),
            };
            state.interfaces.clear();
        }
        let (kind, length) = (state.u32(head, 0).unwrap_or(0), state.u32(head, 4).unwrap_or(0) as usize);
        if !(12..=MAX_BLOCK).contains(&length) || length % 4 != 0 {
            return Err(Damage::Wrong { what: "the length of a block", at });
        }
        let block = buffer.front(length)?;
        if block.len() < length {
            return Err(Damage::Cut { what: "a block", at });
        }
        let found = match kind {
            INTERFACE => {
                state
                    .interface(block)
                    .ok_or(Damage::Wrong { what: "the description of an interface", at })?;
                None
            }
            ENHANCED | SIMPLE | OLD_PACKET => {
                Some(state.packet(kind, block).ok_or(Damage::Wrong { what: "a packet block", at })?)
            }
            _ => None,
        };
        buffer.pass(length);
        if let Some(Found { time_ns, link, original, data: (from, count) }) = found {
            let data = buffer.last(length).get(from..from + count).unwrap_or_default();
            return Ok(Some(Packet { number, time_ns, link, original, data }));
        }
    }
}
