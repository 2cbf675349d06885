//! A journal and a store in a throw-away folder.

use journal::{Journal, RealDisk, Record};
use model::{
    Batch, Clock, Declaration, Each, Flags, ManualClock, Path, PointId, Position, Shape, Status, Time, Value,
    ValueType,
};
use std::sync::Arc;
use std::time::Duration;
use store::{Options, Store};

pub const SECOND: i64 = 1_000_000_000;
pub const HOUR: i64 = 3600 * SECOND;
pub const DAY: i64 = 24 * HOUR;
/// 2026-01-01.
pub const START: i64 = 1_767_225_600 * SECOND;

pub struct Plant {
    pub dir: tempfile::TempDir,
    pub clock: Arc<ManualClock>,
    pub journal: Journal,
    pub store: Store,
    pub options: Options,
}

pub fn options() -> Options {
    Options { background: false, ..Options::default() }
}

fn journal(dir: &std::path::Path, clock: &Arc<ManualClock>) -> Journal {
    let mut options = journal::Options::new(dir.join("journal"));
    options.sync_interval = Duration::from_millis(5);
    let clock: Arc<dyn Clock> = clock.clone();
    Journal::open(options, RealDisk::shared(), clock).unwrap().0
}

impl Plant {
    pub fn new(options: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::new(Time(START));
        let journal = journal(dir.path(), &clock);
        let store =
            Store::open(dir.path().join("history"), &journal, clock.clone(), options.clone()).unwrap();
        Self { dir, clock, journal, store, options }
    }

    /// Closes both and opens them again.
    pub fn restart(self) -> Self {
        self.store.close();
        self.reopen()
    }

    /// Opens again without the store having been closed in order (its threads are stopped, its memory forgotten).
    pub fn crash(self) -> Self {
        self.store.stop_at(|_| true);
        self.store.close();
        self.reopen()
    }

    fn reopen(self) -> Self {
        let Self { dir, clock, journal: old, store, options } = self;
        drop(store);
        old.close().unwrap();
        let journal = journal(dir.path(), &clock);
        let store =
            Store::open(dir.path().join("history"), &journal, clock.clone(), options.clone()).unwrap();
        Self { dir, clock, journal, store, options }
    }

    pub fn send(&self, shape: &Arc<Shape>, time: i64, values: Vec<Value>) -> Position {
        self.send_as(shape, time, Status::GOOD, values)
    }

    pub fn send_as(&self, shape: &Arc<Shape>, time: i64, status: Status, values: Vec<Value>) -> Position {
        let batch = Batch::polled(Arc::clone(shape), Time(time), Each::All(status), values);
        self.journal.append(Record::Samples(Arc::new(batch)))
    }

    pub fn backfill(&self, shape: &Arc<Shape>, times: Vec<i64>, values: Vec<Value>) -> Position {
        let times: Vec<Time> = times.into_iter().map(Time).collect();
        let batch = Batch {
            time: Each::Rows(times.into()),
            flags: Flags { synchronised: false, historical: true },
            ..Batch::polled(Arc::clone(shape), Time(START + 5 * DAY), Each::All(Status::GOOD), values)
        };
        self.journal.append(Record::Samples(Arc::new(batch)))
    }

    pub fn declare(&self, point: u32, path: &str, unit: &str) {
        let mut declaration = Declaration::new(Path::new(path).unwrap(), ValueType::F64);
        declaration.unit = unit.into();
        self.journal.append(Record::Declare(vec![(PointId(point), Arc::new(declaration))].into()));
    }

    /// Times and numbers of a point.
    pub fn all(&self, point: u32) -> Vec<(i64, f64)> {
        let samples = self
            .store
            .range(PointId(point), Time(i64::MIN), Time(i64::MAX), usize::MAX, store::Order::Ascending)
            .unwrap();
        assert!(samples.time.windows(2).all(|w| w[0] <= w[1]), "sorted");
        (0..samples.len())
            .map(|i| (samples.time[i].0, samples.values.as_f64(i).unwrap_or(f64::NAN)))
            .collect()
    }
}

/// `n` points from `first`.
pub fn shape(first: u32, n: u32) -> Arc<Shape> {
    Shape::new((first..first + n).map(PointId).collect::<Vec<_>>())
}

pub fn floats(values: impl IntoIterator<Item = f64>) -> Vec<Value> {
    values.into_iter().map(Value::F64).collect()
}
