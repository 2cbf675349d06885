//! History, as the pages ask for it.

use crate::plant::Problem;
use crate::shapes::Trend;
use crate::state::Web;
use model::{Declaration, Event, PointId, Position, Status, Time, Value};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What charts order by.
    pub time: Time,
    /// When it was received.
    pub received: Time,
    /// Position of its record.
    pub seq: Position,
    /// The value.
    pub value: Value,
    /// Its quality.
    pub status: Status,
    /// Backfilled or replayed.
    pub historical: bool,
}

/// A stretch of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First moment.
    pub from: Time,
    /// Last moment.
    pub to: Time,
}

/// Figures of the historian.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Bytes of all files.
    pub bytes: u64,
    /// Samples in them, if known.
    pub samples: u64,
    /// Files.
    pub segments: u64,
    /// Samples in memory, not yet in a file.
    pub head_samples: u64,
    /// Records between the journal's head and the historian.
    pub lag_records: u64,
}

/// What the pages need of the historian. All calls may read files: they run where blocking is allowed.
pub trait History: Send + Sync + 'static {
    /// At most `limit` samples, by (time, seq); the newest first if `newest_first`.
    ///
    /// # Errors
    /// A [`Problem`] when files cannot be read.
    fn range(
        &self,
        point: PointId,
        span: Span,
        limit: usize,
        newest_first: bool,
    ) -> Result<Vec<Sample>, Problem>;

    /// The samples themselves if there are at most `buckets`, else that many buckets.
    ///
    /// # Errors
    /// As [`History::range`].
    fn trend(&self, point: PointId, span: Span, buckets: usize) -> Result<Trend, Problem>;

    /// Figures of each point in buckets of `width`, for `span` without its end; buckets without a sample are left out.
    ///
    /// # Errors
    /// As [`History::range`].
    fn aggregate(&self, points: &[PointId], span: Span, width: Duration) -> Result<Vec<Trend>, Problem>;

    /// What was declared of a point, oldest first, each with the time from which on it counts.
    fn declared(&self, point: PointId) -> Vec<(Time, Arc<Declaration>)>;

    /// First and last sample.
    fn extent(&self, point: PointId) -> Option<(Time, Time)>;

    /// Events that began within `span`, newest first, newest revision of each, at most `limit`.
    ///
    /// # Errors
    /// As [`History::range`].
    fn events(&self, span: Span, limit: usize) -> Result<Vec<Event>, Problem>;

    /// Figures.
    fn figures(&self) -> Figures;
}

/// Growth is judged over at least this long.
const LEAST: Duration = Duration::from_secs(600);

/// Remembers how large history was, to say when the disk is full.
#[derive(Default)]
pub(crate) struct Growth(Mutex<Option<(Duration, u64)>>);

impl Web {
    /// Days until the disk is full at the rate seen since start; `None` while that is not known or nothing grows.
    pub fn disk_days_left(&self, used_bytes: u64, free_bytes: u64) -> Option<f64> {
        let now = self.clock.monotonic();
        let mut first = self.growth.0.lock();
        let (at, bytes) = *first.get_or_insert((now, used_bytes));
        let passed = now.saturating_sub(at);
        let grown = used_bytes.saturating_sub(bytes);
        if passed < LEAST || grown == 0 {
            return None;
        }
        Some(free_bytes as f64 / (grown as f64 / passed.as_secs_f64()) / 86_400.0)
    }
}
