//! The bound: what goes is named and counted.

use crate::helpers::*;
use journal::{Item, Notice, Options, RealDisk, Record, SimDisk, Start};
use model::{Batch, Each, ManualClock, Position, Shape, Status, Time, Value};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Values that do not compress, so that the bound is reached.
fn noise(shape: &Arc<Shape>, n: i64) -> Record {
    let hash =
        |row: i64| Value::I64(((n * 1000 + row) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) as i64 >> 32);
    let values = (0..shape.points().len() as i64).map(hash).collect();
    Record::Samples(Arc::new(Batch::polled(shape.clone(), Time(n), Each::All(Status::GOOD), values)))
}

#[test]
fn at_the_bound_the_oldest_goes_and_the_notice_names_cursor_range_and_count() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        file_bytes: 20_000,
        max_bytes: 60_000,
        ring_bytes: 500_000,
        keep_interval: Duration::from_secs(3600),
        ..options(dir.path())
    };
    let (journal, _) = open(options, RealDisk::shared());
    let lagging = journal.cursor("destination/hq", Start::Oldest).unwrap();
    let brisk = journal.cursor("store", Start::Oldest).unwrap();
    let shape = shape(1, 100);
    for n in 1..=10 {
        journal.append(numbered(&shape, n));
    }
    journal.flush().unwrap();
    lagging.acknowledge(Position::new(1, 10));
    for n in 11..=3000 {
        journal.append(noise(&shape, n));
        if n % 20 == 0 {
            journal.flush().unwrap();
            brisk.acknowledge(journal.synced());
            if n % 1000 == 0 {
                journal.keep();
            }
        }
    }
    journal.keep();
    let notices = journal.take_notices();
    assert!(!notices.is_empty());
    let mut next = Position::new(1, 11);
    for notice in &notices {
        let Notice::CursorJumped { cursor, from, to, samples } = notice else { panic!("{notice:?}") };
        assert_eq!((cursor.as_str(), *from), ("destination/hq", next));
        assert_eq!(*samples, Some((to.seq() - from.seq() + 1) * 100));
        next = to.next();
    }
    let text = notices[0].to_string();
    assert!(text.contains("destination/hq") && text.contains("1.11") && text.contains("samples"), "{text}");
    assert_eq!(lagging.position().next(), next);
    assert!(journal.stats().bytes <= 60_000 + 25_000, "{}", journal.stats().bytes);
    let mut reader = lagging.reader();
    let Some(Item::Record { position, .. }) = reader.try_next() else { panic!() };
    assert_eq!(position, next, "after the jump nothing is missing");
    // Whoever asks for what is gone is told so.
    let mut reader = journal.reader(Position::new(1, 10));
    let Some(Item::Gap { from, to, .. }) = reader.try_next() else { panic!() };
    assert_eq!((from, to.next()), (Position::new(1, 11), next));
    let head = journal.head();
    let rest = read_all(&journal, to);
    assert_eq!(rest.len() as u64, head.seq() - to.seq());
    drop((lagging, brisk, journal));
    let (journal, _) = open(crate::helpers::options(dir.path()), RealDisk::shared());
    assert_eq!(
        journal.cursor("destination/hq", Start::Now).unwrap().position().next(),
        next,
        "the jump is durable"
    );
}

#[test]
fn files_go_by_age_and_removed_cursors_pin_nothing() {
    let disk = SimDisk::new(1);
    let clock = ManualClock::new(Time(1_700_000_000_000_000_000));
    let options =
        Options { file_bytes: 3_000, max_age: Duration::from_secs(1000), ..options(Path::new("/journal")) };
    let (journal, _) = journal::Journal::open(options, disk.shared(), clock.clone()).unwrap();
    journal.cursor("gone", Start::Oldest).unwrap();
    let shape = shape(1, 20);
    for n in 0..1000 {
        journal.append(numbered(&shape, n));
        if n % 100 == 0 {
            journal.flush().unwrap();
        }
    }
    journal.flush().unwrap();
    journal.keep();
    let before = journal.stats().files;
    assert!(before > 3, "{before}");
    clock.advance(Duration::from_secs(1001));
    journal.append(numbered(&shape, 1000));
    journal.flush().unwrap();
    journal.keep();
    assert!(journal.stats().files <= 2, "{}", journal.stats().files);
    let notices = journal.take_notices();
    assert!(
        notices.iter().any(|n| matches!(n, Notice::CursorJumped { cursor, .. } if cursor == "gone")),
        "{notices:?}"
    );
    journal.remove_cursor("gone");
    assert!(journal.cursor_names().is_empty());
    drop(journal);
    let (journal, _) = open(crate::helpers::options(Path::new("/journal")), disk.shared());
    assert!(journal.cursor_names().is_empty());
}
