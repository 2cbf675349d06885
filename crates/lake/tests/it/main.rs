//! Tables read by programs that nobody here wrote: pyiceberg and DuckDB, row by row.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing
)]

use futures_util::TryStreamExt;
use lake::{EventRows, Kind, LakeError, Place, Reader, SampleRows, Table, Tidy, Wanted, Whereabouts};
use model::{Event, EventKind, Position, Status, SystemClock, Time, Value};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

mod reader;
mod store;
mod tls;

use reader::{python, seen};
use store::Store;

const DAY: i64 = 86_400_000_000_000;
const NOW: Time = Time(1_795_000_000_000_000_000);

fn open(dir: &Path) -> Place {
    Place::open(&Whereabouts::Folder(dir.into()), None, true).unwrap()
}

/// Some samples of two points, from a position on, a second apart.
fn samples(first: u64, count: u64, day: i64) -> SampleRows {
    let mut rows = SampleRows::default();
    for n in first..first + count {
        let time = Time(day * DAY + n as i64 * 1_000_000_000 + 123);
        let received = Time(time.0 + 5_000);
        let (seq, n) = (Position::new(1, n), n as i64);
        rows.add("acme/leeds/b/number", (time, received), seq, (Status::GOOD, &Value::I64(n)), false);
        let (status, value) = match n % 4 {
            0 => (Status::BAD_SENSOR_FAILURE, Value::F64(7.0)),
            1 => (Status::GOOD, Value::F64(f64::from(n as i32) / 3.0)),
            2 => (Status::GOOD, Value::from("läuft")),
            _ => (Status::GOOD, Value::Bool(true)),
        };
        rows.add("acme/leeds/a/mixed", (time, received), seq, (status, &value), n % 2 == 0);
    }
    rows
}

/// What a reader must say of [`samples`].
fn expected(first: u64, count: u64, day: i64) -> Vec<Json> {
    let mut all = Vec::new();
    for n in first..first + count {
        let time = (day * DAY + n as i64 * 1_000_000_000) / 1_000;
        let one = |path: &str, value: Json, int: Json, text: Json, status: Status, historical: bool| {
            serde_json::json!({
                "path": path, "time": time, "received": time + 5, "seq": Position::new(1, n).as_i64(), "value": value,
                "value_int": int, "value_text": text, "good": status.is_good(), "quality": status.name(),
                "status": status.0, "historical": historical, "nanos": 123,
            })
        };
        let i = n as i64;
        all.push(one("acme/leeds/b/number", (i as f64).into(), i.into(), Json::Null, Status::GOOD, false));
        let (status, value, int, text) = match i % 4 {
            0 => (Status::BAD_SENSOR_FAILURE, Json::Null, Json::Null, Json::Null),
            1 => {
                let value = f64::from(i as i32) / 3.0;
                let int = if value.fract() == 0.0 { (value as i64).into() } else { Json::Null };
                (Status::GOOD, value.into(), int, Json::Null)
            }
            2 => (Status::GOOD, Json::Null, Json::Null, "läuft".into()),
            _ => (Status::GOOD, 1.0.into(), 1.into(), Json::Null),
        };
        all.push(one("acme/leeds/a/mixed", value, int, text, status, i % 2 == 0));
    }
    sorted(all)
}

fn sorted(mut rows: Vec<Json>) -> Vec<Json> {
    rows.sort_by_key(|row| (row["path"].to_string(), row["time"].as_i64(), row["seq"].as_i64()));
    rows
}

fn check(dir: &Path, expected: &[Json]) -> Option<Json> {
    compare(&seen(dir.join("samples"), None)?, expected)
}

/// Both see exactly these rows; what pyiceberg says besides.
fn compare(all: &Json, expected: &[Json]) -> Option<Json> {
    for engine in ["duckdb", "pyiceberg"] {
        let rows = all[engine]["rows"].as_array().unwrap_or_else(|| panic!("{engine}: {}", all[engine]));
        let rows = sorted(rows.clone());
        assert_eq!(rows.len(), expected.len(), "{engine}");
        for (row, expected) in rows.iter().zip(expected) {
            assert_eq!(row, expected, "{engine}");
        }
    }
    Some(all["pyiceberg"].clone())
}

#[tokio::test]
async fn every_row_is_read_by_duckdb_and_pyiceberg() {
    let dir = tempfile::tempdir().unwrap();
    let place = open(dir.path());
    assert!(Table::open(&place, Kind::Samples).await.unwrap().is_none());
    let mut table = Table::make(&place, Kind::Samples).await.unwrap();
    assert_eq!(table.delivered("acme/leeds:lake"), None);
    let at = |n| Position::new(1, n);
    let done = table.add_samples(samples(0, 50, 20_000), "acme/leeds:lake", at(49), NOW).await.unwrap();
    assert_eq!((done.rows, done.files), (100, 1));
    table.add_samples(samples(50, 50, 20_001), "acme/leeds:lake", at(99), NOW).await.unwrap();
    let again = Table::open(&place, Kind::Samples).await.unwrap().unwrap();
    assert_eq!(again.delivered("acme/leeds:lake"), Some(at(99)));
    assert_eq!(again.delivered("acme/york:lake"), None);
    let mut all = expected(0, 50, 20_000);
    all.extend(expected(50, 50, 20_001));
    let Some(said) = check(dir.path(), &sorted(all)) else { return };
    assert_eq!((said["files"].as_i64(), said["snapshots"].as_i64()), (Some(2), Some(2)));
    assert!(said["partition"].as_str().unwrap().contains("time_day: day(2)"), "{}", said["partition"]);
    assert_eq!(said["summary"]["total-records"], "200");
    assert_eq!((&said["types"]["time"], &said["types"]["nanos"]), (&"timestamptz".into(), &"int".into()));
}

#[tokio::test]
async fn two_writers_at_once_lose_nothing_and_each_knows_how_far_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let place = open(dir.path());
    let mut first = Table::make(&place, Kind::Samples).await.unwrap();
    let mut second = Table::make(&place, Kind::Samples).await.unwrap();
    let write = async |table: &mut Table, name: &str, from: u64| {
        for n in (from..from + 50).step_by(10) {
            table.add_samples(samples(n, 10, 20_000), name, Position::new(1, n + 9), NOW).await.unwrap();
        }
    };
    tokio::join!(write(&mut first, "a", 0), write(&mut second, "b", 100));
    let table = Table::open(&place, Kind::Samples).await.unwrap().unwrap();
    assert_eq!(table.delivered("a"), Some(Position::new(1, 49)));
    assert_eq!(table.delivered("b"), Some(Position::new(1, 149)));
    let mut all = expected(0, 50, 20_000);
    all.extend(expected(100, 50, 20_000));
    let Some(said) = check(dir.path(), &sorted(all)) else { return };
    assert_eq!(said["snapshots"], 10);
}

#[tokio::test]
async fn small_files_become_one_and_what_nothing_names_goes() {
    let dir = tempfile::tempdir().unwrap();
    let place = open(dir.path());
    let mut table = Table::make(&place, Kind::Samples).await.unwrap();
    for n in 0..20 {
        let mark = Position::new(1, n * 5 + 4);
        table.add_samples(samples(n * 5, 5, 20_000), "a", mark, NOW).await.unwrap();
    }
    let files = || walk(&dir.path().join("samples/data"));
    let orphan = dir.path().join("samples/data/ib-orphan.parquet");
    std::fs::write(&orphan, "of a commit that never was").unwrap();
    let foreign = dir.path().join("samples/data/part-00000.parquet");
    std::fs::write(&foreign, "of somebody else").unwrap();
    assert_eq!(files(), 22);
    let bounded = Tidy { rows_at_once: 35, ..Tidy::default() };
    assert_eq!(table.compact(&bounded, NOW).await.unwrap().merged, 3, "three of ten rows fit in");
    let tidied = table.compact(&Tidy::default(), NOW).await.unwrap();
    assert_eq!(tidied.merged, 18);
    assert_eq!(table.compact(&Tidy::default(), NOW).await.unwrap().merged, 0, "nothing is left to do");
    assert_eq!(table.delivered("a"), Some(Position::new(1, 99)), "how far we are is kept");
    if let Some(said) = check(dir.path(), &expected(0, 100, 20_000)) {
        assert_eq!((said["files"].as_i64(), said["snapshots"].as_i64()), (Some(1), Some(22)));
    }
    // Old snapshots still read old files; with them gone, the files go too.
    let later = Time(SystemClock::shared().now().0 + 2 * DAY);
    let patient = Tidy { orphans: Duration::from_secs(3_650 * 86_400), ..Tidy::default() };
    let tidied = table.sweep(&patient, later).await.unwrap();
    assert_eq!((tidied.expired, tidied.removed), (21, 0), "younger than the bound: nothing is removed");
    let swept =
        table.sweep(&Tidy { orphans: Duration::ZERO, ..Tidy::default() }, Time(i64::MAX)).await.unwrap();
    assert!(swept.removed > 40, "{swept:?}");
    assert!(!orphan.exists() && foreign.exists());
    assert_eq!(files(), 2);
    if let Some(said) = check(dir.path(), &expected(0, 100, 20_000)) {
        assert_eq!(said["snapshots"], 1);
    }
    // And it goes on growing.
    table.add_samples(samples(100, 5, 20_000), "a", Position::new(1, 104), later).await.unwrap();
    check(dir.path(), &expected(0, 105, 20_000));
}

fn walk(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    entries.map(|one| if one.path().is_dir() { walk(&one.path()) } else { 1 }).sum()
}

#[tokio::test]
async fn many_commits_keep_few_manifests() {
    let dir = tempfile::tempdir().unwrap();
    let place = open(dir.path());
    let mut table = Table::make(&place, Kind::Samples).await.unwrap();
    for n in 0..70 {
        let mark = Position::new(1, n);
        table.add_samples(samples(n, 1, 20_000 + n as i64), "a", mark, NOW).await.unwrap();
    }
    let reader = Reader::open(&place, Kind::Samples).await.unwrap().unwrap();
    let (found, all) = reader.files(&Wanted::all()).await.unwrap();
    assert_eq!((found.len(), all), (70, 70));
    let mut all = Vec::new();
    (0..70).for_each(|n| all.extend(expected(n, 1, 20_000 + n as i64)));
    check(dir.path(), &sorted(all));
}

#[tokio::test]
async fn only_files_that_can_matter_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let place = open(dir.path());
    assert!(Reader::open(&place, Kind::Samples).await.unwrap().is_none());
    let mut table = Table::make(&place, Kind::Samples).await.unwrap();
    for day in 0..5 {
        let mark = Position::new(1, day as u64);
        table.add_samples(samples(0, 10, 20_000 + day), "a", mark, NOW).await.unwrap();
    }
    let reader = Reader::open(&place, Kind::Samples).await.unwrap().unwrap();
    let day = |n: i64| n * DAY;
    let mut wanted = Wanted { from: day(20_002), to: day(20_003), paths: None };
    let (found, all) = reader.files(&wanted).await.unwrap();
    assert_eq!((found.len(), all), (1, 5));
    wanted.paths = Some(BTreeSet::from(["acme/leeds/zzz".to_owned()]));
    assert!(reader.files(&wanted).await.unwrap().0.is_empty());
    wanted.paths = Some(BTreeSet::from(["acme/leeds/b/number".to_owned()]));
    let (found, _) = reader.files(&wanted).await.unwrap();
    let rows: Vec<_> =
        reader.rows(&found[0], &wanted, &[3, 0]).await.unwrap().try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(rows.iter().map(|batch| batch.num_rows()).sum::<usize>(), 20);
    let schema = rows[0].schema();
    assert_eq!(schema.fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>(), ["seq", "path"]);
}

#[tokio::test]
async fn a_table_that_was_deleted_or_put_back_tells() {
    let dir = tempfile::tempdir().unwrap();
    let place = open(dir.path());
    let mut table = Table::make(&place, Kind::Samples).await.unwrap();
    let mark = |n| Position::new(1, n);
    table.add_samples(samples(0, 5, 20_000), "a", mark(4), NOW).await.unwrap();
    let kept = dir.path().join("kept");
    copy(&dir.path().join("samples"), &kept);
    table.add_samples(samples(5, 5, 20_000), "a", mark(9), NOW).await.unwrap();
    // Put back to an older state.
    std::fs::remove_dir_all(dir.path().join("samples")).unwrap();
    copy(&kept, &dir.path().join("samples"));
    let back = Table::open(&place, Kind::Samples).await.unwrap().unwrap();
    assert_eq!(back.delivered("a"), Some(mark(4)));
    let error = table.add_samples(samples(10, 5, 20_000), "a", mark(14), NOW).await.unwrap_err();
    assert!(matches!(error, LakeError::Gone(_)), "{error}");
    // Gone altogether.
    std::fs::remove_dir_all(dir.path().join("samples")).unwrap();
    let error = table.add_samples(samples(10, 5, 20_000), "a", mark(14), NOW).await.unwrap_err();
    assert!(matches!(error, LakeError::Gone(_)), "{error}");
    assert!(Table::open(&place, Kind::Samples).await.unwrap().is_none());
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

#[tokio::test]
async fn a_changed_column_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let place = open(dir.path());
    Table::make(&place, Kind::Samples).await.unwrap();
    let file = dir.path().join("samples/metadata/v1.metadata.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("\"name\":\"value_text\"", "\"name\":\"words\"")).unwrap();
    let Err(error) = Table::open(&place, Kind::Samples).await else { panic!("it opened") };
    assert!(matches!(&error, LakeError::Unfit(_)));
    assert!(error.to_string().contains("`value_text` is now `words`"), "{error}");
    std::fs::write(&file, "{").unwrap();
    let Err(error) = Table::open(&place, Kind::Samples).await else { panic!("it opened") };
    assert!(error.to_string().contains("cannot be read"), "{error}");
}

#[tokio::test]
async fn events_have_a_table_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let place = open(dir.path());
    let mut table = Table::make(&place, Kind::Events).await.unwrap();
    let mut rows = EventRows::default();
    let mut event = Event::info(EventKind::Alarm, "alarm/1", "acme/leeds/a", NOW, "Too hot");
    rows.add(Position::new(1, 1), Arc::new(event.clone()));
    (event.revision, event.end) = (2, Some(Time(NOW.0 + 5_000_000_000)));
    event.refs = vec!["a".into(), "b".into()];
    rows.add(Position::new(1, 2), Arc::new(event));
    table.add_events(rows, "a", Position::new(1, 2), NOW).await.unwrap();
    let Some(all) = seen(dir.path().join("events"), None) else { return };
    for engine in ["duckdb", "pyiceberg"] {
        let rows = all[engine]["rows"].as_array().unwrap();
        let mut rows: Vec<&Json> = rows.iter().collect();
        rows.sort_by_key(|row| row["revision"].as_i64());
        assert_eq!((rows.len(), &rows[0]["end"]), (2, &Json::Null), "{engine}");
        assert_eq!(rows[1]["end"].as_i64().unwrap() - rows[1]["start"].as_i64().unwrap(), 5_000_000);
        assert_eq!((&rows[1]["kind"], &rows[1]["refs"]), (&"alarm".into(), &"a, b".into()));
    }
}

#[tokio::test]
async fn a_bucket_is_as_good_as_a_folder() {
    let Some(python) = python() else { return };
    let mut store = Store::start(&python);
    let place = store.place();
    let mut table = Table::make(&place, Kind::Samples).await.unwrap();
    let mark = |n| Position::new(1, n);
    for n in 0..20 {
        table.add_samples(samples(n * 5, 5, 20_000), "a", mark(n * 5 + 4), NOW).await.unwrap();
    }
    let table_uri = "s3://plant-data/lake/samples";
    assert_eq!(table.location(), table_uri);
    let said =
        compare(&seen(table_uri, Some(&store.endpoint())).unwrap(), &expected(0, 100, 20_000)).unwrap();
    assert_eq!(said["files"], 20);
    assert_eq!(table.compact(&Tidy::default(), NOW).await.unwrap().merged, 20);
    let swept = table
        .sweep(&Tidy { orphans: Duration::ZERO, snapshots: 1, ..Tidy::default() }, Time(i64::MAX))
        .await
        .unwrap();
    assert!(swept.expired == 20 && swept.removed > 40, "{swept:?}");
    let said =
        compare(&seen(table_uri, Some(&store.endpoint())).unwrap(), &expected(0, 100, 20_000)).unwrap();
    assert_eq!((&said["files"], &said["snapshots"]), (&1.into(), &1.into()));
    // A store that is gone is told so, and nothing hangs.
    store.kill();
    let error = table.add_samples(samples(100, 5, 20_000), "a", mark(104), NOW).await.unwrap_err();
    assert!(matches!(error, LakeError::Unreachable(_)), "{error}");
}

/// Answers are lost on their way at every possible place, once each: nothing is doubled, nothing is missing.
#[tokio::test]
async fn a_lost_answer_never_doubles_a_row() {
    let Some(python) = python() else { return };
    let store = Store::start(&python);
    let through = store.cutting();
    let mut expected_rows = Vec::new();
    Table::make(&store.place(), Kind::Samples).await.unwrap();
    let mut next = 0;
    for cut in 0..12 {
        // As a destination does: until the table says that it has the rows.
        let to = Position::new(1, next + 4);
        through.cut_answer(cut);
        loop {
            let place = through.place();
            let done = async {
                let mut table = Table::open(&place, Kind::Samples).await?.unwrap();
                if table.delivered("a") < Some(to) {
                    table.add_samples(samples(next, 5, 20_000), "a", to, NOW).await?;
                }
                Ok::<_, LakeError>(())
            };
            if done.await.is_ok() {
                break;
            }
        }
        expected_rows.extend(expected(next, 5, 20_000));
        next += 5;
    }
    assert_eq!(through.cuts(), 12, "each answer that was to be cut was cut");
    compare(&seen("s3://plant-data/lake/samples", Some(&store.endpoint())).unwrap(), &sorted(expected_rows));
}

#[tokio::test]
async fn a_store_that_overwrites_is_refused() {
    let Some(python) = python() else { return };
    let store = Store::start(&python);
    let through = store.careless();
    let Err(error) = Table::make(&through.place(), Kind::Samples).await else { panic!("it was taken") };
    assert!(matches!(&error, LakeError::Unfit(_)));
    assert!(error.to_string().contains("If-None-Match"), "{error}");
}
