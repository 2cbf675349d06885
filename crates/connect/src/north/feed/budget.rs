//! How fast a backlog may be sent.

use std::time::Duration;

/// A token bucket with debts: a batch is handed out whole, then paid off.
pub(super) struct Budget {
    rate: f64,
    tokens: f64,
    at: Duration,
}

impl Budget {
    /// Nothing is saved up at first.
    pub(super) fn new(rate: u32, now: Duration) -> Self {
        Self { rate: f64::from(rate.max(1)), tokens: 0.0, at: now }
    }

    /// How long to wait before the next batch; `None` if it may go.
    pub(super) fn pause(&mut self, now: Duration) -> Option<Duration> {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = now;
        // At most a quarter of a second is saved up, so that the backlog never comes in a burst.
        self.tokens = (self.tokens + passed * self.rate).min(self.rate / 4.0 + 1.0);
        let missing = 1.0 - self.tokens;
        (missing > 0.0).then(|| Duration::from_secs_f64((missing / self.rate).clamp(0.001, 60.0)))
    }

    /// A batch went.
    pub(super) fn charge(&mut self, samples: u64) {
        self.tokens -= samples as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_holds_the_rate() {
        let mut budget = Budget::new(1_000, Duration::ZERO);
        let (mut sent, mut ms) = (0_u64, 0);
        while ms < 10_000 {
            match budget.pause(Duration::from_millis(ms)) {
                None => {
                    budget.charge(37);
                    sent += 37;
                }
                Some(pause) => ms += u64::try_from(pause.as_millis()).unwrap().max(1),
            }
        }
        assert!((9_800..=10_100).contains(&sent), "{sent}");
    }
}
