//! Which packets are decoded while more come than can be: a flood is decoded in samples, everything else as ever.
//!
//! ```text
//!   ring more than half full, or packets lost in it ─▶ a share for each conversation, halved until the ring empties again
//!   a conversation above its share ─▶ one of 64 packets is decoded, the others are counted
//! ```
//! Rationale: leaving out packets by number would tear holes into every connection; leaving them out where they are too
//! many leaves the quiet conversations of a plant whole.

use crate::recent::Pair;

/// Of packets above the share, one of so many is decoded.
pub const ONE_OF: u32 = 64;
/// Places for conversations; two at one place share it.
const PLACES: usize = 4_096;
/// A share is for so long, in nanoseconds of packet time.
const WINDOW_NS: i64 = 100_000_000;
/// Share of a window when sampling begins.
const FIRST_SHARE: u32 = 2_048;
/// How full a ring must be for the share to shrink, and to grow.
const FULL: f64 = 0.5;
const EASY: f64 = 0.125;

/// Counts packets by conversation.
#[derive(Debug)]
pub struct Fair {
    counts: Vec<u32>,
    /// Packets of a conversation in a window that are decoded; `None`: all.
    share: Option<u32>,
    window: i64,
    /// When the share was judged last, and whether packets were lost since.
    judged: i64,
    lost: bool,
    left_out: u64,
}

impl Default for Fair {
    fn default() -> Self {
        Self { counts: vec![0; PLACES], share: None, window: 0, judged: i64::MIN, lost: false, left_out: 0 }
    }
}

impl Fair {
    /// Hears how full the ring is, 0 to 1, and whether packets found no room in it since the last time, at a time in
    /// nanoseconds of any clock that only grows.
    pub fn pressure(&mut self, fill: f64, lost: bool, now_ns: i64) {
        self.lost |= lost;
        if now_ns.saturating_sub(self.judged) < WINDOW_NS {
            return;
        }
        self.judged = now_ns;
        // A ring that was full has been emptied in part when this is asked.
        let fill = if std::mem::take(&mut self.lost) { 1.0 } else { fill };
        self.share = match self.share {
            None if fill > FULL => Some(FIRST_SHARE),
            Some(share) if fill > FULL => Some((share / 2).max(1)),
            Some(share) if fill < EASY => share.checked_mul(2).filter(|share| *share <= FIRST_SHARE),
            share => share,
        };
    }

    /// Whether a packet is to be decoded.
    pub fn admits(&mut self, pair: Pair, time_ns: i64) -> bool {
        let Some(share) = self.share else { return true };
        let window = time_ns.div_euclid(WINDOW_NS);
        if window != self.window {
            self.window = window;
            self.counts.fill(0);
        }
        let Some(count) = self.counts.get_mut(pair.place(PLACES)) else { return true };
        *count = count.saturating_add(1);
        let admitted = *count <= share || *count % ONE_OF == 0;
        self.left_out += u64::from(!admitted);
        admitted
    }

    /// Whether packets are left out now.
    #[must_use]
    pub const fn is_sampling(&self) -> bool {
        self.share.is_some()
    }

    /// Packets that were left out.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recent::Pairs;

    #[test]
    fn a_flood_is_sampled_and_its_neighbours_are_not() {
        let pairs = Pairs::default();
        let frame = |last: u8| vec![2, 0, 0, 0, 0, last, 2, 0, 0, 0, 0, 1, 0x88, 0xB8];
        let (flood, quiet) = (pairs.of(1, &frame(9)), pairs.of(1, &frame(7)));
        let mut fair = Fair::default();
        assert!((0..10_000).all(|at| fair.admits(flood, at)));
        fair.pressure(0.9, false, 0);
        assert!(fair.is_sampling());
        let mut taken = 0;
        for at in 0..100_000i64 {
            taken += u32::from(fair.admits(flood, at * 1_000));
            if at % 100 == 0 {
                assert!(fair.admits(quiet, at * 1_000) || quiet.place(PLACES) == flood.place(PLACES));
            }
        }
        assert!((2_048..5_000).contains(&taken), "{taken}");
        assert_eq!(fair.left_out(), 100_000 - u64::from(taken));
        // It gets harder while it does not help, and ends when there is room.
        (1..20).for_each(|at| fair.pressure(0.9, false, at * WINDOW_NS));
        assert_eq!(fair.share, Some(1));
        (20..40).for_each(|at| fair.pressure(0.0, false, at * WINDOW_NS));
        assert!(!fair.is_sampling());
        // What was lost between two judgements counts at the next one.
        fair.pressure(0.0, true, 39 * WINDOW_NS + 1);
        assert!(!fair.is_sampling());
        fair.pressure(0.0, false, 40 * WINDOW_NS);
        assert!(fair.is_sampling());
        fair.pressure(0.0, false, 41 * WINDOW_NS);
        assert!(!fair.is_sampling());
    }
}
