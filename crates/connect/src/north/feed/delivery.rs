//! What goes from a feed to a sink.

use crate::north::filter::Rows;
use model::point::Last;
use model::{Batch, Declaration, Each, Event, PointId, Position, Time, Value};
use std::sync::Arc;

/// What a sink gets.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// Points of the selection were declared, perhaps anew.
    Declare {
        /// Position of the record.
        position: Position,
        /// The selected ones.
        points: Vec<(PointId, Arc<Declaration>)>,
        /// From the backlog: what is in force now may be something else.
        historical: bool,
    },
    /// Samples worth sending.
    Samples(Samples),
    /// An event of a kind that the configuration names.
    Event {
        /// Position of the record.
        position: Position,
        /// The event.
        event: Arc<Event>,
        /// From the backlog.
        historical: bool,
    },
    /// End the session properly and return [`Fault::Stopped`].
    Stop,
}

/// Rows of a batch.
#[derive(Clone, Debug)]
pub struct Samples {
    /// Position of the record.
    pub position: Position,
    /// The whole batch.
    pub batch: Arc<Batch>,
    /// Which rows are meant.
    pub rows: Rows,
    /// Not live: backfilled by the source, or replayed after an outage. Never to be retained by a broker.
    pub historical: bool,
}

impl Samples {
    /// Number of samples meant.
    pub fn len(&self) -> usize {
        self.rows.len(self.batch.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// First and last time of the batch.
    pub fn span(&self) -> (Time, Time) {
        match &self.batch.time {
            Each::All(time) => (*time, *time),
            Each::Rows(times) => {
                let ends = (times.iter().min(), times.iter().max());
                (*ends.0.unwrap_or(&self.batch.received), *ends.1.unwrap_or(&self.batch.received))
            }
        }
    }

    /// Point, time, quality and value of the `n`-th sample meant.
    pub fn get(&self, n: usize) -> Option<(PointId, Time, model::Status, &Value)> {
        let row = self.rows.nth(n, self.batch.len())?;
        let batch = &self.batch;
        let point = *batch.shape.points().get(row)?;
        let time = batch.time.get(row).unwrap_or(batch.received);
        Some((point, time, batch.status.get(row).unwrap_or(model::Status::BAD), batch.values.get(row)?))
    }
}

/// A point as it is now, for births.
#[derive(Clone, Debug)]
pub struct Current {
    /// Its number.
    pub point: PointId,
    /// What is declared.
    pub declaration: Arc<Declaration>,
    /// Its newest sample.
    pub last: Last,
}

/// What the runner wants of a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Run.
    Run,
    /// Pause until told otherwise.
    Pause,
    /// Stop for good.
    Stop,
}
