//! What tools ask a PostgreSQL catalogue is answered, and answered alike for what can be compared.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use arrow::util::pretty::pretty_format_batches;
use journal::{Journal, RealDisk, Record};
use model::{Declaration, Path, PointId, Principal, SystemClock, Time, Value, ValueType};
use sql::postgres::{Identity, Statement, read};
use sql::{AssetRow, Catalog, Lakes, LatestRow, Limits, Session, Sql, SqlError, StoreCatalog};
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

    fn lakes(&self) -> Lakes {
        let nowhere: lake::Opener = Arc::new(|| Err(lake::LakeError::Unreachable("nobody opens it".into())));
        vec![("big-lake".into(), nowhere)]
    }

    fn now(&self) -> Time {
        self.0.now()
    }
}

/// A history with two fillers, and a table in the lake.
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
    ask_in(&sql.session(who, Limits::default(), &Identity::new("anna", 7)).await?, text).await
}

async fn ask_in(session: &Session, text: &str) -> Result<String, SqlError> {
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
    for part in text.split("\n\n-- ").skip(1) {
        let (title, query) = part.split_once('\n').unwrap();
        let (_, mark) =
            title.trim_end_matches(']').split_once(" [").unwrap_or_else(|| panic!("{title}: no mark"));
        asked += 1;
        match (ask(&sql, query, &Principal::system()).await, mark.strip_prefix("finds ")) {
            (Err(error), _) => wrong.push(format!("{title}: {error}")),
            (Ok(rows), Some(word)) if !rows.contains(word) => wrong.push(format!("{title}:\n{rows}")),
            _ => {}
        }
    }
    assert!(asked >= 60 && wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
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
    has(
        "select count(*) as n from pg_class c where c.relkind = any (array['v']) and relnamespace = 2200",
        &["| 1 |"],
    )
    .await;
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
async fn the_lake_rights_and_functions_are_listed() {
    let (_dir, _journal, sql) = machines();
    let has = async |query: &str, wanted: &[&str]| {
        let found = ask(&sql, query, &Principal::system()).await.unwrap_or_else(|e| panic!("{query}: {e}"));
        for word in wanted {
            assert!(found.contains(word), "{query}: no {word} in\n{found}");
        }
    };
    // What destinations keep in Iceberg stands beside, in a schema of its own.
    for (query, wanted) in [
        ("select nspname from pg_namespace", &["lake", "public", "information_schema"][..]),
        ("select schema_name from information_schema.schemata", &["| lake "]),
        (
            "select relname, relkind, obj_description(oid, 'pg_class') d from pg_class where relnamespace = 'lake'::regnamespace",
            &["| big_lake | r ", "destination big_lake keeps"],
        ),
        (
            "select column_name, data_type from information_schema.columns where table_schema = 'lake'",
            &["value_text", "timestamp with time zone"],
        ),
        ("select schemaname, tablename from pg_tables where schemaname = 'lake'", &["big_lake"]),
        (
            "select 'lake.big_lake'::regclass::oid = c.oid as same, pg_table_is_visible(c.oid) as visible from pg_class c where relname = 'big_lake'",
            &["| true | false "],
        ),
    ] {
        has(query, wanted).await;
    }
    // Reading is all that anybody may do.
    for (query, wanted) in [
        (
            "select has_table_privilege('samples', 'SELECT') a, has_table_privilege('anna', 'samples', 'INSERT, UPDATE') b",
            "| true | false |",
        ),
        (
            "select has_schema_privilege('public', 'USAGE') a, has_schema_privilege('public', 'CREATE') b",
            "| true | false |",
        ),
        (
            "select has_database_privilege('ironbridge', 'connect') a, has_database_privilege('ironbridge', 'temp') b",
            "| true | false |",
        ),
        ("select relacl::text a from pg_class where relname = 'samples'", "=r/ironbridge"),
        ("select distinct privilege_type from information_schema.table_privileges", "| SELECT "),
    ] {
        has(query, &[wanted]).await;
    }
    // Our functions, as `\df` and `\sf` show them.
    has(
        "select pg_get_function_arguments(oid) a, pg_get_function_result(oid) r, prokind from pg_proc where proname in ('time_bucket', 'last', 'history') order by proname",
        &["| width text, \"time\" timestamp with time zone ", "| timestamp with time zone ", "| a ", "TABLE(path text, \"time\" timestamp"],
    )
    .await;
    has(
        "select pg_get_functiondef('time_bucket'::regproc::oid) d",
        &["FUNCTION public.time_bucket(width text"],
    )
    .await;
    has("select typinput = 'pg_catalog.array_in'::regproc a from pg_type where oid = 1022", &["true"]).await;
}

#[tokio::test]
async fn arrays_hold_what_stands_in_them() {
    let (_dir, _journal, sql) = machines();
    for (query, wanted) in [
        ("select array[1.5]", "| [1.5] |"),
        ("select array[1, 2.5, null] as a", "| [1.0, 2.5, ] |"),
        ("select array['a', 'b'] as a, array[null] as b, array[]::text[] as c", "| [a, b] | [] | [] |"),
        ("select array[g.value, g.value * 2] as a from generate_series(1, 2) as g(value)", "| [2, 4] |"),
        ("select '{1.5,2}'::float8[] as a, array['7']::int[] as b", "| [1.5, 2.0] | [7] |"),
        ("select array[[1, 2], [3, 4]] as a", "| [[1, 2], [3, 4]] |"),
        ("select 2 = any(array[1, 2]) as a", "| true |"),
        ("select array_length(array[1.5, 2], 1) as a", "| 2 |"),
    ] {
        let found = ask(&sql, query, &Principal::system()).await.unwrap_or_else(|e| panic!("{query}: {e}"));
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&found).contains(wanted), "{query}:\n{found}");
    }
    let mixed = ask(&sql, "select array[1, true]", &Principal::system()).await;
    assert!(mixed.is_err_and(|why| why.to_string().contains("of one type")));
}

#[tokio::test]
async fn the_search_path_says_where_a_name_is_looked_for() {
    let (_dir, _journal, sql) = machines();
    let identity = Identity::new("anna", 7);
    let session = sql.session(&Principal::system(), Limits::default(), &identity).await.unwrap();
    let columns = async |text: &str| {
        let all = read(text).unwrap();
        let [Statement::Query(query)] = all.as_slice() else { panic!("{text}") };
        session.prepare(query, &[]).await.map(|prepared| prepared.names.join(" "))
    };
    let path = session.path().clone();
    let missing = columns("select * from big_lake").await.unwrap_err().to_string();
    assert!(missing.contains("big_lake") && !missing.contains("search_path"), "{missing}");
    let samples = columns("select * from samples").await.unwrap();
    path.set(Some("lake, public"));
    assert_eq!(columns("select * from big_lake").await.unwrap(), samples);
    assert_eq!(columns("select b.path from big_lake b join points using (path)").await.unwrap(), "path");
    assert_eq!(columns("select note from filler").await.unwrap(), "note");
    // A name of the query's own goes before all.
    assert_eq!(columns("with big_lake as (select 1 as one) select * from big_lake").await.unwrap(), "one");
    path.set(Some("lake"));
    assert!(columns("select * from samples").await.is_err());
    assert_eq!(columns("select * from public.samples").await.unwrap(), samples);
    assert_eq!(columns("select oid from pg_class").await.unwrap(), "oid");
    // What tools ask about it follows.
    for (query, wanted) in [
        ("select current_schema() || current_setting('search_path') as a", "lakelake"),
        ("select array_to_string(current_schemas(true), ', ') as a", "pg_catalog, lake"),
        (
            "select relname from pg_class where pg_table_is_visible(oid) and relnamespace <> 11",
            "| big_lake |",
        ),
        ("select 'big_lake'::regclass::oid::regclass::text as a", "| big_lake |"),
        ("select 'public.samples'::regclass::oid::regclass::text as a", "| public.samples |"),
        ("select setting as a from pg_settings where name = 'search_path'", "| lake "),
    ] {
        let found = ask_in(&session, query).await.unwrap_or_else(|e| panic!("{query}: {e}"));
        assert!(found.contains(wanted), "{query}:\n{found}");
        assert!(!found.contains(" filler "), "{query}:\n{found}");
    }
    ask_in(&session, "select set_config('search_path', 'public', false)").await.unwrap();
    assert_eq!(path.text(), "public");
    assert!(columns("select * from big_lake").await.is_err());
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

#[tokio::test]
async fn a_view_is_what_its_definition_says() {
    let (_dir, journal, sql) = machines();
    let shape = model::Shape::new((1..4).map(PointId).collect::<Vec<_>>());
    for second in 0..10_i64 {
        let time = Time(1_767_225_600_000_000_000 + second * 1_000_000_000);
        let bad = if second == 3 { model::Status::BAD_SENSOR_FAILURE } else { model::Status::GOOD };
        let status = model::Each::Rows(vec![bad, model::Status::GOOD, bad].into());
        let value = if second == 3 { Value::None } else { Value::F64(second as f64) };
        let values = vec![value.clone(), Value::from("läuft"), value];
        let batch = model::Batch::polled(Arc::clone(&shape), time, status, values);
        journal.append(Record::Samples(Arc::new(batch)));
    }
    let ask = async |text: &str| {
        ask(&sql, text, &Principal::system()).await.unwrap_or_else(|e| panic!("{text}: {e}"))
    };
    let definition = ask("select pg_get_viewdef('filler'::regclass) as d").await;
    let text: String = definition
        .lines()
        .skip(3)
        .map(|line| line.trim_matches('|').trim_end())
        .collect::<Vec<_>>()
        .join("\n");
    let text = text.split(';').next().unwrap();
    let view = ask("select * from filler order by asset, time").await;
    assert!(view.contains("läuft") && view.lines().count() > 15, "{view}");
    assert_eq!(ask(&format!("select * from ({text}) v order by asset, time")).await, view, "{text}");
}
