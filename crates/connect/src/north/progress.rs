//! How far a destination has come: one live stream and the ranges that an outage left behind. Pure.
//!
//! ```text
//!   acknowledged        range (from, to]        delivered live       journal's head
//!  ───────────────┤░░░░░░░░░░░░░░░░░░░░░░░├━━━━━━━━━━━━━━━━━━━━━━━━━━▶
//!                 ▲ low water: everything up to here is done; it alone pins files
//! ```

use model::Position;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Most ranges kept apart; beyond it the two newest become one (what lies between them is sent again).
pub const MAX_RANGES: usize = 16;

/// Samples after `from`, up to and with `to`, that are still to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// Done up to and with this position.
    pub from: Position,
    /// The last position of the range.
    pub to: Position,
    /// When the outage ended, nanoseconds since 1970.
    pub until: i64,
}

/// One stream of records in ascending order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Track {
    seen: Position,
    delivered: Position,
    acknowledged: Position,
}

impl Track {
    /// Everything up to and with `position` is done.
    pub fn at(position: Position) -> Self {
        Self { seen: position, delivered: position, acknowledged: position }
    }

    /// A record was read that does not concern the destination.
    pub fn skip(&mut self, position: Position) {
        self.seen = self.seen.max(position);
    }

    /// A record was handed out.
    pub fn deliver(&mut self, position: Position) {
        self.skip(position);
        self.delivered = self.delivered.max(position);
    }

    /// Everything handed out up to and with `position` is done.
    pub fn acknowledge(&mut self, position: Position) {
        self.acknowledged = self.acknowledged.max(position.min(self.delivered));
    }

    /// Up to where everything is done: when nothing is outstanding, everything that was read.
    pub fn settled(&self) -> Position {
        if self.acknowledged >= self.delivered { self.seen } else { self.acknowledged }
    }
}

/// What is kept in the destination's file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// Done by the live stream, up to and with this position.
    pub live: Position,
    /// What outages left behind, oldest first.
    pub ranges: Vec<Range>,
}

/// Live stream and backlog of a `live_first` destination; an `in_order` one has no ranges.
#[derive(Clone, Debug)]
pub struct Progress {
    live: Track,
    back: Track,
    ranges: VecDeque<Range>,
}

impl Progress {
    /// From the durable cursor, and the file if there is one. The cursor alone is enough: then everything after it is
    /// one range.
    pub fn restore(cursor: Position, saved: Option<Saved>) -> Self {
        let Some(saved) = saved.filter(|saved| !saved.ranges.is_empty()) else {
            return Self { live: Track::at(cursor), back: Track::at(cursor), ranges: VecDeque::new() };
        };
        let ranges: VecDeque<Range> = saved
            .ranges
            .into_iter()
            .filter(|range| range.to > range.from && range.to > cursor)
            .map(|range| Range { from: range.from.max(cursor), ..range })
            .collect();
        let back = Track::at(ranges.front().map_or(cursor, |range| range.from));
        Self { live: Track::at(saved.live.max(cursor)), back, ranges }
    }

    /// A session begins: what was not acknowledged is no longer under way. In `live_first` everything between the
    /// live stream and `head` becomes a range and live starts at `head`. Returns whether ranges changed.
    pub fn begin(&mut self, head: Position, live_first: bool, now: i64) -> bool {
        let done = self.live.settled();
        self.back = Track::at(self.ranges.front().map_or(done, |range| self.back.settled().max(range.from)));
        if let Some(front) = self.ranges.front_mut() {
            front.from = self.back.settled();
        }
        self.live = Track::at(done);
        if !live_first || head <= done {
            return false;
        }
        self.live = Track::at(head);
        if self.ranges.len() >= MAX_RANGES
            && let Some(last) = self.ranges.back_mut()
        {
            (last.to, last.until) = (head, now);
            return true;
        }
        self.ranges.push_back(Range { from: done, to: head, until: now });
        if self.ranges.len() == 1 {
            self.back = Track::at(done);
        }
        true
    }

    /// Goes back: everything after `to` is to be sent once more. Going forward is ignored.
    pub fn rewind(&mut self, to: Position) {
        if to < self.low_water() {
            (self.live, self.back, self.ranges) = (Track::at(to), Track::at(to), VecDeque::new());
        }
    }

    /// The live stream.
    pub fn live(&mut self) -> &mut Track {
        &mut self.live
    }

    /// The backlog stream.
    pub fn back(&mut self) -> &mut Track {
        &mut self.back
    }

    /// The range that is being sent.
    pub fn range(&self) -> Option<Range> {
        self.ranges.front().copied()
    }

    /// Where a reader of that range has to start.
    pub fn back_from(&self) -> Position {
        self.back.settled()
    }

    /// The destination is done with everything that was handed out up to and with `position` in the stream that
    /// `position` belongs to. Returns whether it was the live stream.
    pub fn acknowledge(&mut self, position: Position) -> bool {
        let live = self.range().is_none_or(|range| position > range.to);
        if live {
            self.live.acknowledge(position)
        } else {
            self.back.acknowledge(position)
        }
        live
    }

    /// Ends the first range if all of it is done. Returns whether there was such a one.
    pub fn finish_range(&mut self) -> bool {
        match self.ranges.front() {
            Some(range) if self.back.settled() >= range.to => {
                self.ranges.pop_front();
                if let Some(next) = self.ranges.front() {
                    self.back = Track::at(next.from);
                }
                true
            }
            _ => false,
        }
    }

    /// Everything up to and with this position is done, in both streams.
    pub fn low_water(&self) -> Position {
        let live = self.live.settled();
        if self.ranges.is_empty() { live } else { live.min(self.back.settled()) }
    }

    /// What the file has to say.
    pub fn to_save(&self) -> Saved {
        let mut ranges: Vec<Range> = self.ranges.iter().copied().collect();
        if let Some(front) = ranges.first_mut() {
            front.from = front.from.max(self.back.settled());
        }
        Saved { live: self.live.settled(), ranges }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn p(seq: u64) -> Position {
        Position::new(1, seq)
    }

    #[test]
    fn an_outage_becomes_a_range_and_is_worked_off() {
        let mut progress = Progress::restore(p(10), None);
        assert!(progress.begin(p(20), true, 0));
        assert_eq!(progress.range(), Some(Range { from: p(10), to: p(20), until: 0 }));
        progress.live().deliver(p(21));
        assert!(progress.acknowledge(p(21)));
        assert_eq!(progress.low_water(), p(10));
        progress.back().deliver(p(15));
        progress.back().skip(p(20));
        assert_eq!(progress.low_water(), p(10));
        assert!(!progress.acknowledge(p(15)));
        assert!(progress.finish_range());
        assert_eq!((progress.low_water(), progress.range()), (p(21), None));
    }

    #[test]
    fn a_second_outage_leaves_a_second_range_and_a_restart_keeps_both() {
        let mut progress = Progress::restore(p(10), None);
        progress.begin(p(20), true, 0);
        progress.live().deliver(p(25));
        progress.acknowledge(p(25));
        progress.back().deliver(p(12));
        progress.acknowledge(p(12));
        progress.back().deliver(p(13)); // lost with the session
        progress.begin(p(40), true, 7);
        let saved = progress.to_save();
        assert_eq!(saved.live, p(40));
        assert_eq!(
            saved.ranges,
            vec![Range { from: p(12), to: p(20), until: 0 }, Range { from: p(25), to: p(40), until: 7 }]
        );
        let again = Progress::restore(progress.low_water(), Some(saved.clone()));
        assert_eq!((again.to_save(), again.low_water()), (saved, p(12)));
        // Without the file: more is sent again, nothing is lost.
        assert_eq!(Progress::restore(p(12), None).to_save(), Saved { live: p(12), ranges: vec![] });
    }

    #[test]
    fn too_many_ranges_join() {
        let mut progress = Progress::restore(p(0), None);
        for n in 1..100 {
            progress.begin(p(n * 10), true, 0);
            progress.live().deliver(p(n * 10 + 1));
            progress.acknowledge(p(n * 10 + 1));
        }
        let saved = progress.to_save();
        assert_eq!((saved.ranges.len(), saved.ranges.last().unwrap().to), (MAX_RANGES, p(990)));
    }

    /// Random deliveries, acknowledgements, cuts and restarts: the low-water mark never passes anything undone, and
    /// in the end everything was acknowledged at least once.
    #[test]
    fn nothing_is_lost_whatever_happens() {
        for seed in 1..300_u64 {
            let mut state = seed;
            let mut random = move |below: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % below
            };
            let live_first = seed % 3 != 0;
            let (mut head, mut progress) = (5_u64, Progress::restore(p(5), None));
            let mut done: BTreeSet<u64> = (0..=5).collect();
            let mut flight: Vec<Position> = Vec::new();
            let (mut live_at, mut back_at) = (p(5), p(5));
            let mut restart = true;
            for _ in 0..400 {
                if restart {
                    if random(2) == 0 {
                        progress = Progress::restore(
                            progress.low_water(),
                            Some(progress.to_save()).filter(|_| random(2) == 0),
                        );
                    }
                    progress.begin(p(head), live_first, 0);
                    flight.clear();
                    live_at = progress.live().settled();
                    back_at = progress.back_from();
                    restart = false;
                }
                match random(10) {
                    0..4 => head += 1,
                    4..6 if live_at < p(head) => {
                        live_at = live_at.next();
                        if random(3) == 0 {
                            done.insert(live_at.seq());
                            progress.live().skip(live_at);
                        } else {
                            progress.live().deliver(live_at);
                            flight.push(live_at);
                        }
                    }
                    6 if progress.range().is_some_and(|range| back_at < range.to) => {
                        back_at = back_at.next();
                        progress.back().deliver(back_at);
                        flight.push(back_at);
                    }
                    7..9 if !flight.is_empty() => {
                        let position = flight.remove(0);
                        done.insert(position.seq());
                        progress.acknowledge(position);
                        if progress.finish_range() {
                            back_at = progress.back_from();
                        }
                    }
                    9 if random(20) == 0 => restart = true,
                    _ => {}
                }
                let low = progress.low_water().seq();
                assert!(
                    (0..=low).all(|seq| done.contains(&seq)),
                    "seed {seed}: low water {low} passes something undone"
                );
            }
        }
    }
}
