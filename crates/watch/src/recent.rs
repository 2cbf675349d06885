//! The newest packets of an interface, in a bounded number of bytes: from them a finding gets the packets that show it.
//!
//! ```text
//!   bytes  | ... packet 7 | packet 8 |   free   | packet 4 | packet 5 | ...      a ring; a packet is never split
//!                                    └─ the next one goes here, and takes the place of the oldest
//! ```

use crate::monitor::Packet;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use wire::net::{Content, Frame, LinkType};

/// Bytes of an average packet: so much memory there is for their places beside their bytes.
const AVERAGE: usize = 128;
/// Packets that are looked at on each side for others of a conversation.
const MAX_LOOK: usize = 50_000;

/// Who talks to whom, both directions alike, as a number that is only good within this program's run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pair(u64);

impl Pair {
    /// Its number modulo `most`.
    pub(crate) const fn place(self, most: usize) -> usize {
        self.0 as usize % most
    }
}

/// Makes [`Pair`]s: with its own secret, so that nobody can make packets that count for others.
#[derive(Debug, Default)]
pub struct Pairs(RandomState);

impl Pairs {
    /// Of a packet: by IP address, else by hardware address.
    #[must_use]
    pub fn of(&self, link: u16, data: &[u8]) -> Pair {
        let frame = Frame::new(LinkType(link), data);
        let hash = match frame.content {
            Content::Ip(ip) => {
                let (low, high) = (ip.source.min(ip.destination), ip.source.max(ip.destination));
                self.0.hash_one((low, high))
            }
            _ => {
                let (a, b) = (frame.source, frame.destination);
                self.0.hash_one((a.min(b), a.max(b)))
            }
        };
        Pair(hash)
    }
}

#[derive(Debug, Clone, Copy)]
struct Place {
    number: u64,
    time_ns: i64,
    pair: Pair,
    at: usize,
    length: usize,
    original: u32,
    link: u16,
}

/// A packet that is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept<'a> {
    /// Its number.
    pub number: u64,
    /// When it came, in nanoseconds since 1970 UTC.
    pub time_ns: i64,
    /// Link type of tcpdump.org's registry.
    pub link: u16,
    /// Bytes on the wire.
    pub original: u32,
    /// As captured.
    pub data: &'a [u8],
}

/// The newest packets.
#[derive(Debug)]
pub struct Recent {
    bytes: Vec<u8>,
    places: VecDeque<Place>,
    end: usize,
}

impl Recent {
    /// Room for so many bytes, and a third more for the places.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { bytes: vec![0; bytes], places: VecDeque::new(), end: 0 }
    }

    /// Keeps a packet, and lets go of the oldest. Numbers must grow. One that is larger than all the room is not kept.
    pub fn push(&mut self, pair: Pair, packet: &Packet<'_>) {
        let Packet { frame: number, time_ns, link, original, data, .. } = *packet;
        let (length, room) = (data.len(), data.len().max(1));
        if room > self.bytes.len() {
            return;
        }
        let at = if self.end + room > self.bytes.len() { 0 } else { self.end };
        let (wraps, old_end, new_end) = (at < self.end, self.end, at + room);
        let most = self.bytes.len() / AVERAGE;
        while let Some(oldest) = self.places.front() {
            // When it begins anew at the front, what stands behind the end is the oldest.
            let skipped = wraps && oldest.at >= old_end;
            let covered = oldest.at < new_end && oldest.at + oldest.length.max(1) > at;
            if !skipped && !covered && self.places.len() < most {
                break;
            }
            self.places.pop_front();
        }
        if let Some(room) = self.bytes.get_mut(at..at + length) {
            room.copy_from_slice(data);
        }
        self.end = new_end;
        self.places.push_back(Place { number, time_ns, pair, at, length, original, link });
    }

    /// The packet of this number with up to `before` and `after` others between the same two, in order. Empty if it is
    /// gone.
    #[must_use]
    pub fn around(&self, number: u64, before: usize, after: usize) -> Vec<Kept<'_>> {
        let Ok(at) = self.places.binary_search_by_key(&number, |place| place.number) else {
            return Vec::new();
        };
        let Some(pair) = self.places.get(at).map(|place| place.pair) else { return Vec::new() };
        let same = |place: &&Place| place.pair == pair;
        let mut found: Vec<&Place> =
            self.places.range(..at).rev().take(MAX_LOOK).filter(same).take(before).collect();
        found.reverse();
        found.extend(self.places.range(at..).take(MAX_LOOK).filter(same).take(after.saturating_add(1)));
        found.into_iter().filter_map(|place| self.kept(place)).collect()
    }

    fn kept(&self, place: &Place) -> Option<Kept<'_>> {
        let data = self.bytes.get(place.at..place.at + place.length)?;
        let Place { number, time_ns, original, link, .. } = *place;
        Some(Kept { number, time_ns, link, original, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(number: u64, data: &[u8]) -> Packet<'_> {
        Packet { file: 0, frame: number, time_ns: number as i64, link: 1, original: 0, data }
    }

    proptest! {
        /// Whatever is pushed, what is there is whole, in order, and the newest.
        #[test]
        fn the_newest_are_there_whole(lengths in proptest::collection::vec(0usize..400, 1..200), room in 200usize..4_000) {
            let mut recent = Recent::new(room);
            let data = |number: usize, length: usize| vec![number as u8; length];
            for (number, length) in lengths.iter().enumerate() {
                let pair = Pair(number as u64 % 3);
                recent.push(pair, &packet(number as u64, &data(number, *length)));
                let there: Vec<u64> = recent.places.iter().map(|place| place.number).collect();
                prop_assert!(there.windows(2).all(|two| two[0] < two[1]));
                let bytes: usize = recent.places.iter().map(|place| place.length).sum();
                prop_assert!(bytes <= room && recent.places.len() <= (room / AVERAGE).max(1));
                for place in &recent.places {
                    let kept = recent.kept(place).unwrap();
                    prop_assert_eq!(kept.data, &data(place.number as usize, lengths[place.number as usize])[..]);
                }
                if *length <= room {
                    prop_assert_eq!(there.last(), Some(&(number as u64)));
                }
            }
        }
    }

    #[test]
    fn a_packet_comes_with_its_conversation() {
        let mut recent = Recent::new(1 << 20);
        for number in 1..=100u64 {
            recent.push(Pair(number % 4), &packet(number, &[number as u8; 60]));
        }
        let numbers: Vec<u64> = recent.around(50, 2, 1).iter().map(|kept| kept.number).collect();
        assert_eq!(numbers, [42, 46, 50, 54]);
        assert!(recent.around(500, 2, 1).is_empty());
    }

    #[test]
    fn both_directions_are_one_pair() {
        let pairs = Pairs::default();
        let frame = |a: u8, b: u8| {
            let mut out = vec![2, 0, 0, 0, 0, b, 2, 0, 0, 0, 0, a, 8, 0];
            out.extend([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, a, 10, 0, 0, b]);
            out.extend([0, 1, 0, 2, 0, 8, 0, 0]);
            out
        };
        assert_eq!(pairs.of(1, &frame(1, 2)), pairs.of(1, &frame(2, 1)));
        assert_ne!(pairs.of(1, &frame(1, 2)), pairs.of(1, &frame(1, 3)));
        assert_eq!(pairs.of(1, &[]), pairs.of(1, &[]));
    }
}
