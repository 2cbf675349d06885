//! What tools ask a PostgreSQL catalogue is answered, and answered alike for what can be compared.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use arrow::util::pretty::pretty_format_batches;
use journal::{Journal, RealDisk, Record};
use model::{Declaration, Path, PointId, Principal, SystemClock, Time, ValueType};
use sql::postgres::{Identity, Statement, read};
use sql::{AssetRow, Catalog, LatestRow, Limits, Sql, SqlError, StoreCatalog};
use std::sync::Arc;
use store::{Options, Store};

struct Machines(StoreCatalog);

impl Catalog for Machines {
    fn points(&self) -> Vec<(PointId, Arc<Declaration>)> {
        self.0.points()
    }

    fn latest(&self) -> Vec<LatestRow> {
        self.0.latest()
    }

    fn assets(&self) -> Vec<AssetRow> {
        let asset =
            |path: &str| AssetRow { path: path.into(), type_name: "Filler".into(), ..AssetRow::default() };
        vec![asset("acme/leeds/a"), asset("acme/york/b")]
    }

    fn now(&self) -> Time {
        self.0.now()
    }
}

/// An empty history with two fillers.
fn machines() -> (tempfile::TempDir, Journal, Sql) {
    let dir = tempfile::tempdir().unwrap();
    let clock = SystemClock::shared();
    let options = journal::Options::new(dir.path().join("journal"));
    let journal = Journal::open(options, RealDisk::shared(), Arc::clone(&clock)).unwrap().0;
    let options = Options { background: false, ..Options::default() };
    let store = Store::open(dir.path().join("history"), &journal, clock, options).unwrap();
    let points = ["acme/leeds/a/Speed-1", "acme/leeds/a/note", "acme/york/b/Speed-1"];
    let declare = |(at, name): (usize, &&str)| {
        let kind = if name.ends_with("note") { ValueType::Text } else { ValueType::F64 };
        (PointId(at as u32 + 1), Arc::new(Declaration::new(Path::new(name).unwrap(), kind)))
    };
    journal.append(Record::Declare(points.iter().enumerate().map(declare).collect::<Vec<_>>().into()));
    store.flush();
    let catalog = Machines(StoreCatalog::new(store.clone(), Time::from_millis(1_767_225_600_000)));
    (dir, journal, Sql::new(store, Arc::new(catalog)))
}

async fn ask(sql: &Sql, text: &str, who: &Principal) -> Result<String, SqlError> {
    let identity = Identity { user: "anna".into(), process: 7 };
    let session = sql.session(who, Limits::default(), &identity).await?;
    let all = read(text)?;
    let [Statement::Query(query)] = all.as_slice() else { panic!("{text}") };
    let prepared = session.prepare(query, &[]).await?;
    let mut rows = session.rows(&prepared, &[]).await?;
    let mut batches = Vec::new();
    while let Some(batch) = rows.next().await {
        batches.push(batch?);
    }
    Ok(pretty_format_batches(&batches).unwrap().to_string())
}

#[tokio::test]
async fn every_question_of_a_tool_is_answered() {
    let (_dir, _journal, sql) = machines();
    let mut wrong = Vec::new();
    let mut asked = 0;
    let text = include_str!("clients.sql");
    for part in text.split("\n-- ").skip(1) {
        let (title, query) = part.split_once('\n').unwrap();
        asked += 1;
        if let Err(error) = ask(&sql, query, &Principal::system()).await {
            wrong.push(format!("{title}: {error}"));
        }
    }
    assert!(asked >= 25 && wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn answers_are_right() {
    let (_dir, _journal, sql) = machines();
    let has = async |query: &str, wanted: &[&str]| {
        let found = ask(&sql, query, &Principal::system()).await.unwrap_or_else(|e| panic!("{query}: {e}"));
        for word in wanted {
            assert!(found.contains(word), "{query}: no {word} in\n{found}");
        }
    };
    has(
        "select relname, relkind from pg_class where relnamespace = 'public'::regnamespace",
        &["samples", "| r ", "filler", "| v "],
    )
    .await;
    has(
        "select attname, format_type(atttypid, atttypmod) f from pg_attribute where attrelid = 'filler'::regclass order by attnum",
        &["asset", "time", "timestamp with time zone", "speed_1", "double precision", "note", "text"],
    )
    .await;
    has("select obj_description('samples'::regclass, 'pg_class') d", &["every sample"]).await;
    has(
        "select current_user, current_database(), current_schema, pg_backend_pid()",
        &["anna", "ironbridge", "public", "7"],
    )
    .await;
    has("select 'samples'::regclass::oid::regclass::text as t", &["samples"]).await;
    has("select count(*) as n from pg_class c where c.relkind = any (array['v'])", &["1"]).await;
    has("select exists(select 1 from pg_index) as e, array(select 1 from pg_constraint) as a", &["false"])
        .await;
    has("select data_type from information_schema.columns where table_name = 'samples' and column_name = 'time'", &["timestamp with time zone"]).await;
    has("select (current_schemas(true))[1] as s", &["pg_catalog"]).await;
    has("select count(*) as n, count(asset), max(speed_1), max(note) from filler", &["0"]).await;
    // Who sees a part of the plant sees the columns of that part.
    let york = Principal { prefix: Some("acme/york".into()), ..Principal::system() };
    let columns = "select attname from pg_attribute where attrelid = 'filler'::regclass";
    let found = ask(&sql, columns, &york).await.unwrap();
    assert!(found.contains("speed_1") && !found.contains("note"), "{found}");
}

#[tokio::test]
async fn nothing_changes_anything() {
    let (_dir, _journal, sql) = machines();
    for text in [
        "select pg_read_file('/etc/passwd')",
        "select lo_import('/etc/passwd')",
        "select * from pg_read_server_files",
        "select dblink('x', 'select 1')",
        "select pg_sleep(100)",
        "explain analyze insert into samples values (1)",
    ] {
        assert!(ask(&sql, text, &Principal::system()).await.is_err(), "{text}");
    }
}
