//! What was recorded, for destinations that send it again or make one value of many.
//!
//! Rationale: the journal keeps what somebody still has to read, history keeps what was. So everything that goes back
//! further than the cursor comes from history; the key of a sample (point, time, position) is the same in both.

use model::{Batch, Each, Event, Flags, PointId, Position, Shape, Status, Time, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// Most shapes that are remembered while history is read.
const MAX_SHAPES: usize = 4_096;
/// Most rows of a batch that is made of recorded samples.
const MAX_ROWS: usize = 10_000;

/// The historian as destinations need it. Every call may read files: never from an async task.
pub trait History: Send + Sync {
    /// Samples of `points` with `from <= time < to`, in any order; `None` if there are more than `most`.
    ///
    /// # Errors
    /// In words: history cannot be read.
    fn samples(
        &self,
        points: &[PointId],
        from: Time,
        to: Time,
        most: usize,
    ) -> Result<Option<Vec<Recorded>>, String>;

    /// The newest sample of `point` before `time`.
    ///
    /// # Errors
    /// In words: history cannot be read.
    fn before(&self, point: PointId, time: Time) -> Result<Option<Recorded>, String>;

    /// Events that began at `from <= start < to`, all their revisions, oldest first; `None` if there are more than `most`.
    ///
    /// # Errors
    /// In words: history cannot be read.
    fn events(&self, from: Time, to: Time, most: usize) -> Result<Option<Vec<Told>>, String>;

    /// Everything up to this position is found.
    fn taken(&self) -> Position;

    /// The oldest time that it holds; `None` while it is empty.
    fn oldest(&self) -> Option<Time>;
}

/// An event and its record.
pub type Told = (Position, Arc<Event>);

/// A sample as history has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The point.
    pub point: PointId,
    /// What history orders by.
    pub time: Time,
    /// When it was received.
    pub received: Time,
    /// Its record in the journal.
    pub position: Position,
    /// Its quality.
    pub status: Status,
    /// Its value.
    pub value: Value,
    /// It did not come live.
    pub historical: bool,
}

/// No history, for places without one.
pub struct NoHistory;

const NONE: &str = "there is no history here";

impl History for NoHistory {
    fn samples(&self, _: &[PointId], _: Time, _: Time, _: usize) -> Result<Option<Vec<Recorded>>, String> {
        Err(NONE.into())
    }
    fn before(&self, _: PointId, _: Time) -> Result<Option<Recorded>, String> {
        Err(NONE.into())
    }
    fn events(&self, _: Time, _: Time, _: usize) -> Result<Option<Vec<Told>>, String> {
        Err(NONE.into())
    }
    fn taken(&self) -> Position {
        Position::START
    }
    fn oldest(&self) -> Option<Time> {
        None
    }
}

/// Makes batches of recorded samples, with one shape for the same points.
#[derive(Default)]
pub(super) struct Batches {
    shapes: HashMap<Box<[PointId]>, Arc<Shape>>,
}

impl Batches {
    /// Of samples in any order: those of one record stand in one batch again, records in their order.
    pub(super) fn of(&mut self, mut rows: Vec<Recorded>) -> Vec<(Position, Arc<Batch>)> {
        rows.sort_by_key(|row| (row.position, row.received, row.time, row.point));
        let mut batches = Vec::new();
        let mut rows = rows.into_iter().peekable();
        while let Some(first) = rows.next() {
            let mut record = vec![first];
            while let Some(next) = rows.next_if(|row| {
                record.len() < MAX_ROWS
                    && record.first().is_some_and(|first| {
                        (first.position, first.received, first.historical)
                            == (row.position, row.received, row.historical)
                    })
            }) {
                record.push(next);
            }
            batches.extend(self.batch(record));
        }
        batches
    }

    fn batch(&mut self, rows: Vec<Recorded>) -> Option<(Position, Arc<Batch>)> {
        let first = rows.first()?;
        let (position, received, historical) = (first.position, first.received, first.historical);
        let points: Box<[PointId]> = rows.iter().map(|row| row.point).collect();
        if self.shapes.len() >= MAX_SHAPES {
            self.shapes.clear();
        }
        let shape = self.shapes.entry(points).or_insert_with_key(|points| Shape::new(points.clone())).clone();
        let batch = Batch {
            shape,
            time: Each::Rows(rows.iter().map(|row| row.time).collect()),
            source: None,
            received,
            status: Each::Rows(rows.iter().map(|row| row.status).collect()),
            flags: Flags { synchronised: true, historical },
            values: rows.into_iter().map(|row| row.value).collect(),
        };
        Some((position, Arc::new(batch)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(point: u32, time: i64, position: u64) -> Recorded {
        Recorded {
            point: PointId(point),
            time: Time(time),
            received: Time(time),
            position: Position::new(1, position),
            status: Status::GOOD,
            value: Value::I64(time),
            historical: false,
        }
    }

    #[test]
    fn records_come_back_as_they_were_written() {
        let mut batches = Batches::default();
        let rows = vec![row(2, 20, 5), row(1, 30, 6), row(1, 20, 5), row(2, 30, 6), row(1, 10, 4)];
        let made = batches.of(rows);
        let keys: Vec<_> = made
            .iter()
            .map(|(position, batch)| {
                (position.seq(), batch.rows().map(|(point, time, ..)| (point.0, time.0)).collect::<Vec<_>>())
            })
            .collect();
        assert_eq!(keys, [(4, vec![(1, 10)]), (5, vec![(1, 20), (2, 20)]), (6, vec![(1, 30), (2, 30)])]);
        assert!(made.iter().all(|(_, batch)| batch.is_sound()));
        assert_eq!(made[1].1.shape.id(), made[2].1.shape.id(), "one shape for the same points");
    }

    #[test]
    fn a_large_record_is_parted() {
        let made = Batches::default().of((0..25_000).map(|point| row(point, 10, 5)).collect());
        assert_eq!(made.iter().map(|(_, batch)| batch.len()).collect::<Vec<_>>(), [10_000, 10_000, 5_000]);
    }
}
