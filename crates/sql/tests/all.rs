//! SQL over a small plant, table by table and bound by bound; and against DuckDB where it is at hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use journal::{Journal, RealDisk, Record};
use model::{
    Batch, Declaration, Each, Event, EventKind, Path, PointId, Principal, Shape, Status, SystemClock, Time,
    Value, ValueType,
};
use serde_json::{Value as Json, json};
use sql::postgres::{Identity, Statement};
use sql::{Format, Limits, Sql, SqlError, StoreCatalog};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Options, Store};

const SECOND: i64 = 1_000_000_000;
/// 2026-01-01.
const START: i64 = 1_767_225_600 * SECOND;

struct Plant {
    dir: tempfile::TempDir,
    store: Store,
    _journal: Journal,
    sql: Sql,
}

/// Two machines: `acme/leeds/a` with speed, level, state, note and `acme/york/b` with speed; an hour, once a second.
fn plant() -> Plant {
    let dir = tempfile::tempdir().unwrap();
    let clock = SystemClock::shared();
    let journal = Journal::open(
        journal::Options::new(dir.path().join("journal")),
        RealDisk::shared(),
        Arc::clone(&clock),
    )
    .unwrap()
    .0;
    let options = Options { background: false, ..Options::default() };
    let store = Store::open(dir.path().join("history"), &journal, clock, options).unwrap();
    let names = [
        "acme/leeds/a/speed",
        "acme/leeds/a/level",
        "acme/leeds/a/state",
        "acme/leeds/a/note",
        "acme/york/b/speed",
    ];
    let types = [ValueType::F64, ValueType::F64, ValueType::I64, ValueType::Text, ValueType::F64];
    let declare = |(at, (name, kind)): (usize, (&&str, ValueType))| {
        let mut declaration = Declaration::new(Path::new(name).unwrap(), kind);
        declaration.unit = "/min".into();
        (PointId(at as u32 + 1), Arc::new(declaration))
    };
    let all: Vec<_> = names.iter().zip(types).enumerate().map(declare).collect();
    journal.append(Record::Declare(all.into()));
    let (a, b) = (Shape::new((1..5).map(PointId).collect::<Vec<_>>()), Shape::new(vec![PointId(5)]));
    for i in 0..3600i64 {
        let time = Time(START + i * SECOND);
        let bad = i % 100 == 7;
        let values = vec![
            Value::F64(i as f64 / 10.0),
            if bad { Value::None } else { Value::F64((i as f64).sin()) },
            Value::I64(i / 900),
            Value::Text(format!("n{}", i % 3).into()),
        ];
        let level = if bad { Status::BAD_SENSOR_FAILURE } else { Status::GOOD };
        let status = Each::Rows(vec![Status::GOOD, level, Status::GOOD, Status::GOOD].into());
        journal.append(Record::Samples(Arc::new(Batch::polled(Arc::clone(&a), time, status, values))));
        journal.append(Record::Samples(Arc::new(Batch::polled(
            Arc::clone(&b),
            time,
            Each::All(Status::GOOD),
            vec![Value::F64(-1.0)],
        ))));
        if i == 1800 {
            store.flush();
        }
    }
    let event = Event::info(EventKind::Alarm, "e1", "acme/leeds/a", Time(START), "Filler stopped");
    journal.append(Record::Event(Arc::new(event)));
    store.flush();
    let sql =
        Sql::new(store.clone(), Arc::new(StoreCatalog::new(store.clone(), Time(START + 3700 * SECOND))));
    Plant { dir, store, _journal: journal, sql }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn ask(plant: &Plant, sql: &str) -> Result<Vec<Vec<Json>>, SqlError> {
    run(plant.sql.query(sql, Limits::default(), &Principal::system())).map(|r| r.json_rows())
}

fn leeds() -> Principal {
    Principal { prefix: Some("acme/leeds".into()), ..Principal::system() }
}

#[test]
fn answers() {
    let plant = plant();
    let ms = START / 1_000_000;
    let cases: Vec<(&str, Json)> = vec![
        ("select count(*) from samples", json!([[18000]])),
        (
            "select count(*), count(value), avg(value) from samples where path = 'acme/york/b/speed'",
            json!([[3600, 3600, -1.0]]),
        ),
        (
            "select count(*) n, count(value) v from samples where path = 'acme/leeds/a/level'",
            json!([[3600, 3564]]),
        ),
        (
            "select time, value, value_int, good, quality, status, historical, received = time from samples \
             where path = 'acme/leeds/a/speed' and time >= '2026-01-01T00:10:00Z' order by time limit 1",
            json!([[ms as f64 + 600_000.0, 60.0, 60, true, "Good", 0, false, true]]),
        ),
        (
            "select quality, count(*) from samples where path like '%level' group by quality order by 1",
            json!([["BadSensorFailure", 36], ["Good", 3564]]),
        ),
        (
            "select time_bucket('15 minutes', time) b, max(value_int) from samples where path = 'acme/leeds/a/state' group by b order by b",
            json!([[ms as f64, 0], [ms as f64 + 900e3, 1], [ms as f64 + 1800e3, 2], [ms as f64 + 2700e3, 3]]),
        ),
        (
            "select first_value(value order by time), last_value(value order by time) from samples \
             where path in ('acme/leeds/a/speed') and time between '2026-01-01T00:00:10Z' and '2026-01-01T00:00:20Z'",
            json!([[1.0, 2.0]]),
        ),
        (
            "select value_text, count(*) from samples where path = 'acme/leeds/a/note' group by 1 order by 1 limit 1",
            json!([["n0", 1200]]),
        ),
        (
            "select path, value, quality, age_seconds from latest where path like 'acme/%/speed' order by path",
            json!([["acme/leeds/a/speed", 359.9, "Good", 101.0], ["acme/york/b/speed", -1.0, "Good", 101.0]]),
        ),
        ("select count(*), min(type), max(unit) from points", json!([[5, "f64", "/min"]])),
        ("select count(*) from assets", json!([[0]])),
        ("select id, kind, state, title from events", json!([["e1", "alarm", "info", "Filler stopped"]])),
        (
            "select count, good, min, max, avg from rollup_1h where path = 'acme/york/b/speed'",
            json!([[3600, 3600, -1.0, -1.0, -1.0]]),
        ),
        (
            "select count(*), sum(count) from rollup_1m where path = 'acme/leeds/a/speed' and time < '2026-01-01T00:30:00Z'",
            json!([[30, 1800]]),
        ),
        (
            "select s.path, p.unit from samples s join points p on p.path = s.path where s.time = '2026-01-01T00:00:00Z' order by 1 limit 1",
            json!([["acme/leeds/a/level", "/min"]]),
        ),
        (
            "select 9007199254740993 a, cast('NaN' as double) b, null c",
            json!([["9007199254740993", "NaN", null]]),
        ),
        ("select count(*) from information_schema.tables where table_schema = 'public'", json!([[7]])),
    ];
    for merged in [false, true] {
        if merged {
            plant.store.compact().unwrap();
        }
        for (sql, want) in &cases {
            let got = ask(&plant, sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
            assert_eq!(json!(got), *want, "{sql} (merged: {merged})");
        }
    }
}

#[test]
fn functions_of_a_historian() {
    let plant = plant();
    let cases: Vec<(&str, Json)> = vec![
        (
            "select round(time_average(value, time), 3), counted(value, time), first(value, time), last(value, time) from samples \
             where path = 'acme/leeds/a/speed' and time < '2026-01-01T00:00:10Z'",
            json!([[0.45, 0.9, 0.0, 0.9]]),
        ),
        (
            "select count(*), min(value), max(value), bool_and(good) from \
             history('acme/york/b/speed', 'time_average2', '2026-01-01T00:00:00Z', '2026-01-01T00:59:00Z', '15 minutes')",
            json!([[4, -1.0, -1.0, true]]),
        ),
        (
            "select path, round(value, 2), quality from \
             history('acme/leeds/a/%', 'percent_good', '2026-01-01T00:00:00Z', '2026-01-01T00:59:00Z', interval '59 minutes') \
             where path like '%level'",
            json!([["acme/leeds/a/level", 98.98, "Good"]]),
        ),
        (
            "select round(percentile_cont(0.9) within group (order by value), 3), median(value) from samples \
             where path = 'acme/leeds/a/speed' and time < '2026-01-01T00:00:11Z'",
            json!([[0.9, 0.5]]),
        ),
        // A gap of a bad second is filled along the line between its neighbours, and says so.
        (
            "select round(value * 1000), quality from \
             history('acme/leeds/a/level', 'interpolative', '2026-01-01T00:00:07Z', '2026-01-01T00:00:08Z', '1 second')",
            json!([[355.0, "UncertainDataSubNormal"]]),
        ),
    ];
    for (sql, want) in &cases {
        let got = ask(&plant, sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert_eq!(json!(got), *want, "{sql}");
    }
}

#[test]
fn only_what_is_asked_for_is_read() {
    let plant = plant();
    plant.store.compact().unwrap();
    let scanned =
        |sql: &str| run(plant.sql.query(sql, Limits::default(), &Principal::system())).unwrap().rows_scanned;
    assert_eq!(scanned("select avg(value) from samples where path = 'acme/york/b/speed'"), 3600);
    let narrow =
        "select avg(value) from samples where path = 'acme/york/b/speed' and time >= '2026-01-01T00:59:00Z'";
    assert_eq!(scanned(narrow), 60);
    assert_eq!(
        scanned("select avg(value) from samples where path in ('acme/york/b/speed', 'acme/leeds/a/speed')"),
        7200
    );
    assert_eq!(scanned("select avg(value) from samples where path like 'acme/york/%'"), 3600);
    assert_eq!(scanned("select avg(value) from samples where time > now()"), 0);
}

#[test]
fn nothing_can_be_changed_and_errors_are_words() {
    let plant = plant();
    for sql in [
        "drop table samples",
        "create table x as select 1",
        "insert into samples values (1)",
        "delete from samples",
        "update points set unit = 'x'",
        "copy samples to '/tmp/x.csv'",
        "set datafusion.execution.batch_size = 1",
        "create external table x stored as parquet location '/etc'",
    ] {
        let error = ask(&plant, sql).unwrap_err();
        let refused = matches!(error, SqlError::ReadOnly(_) | SqlError::Query(_));
        assert!(refused, "{sql}: {error:?}");
    }
    for (sql, word) in
        [("selec 1", "SQL"), ("select speed from samples", "speed"), ("select * from sample", "sample")]
    {
        let error = ask(&plant, sql).unwrap_err().to_string();
        assert!(error.contains(word) && !error.to_lowercase().contains("datafusion"), "{sql}: {error}");
    }
    assert!(!std::path::Path::new("/tmp/x.csv").exists());
    for (sql, word) in [
        ("select time_bucket('soon', time) from samples", "1 minute"),
        ("select * from history('a', 'mean', now(), now(), '1m')", "there is no aggregate `mean`; there are"),
        ("select * from history('a', 'average', now(), now(), '1m')", "behind its start"),
        ("select * from history('a', 'average', now() - interval '300 days', now(), '1 ms')", "larger width"),
        ("select * from history('a')", "write history("),
    ] {
        let error = ask(&plant, sql).unwrap_err().to_string();
        assert!(error.contains(word), "{sql}: {error}");
    }
}

#[test]
fn a_principal_sees_only_its_part() {
    let plant = plant();
    let ask = |sql: &str| run(plant.sql.query(sql, Limits::default(), &leeds())).unwrap().json_rows();
    assert_eq!(json!(ask("select count(distinct path) from samples")), json!([[4]]));
    assert_eq!(json!(ask("select count(*) from samples where path = 'acme/york/b/speed'")), json!([[0]]));
    assert_eq!(json!(ask("select count(*) from latest")), json!([[4]]));
    assert_eq!(json!(ask("select count(*) from points where path like '%york%'")), json!([[0]]));
    assert_eq!(json!(ask("select count(*) from rollup_1h where path like '%york%'")), json!([[0]]));
    let york = Principal { prefix: Some("acme/york".into()), ..Principal::system() };
    let events =
        run(plant.sql.query("select count(*) from events", Limits::default(), &york)).unwrap().json_rows();
    assert_eq!(json!(events), json!([[0]]));
}

#[test]
fn bounds_hold() {
    let plant = plant();
    let who = Principal::system();
    let rows = run(plant.sql.query("select * from samples", Limits { rows: 10, ..Limits::default() }, &who))
        .unwrap();
    assert_eq!((rows.rows(), rows.truncated), (10, true));
    // Endless without needing memory, so that it is the time that ends it.
    let endless = "select count(*) from generate_series(1, 100000000) a, generate_series(1, 1000000) b where a.value % 7 = b.value % 11";
    let limits = Limits { time: Duration::from_millis(300), ..Limits::default() };
    let start = Instant::now();
    let error = run(plant.sql.query(endless, limits, &who)).unwrap_err();
    assert!(matches!(error, SqlError::Time(_)), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    let limits = Limits { memory: 1 << 20, ..Limits::default() };
    let error = run(plant.sql.query("select * from samples order by value, time, path desc", limits, &who))
        .unwrap_err();
    assert!(matches!(error, SqlError::Memory(_)), "{error:?}");
    // The thread is free again.
    assert_eq!(json!(ask(&plant, "select 1").unwrap()), json!([[1]]));
}

#[test]
fn many_sessions_share_one_memory() {
    const TOTAL: usize = 16 << 20;
    let plant = plant();
    let catalog = Arc::new(StoreCatalog::new(plant.store.clone(), Time(START)));
    let sql = Sql::bounded(plant.store.clone(), catalog, TOTAL);
    let sorted = "select g.value from generate_series(1, 200000) g order by g.value % 1000, g.value desc";
    let mut all = sql::postgres::read(sorted).unwrap();
    let Some(Statement::Query(text)) = all.pop() else { panic!("{sorted}") };
    let limits = Limits { rows: usize::MAX, ..Limits::default() };
    let begin = async || {
        let session = sql.session(&Principal::system(), limits, &Identity::default()).await.unwrap();
        let prepared = session.prepare(&text, &[]).await.unwrap();
        let mut rows = session.rows(&prepared, &[]).await.unwrap();
        rows.next().await.unwrap().map(|_| (session, rows))
    };
    run(async {
        let mut held = Vec::new();
        let refused = loop {
            match begin().await {
                Ok(one) => held.push(one),
                Err(error) => break error,
            }
            assert!(held.len() < 20, "20 sorts within 16 MiB");
        };
        assert!(matches!(refused, SqlError::Crowd(TOTAL)), "{refused:?} after {}", held.len());
        assert!(held.len() >= 2, "{}", held.len());
        drop(held);
        // What they held comes back as their work ends.
        let start = Instant::now();
        while let Err(error) = begin().await {
            assert!(start.elapsed() < Duration::from_secs(30), "{error:?}");
        }
    });
}

#[test]
fn a_query_can_be_cancelled_by_its_owner_only() {
    let plant = plant();
    let sql = plant.sql.clone();
    let limits = Limits { time: Duration::from_secs(60), ..Limits::default() };
    let running = std::thread::spawn(move || {
        // Endless without needing memory, so that it is the time that ends it.
        let endless = "select count(*) from generate_series(1, 100000000) a, generate_series(1, 1000000) b where a.value % 7 = b.value % 11";
        run(sql.query_as("q1", endless, limits, &Principal::system()))
    });
    let other = Principal { name: "user:eve".into(), ..Principal::system() };
    let deadline = Instant::now() + Duration::from_secs(20);
    while !plant.sql.cancel("q1", &Principal::system()) {
        assert!(!plant.sql.cancel("q1", &other));
        assert!(Instant::now() < deadline, "the query never appeared");
        std::thread::yield_now();
    }
    assert!(matches!(running.join().unwrap(), Err(SqlError::Cancelled)));
}

#[test]
fn exports_are_whole_files() {
    let plant = plant();
    let who = Principal::system();
    let none = Limits { rows: usize::MAX, ..Limits::default() };
    let query = "select time, path, value, value_text from samples where path like '%note' or path like '%level' order by path, time";
    let csv = plant.dir.path().join("x.csv");
    run(plant.sql.export(query, Format::Csv, &csv, none, &who)).unwrap();
    let text = std::fs::read_to_string(&csv).unwrap();
    assert_eq!(text.lines().count(), 7201);
    assert_eq!(text.lines().nth(1), Some("2026-01-01T00:00:00Z,acme/leeds/a/level,0.0,"));
    let parquet = plant.dir.path().join("x.parquet");
    run(plant.sql.export(query, Format::Parquet, &parquet, none, &who)).unwrap();
    let file = std::fs::File::open(&parquet).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap();
    assert_eq!(reader.map(|b| b.unwrap().num_rows()).sum::<usize>(), 7200);
    let bad = plant.dir.path().join("bad.csv");
    assert!(run(plant.sql.export("select 1/0 from samples", Format::Csv, &bad, none, &who)).is_err());
    assert!(!bad.exists() && !bad.with_extension("unfinished").exists());
}

#[test]
fn offline_answers_the_same() {
    let plant = plant();
    let sql = "select path, count(*), sum(value) from samples group by path order by path";
    let want = ask(&plant, sql).unwrap();
    plant.store.close();
    let offline = Sql::offline(plant.dir.path().join("history")).unwrap();
    assert_eq!(run(offline.query(sql, Limits::default(), &Principal::system())).unwrap().json_rows(), want);
}

/// The same questions to DuckDB over the files as they lie there. Needs `IRONBRIDGE_PEERS_PYTHON`, a Python with
/// `duckdb`.
#[test]
fn duckdb_agrees() {
    let Ok(python) = std::env::var("IRONBRIDGE_PEERS_PYTHON") else {
        eprintln!("SKIPPED: set IRONBRIDGE_PEERS_PYTHON to a Python with duckdb to compare with it");
        return;
    };
    let plant = plant();
    for merged in [false, true] {
        if merged {
            plant.store.compact().unwrap();
        }
        let mine = ask(
            &plant,
            "select path, count(*), count(value), sum(value), min(value), max(value), min(time), max(time), max(value_text), min(seq) \
             from samples group by path order by path",
        )
        .unwrap();
        let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/tests/duckdb_check.py");
        let out = std::process::Command::new(&python)
            .arg(script)
            .arg(plant.dir.path().join("history"))
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let theirs: Vec<Vec<Json>> = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(mine.len(), theirs.len());
        for (mine, theirs) in mine.iter().flatten().zip(theirs.iter().flatten()) {
            match (mine.as_f64(), theirs.as_f64()) {
                (Some(a), Some(b)) => assert!((a - b).abs() <= 1e-9 * a.abs().max(1.0), "{a} {b}"),
                _ => assert_eq!(mine, theirs),
            }
        }
    }
}
