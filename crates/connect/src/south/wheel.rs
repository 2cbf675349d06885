//! The shared scan wheel: all scans of the process stand on one 5 ms grid, spread evenly over their periods.
//!
//! Rationale: scans that are due in the same tick are woken by one turn of the runtime's timer, and a thousand
//! connections with one period do not all ask in the same millisecond. The golden ratio spreads any number of phases
//! evenly without knowing how many will come.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// One tick.
pub const TICK: Duration = Duration::from_millis(5);

/// The grid, shared by all connections of a process.
#[derive(Debug)]
pub struct Wheel {
    origin: Instant,
    placed: AtomicU32,
}

impl Default for Wheel {
    fn default() -> Self {
        Self::new()
    }
}

impl Wheel {
    /// A grid that begins now. Needs a tokio runtime only where time is paused.
    pub fn new() -> Self {
        Self { origin: Instant::now(), placed: AtomicU32::new(0) }
    }

    /// The phase of the next group with this period: a multiple of the tick below the period.
    pub(super) fn phase(&self, period: Duration) -> Duration {
        let placed = self.placed.fetch_add(1, Ordering::Relaxed);
        // 2^32 / golden ratio: the fractional parts of its multiples, as 32-bit fractions.
        let fraction = f64::from(placed.wrapping_mul(2_654_435_769)) / 4_294_967_296.0;
        let ticks = (period.as_secs_f64() * fraction / TICK.as_secs_f64()).floor();
        TICK.mul_f64(ticks)
    }

    /// The first moment of the period's grid with this phase that is not before `earliest`.
    pub(super) fn at_or_after(&self, earliest: Instant, period: Duration, phase: Duration) -> Instant {
        let base = self.origin + phase;
        let Some(since) = earliest.checked_duration_since(base) else { return base.max(earliest) };
        let nanos = period.as_nanos().max(1);
        let cycles = since.as_nanos().div_ceil(nanos);
        base + Duration::from_nanos(u64::try_from(cycles * nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_spread_evenly_on_the_grid() {
        let wheel = Wheel::new();
        let period = Duration::from_secs(1);
        let mut buckets = [0u32; 10];
        for _ in 0..1_000 {
            let phase = wheel.phase(period);
            assert!(phase < period && phase.as_micros().is_multiple_of(5_000), "{phase:?}");
            buckets[(phase.as_millis() / 100) as usize] += 1;
        }
        assert!(buckets.iter().all(|count| (90..=110).contains(count)), "{buckets:?}");
    }

    #[test]
    fn moments_keep_their_phase() {
        let wheel = Wheel::new();
        let (period, phase) = (Duration::from_millis(250), Duration::from_millis(35));
        let start = wheel.origin + Duration::from_millis(1_000);
        let at = wheel.at_or_after(start, period, phase);
        assert_eq!(at - wheel.origin, Duration::from_millis(1_035));
        assert_eq!(wheel.at_or_after(at, period, phase), at);
        assert_eq!(wheel.at_or_after(at + Duration::from_nanos(1), period, phase), at + period);
        assert_eq!(wheel.at_or_after(wheel.origin, period, phase), wheel.origin + phase);
    }
}
