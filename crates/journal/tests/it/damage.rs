//! Torn frames, flipped bits, newer versions, the fixture.

use crate::helpers::*;
use journal::{Item, Journal, JournalError, Notice, Options, Record, SimDisk, Start};
use model::{
    Batch, Declaration, Each, Event, EventKind, ManualClock, PointId, Position, Status, Time, Value,
    ValueType,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

fn dir() -> PathBuf {
    PathBuf::from("/journal")
}

fn quiet() -> Options {
    Options { keep_interval: Duration::from_secs(3600), ..options(&dir()) }
}

/// Every kind of record and value; the same at each call.
fn everything() -> Vec<Record> {
    let points = shape(1, 7);
    let text = |n: i64| Value::Text(format!("state {}", n / 2).into());
    let mut records: Vec<Record> = Vec::new();
    let mut declaration =
        Declaration::new(model::Path::new("acme/leeds/filler/speed").unwrap(), ValueType::F64);
    declaration.unit = "/min".into();
    declaration.states.insert(1, "Execute".into());
    records.push(Record::Declare(vec![(PointId(1), Arc::new(declaration))].into()));
    for n in 0..4_i64 {
        let at = Time(1_700_000_000_000_000_000 + n * 1_000_000_123);
        let values = vec![
            Value::Bool(n % 2 == 0),
            Value::I64(-5 * n),
            Value::U64(u64::MAX - n as u64),
            Value::F64(20.5 + n as f64),
            text(n),
            Value::Bytes(vec![n as u8; 3].into()),
            if n == 2 { Value::None } else { Value::I64(i64::MIN) },
        ];
        let mut batch = Batch::polled(points.clone(), at, Each::All(Status::GOOD), values);
        if n == 1 {
            batch.status = Each::Rows((0..7).map(|r| Status(r * 0x0100_0000)).collect());
            batch.source = Some(Each::All(Time(at.0 - 77)));
            batch.flags.historical = true;
        }
        if n == 2 {
            batch.time = Each::Rows((0..7).map(|r| Time(at.0 - r * 5)).collect());
            batch.source = Some(Each::Rows((0..7).map(|r| Time(at.0 + r * 9)).collect()));
            batch.status = Each::All(Status::BAD_COMMUNICATION_ERROR);
        }
        records.push(Record::Samples(Arc::new(batch)));
    }
    records.push(Record::Event(Arc::new(Event::info(
        EventKind::Alarm,
        "a/1",
        "test",
        Time(5),
        "Filler stopped",
    ))));
    records.push(Record::Mark("end".into()));
    records
}

fn written(records: &[Record]) -> SimDisk {
    let disk = SimDisk::new(1);
    let clock = ManualClock::new(Time(1_700_000_000_000_000_000));
    let (journal, _) = Journal::open(quiet(), disk.shared(), clock).unwrap();
    journal.numbers().assign(&[(model::Path::new("acme/leeds/filler/speed").unwrap(), vec![])]).unwrap();
    for record in records {
        journal.append(record.clone());
    }
    journal.flush().unwrap();
    // As after `kill -9`: what is on disk now, without a proper end.
    disk.copy(2)
}

fn raw_file() -> PathBuf {
    dir().join("0000000000000001.raw")
}

/// Debug texts compare NaN and all else that matters.
fn texts(items: &[Item]) -> Vec<String> {
    items.iter().map(|item| format!("{item:?}")).map(|t| strip_shape_id(&t)).collect()
}

/// Shapes are numbered per process.
fn strip_shape_id(text: &str) -> String {
    match text.split_once("Shape { id: ") {
        Some((head, tail)) => format!("{head}Shape {{ {}", tail.split_once(',').unwrap().1),
        None => text.to_owned(),
    }
}

fn expected(records: &[Record]) -> Vec<String> {
    let item = |(n, record): (usize, &Record)| Item::Record {
        position: Position::new(1, n as u64 + 1),
        record: record.clone(),
    };
    texts(&records.iter().enumerate().map(item).collect::<Vec<_>>())
}

/// Opens, reads everything, and returns it with all notices.
fn reopen(disk: &SimDisk) -> (Vec<Item>, Vec<Notice>) {
    let (journal, recovered) = Journal::open(quiet(), disk.shared(), clock()).unwrap();
    let mut items = Vec::new();
    let mut reader = journal.reader(Position::START);
    while let Some(item) = reader.try_next() {
        items.push(item);
    }
    let notices = recovered.notices.into_iter().chain(journal.take_notices()).collect();
    (items, notices)
}

#[test]
fn torn_at_every_byte_of_the_last_frame() {
    let records = everything();
    let all = expected(&records);
    let full = written(&records).content(&raw_file()).unwrap().len();
    let short = written(&records[..records.len() - 2]).content(&raw_file()).unwrap().len();
    assert!(full - short > 50);
    for cut in short..=full {
        let disk = written(&records);
        disk.damage(&raw_file(), |bytes| bytes.truncate(cut));
        let (items, notices) = reopen(&disk);
        let whole = texts(&items);
        assert_eq!(whole, all[..whole.len()]);
        match notices.as_slice() {
            [] => assert!(whole.len() >= records.len() - 2),
            [Notice::TornTail { bytes, .. }] => assert!(*bytes > 0 && whole.len() < records.len()),
            other => panic!("cut at {cut}: {other:?}"),
        }
        let (again, notices) = reopen(&disk);
        assert_eq!((texts(&again), notices), (whole, vec![]), "what was cut off stays cut off");
    }
}

#[test]
fn a_flipped_bit_is_found_in_every_byte_of_a_raw_file() {
    let records = everything();
    let all = expected(&records);
    let base = written(&records);
    for at in 0..base.content(&raw_file()).unwrap().len() {
        let disk = base.copy(at as u64);
        disk.damage(&raw_file(), |bytes| bytes[at] ^= 1 << (at % 8));
        let (items, notices) = reopen(&disk);
        assert!(!notices.is_empty(), "byte {at}");
        for text in texts(&items) {
            assert!(all.contains(&text) || text.starts_with("Gap"), "byte {at}: {text}");
        }
        if notices.iter().any(|n| matches!(n, Notice::CorruptFile { .. })) {
            assert!(disk.files().iter().any(|f| f.to_string_lossy().ends_with(".corrupt")));
        }
    }
}

fn sealed() -> (SimDisk, PathBuf, Vec<String>) {
    let records = everything();
    let disk = written(&records);
    let (journal, _) = Journal::open(quiet(), disk.shared(), clock()).unwrap();
    journal.cursor("pin", Start::Oldest).unwrap();
    journal.keep();
    drop(journal);
    let path = raw_file().with_extension("zst");
    assert!(disk.content(&path).is_some(), "{:?}", disk.files());
    assert!(disk.content(&raw_file()).is_none());
    (disk, path, expected(&records))
}

#[test]
fn a_flipped_bit_is_found_in_every_byte_of_a_sealed_file() {
    let (base, path, all) = sealed();
    assert_eq!(texts(&reopen(&base.copy(1)).0), all);
    for at in 0..base.content(&path).unwrap().len() {
        let disk = base.copy(at as u64);
        disk.damage(&path, |bytes| bytes[at] ^= 1 << (at % 8));
        let (items, notices) = reopen(&disk);
        assert!(!notices.is_empty(), "byte {at}");
        for text in texts(&items) {
            assert!(all.contains(&text) || text.starts_with("Gap"), "byte {at}: {text}");
        }
    }
}

#[test]
fn damage_in_one_block_leaves_the_others() {
    let disk = SimDisk::new(1);
    let shape = shape(1, 1000);
    let (journal, _) = Journal::open(quiet(), disk.shared(), clock()).unwrap();
    journal.cursor("pin", Start::Oldest).unwrap();
    let mut n = 0;
    while disk.content(&raw_file()).unwrap().len() < 10_000_000 {
        for _ in 0..50 {
            // Values that move far each time, so that blocks fill quickly.
            n += 1;
            journal.append(numbered(&shape, n * 7_919_777 % 1_000_000_007));
        }
        journal.flush().unwrap();
    }
    drop(journal);
    disk.damage(&raw_file(), |bytes| bytes[1_000_000] ^= 4);
    let (journal, recovered) = Journal::open(quiet(), disk.shared(), clock()).unwrap();
    assert!(matches!(recovered.notices.as_slice(), [Notice::CorruptRange { .. }]), "{:?}", recovered.notices);
    let check = |journal: &Journal| {
        let mut reader = journal.reader(Position::START);
        let (mut records, mut missing) = (0, None);
        while let Some(item) = reader.try_next() {
            match item {
                Item::Record { .. } => records += 1,
                Item::Gap { from, to, samples } => {
                    assert_eq!(
                        samples,
                        Some((to.seq() - from.seq() + 1) * 1000),
                        "the size of the gap is known"
                    );
                    assert_eq!(missing.replace(to.seq() - from.seq() + 1), None, "one gap");
                }
            }
        }
        let missing = missing.unwrap();
        assert_eq!(records + missing, n as u64);
        assert!(missing * 2 < n as u64 && records > 100, "{missing} of {n}");
    };
    check(&journal);
    journal.keep();
    assert!(disk.content(&raw_file().with_extension("zst")).is_some());
    assert!(
        disk.content(&raw_file().with_extension("raw.corrupt")).is_some(),
        "the damaged original is kept"
    );
    check(&journal);
}

#[test]
fn flipped_bits_in_catalogue_cursors_and_snapshots_are_survived() {
    let disk = SimDisk::new(1);
    let paths: Vec<_> = (1..5).map(|n| (model::Path::new(&format!("a/p{n}")).unwrap(), vec![])).collect();
    {
        let (journal, _) = Journal::open(quiet(), disk.shared(), clock()).unwrap();
        let ids = journal.numbers().assign(&paths).unwrap();
        let declare = |(path, _): &(model::Path, _)| Arc::new(Declaration::new(path.clone(), ValueType::I64));
        let list: Vec<_> = ids.into_iter().zip(paths.iter().map(declare)).collect();
        journal.append(Record::Declare(list.into()));
        let shape = shape(1, 4);
        for n in 0..20 {
            journal.append(numbered(&shape, n));
        }
        journal.flush().unwrap();
        let cursor = journal.cursor("c", Start::Oldest).unwrap();
        cursor.acknowledge(Position::new(1, 7));
        journal.close().unwrap();
    }
    for name in ["numbers.log", "cursors.log", "last.snap", "declared.snap"] {
        let path = dir().join(name);
        for at in 0..disk.content(&path).unwrap().len() {
            let disk = disk.copy(at as u64);
            disk.damage(&path, |bytes| bytes[at] ^= 1 << (at % 8));
            let (journal, recovered) = Journal::open(quiet(), disk.shared(), clock()).unwrap();
            assert!(!recovered.notices.is_empty(), "{name} byte {at}");
            assert_eq!(
                journal.numbers().assign(&paths).unwrap(),
                (1..5).map(PointId).collect::<Vec<_>>(),
                "{name} {at}"
            );
            let fresh = [(model::Path::new("a/new").unwrap(), vec![])];
            assert_eq!(journal.numbers().assign(&fresh).unwrap(), [PointId(5)]);
            assert_eq!(recovered.last.len(), 4);
            assert!(recovered.last.iter().all(|(id, l)| l.value == Value::I64(19_000 + i64::from(id.0) - 1)));
            assert_eq!(recovered.declarations.len(), 4);
            let cursor = journal.cursor("c", Start::Oldest).unwrap();
            assert!([0, 7].contains(&cursor.position().seq()), "{name} byte {at}: {}", cursor.position());
        }
    }
}

/// The version with a sound checksum, as a newer program would write it.
fn as_newer(bytes: &mut [u8]) {
    bytes[8..10].copy_from_slice(&99_u16.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..60]);
    bytes[60..64].copy_from_slice(&crc.to_le_bytes());
}

#[test]
fn a_newer_format_is_refused_in_words() {
    let (disk, sealed_path, _) = sealed();
    let (journal, _) = Journal::open(quiet(), disk.shared(), clock()).unwrap();
    journal.append(Record::Mark("so that there is a snapshot".into()));
    journal.close().unwrap();
    let raw = disk.files().into_iter().find(|f| f.extension().is_some_and(|e| e == "raw")).unwrap();
    for path in [sealed_path, dir().join("last.snap"), raw] {
        let disk = disk.copy(1);
        assert!(disk.content(&path).is_some(), "{path:?} in {:?}", disk.files());
        disk.damage(&path, |bytes| as_newer(bytes));
        let files = disk.files();
        let error = Journal::open(quiet(), disk.shared(), clock()).err().expect("must be refused");
        assert!(matches!(error, JournalError::NewerFormat { found: 99, .. }), "{error}");
        assert!(error.to_string().contains("newer Ironbridge"), "{error}");
        assert_eq!(disk.files(), files, "and nothing is touched");
    }
    let disk = disk.copy(2);
    let line = "ironbridge-numbers 2";
    let line = format!("{:08x} {line}\n", crc32c::crc32c(line.as_bytes()));
    disk.damage(&dir().join("numbers.log"), |bytes| *bytes = line.clone().into_bytes());
    let error = Journal::open(quiet(), disk.shared(), clock()).err().expect("must be refused");
    assert!(error.to_string().contains("numbers.log"), "{error}");
}

/// `fixtures/v1.raw` and `fixtures/v1.zst` were written by version 1 of the format. If the first comparison fails,
/// the format has changed: raise the version, keep reading the old one, and add a fixture for the new one
/// (`JOURNAL_FIXTURES=write cargo test -p journal fixture`).
#[test]
fn the_format_is_that_of_the_fixture() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let (disk, sealed_path, all) = sealed();
    let raw = written(&everything()).content(&raw_file()).unwrap();
    if std::env::var("JOURNAL_FIXTURES").is_ok() {
        std::fs::create_dir_all(&fixtures).unwrap();
        std::fs::write(fixtures.join("v1.raw"), &raw).unwrap();
        std::fs::write(fixtures.join("v1.zst"), disk.content(&sealed_path).unwrap()).unwrap();
    }
    let fixture = std::fs::read(fixtures.join("v1.raw")).unwrap();
    assert!(
        raw == fixture,
        "the bytes written for the same records have changed: this is a new format version"
    );
    for (name, path) in [("v1.raw", raw_file()), ("v1.zst", sealed_path)] {
        let disk = written(&[]);
        let bytes = std::fs::read(fixtures.join(name)).unwrap();
        journal::Disk::remove(&disk, &raw_file()).unwrap();
        let file = journal::Disk::open(&disk, &path, journal::disk::Open::Create).unwrap();
        file.write_at(&bytes, 0).unwrap();
        let (items, notices) = reopen(&disk);
        assert_eq!((texts(&items), notices), (all.clone(), vec![]), "{name}");
    }
}
