//! Packets that came in parts, made whole.

use std::net::IpAddr;
use wire::net::ip::Packet;

/// Largest packet.
const MAX: usize = 65_535;
/// Parts of one packet that come later than this after the first are of another, in nanoseconds.
const MAX_AGE_NS: i64 = 30_000_000_000;

#[derive(PartialEq, Eq, Clone, Copy)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    id: u32,
}

struct Whole {
    key: Key,
    since_ns: i64,
    parts: Vec<(usize, Box<[u8]>)>,
    /// Length of the whole, once the last part is there.
    length: Option<usize>,
}

/// Parts that wait, at most so many packets of them; the oldest gives way.
pub struct Fragments {
    waiting: Vec<Whole>,
    limit: usize,
    pub lost: u64,
}

impl Fragments {
    pub const fn new(limit: usize) -> Self {
        Self { waiting: Vec::new(), limit, lost: 0 }
    }

    /// Takes a part; gives the payload of the whole once all parts are there.
    pub fn add(&mut self, packet: &Packet<'_>, time_ns: i64) -> Option<Vec<u8>> {
        let fragment = packet.fragment?;
        let key = Key {
            source: packet.source,
            destination: packet.destination,
            protocol: packet.protocol,
            id: fragment.id,
        };
        let before = self.waiting.len();
        self.waiting.retain(|whole| time_ns.saturating_sub(whole.since_ns) < MAX_AGE_NS);
        self.lost += (before - self.waiting.len()) as u64;
        let at = match self.waiting.iter().position(|whole| whole.key == key) {
            Some(at) => at,
            None => {
                if self.waiting.len() >= self.limit {
                    self.waiting.remove(0);
                    self.lost += 1;
                }
                self.waiting.push(Whole { key, since_ns: time_ns, parts: Vec::new(), length: None });
                self.waiting.len() - 1
            }
        };
        let whole = self.waiting.get_mut(at)?;
        let offset = usize::from(fragment.offset);
        let end = offset + packet.payload.len();
        if end > MAX || packet.missing > 0 || whole.parts.len() > MAX / 8 {
            self.waiting.remove(at);
            self.lost += 1;
            return None;
        }
        if !fragment.more {
            whole.length = Some(end);
        }
        // The first part to claim a place keeps it: a later one that overlaps cannot rewrite what was there.
        if !whole.parts.iter().any(|(known, data)| offset < known + data.len() && *known < end) {
            whole.parts.push((offset, packet.payload.into()));
        }
        let length = whole.length?;
        let there: usize = whole.parts.iter().map(|(_, data)| data.len()).sum();
        if there < length {
            return None;
        }
        let whole = self.waiting.remove(at);
        let mut out = vec![0; length];
        for (offset, data) in &whole.parts {
            out.get_mut(*offset..offset + data.len())?.copy_from_slice(data);
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use wire::net::ip::Fragment;

    fn part(id: u32, offset: u16, more: bool, payload: &[u8]) -> Packet<'_> {
        let fragment = Some(Fragment { id, offset, more });
        let ip = Ipv4Addr::LOCALHOST.into();
        Packet { source: ip, destination: ip, ttl: 1, protocol: 17, fragment, payload, missing: 0 }
    }

    #[test]
    fn parts_join_in_any_order() {
        let mut fragments = Fragments::new(2);
        assert_eq!(fragments.add(&part(1, 8, false, b"tail"), 0), None);
        assert_eq!(fragments.add(&part(1, 8, false, b"evil"), 0), None);
        assert_eq!(fragments.add(&part(1, 0, true, b"12345678"), 0), Some(b"12345678tail".to_vec()));
    }

    #[test]
    fn what_never_becomes_whole_is_counted() {
        let mut fragments = Fragments::new(2);
        for id in 0..5 {
            assert_eq!(fragments.add(&part(id, 0, true, b"12345678"), 0), None);
        }
        assert_eq!(fragments.lost, 3);
        assert_eq!(fragments.add(&part(9, 0, true, b"12345678"), MAX_AGE_NS), None);
        assert_eq!(fragments.lost, 5);
    }
}
