//! Disks that are full or refuse to sync.

use crate::helpers::*;
use journal::{Item, Journal, JournalError, Notice, Options, SimDisk, Start, State};
use model::Position;
use std::collections::BTreeMap;
use std::path::Path;

fn tiny(ring: usize) -> Options {
    Options { ring_bytes: ring, file_bytes: 50_000, sync_bytes: 10_000, ..options(Path::new("/journal")) }
}

/// Numbers by position; asserts that records and gaps together cover everything exactly once.
fn cover(journal: &Journal, head: Position) -> (BTreeMap<Position, i64>, u64) {
    let (mut seen, mut missing, mut next) = (BTreeMap::new(), 0, Position::new(1, 1));
    let mut reader = journal.reader(Position::START);
    while reader.position() < head {
        match reader.try_next().expect("every position is a record or in a gap") {
            Item::Record { position, record } => {
                assert_eq!(position, next);
                seen.insert(position, number_of(&record));
                next = position.next();
            }
            Item::Gap { from, to, .. } => {
                assert_eq!(from, next);
                missing += to.seq() - from.seq() + 1;
                next = to.next();
            }
        }
    }
    (seen, missing)
}

#[tokio::test]
async fn a_full_disk_keeps_memory_going_and_counts_what_falls_out() {
    let disk = SimDisk::new(1);
    let (journal, _) = open(tiny(100_000), disk.shared());
    let shape = shape(1, 20);
    for n in 0..100 {
        journal.append(numbered(&shape, n));
    }
    journal.flush().unwrap();
    disk.set_capacity(disk.used() + 700);
    let mut n = 100;
    until("the journal says that it fails", || {
        journal.append(numbered(&shape, n));
        n += 1;
        std::thread::yield_now();
        journal.stats().state == State::Failing
    });
    assert!(journal.stats().text.contains("memory"), "{}", journal.stats().text);
    let mut live = journal.reader(journal.head());
    let from = n;
    for _ in 0..1000 {
        journal.append(numbered(&shape, n));
        n += 1;
        let Some(Item::Record { record, .. }) = live.try_next() else { panic!("live values go on") };
        assert_eq!(number_of(&record), n - 1);
    }
    let lost = journal.stats().lost_records;
    assert!(lost > 500, "{lost}");
    assert!(journal.flush().is_err());
    let gone = Position::new(1, from as u64 + 1);
    assert!(matches!(journal.wait_synced(gone).await, Err(JournalError::Lost { .. })));

    disk.set_capacity(u64::MAX);
    until("writing goes on", || journal.stats().state == State::Ok && journal.synced() == journal.head());
    journal.wait_synced(journal.head()).await.unwrap();
    let stats = journal.stats();
    let (seen, missing) = cover(&journal, journal.head());
    assert_eq!(missing, stats.lost_records);
    assert_eq!(stats.lost_samples, missing * 20);
    assert_eq!(seen.len() as u64 + missing, n as u64);
    let notices = journal.take_notices();
    assert!(notices.iter().any(|x| matches!(x, Notice::WriteFailed { .. })), "{notices:?}");
    // A slow machine may lose records to a slow writer before the disk refuses: all are named, whatever the reason.
    let named: u64 =
        notices.iter().map(|x| if let Notice::Lost { samples, .. } = x { *samples } else { 0 }).sum();
    assert_eq!(named, missing * 20, "{notices:?}");
    assert!(
        notices.iter().any(|x| matches!(x, Notice::WriteRecovered { records, samples, .. }
        if *records > 500 && *records <= missing && *samples == *records * 20)),
        "{notices:?}"
    );
    assert!(
        notices.iter().any(|x| matches!(x, Notice::Lost { samples, .. } if *samples == missing * 20)),
        "{notices:?}"
    );
    let head = journal.head();
    journal.close().unwrap();
    let (journal, _) = open(tiny(100_000), disk.shared());
    assert_eq!(cover(&journal, head), (seen, missing), "the gap is written down");
}

#[test]
fn after_a_failed_sync_everything_is_written_again_from_memory() {
    for seed in 0..30 {
        println!("SEED={seed}");
        let disk = SimDisk::new(seed);
        let (journal, _) = open(tiny(10_000_000), disk.shared());
        let shape = shape(1, 10);
        disk.fail_syncs(2 + seed % 7, 1 + seed % 3);
        for n in 0..400 {
            journal.append(numbered(&shape, n));
            if n % 20 == 0 {
                let _ = journal.flush();
            }
        }
        until("all is synced", || journal.synced() == journal.head());
        let failed =
            journal.take_notices().iter().filter(|n| matches!(n, Notice::WriteFailed { .. })).count();
        assert!(failed >= 1);
        assert_eq!(journal.stats().lost_records, 0);
        let head = journal.head();
        let (seen, missing) = cover(&journal, head);
        assert_eq!((seen.len(), missing), (400, 0), "nothing lost, nothing doubled");
        drop(journal);
        let (journal, _) = open(tiny(10_000_000), disk.power_cut().shared());
        assert_eq!(cover(&journal, head), (seen, 0), "nor after a power cut");
    }
}

#[test]
fn a_full_disk_does_not_stop_a_close() {
    let disk = SimDisk::new(3);
    let (journal, _) = open(tiny(100_000), disk.shared());
    journal.cursor("c", Start::Oldest).unwrap();
    disk.set_capacity(disk.used() + 10);
    journal.append(numbered(&shape(1, 50), 1));
    assert!(journal.close().is_err());
    disk.set_capacity(u64::MAX);
    open(tiny(100_000), disk.shared());
}

#[test]
fn a_start_on_a_full_disk_works_in_memory_and_writes_when_there_is_room() {
    let disk = SimDisk::new(4);
    let shape = shape(1, 10);
    let (journal, _) = open(tiny(100_000), disk.shared());
    journal.append(numbered(&shape, 1));
    journal.close().unwrap();
    disk.set_capacity(disk.used());
    for epoch in 2..5 {
        let (journal, recovered) = open(tiny(100_000), disk.shared());
        assert_eq!(
            recovered.epoch, epoch,
            "each start has its own epoch, even where nothing could be written"
        );
        assert_eq!(journal.stats().state, State::Failing);
        assert_eq!(journal.append(numbered(&shape, i64::from(epoch))), Position::new(epoch, 1));
        if epoch == 4 {
            disk.set_capacity(u64::MAX);
            until("it is written", || journal.synced() == Position::new(4, 1));
        }
    }
    let (journal, recovered) = open(tiny(100_000), disk.power_cut().shared());
    assert_eq!((recovered.epoch, recovered.end), (5, Position::new(4, 1)));
    let numbers: Vec<i64> = read_all(&journal, Position::START)
        .iter()
        .map(|item| match item {
            Item::Record { record, .. } => number_of(record),
            Item::Gap { .. } => panic!("{item:?}"),
        })
        .collect();
    assert_eq!(numbers, [1, 4]);
}
