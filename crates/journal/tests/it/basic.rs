use crate::helpers::*;
use journal::{Item, Journal, JournalError, RealDisk, Record, Start};
use model::{Declaration, Path, PointId, Position, Value, ValueType};
use std::time::Duration;

#[tokio::test]
async fn what_is_appended_is_read_live_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, recovered) = open(options(dir.path()), RealDisk::shared());
    assert_eq!(recovered.epoch, 1);
    let shape = shape(1, 100);
    let declaration = Declaration::new(Path::new("acme/leeds/speed").unwrap(), ValueType::I64);
    journal.append(Record::Declare(vec![(PointId(1), declaration.clone())].into()));
    let mut reader = journal.reader(Position::START);
    for n in 1..=500 {
        journal.append(numbered(&shape, n));
    }
    journal.wait_synced(journal.head()).await.unwrap();
    assert!(matches!(reader.next().await, Item::Record { record: Record::Declare(_), .. }));
    for n in 1..=500 {
        let Item::Record { position, record } = reader.next().await else { panic!() };
        assert_eq!((position.seq(), number_of(&record)), (n as u64 + 1, n));
    }
    assert!(reader.try_next().is_none());
    let head = journal.head();
    journal.close().unwrap();

    let (journal, recovered) = open(options(dir.path()), RealDisk::shared());
    assert_eq!((recovered.epoch, recovered.end, recovered.notices.len()), (2, head, 0));
    assert_eq!(recovered.declarations, [(PointId(1), declaration)]);
    assert_eq!(recovered.last.len(), 100);
    let (id, last) = &recovered.last[7];
    assert_eq!((*id, &last.value, last.count, last.position), (PointId(8), &Value::I64(500_007), 500, head));
    let next = journal.append(numbered(&shape, 501));
    assert_eq!(next, Position::new(2, 1));
    let items = read_all(&journal, Position::START);
    assert_eq!(items.len(), 502);
    assert!(items.windows(2).all(|w| w[0].position() < w[1].position()));
    assert!(items.iter().all(|item| matches!(item, Item::Record { .. })));
}

#[test]
fn two_processes_cannot_share_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(options(dir.path()), RealDisk::shared());
    let second = Journal::open(options(dir.path()), RealDisk::shared(), clock());
    assert!(matches!(second, Err(JournalError::Locked { .. })));
    drop(journal);
    open(options(dir.path()), RealDisk::shared());
}

#[test]
fn a_reader_that_fell_out_of_memory_sees_every_record_through_files() {
    let dir = tempfile::tempdir().unwrap();
    let small = journal::Options { ring_bytes: 200_000, file_bytes: 100_000, ..options(dir.path()) };
    let (journal, _) = open(small, RealDisk::shared());
    let cursor = journal.cursor("late", Start::Oldest).unwrap();
    let shape = shape(1, 50);
    let mut late = cursor.reader();
    for n in 1..=5000 {
        journal.append(numbered(&shape, n));
        if n % 50 == 0 {
            journal.flush().unwrap();
        }
    }
    until("files are compressed", || {
        journal.keep();
        journal.stats().sealed_ratio < 0.9
    });
    for n in 1..=5000 {
        let item = late.next_blocking(Duration::from_secs(10)).unwrap();
        let Item::Record { record, .. } = item else { panic!("{item:?}") };
        assert_eq!(number_of(&record), n);
    }
    assert_eq!(journal.stats().lost_records, 0);
    assert!(journal.stats().files > 1);
    cursor.acknowledge(journal.head());
    journal.flush().unwrap();
    until("passed files go", || {
        journal.keep();
        journal.stats().files <= 2
    });
    assert!(journal.take_notices().is_empty());
}
