//! Samples travel in columnar batches: one scan of one device is one batch with one time.

use crate::{PointId, Status, Time, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Most rows of one batch; larger reads are split.
pub const MAX_ROWS: usize = 65_536;

/// The points of a batch, in row order. Shared by all batches of one scan, so that frames, segments and payloads
/// can prepare their keys once per shape.
#[derive(Debug)]
pub struct Shape {
    id: u32,
    points: Box<[PointId]>,
}

impl Shape {
    /// A shape with a number of its own in this process. A point may stand in it more than once only if the batch
    /// gives each of its rows a time of its own.
    pub fn new(points: impl Into<Box<[PointId]>>) -> Arc<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Arc::new(Self { id: NEXT.fetch_add(1, Ordering::Relaxed), points: points.into() })
    }

    /// Number of the shape in this process, for caches; not kept on disk.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The point of each row.
    pub fn points(&self) -> &[PointId] {
        &self.points
    }
}

/// A column that is mostly one value for all rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Each<T> {
    /// The same for every row.
    All(T),
    /// One for each row.
    Rows(Box<[T]>),
}

impl<T: Copy> Each<T> {
    /// Of row `row`; `None` beyond the end of a `Rows` column.
    pub fn get(&self, row: usize) -> Option<T> {
        match self {
            Self::All(one) => Some(*one),
            Self::Rows(rows) => rows.get(row).copied(),
        }
    }
}

/// Properties of a whole batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags {
    /// The source clock counts as synchronised (for polled values: the gateway's own clock).
    pub synchronised: bool,
    /// Not live: backfilled from a source's own history, or replayed.
    pub historical: bool,
}

/// Samples of one shape.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The point of each row.
    pub shape: Arc<Shape>,
    /// What charts and SQL order by; [`Batch::polled`] sets it to the receive time, the namespace resolves it from
    /// `source` by the rule of `max_skew`.
    pub time: Each<Time>,
    /// The source's own stamp, where there is one.
    pub source: Option<Each<Time>>,
    /// When it was received; of a polled value, the midpoint of request and reply.
    pub received: Time,
    /// Quality of each row.
    pub status: Each<Status>,
    /// Synchronised, historical.
    pub flags: Flags,
    /// The value of each row; as long as the shape. Where only the quality changed (loss of a link), the rows are
    /// [`Value::None`] and the namespace keeps the last value.
    pub values: Vec<Value>,
}

impl Batch {
    /// A batch of polled values: no source stamp, the gateway's clock.
    pub fn polled(shape: Arc<Shape>, received: Time, status: Each<Status>, values: Vec<Value>) -> Self {
        Self {
            shape,
            time: Each::All(received),
            source: None,
            received,
            status,
            flags: Flags { synchronised: true, historical: false },
            values,
        }
    }

    /// Only the quality of the shape's points changes: last values stay.
    pub fn quality(shape: Arc<Shape>, at: Time, status: Status) -> Self {
        let values = vec![Value::None; shape.points().len()];
        Self::polled(shape, at, Each::All(status), values)
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether it holds no sample.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether every column is as long as the shape and no longer than [`MAX_ROWS`].
    pub fn is_sound(&self) -> bool {
        let rows = self.shape.points().len();
        let fits = |len: usize| len == rows;
        rows <= MAX_ROWS
            && fits(self.values.len())
            && matches!(&self.time, Each::All(_)) | matches!(&self.time, Each::Rows(r) if fits(r.len()))
            && matches!(&self.status, Each::All(_)) | matches!(&self.status, Each::Rows(r) if fits(r.len()))
            && !matches!(&self.source, Some(Each::Rows(r)) if !fits(r.len()))
    }

    /// Row by row: point, time, status, value.
    pub fn rows(&self) -> impl Iterator<Item = (PointId, Time, Status, &Value)> {
        self.shape.points().iter().zip(&self.values).enumerate().map(|(row, (point, value))| {
            let time = self.time.get(row).unwrap_or(self.received);
            (*point, time, self.status.get(row).unwrap_or(Status::BAD), value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soundness_compares_lengths() {
        let shape = Shape::new(vec![PointId(1), PointId(2)]);
        let mut batch =
            Batch::polled(shape, Time(5), Each::All(Status::GOOD), vec![Value::I64(1), Value::I64(2)]);
        assert!(batch.is_sound());
        batch.status = Each::Rows(vec![Status::GOOD].into());
        assert!(!batch.is_sound());
        batch.status = Each::Rows(vec![Status::GOOD, Status::BAD].into());
        assert_eq!(batch.rows().nth(1).map(|r| r.2), Some(Status::BAD));
        batch.values.pop();
        assert!(!batch.is_sound());
    }
}
