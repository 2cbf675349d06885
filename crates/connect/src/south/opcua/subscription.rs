//! One subscription: which notification is next, which are missing, which came twice (OPC 10000-4, 5.14.1.1). Pure.

use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// Most missing notifications that are asked for again.
const MOST_MISSING: u32 = 1_000;

/// What to do with a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is new, and the newest.
    Newest,
    /// It was missing and comes after newer ones.
    Late,
    /// It was here before.
    Twice,
}

/// A subscription that the server keeps for us.
#[derive(Debug)]
pub(super) struct Subscription {
    /// The server's number.
    pub(super) id: u32,
    /// Index of the group whose items it has.
    pub(super) group: usize,
    /// Values that the server keeps of each item.
    pub(super) queue: u32,
    /// Longest silence that it allows itself.
    pub(super) silence: Duration,
    /// How long it lives without a client.
    pub(super) lifetime: Duration,
    /// When it was last heard.
    pub(super) heard: Instant,
    /// Its device is paused: it was switched off.
    pub(super) off: bool,
    /// Taken up again after a cut: what it kept meanwhile is not here yet.
    pub(super) draining: bool,
    /// The next number; the first is 1, and after the last comes 1.
    next: u32,
    missing: BTreeSet<u32>,
}

/// The number after `number`: 0 is never used.
const fn after(number: u32) -> u32 {
    match number.wrapping_add(1) {
        0 => 1,
        next => next,
    }
}

/// A subscription as the server made it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    /// The server's number.
    pub(super) id: u32,
    /// Longest silence that it allows itself.
    pub(super) silence: Duration,
    /// How long it lives without a client.
    pub(super) lifetime: Duration,
}

impl Subscription {
    pub(super) fn new(made: Made, group: usize, queue: u32, now: Instant) -> Self {
        Self {
            id: made.id,
            group,
            queue,
            silence: made.silence,
            lifetime: made.lifetime,
            heard: now,
            off: false,
            draining: false,
            next: 1,
            missing: BTreeSet::new(),
        }
    }

    /// The number that comes next.
    pub(super) const fn next(&self) -> u32 {
        self.next
    }

    /// A notification with values came. Numbers that are missing before it are in the second list; those beyond
    /// what is asked for again are counted in the third.
    pub(super) fn came(&mut self, number: u32) -> (Verdict, Vec<u32>, u32) {
        if self.missing.remove(&number) {
            return (Verdict::Late, Vec::new(), 0);
        }
        let ahead = self.ahead(number);
        // Behind the next one, the distance is near the largest number.
        if ahead > u32::MAX / 2 {
            return (Verdict::Twice, Vec::new(), 0);
        }
        let (missing, lost) = self.skip(ahead);
        self.next = after(number);
        (Verdict::Newest, missing, lost)
    }

    /// A keep-alive came; it carries the number that comes next.
    pub(super) fn kept_alive(&mut self, next: u32) -> (Vec<u32>, u32) {
        let ahead = self.ahead(next);
        if ahead > u32::MAX / 2 {
            return (Vec::new(), 0);
        }
        let (missing, lost) = self.skip(ahead);
        self.next = next.max(1);
        (missing, lost)
    }

    fn ahead(&self, number: u32) -> u32 {
        let distance = number.wrapping_sub(self.next);
        // Across the end of the numbers 0 is left out.
        if number < self.next { distance.wrapping_sub(1) } else { distance }
    }

    fn skip(&mut self, ahead: u32) -> (Vec<u32>, u32) {
        let asked = ahead.min(MOST_MISSING);
        let mut number = self.next;
        for _ in 0..ahead - asked {
            number = after(number);
        }
        let mut missing = Vec::with_capacity(asked as usize);
        for _ in 0..asked {
            missing.push(number);
            self.missing.insert(number);
            number = after(number);
        }
        while self.missing.len() > MOST_MISSING as usize {
            self.missing.pop_first();
        }
        (missing, ahead - asked)
    }

    /// The server does not have a missing one any more.
    pub(super) fn gone(&mut self, number: u32) -> bool {
        self.missing.remove(&number)
    }

    /// Taken up again after a cut. What was missing then is missing still.
    pub(super) fn resumed(&mut self, now: Instant) {
        self.heard = now;
        self.draining = true;
        self.off = false;
    }

    /// The numbers that are missing, in order.
    pub(super) fn missing(&self) -> Vec<u32> {
        self.missing.iter().copied().collect()
    }

    /// Whether it was silent for too long.
    pub(super) fn is_dead(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.heard) > self.silence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription() -> Subscription {
        let (silence, lifetime) = (Duration::from_secs(5), Duration::from_secs(60));
        Subscription::new(Made { id: 7, silence, lifetime }, 0, 10, Instant::now())
    }

    #[test]
    fn in_order_missing_late_and_twice() {
        let mut one = subscription();
        assert_eq!(one.came(1), (Verdict::Newest, vec![], 0));
        assert_eq!(one.came(2), (Verdict::Newest, vec![], 0));
        assert_eq!(one.came(2), (Verdict::Twice, vec![], 0));
        assert_eq!(one.came(5), (Verdict::Newest, vec![3, 4], 0));
        assert_eq!(one.came(4), (Verdict::Late, vec![], 0));
        assert_eq!(one.came(4), (Verdict::Twice, vec![], 0));
        one.resumed(Instant::now());
        assert_eq!((one.missing(), one.next()), (vec![3], 6), "a cut makes nothing come that is missing");
        assert!(one.gone(3) && !one.gone(3));
        assert_eq!(one.kept_alive(6), (vec![], 0));
        assert_eq!(one.kept_alive(8), (vec![6, 7], 0));
        assert_eq!(one.came(8), (Verdict::Newest, vec![], 0));
    }

    #[test]
    fn after_the_last_number_comes_one() {
        let mut one = subscription();
        one.next = u32::MAX - 1;
        assert_eq!(one.came(u32::MAX - 1), (Verdict::Newest, vec![], 0));
        assert_eq!(one.came(2), (Verdict::Newest, vec![u32::MAX, 1], 0));
        assert_eq!(one.came(u32::MAX), (Verdict::Late, vec![], 0));
        assert_eq!(one.next(), 3);
    }

    #[test]
    fn a_server_that_jumps_far_is_asked_for_a_bounded_number() {
        let mut one = subscription();
        let (verdict, missing, lost) = one.came(1_000_001);
        assert_eq!((verdict, missing.len(), lost), (Verdict::Newest, 1_000, 999_000));
        assert_eq!(missing.last(), Some(&1_000_000));
    }
}
