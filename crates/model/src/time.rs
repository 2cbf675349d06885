//! Time: nanoseconds since 1970 UTC, and the clock that everything asks instead of the system.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    /// 1970-01-01T00:00:00Z; also stands for "never" where a type has no room for an option.
    pub const ZERO: Self = Self(0);

    /// From whole milliseconds.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// Whole milliseconds, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Milliseconds with their fraction, as the HTTP API gives them (exact to about 0.2 us).
    pub fn millis_f64(self) -> f64 {
        self.millis() as f64 + self.0.rem_euclid(1_000_000) as f64 / 1e6
    }

    /// This time plus `span`, saturating.
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// This time minus `span`, saturating.
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// `self - earlier`, zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// RFC 3339 in UTC with as many digits as needed, e.g. `2026-11-22T06:00:00.25Z`.
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_nanosecond(i128::from(self.0))
            .map_or_else(|_| format!("{} ns", self.0), |t| t.to_string())
    }

    /// Reads RFC 3339.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let stamp: jiff::Timestamp = text.parse().ok()?;
        i64::try_from(stamp.as_nanosecond()).ok().map(Self)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

/// The only source of time. Scheduling uses [`Clock::monotonic`], samples use [`Clock::now`].
pub trait Clock: Send + Sync + 'static {
    /// Wall-clock time; may step.
    fn now(&self) -> Time;
    /// Time since an arbitrary start; never steps back.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks.
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A shared handle.
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(Self { start: Instant::now() })
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else asks")]
    fn now(&self) -> Time {
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)),
            Err(before) => Time(i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n)),
        }
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that tests move by hand.
#[derive(Default)]
pub struct ManualClock {
    wall: AtomicI64,
    monotonic: AtomicU64,
}

impl ManualClock {
    /// Starts at `wall`.
    pub fn new(wall: Time) -> Arc<Self> {
        Arc::new(Self { wall: AtomicI64::new(wall.0), monotonic: AtomicU64::new(0) })
    }

    /// Moves both clocks on.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.monotonic.fetch_add(nanos, Ordering::SeqCst);
        self.wall.fetch_add(i64::try_from(nanos).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Steps the wall clock alone, as an operator or NTP would.
    pub fn step_wall(&self, to: Time) {
        self.wall.store(to.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time(self.wall.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.monotonic.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trip() {
        let time = Time(1_767_225_600_123_456_789);
        assert_eq!(time.rfc3339(), "2026-01-01T00:00:00.123456789Z");
        assert_eq!(Time::parse_rfc3339(&time.rfc3339()), Some(time));
        assert_eq!(Time(-1).millis(), -1);
    }

    #[test]
    fn differences_saturate() {
        assert_eq!(Time(5).since(Time(9)), Duration::ZERO);
        assert_eq!(Time(i64::MAX).after(Duration::from_secs(1)), Time(i64::MAX));
    }
}
