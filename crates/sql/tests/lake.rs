//! SQL over Iceberg tables: the same columns as `samples`, only files that can matter, only points that one may see.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use journal::{Journal, RealDisk};
use lake::{Opener, Place, SampleRows, Table, Whereabouts};
use model::{Declaration, PointId, Position, Principal, Status, SystemClock, Time, Value};
use serde_json::{Value as Json, json};
use sql::{AssetRow, Catalog, Lakes, LatestRow, Limits, QueryResult, Sql, SqlError};
use std::sync::Arc;
use store::{Options, Store};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;
/// 2026-01-01.
const START: i64 = 1_767_225_600 * SECOND;

struct Only(Lakes);
impl Catalog for Only {
    fn points(&self) -> Vec<(PointId, Arc<Declaration>)> {
        Vec::new()
    }
    fn latest(&self) -> Vec<LatestRow> {
        Vec::new()
    }
    fn assets(&self) -> Vec<AssetRow> {
        Vec::new()
    }
    fn lakes(&self) -> Lakes {
        self.0.clone()
    }
    fn now(&self) -> Time {
        Time(START)
    }
}

struct Lake {
    dir: tempfile::TempDir,
    _journal: Journal,
    sql: Sql,
}

fn opener(dir: std::path::PathBuf) -> Opener {
    Arc::new(move || Place::open(&Whereabouts::Folder(dir.clone()), None, false))
}

/// Five days, two points, a thousand samples of each a day, each day a file of its own.
async fn lake() -> Lake {
    let dir = tempfile::tempdir().unwrap();
    let clock = SystemClock::shared();
    let options = journal::Options::new(dir.path().join("journal"));
    let journal = Journal::open(options, RealDisk::shared(), Arc::clone(&clock)).unwrap().0;
    let options = Options { background: false, ..Options::default() };
    let store = Store::open(dir.path().join("history"), &journal, Arc::clone(&clock), options).unwrap();
    let folder = dir.path().join("lake");
    let place = Place::open(&Whereabouts::Folder(folder.clone()), None, true).unwrap();
    let mut table = Table::make(&place, lake::Kind::Samples).await.unwrap();
    for day in 0..5 {
        let mut rows = SampleRows::default();
        for n in 0..1_000_i64 {
            let time = Time(START + day * DAY + n * SECOND + 7);
            let seq = Position::new(1, (day * 1_000 + n) as u64);
            let status = if n % 10 == 0 { Status::BAD_SENSOR_FAILURE } else { Status::GOOD };
            rows.add("acme/leeds/a/speed", (time, time), seq, (status, &Value::F64(n as f64)), false);
            rows.add("acme/york/b/note", (time, time), seq, (Status::GOOD, &Value::from("läuft")), true);
        }
        table.add_samples(rows, "a", Position::new(1, 999 + day as u64), clock.now()).await.unwrap();
    }
    let lakes =
        vec![("big-lake".to_owned(), opener(folder)), ("empty".to_owned(), opener(dir.path().to_path_buf()))];
    Lake { sql: Sql::new(store, Arc::new(Only(lakes))), dir, _journal: journal }
}

impl Lake {
    async fn ask(&self, sql: &str) -> QueryResult {
        self.sql
            .query(sql, Limits::default(), &Principal::system())
            .await
            .unwrap_or_else(|why| panic!("{sql}: {why}"))
    }

    async fn rows(&self, sql: &str) -> Vec<Json> {
        self.ask(sql).await.json_rows().into_iter().map(Json::from).collect()
    }
}

#[tokio::test]
async fn the_table_is_asked_like_samples() {
    let lake = lake().await;
    assert_eq!(
        lake.rows("select path, count(*), count(value), sum(value), max(value_text) from lake.big_lake group by path order by path").await,
        [
            json!(["acme/leeds/a/speed", 5_000, 4_500, 2_250_000.0, null]),
            json!(["acme/york/b/note", 5_000, 0, null, "läuft"])
        ]
    );
    let columns = lake.ask("select * from lake.big_lake limit 1").await.columns;
    let own = lake.ask("select * from samples limit 1").await.columns;
    assert_eq!(columns, own, "the same columns, of the same types");
    // Nanoseconds are whole: each second has its own 7.
    let exact = "time = timestamp '2026-01-02 00:00:01.000000007Z'";
    assert_eq!(lake.rows(&format!("select count(*) from lake.big_lake where {exact}")).await, [json!([2])]);
}

#[tokio::test]
async fn only_files_of_the_days_and_points_that_are_asked_for_are_read() {
    let lake = lake().await;
    let day = "time >= timestamp '2026-01-03 00:00:00Z' and time < timestamp '2026-01-04 00:00:00Z'";
    let one = lake.ask(&format!("select count(*) from lake.big_lake where {day}")).await;
    assert_eq!((one.json_rows()[0][0].clone(), one.rows_scanned), (json!(2_000), 2_000));
    let none = lake.ask("select count(*) from lake.big_lake where path = 'acme/zzz'").await;
    assert_eq!((none.json_rows()[0][0].clone(), none.rows_scanned), (json!(0), 0));
    let some = lake.ask(&format!("select count(*) from lake.big_lake where path in ('acme/leeds/a/speed', 'acme/leeds/a/none') and {day}")).await;
    assert_eq!((some.json_rows()[0][0].clone(), some.rows_scanned), (json!(1_000), 2_000));
}

#[tokio::test]
async fn a_principal_sees_only_its_own_points() {
    let lake = lake().await;
    let who = Principal { prefix: Some("acme/york".into()), ..Principal::system() };
    for sql in [
        "select count(*) from lake.big_lake",
        "select count(value_int) + count(seq) - count(seq) + count(*) from lake.big_lake",
    ] {
        let found = lake.sql.query(sql, Limits::default(), &who).await.unwrap();
        assert_eq!(found.json_rows()[0][0], json!(5_000), "{sql}");
    }
    let found =
        lake.sql.query("select distinct path from lake.big_lake", Limits::default(), &who).await.unwrap();
    assert_eq!(found.json_rows(), [vec![json!("acme/york/b/note")]]);
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let lake = lake().await;
    let why = |sql: &'static str| async {
        lake.sql.query(sql, Limits::default(), &Principal::system()).await.unwrap_err()
    };
    let error = why("select * from lake.empty").await;
    assert!(matches!(&error, SqlError::Store(text) if text.contains("nothing was committed")), "{error}");
    let error = why("select * from lake.nowhere").await;
    assert!(matches!(&error, SqlError::Query(text) if text.contains("nowhere")), "{error}");
    // A file that somebody removed is named.
    let data = lake.dir.path().join("lake/samples/data");
    std::fs::remove_dir_all(data.join("2026-01-02")).unwrap();
    let error = why("select count(value) from lake.big_lake").await;
    assert!(matches!(&error, SqlError::Store(text) if text.contains("2026-01-02")), "{error}");
    let limits = Limits { time: std::time::Duration::ZERO, ..Limits::default() };
    let error =
        lake.sql.query("select count(*) from lake.big_lake", limits, &Principal::system()).await.unwrap_err();
    assert!(matches!(error, SqlError::Time(_)), "{error}");
}
