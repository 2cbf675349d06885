//! One direction of a TCP connection, put together: out of order, repeated, overlapping, with holes, joined in the middle.

use crate::hosts::Evidence;
use crate::protocol::Protocol;

/// Most segments that wait for one that is missing.
const MAX_PARKED: usize = 48;
/// A jump of sequence numbers that no window explains: another connection with the same ports.
const FAR: i32 = 1 << 26;
/// A segment that is sent again comes before this, in nanoseconds.
const MAX_WAIT_NS: i64 = 20_000_000_000;

/// What a decoder did with the bytes at the front of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is done with so many; the rest is the beginning of a message.
    Took(usize),
    /// It does not find a message here; begin again with the next segment.
    Lost,
    /// It is another protocol, after all, which stands on the same transport.
    Is(Protocol),
}

/// So many pieces behind a hole may belong to a message that began in it.
const TORN: u8 = 16;

/// When bytes came, and in which packet.
pub type Stamp = (i64, Evidence);

/// Bounds and counters that all streams share.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    /// Segments, or parts of them, that were there already.
    pub repeated: u64,
    /// Holes that were given up, and their bytes.
    pub gaps: u64,
    pub gap_bytes: u64,
    /// Bytes that no decoder could cut into messages.
    pub undecoded_bytes: u64,
    /// A segment came again with other bytes; whoever looks at it clears it.
    pub changed: bool,
    /// Bytes that wait in all streams together.
    pub parked: usize,
    pub max_parked: usize,
    pub max_pending: usize,
}

/// What takes bytes in order, and hears whether some are missing shortly before them.
pub type Take<'a> = dyn FnMut(&[u8], Stamp, bool) -> Step + 'a;

/// What is remembered of the latest segment, to know it again.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    sequence: u32,
    length: u32,
    head: [u8; 32],
    hash: u64,
}

impl Mark {
    fn of(sequence: u32, data: &[u8]) -> Self {
        let mut head = [0; 32];
        head.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
        // Fast rather than strong: every segment pays for it.
        let mix = |sum: u64, word: u64| (sum ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
        let (words, rest) = data.as_chunks::<8>();
        let hash = words.iter().fold(0, |sum, word| mix(sum, u64::from_le_bytes(*word)));
        let hash = rest.iter().fold(hash, |sum, byte| mix(sum, u64::from(*byte)));
        Self { sequence, length: length(data), head, hash }
    }

    /// Whether the same place has other bytes now. Longer or shorter ones are compared as far as both are known.
    fn is_changed(&self, sequence: u32, data: &[u8]) -> bool {
        if self.sequence != sequence || self.length < 2 || data.len() < 2 {
            return false;
        }
        let other = Self::of(sequence, data);
        let common = self.head.len().min(self.length.min(other.length) as usize);
        self.head.iter().zip(&other.head).take(common).any(|(a, b)| a != b)
            || (self.length == other.length && self.hash != other.hash)
    }
}

/// One direction.
#[derive(Debug, Default)]
pub struct Half {
    latest: Mark,
    next: u32,
    started: bool,
    /// What the receiver has acknowledged.
    acknowledged: Option<u32>,
    /// Pieces until what is missing is forgotten.
    torn: u8,
    held: Vec<u8>,
    parked: Vec<(u32, Stamp, Box<[u8]>)>,
}

/// Signed distance from `from` to `to`.
const fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

fn length(data: &[u8]) -> u32 {
    u32::try_from(data.len()).unwrap_or(u32::MAX)
}

impl Half {
    /// The connection is opened; data begin behind this number.
    pub fn open(&mut self, sequence: u32) {
        if !self.started {
            self.next = sequence.wrapping_add(1);
            self.started = true;
        }
    }

    /// Whether a SYN with this number begins another connection than the one that is known.
    pub fn is_another(&self, sequence: u32) -> bool {
        self.started && sequence.wrapping_add(1) != self.next
    }

    /// Takes data of a segment and hands what is in order to `take`.
    pub fn segment(
        &mut self,
        sequence: u32,
        (data, stamp): (&[u8], Stamp),
        shared: &mut Shared,
        take: &mut Take<'_>,
    ) {
        if !self.started {
            self.started = true;
            self.next = sequence;
        }
        let ahead = distance(self.next, sequence);
        if ahead.unsigned_abs() > FAR.unsigned_abs() {
            self.end(shared, take);
            self.forget(shared);
            self.next = sequence;
            self.torn = TORN;
        }
        if ahead > 0 && ahead <= FAR {
            return self.park(sequence, (data, stamp), shared, take);
        }
        let known = usize::try_from(distance(sequence, self.next)).unwrap_or(0);
        if known > 0 {
            shared.changed |= self.latest.is_changed(sequence, data);
        } else {
            self.latest = Mark::of(sequence, data);
        }
        match data.get(known..) {
            Some(new) if !new.is_empty() => self.deliver(new, stamp, shared, take),
            _ => shared.repeated += 1,
        }
        self.unpark(shared, take);
    }

    /// The receiver has everything before this number: what is missing here will not come again.
    pub fn acknowledge(&mut self, number: u32, shared: &mut Shared, take: &mut Take<'_>) {
        self.acknowledged = Some(number);
        let first =
            self.parked.iter().map(|(sequence, ..)| *sequence).min_by_key(|s| distance(self.next, *s));
        if first.is_some_and(|first| distance(first, number) >= 0) {
            self.skip(shared);
            self.unpark(shared, take);
        }
    }

    fn park(
        &mut self,
        sequence: u32,
        (data, stamp): (&[u8], Stamp),
        shared: &mut Shared,
        take: &mut Take<'_>,
    ) {
        // Keeping a copy helps only if the missing piece can still come.
        let late = self.parked.iter().any(|(_, (since, _), _)| stamp.0.saturating_sub(*since) > MAX_WAIT_NS);
        let gone = late || self.acknowledged.is_some_and(|number| distance(sequence, number) >= 0);
        if !self.parked.iter().any(|(known, ..)| *known == sequence) {
            shared.parked += data.len();
            self.parked.push((sequence, stamp, data.into()));
        } else {
            shared.repeated += 1;
        }
        let waiting: usize = self.parked.iter().map(|(.., data)| data.len()).sum();
        let full = self.parked.len() > MAX_PARKED || waiting > shared.max_pending;
        if gone || full || shared.parked > shared.max_parked {
            self.skip(shared);
            self.unpark(shared, take);
        }
    }

    /// Hands over again what is held: more is known of the conversation now.
    pub fn again(&mut self, stamp: Stamp, shared: &mut Shared, take: &mut Take<'_>) {
        if !self.held.is_empty() {
            self.deliver(&[], stamp, shared, take);
        }
    }

    /// No more will come: what waits is taken as it is, holes and all.
    pub fn end(&mut self, shared: &mut Shared, take: &mut Take<'_>) {
        while !self.parked.is_empty() {
            let before = self.parked.len();
            self.skip(shared);
            self.unpark(shared, take);
            if self.parked.len() == before {
                break;
            }
        }
    }

    /// Gives up what is missing before the first segment that waits.
    fn skip(&mut self, shared: &mut Shared) {
        let from = self.next;
        let Some(first) = self.parked.iter().map(|(at, ..)| *at).min_by_key(|at| distance(from, *at)) else {
            return;
        };
        let missing = distance(from, first);
        if missing > 0 {
            shared.gaps += 1;
            shared.gap_bytes += u64::from(missing.unsigned_abs());
            shared.undecoded_bytes += self.held.len() as u64;
            self.held.clear();
            self.next = first;
            self.torn = TORN;
        }
    }

    /// Hands over what waited and is in order now.
    fn unpark(&mut self, shared: &mut Shared, take: &mut Take<'_>) {
        while let Some(at) = self.parked.iter().position(|(at, ..)| distance(*at, self.next) >= 0) {
            let (sequence, stamp, data) = self.parked.swap_remove(at);
            shared.parked = shared.parked.saturating_sub(data.len());
            let known = usize::try_from(distance(sequence, self.next)).unwrap_or(0);
            if let Some(new) = data.get(known..).filter(|new| !new.is_empty()) {
                self.deliver(new, stamp, shared, take);
            }
        }
    }

    fn deliver(&mut self, data: &[u8], stamp: Stamp, shared: &mut Shared, take: &mut Take<'_>) {
        self.next = self.next.wrapping_add(length(data));
        let torn = self.torn > 0;
        self.torn = self.torn.saturating_sub(u8::from(!data.is_empty()));
        if self.held.is_empty() {
            match take(data, stamp, torn) {
                Step::Took(count) => self.held.extend_from_slice(data.get(count..).unwrap_or_default()),
                Step::Lost => shared.undecoded_bytes += data.len() as u64,
                Step::Is(_) => {}
            }
        } else {
            self.held.extend_from_slice(data);
            match take(&self.held, stamp, torn) {
                Step::Took(count) => drop(self.held.drain(..count.min(self.held.len()))),
                Step::Lost => {
                    shared.undecoded_bytes += self.held.len() as u64;
                    self.held.clear();
                }
                Step::Is(_) => self.held.clear(),
            }
        }
        if self.held.len() > shared.max_pending {
            shared.undecoded_bytes += self.held.len() as u64;
            self.held = Vec::new();
        }
        // A long message is over: its memory is not kept for the next short one.
        if self.held.is_empty() && self.held.capacity() > 4_096 {
            self.held = Vec::new();
        }
    }

    /// Lets go of all that is kept.
    pub fn forget(&mut self, shared: &mut Shared) {
        let waiting: usize = self.parked.iter().map(|(.., data)| data.len()).sum();
        shared.parked = shared.parked.saturating_sub(waiting);
        shared.undecoded_bytes += (self.held.len() + waiting) as u64;
        *self = Self::default();
        self.started = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Feeds segments and returns all bytes in the order in which they were delivered; messages are single bytes.
    fn run(segments: &[(u32, &[u8])], acks: &[(usize, u32)]) -> (Vec<u8>, Shared) {
        let mut half = Half::default();
        let mut shared = Shared { max_parked: 1_000, max_pending: 500, ..Shared::default() };
        let mut out = Vec::new();
        let mut take = |bytes: &[u8], _: Stamp, _: bool| {
            out.extend_from_slice(bytes);
            Step::Took(bytes.len())
        };
        for (index, (sequence, data)) in segments.iter().enumerate() {
            half.segment(*sequence, (*data, (0, Evidence::default())), &mut shared, &mut take);
            for (_, number) in acks.iter().filter(|ack| ack.0 == index) {
                half.acknowledge(*number, &mut shared, &mut take);
            }
        }
        (out, shared)
    }

    #[test]
    fn order_overlap_and_repetition() {
        let (out, coverage) =
            run(&[(10, b"ab"), (14, b"ef"), (12, b"cd"), (11, b"bcdefg"), (10, b"ab")], &[]);
        assert_eq!(out, b"abcdefg");
        assert_eq!((coverage.gaps, coverage.repeated), (0, 1));
    }

    #[test]
    fn a_hole_is_given_up_once_the_receiver_has_it() {
        let (out, coverage) = run(&[(10, b"ab"), (20, b"xy")], &[]);
        assert_eq!((out.as_slice(), coverage.gaps), (&b"ab"[..], 0));
        let (out, coverage) = run(&[(10, b"ab"), (20, b"xy")], &[(1, 22)]);
        assert_eq!((out.as_slice(), coverage.gaps, coverage.gap_bytes), (&b"abxy"[..], 1, 8));
    }

    #[test]
    fn numbers_wrap_around() {
        assert_eq!(run(&[(u32::MAX, b"ab"), (3, b"ef"), (1, b"cd")], &[]).0, b"abcdef");
    }

    proptest! {
        #[test]
        fn any_order_gives_the_same_bytes(
            cuts in proptest::collection::vec(1usize..40, 1..12),
            order in any::<u64>(),
            start in any::<u32>(),
        ) {
            let text: Vec<u8> = (0..cuts.iter().sum::<usize>()).map(|at| at as u8).collect();
            let mut at = 0;
            let mut segments = Vec::new();
            for cut in cuts {
                segments.push((start.wrapping_add(at as u32), &text[at..at + cut]));
                at += cut;
            }
            // The first comes first, the others in any order.
            let mut rest = segments.split_off(1);
            let mut seed = order;
            while !rest.is_empty() {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                segments.push(rest.swap_remove((seed >> 33) as usize % rest.len()));
            }
            prop_assert_eq!(run(&segments, &[]).0, text);
        }
    }
}
