//! Waiting longer after each failure, never in step with others.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Doubles from `first` to `most`, each time shortened by up to a quarter at random.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
    random: u64,
}

impl Backoff {
    pub(super) fn new(first: Duration, most: Duration) -> Self {
        // The standard library's per-process random keys are seed enough for jitter.
        Self { first, most, failures: 0, random: RandomState::new().build_hasher().finish() | 1 }
    }

    /// The next wait.
    pub(super) fn next(&mut self) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.failures.min(16)).min(self.most);
        self.failures = self.failures.saturating_add(1);
        // xorshift64 (Marsaglia 2003).
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let fraction = (self.random >> 40) as f64 / (1u64 << 24) as f64;
        doubled.mul_f64(1.0 - 0.25 * fraction)
    }

    /// Failures since the last success.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_with_jitter_to_its_bound() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        for expected in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] {
            let wait = backoff.next().as_secs_f64();
            assert!(wait <= expected && wait >= expected * 0.75, "{wait} {expected}");
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_secs(1));
        let other = Backoff::new(Duration::from_secs(1), Duration::from_secs(60)).next();
        let another = Backoff::new(Duration::from_secs(1), Duration::from_secs(60)).next();
        assert_ne!(other, another);
    }
}
