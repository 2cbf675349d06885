//! Counters of one connection: written by its task alone, read by anybody.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Buckets per doubling of the response time.
const STEPS: u32 = 4;
/// From 16 us to about 4.7 h.
const BUCKETS: usize = 120;

/// Response times in buckets a quarter of a doubling wide; old ones fade.
#[derive(Debug)]
pub(super) struct Histogram {
    buckets: [AtomicU32; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [const { AtomicU32::new(0) }; BUCKETS] }
    }
}

impl Histogram {
    fn bucket(time: Duration) -> usize {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(16);
        let doubling = micros.ilog2();
        // The two bits below the leading one divide the doubling into four.
        let step = (micros >> (doubling - 2)) & 3;
        ((doubling - 4) * STEPS) as usize + step as usize
    }

    fn upper_ms(bucket: usize) -> f64 {
        let (doubling, step) = (bucket as u32 / STEPS + 4, bucket as u32 % STEPS);
        f64::from(step + 5) / 4.0 * 2f64.powi(doubling as i32) / 1_000.0
    }

    pub(super) fn record(&self, time: Duration) {
        if let Some(bucket) = self.buckets.get(Self::bucket(time).min(BUCKETS - 1)) {
            bucket.store(bucket.load(Relaxed).saturating_add(1), Relaxed);
        }
    }

    /// Halves everything: what was long ago counts less.
    pub(super) fn fade(&self) {
        for bucket in &self.buckets {
            let count = bucket.load(Relaxed);
            if count > 0 {
                bucket.store(count / 2, Relaxed);
            }
        }
    }

    /// Upper bound of the bucket that holds the quantile, in milliseconds; `None` without any response.
    pub(super) fn quantile_ms(&self, quantile: f64) -> Option<f64> {
        let counts: Vec<u64> = self.buckets.iter().map(|b| b.load(Relaxed).into()).collect();
        let total: u64 = counts.iter().sum();
        let wanted = ((total as f64 * quantile).ceil() as u64).max(1);
        let mut seen = 0;
        counts
            .iter()
            .position(|count| {
                seen += count;
                seen >= wanted
            })
            .filter(|_| total > 0)
            .map(Self::upper_ms)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident)*) => {
        /// What happened since start.
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $($(#[$doc])* pub(super) $name: AtomicU64,)*
        }
    };
}

counters! {
    /// Requests sent.
    requests
    /// Answers that fitted.
    answers
    /// Bytes sent.
    bytes_out
    /// Bytes received.
    bytes_in
    /// No answer in time.
    timeouts
    /// Answers with an error of the protocol.
    exceptions
    /// Answers that came too late or to nobody, discarded.
    late
    /// Streams that were not the protocol any more.
    desync
    /// Sessions opened after the first.
    reconnects
    /// Frames that broke the protocol or did not fit their request.
    bad_frames
    /// Sessions that could not be opened.
    connect_failures
    /// Notifications that the other side did not keep long enough, so that they are lost.
    notifications_lost
    /// Times that the other side dropped values because its queue for a point was full.
    overflows
    /// Samples published.
    samples
    /// Writes sent.
    writes
    /// Panics of the driver, contained.
    panics
    /// Orders refused because the connection, the device or the time did not allow them.
    refused_orders
    /// Messages that no point reads.
    unclaimed
    /// Values that came once more and are on disk already.
    repeated
    /// What came and was not let in: too many, or from somebody who may not send.
    rejected
    /// Points, devices and values that showed up and found no room, or a name that is taken.
    no_room
}

/// Adds to a counter that has one writer: cheaper than an atomic addition.
pub(super) fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(amount), Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_upper_bounds_within_a_quarter() {
        let histogram = Histogram::default();
        assert_eq!(histogram.quantile_ms(0.5), None);
        for ms in 1..=100u64 {
            histogram.record(Duration::from_millis(ms));
        }
        let (p50, p99) = (histogram.quantile_ms(0.5).unwrap(), histogram.quantile_ms(0.99).unwrap());
        assert!((50.0..=63.0).contains(&p50), "{p50}");
        assert!((99.0..=125.0).contains(&p99), "{p99}");
        histogram.record(Duration::from_secs(1 << 40));
        histogram.record(Duration::ZERO);
        for _ in 0..8 {
            histogram.fade();
        }
        assert_eq!(histogram.quantile_ms(0.5), None);
    }
}
