//! The classic format (draft-ietf-opsawg-pcap): a header of 24 bytes, then per packet 16 bytes and its data.

use crate::buffer::Buffer;
use crate::{Damage, MAX_PACKET, Packet};
use std::io::Read;

/// What the first four bytes tell: byte order, and what the fraction of a time counts.
#[derive(Clone, Copy)]
pub(crate) struct Magic {
    big: bool,
    /// Nanoseconds of one unit of the fraction.
    unit_ns: i64,
    /// Bytes of a packet header behind the usual 16 (an old variant of the format has 8 more).
    extra: usize,
}

impl Magic {
    pub(crate) fn of(bytes: [u8; 4]) -> Option<Self> {
        let (big, unit_ns, extra) = match bytes {
            [0xD4, 0xC3, 0xB2, 0xA1] => (false, 1_000, 0),
            [0xA1, 0xB2, 0xC3, 0xD4] => (true, 1_000, 0),
            [0x4D, 0x3C, 0xB2, 0xA1] => (false, 1, 0),
            [0xA1, 0xB2, 0x3C, 0x4D] => (true, 1, 0),
            [0x34, 0xCD, 0xB2, 0xA1] => (false, 1_000, 8),
            [0xA1, 0xB2, 0xCD, 0x34] => (true, 1_000, 8),
            _ => return None,
        };
        Some(Self { big, unit_ns, extra })
    }

    fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let word = bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        if self.big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    }
}

pub(crate) struct Header {
    magic: Magic,
    link: u16,
}

pub(crate) fn header<R: Read>(magic: Magic, buffer: &mut Buffer<R>) -> Result<Header, Damage> {
    let bytes = buffer.front(24)?;
    if bytes.len() < 24 {
        return Err(Damage::Cut { what: "the file header", at: 0 });
    }
    let link = (magic.u32(bytes, 20) & 0xFFFF) as u16;
    buffer.pass(24);
    Ok(Header { magic, link })
}

pub(crate) fn next<'a, R: Read>(
    header: &Header,
    number: u64,
    buffer: &'a mut Buffer<R>,
) -> Result<Option<Packet<'a>>, Damage> {
    let (magic, at) = (header.magic, buffer.position());
    let head = 16 + magic.extra;
    let bytes = buffer.front(head)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.len() < head {
        return Err(Damage::Cut { what: "a packet header", at });
    }
    let [seconds, fraction, captured, original] = [0, 4, 8, 12].map(|at| magic.u32(bytes, at));
    let length = captured as usize;
    if length > MAX_PACKET {
        return Err(Damage::Wrong { what: "the length of a packet", at });
    }
    buffer.pass(head);
    if buffer.front(length)?.len() < length {
        return Err(Damage::Cut { what: "a packet", at });
    }
    buffer.pass(length);
    let data = buffer.last(length);
    let time_ns = i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * magic.unit_ns;
    Ok(Some(Packet { number, time_ns, link: header.link, original, data }))
}
