//! Records with content that can be checked again.

use journal::{Disk, Item, Journal, Options, Record, Recovered};
use model::{Batch, Clock, Each, PointId, Position, Shape, Status, SystemClock, Time, Value};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub fn options(dir: &Path) -> Options {
    Options {
        sync_interval: Duration::from_millis(5),
        retry_interval: Duration::from_millis(10),
        keep_interval: Duration::from_millis(20),
        ..Options::new(dir)
    }
}

pub fn open(options: Options, disk: Arc<dyn Disk>) -> (Journal, Recovered) {
    Journal::open(options, disk, SystemClock::shared()).unwrap()
}

/// A device with `rows` points, the first of which is `first`.
pub fn shape(first: u32, rows: u32) -> Arc<Shape> {
    Shape::new((first..first + rows).map(PointId).collect::<Vec<_>>())
}

/// A batch whose values tell its number.
pub fn numbered(shape: &Arc<Shape>, n: i64) -> Record {
    let values = (0..shape.points().len() as i64).map(|row| Value::I64(n * 1000 + row)).collect();
    let at = Time(1_700_000_000_000_000_000 + n * 1_000_000_000);
    Record::Samples(Arc::new(Batch::polled(shape.clone(), at, Each::All(Status::GOOD), values)))
}

/// The number of such a batch, after a look at every row.
pub fn number_of(record: &Record) -> i64 {
    let Record::Samples(batch) = record else { panic!("{record:?}") };
    assert!(batch.is_sound());
    let n = batch.values[0].as_i64().unwrap() / 1000;
    for (row, value) in batch.values.iter().enumerate() {
        assert_eq!(*value, Value::I64(n * 1000 + row as i64));
    }
    n
}

/// Everything from `after` to the head.
pub fn read_all(journal: &Journal, after: Position) -> Vec<Item> {
    let mut reader = journal.reader(after);
    let mut items = Vec::new();
    while reader.position() < journal.head() {
        items.push(reader.next_blocking(Duration::from_secs(10)).expect("the reader must reach the head"));
    }
    items
}

/// Waits for a condition, at most 20 s.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain: {what}");
        std::thread::yield_now();
    }
}

pub fn clock() -> Arc<dyn Clock> {
    SystemClock::shared()
}
