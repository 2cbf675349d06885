use crate::helpers::*;
use journal::{Item, Journal, JournalError, RealDisk, Record, Start};
use model::{Declaration, Path, PointId, Position, Value, ValueType};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn what_is_appended_is_read_live_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, recovered) = open(options(dir.path()), RealDisk::shared());
    assert_eq!(recovered.epoch, 1);
    let shape = shape(1, 100);
    let declaration = Declaration::new(Path::new("acme/leeds/speed").unwrap(), ValueType::I64);
    let ids = journal.numbers().assign(&[(declaration.path.clone(), Vec::new())]).unwrap();
    assert_eq!(ids, [PointId(1)]);
    journal.append(Record::Declare(vec![(PointId(1), std::sync::Arc::new(declaration.clone()))].into()));
    let mut reader = journal.reader(Position::START);
    for n in 1..=500 {
        journal.append(numbered(&shape, n));
    }
    journal.wait_synced(journal.head()).await.unwrap();
    assert!(matches!(reader.next().await, Item::Record { record: Record::Declare(_), .. }));
    for n in 1..=500 {
        let item = reader.next().await;
        let Item::Record { position, record } = item else { panic!("{item:?}") };
        assert_eq!((position.seq(), number_of(&record)), (n as u64 + 1, n));
    }
    assert!(reader.try_next().is_none());
    let head = journal.head();
    journal.close().unwrap();

    let (journal, recovered) = open(options(dir.path()), RealDisk::shared());
    assert_eq!((recovered.epoch, recovered.end), (2, head));
    assert_eq!(recovered.notices, []);
    assert_eq!(recovered.declarations, [(PointId(1), Arc::new(declaration))]);
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
fn what_a_cursor_lacks_is_counted_over_starts() {
    let dir = tempfile::tempdir().unwrap();
    let shape = shape(1, 10);
    let lag = |journal: &Journal| journal.stats().cursors[0].lag;
    for start in 0..3 {
        let (journal, _) = open(options(dir.path()), RealDisk::shared());
        let cursor = journal.cursor("destination/hq", Start::Now).unwrap();
        for n in 1..=100 {
            journal.append(numbered(&shape, start * 100 + n));
        }
        let lacking = (start as u64 + 1) * 100;
        assert_eq!((lag(&journal), cursor.reader().lag()), (lacking, lacking), "start {start}");
        journal.close().unwrap();
    }
    let (journal, _) = open(options(dir.path()), RealDisk::shared());
    let cursor = journal.cursor("destination/hq", Start::Now).unwrap();
    assert_eq!(lag(&journal), 300, "also before anything was appended");
    cursor.acknowledge(Position::new(2, 60));
    assert_eq!(lag(&journal), 140);
    journal.append(numbered(&shape, 301));
    assert_eq!(lag(&journal), 141);
    cursor.acknowledge(journal.head());
    assert_eq!(lag(&journal), 0);
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

#[test]
fn appenders_and_readers_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let small = journal::Options { ring_bytes: 2_000_000, file_bytes: 300_000, ..options(dir.path()) };
    let (journal, _) = open(small, RealDisk::shared());
    journal.cursor("pin", Start::Oldest).unwrap();
    let (threads, each) = (4_i64, 3000_i64);
    let check = |journal: &Journal, slow: bool| {
        let mut reader = journal.reader(Position::START);
        let mut next = vec![0; threads as usize];
        let mut before = Position::START;
        for n in 0..threads * each {
            let item = reader.next_blocking(Duration::from_secs(20)).expect("all records must come");
            let Item::Record { position, record } = item else { panic!("{item:?}") };
            assert!(position > before);
            before = position;
            let number = number_of(&record);
            let thread = (number / 100_000) as usize;
            assert_eq!(number % 100_000, next[thread], "each appender's records stay in order");
            next[thread] += 1;
            if slow && n % 64 == 0 {
                std::thread::yield_now();
            }
        }
        assert!(reader.try_next().is_none());
    };
    std::thread::scope(|scope| {
        for slow in [false, true, false] {
            let (journal, check) = (&journal, &check);
            scope.spawn(move || check(journal, slow));
        }
        for thread in 0..threads {
            let journal = &journal;
            scope.spawn(move || {
                let shape = shape(thread as u32 * 100 + 1, 20);
                for n in 0..each {
                    journal.append(numbered(&shape, thread * 100_000 + n));
                    if n % 500 == 0 {
                        journal.flush().unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(journal.stats().lost_records, 0);
    check(&journal, false);
    assert!(journal.take_notices().is_empty());
}

#[test]
fn waiting_for_a_record_is_cancel_safe() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(options(dir.path()), RealDisk::shared());
    let shape = shape(1, 3);
    runtime.block_on(async {
        let mut reader = journal.reader(journal.head());
        for n in 1..=50 {
            assert!(tokio::time::timeout(Duration::from_millis(1), reader.next()).await.is_err());
            journal.append(numbered(&shape, n));
            let Item::Record { record, .. } = reader.next().await else { panic!() };
            assert_eq!(number_of(&record), n);
        }
    });
}

#[test]
fn numbers_are_permanent_and_carried_through_renames() {
    let dir = tempfile::tempdir().unwrap();
    let path = |text: &str| Path::new(text).unwrap();
    let (journal, _) = open(options(dir.path()), RealDisk::shared());
    let first = journal.numbers().assign(&[(path("a/x"), vec![]), (path("a/y"), vec![])]).unwrap();
    assert_eq!(first, [PointId(1), PointId(2)]);
    drop(journal);
    let (journal, _) = open(options(dir.path()), RealDisk::shared());
    let numbers = journal.numbers();
    assert_eq!(numbers.find("A/X"), Some(PointId(1)));
    // a/x becomes b/x; a/y stays although b/y says it was a/y, because both are wanted.
    let wanted = [(path("b/x"), vec![path("a/x")]), (path("b/y"), vec![path("a/y")]), (path("a/y"), vec![])];
    assert_eq!(numbers.assign(&wanted).unwrap(), [PointId(1), PointId(3), PointId(2)]);
    assert_eq!(numbers.assign(&wanted).unwrap(), [PointId(1), PointId(3), PointId(2)]);
    assert_eq!(numbers.find("a/x"), None);
    assert_eq!(numbers.assign(&[(path("a/x"), vec![])]).unwrap(), [PointId(4)]);
    assert_eq!(numbers.assign(&[(path("A/x"), vec![])]).unwrap(), [PointId(4)]);
    drop(journal);
    let (journal, recovered) = open(options(dir.path()), RealDisk::shared());
    assert!(recovered.notices.is_empty());
    let numbers = journal.numbers();
    assert_eq!((numbers.len(), numbers.path(PointId(1))), (4, Some(path("b/x"))));
    assert_eq!(numbers.path(PointId(4)), Some(path("A/x")));
    let same = numbers.assign(&[(path("n/n"), vec![]), (path("N/n"), vec![])]).unwrap();
    assert_eq!(same, [PointId(5), PointId(5)]);
}
