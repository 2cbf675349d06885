//! The destination for Iceberg tables, counted row by row by DuckDB and pyiceberg.

use crate::outage::{end, number, random, start};
use crate::reader::{python, seen};
use crate::store::{Store, Wire};
use crate::support::*;
use connect::north::State;
use futures_util::TryStreamExt;
use lake::{Kind, Place, Reader, Wanted, Whereabouts};
use model::{Event, EventKind, Status as Quality, Value, ValueType};
use serde_json::Value as Json;
use std::path::Path;
use std::process::Child;

fn folder(at: &Path) -> String {
    format!("kind = \"iceberg\"\nurl = \"{}\"\ncommit = \"500ms\"\nstart = \"oldest\"\n", at.display())
}

/// Rows that both readers see alike.
fn rows_of(table: &str, endpoint: Option<&str>) -> Option<Vec<Json>> {
    let all = seen(table, endpoint)?;
    let of = |engine: &str| {
        let mut rows =
            all[engine]["rows"].as_array().unwrap_or_else(|| panic!("{engine}: {}", all[engine])).clone();
        rows.sort_by_key(|row| (row["seq"].as_i64(), row["path"].to_string(), row["id"].to_string()));
        rows
    };
    let (duckdb, pyiceberg) = (of("duckdb"), of("pyiceberg"));
    assert_eq!(duckdb, pyiceberg, "both see the same");
    Some(duckdb)
}

#[test]
fn samples_and_events_arrive_as_they_are() {
    let runtime = multi();
    let _guard = runtime.enter();
    let plant = Plant::new();
    let at = plant.dir.path().join("tables");
    let shape = plant.declare("filler", &[("line/speed", ValueType::F64), ("line/state", ValueType::Text)]);
    plant.publish(&shape, vec![Value::F64(2.5), Value::from("läuft")]);
    plant.quality(&shape, Quality::BAD_COMMUNICATION_ERROR);
    let handle = plant.start("lake", &(folder(&at) + "events = [\"fault\"]\n"));
    let source = "connection/plc";
    let event =
        Event::info(EventKind::Fault, "lost/1", source, plant.namespace.clock().now(), "The line is gone");
    plant.namespace.event(event);
    wait_status(&handle, "rows to be committed", |status| status.sent >= 5);
    let status = handle.status();
    assert_eq!((status.state, status.rejects), (State::Connected, 0));
    runtime.block_on(handle.stop());
    let Some(rows) = rows_of(at.join("samples").to_str().unwrap(), None) else { return };
    let told: Vec<Json> = rows
        .iter()
        .map(|row| {
            serde_json::json!([row["path"], row["value"], row["value_text"], row["good"], row["quality"]])
        })
        .collect();
    let expected = serde_json::json!([
        ["acme/leeds/line/speed", 2.5, null, true, "Good"],
        ["acme/leeds/line/state", null, "läuft", true, "Good"],
        ["acme/leeds/line/speed", null, null, false, "BadCommunicationError"],
        ["acme/leeds/line/state", null, null, false, "BadCommunicationError"]
    ]);
    assert_eq!(Json::from(told), expected);
    let events = rows_of(at.join("events").to_str().unwrap(), None).unwrap();
    assert_eq!((events.len(), &events[0]["title"]), (1, &"The line is gone".into()));
    assert_eq!((&events[0]["kind"], &events[0]["source"]), (&"fault".into(), &source.into()));
}

/// All whole numbers of the table's Good rows, by our own reader.
async fn numbers(place: &Place) -> Vec<i64> {
    let Ok(Some(reader)) = Reader::open(place, Kind::Samples).await else { return Vec::new() };
    let Ok((files, _)) = reader.files(&Wanted::all()).await else { return Vec::new() };
    let mut all = Vec::new();
    for file in files {
        let Ok(rows) = reader.rows(&file, &Wanted::all(), &[5]).await else { return Vec::new() };
        let Ok(batches) = rows.try_collect::<Vec<_>>().await else { return Vec::new() };
        for batch in batches {
            let column = batch.column(0).as_any().downcast_ref::<arrow::array::Int64Array>().unwrap().clone();
            all.extend(column.iter().flatten());
        }
    }
    all
}

/// Twelve disturbances in random order; the gateway that runs in the end.
fn disturb(dir: &Path, wire: &Wire) -> Child {
    let mut random = random();
    let mut gateway = start(dir);
    let (mut kills, mut outages) = (0, 0);
    let published = || number(dir, "published").unwrap_or(0);
    let pass = |some: u64, random: &mut dyn FnMut(u64) -> u64| {
        let target = published() + 100 + i64::try_from(random(some)).unwrap();
        wait_for("numbers", || (published() >= target).then_some(()));
    };
    for _ in 0..12 {
        pass(2_000, &mut random);
        match random(4) {
            0 => {
                end(gateway);
                kills += 1;
                gateway = start(dir);
            }
            1 => wire.cut_answer(i64::try_from(random(12)).unwrap()),
            2 => {
                wire.down();
                outages += 1;
                pass(4_000, &mut random);
                wire.up();
            }
            _ => {
                wire.cut_answer(i64::try_from(random(12)).unwrap());
                pass(1_000, &mut random);
                wire.down();
                end(gateway);
                (kills, outages) = (kills + 1, outages + 1);
                gateway = start(dir);
                pass(1_000, &mut random);
                wire.up();
            }
        }
    }
    eprintln!("{kills} kills, {outages} outages");
    gateway
}

/// The gateway is killed, the wire to the store is cut and answers are lost, in random order and for random lengths.
#[test]
fn nothing_is_lost_and_nothing_stands_there_twice() {
    let Some(python) = python() else { return };
    let (runtime, dir) = (multi(), tempfile::tempdir().unwrap());
    let _guard = runtime.enter();
    let store = Store::start(&python);
    let wire = store.cutting();
    let tables = dir.path().join("tables");
    let bucket = format!(
        "kind = \"iceberg\"\nurl = \"s3://plant-data/lake\"\nendpoint = \"{}\"\naccess_key = \"key\"\n\
         secret_key = {{ secret = \"lake\" }}\ncommit = \"500ms\"\nstart = \"oldest\"\n",
        wire.endpoint()
    );
    std::fs::write(dir.path().join("lake.toml"), bucket).unwrap();
    std::fs::write(dir.path().join("folder.toml"), folder(&tables)).unwrap();
    let gateway = disturb(dir.path(), &wire);
    wire.cut_answer(-1);
    std::fs::write(dir.path().join("stop"), "").unwrap();
    let published = wait_for("the last number", || number(dir.path(), "final"));
    let local = Place::open(&Whereabouts::Folder(tables.clone()), None, false).unwrap();
    for (place, table, endpoint) in [
        (store.place(), "s3://plant-data/lake/samples".to_owned(), Some(store.endpoint())),
        (local, tables.join("samples").display().to_string(), None),
    ] {
        wait_for("all numbers in the table", || {
            let all = runtime.block_on(numbers(&place));
            let distinct: std::collections::HashSet<i64> = all.iter().copied().collect();
            (distinct.len() as i64 >= published).then_some(())
        });
        let Some(rows) = rows_of(&table, endpoint.as_deref()) else { continue };
        let mut good: Vec<i64> = rows
            .iter()
            .filter(|row| row["good"] == true)
            .map(|row| row["value_int"].as_i64().unwrap())
            .collect();
        assert_eq!(good.len() as i64, published, "{table}: none is missing, none stands there twice");
        good.sort_unstable();
        assert!(good.iter().copied().eq(0..published), "{table}");
    }
    eprintln!("{published} numbers, {} answers cut", wire.cuts());
    end(gateway);
}

#[test]
fn a_table_that_was_put_back_gets_what_it_lost_and_it_is_told() {
    let runtime = multi();
    let _guard = runtime.enter();
    let plant = Plant::new();
    let at = plant.dir.path().join("tables");
    let shape = plant.declare("filler", &[("line/n", ValueType::I64)]);
    let place = || Place::open(&Whereabouts::Folder(at.clone()), None, true).unwrap();
    let all = || {
        let mut all = runtime.block_on(numbers(&place()));
        all.sort_unstable();
        all
    };
    let handle = plant.start("lake", &folder(&at));
    let publish = |from: i64| {
        (from..from + 10).for_each(|n| plant.publish(&shape, vec![Value::I64(n)]));
        wait_for("the numbers in the table", || (all() == (0..from + 10).collect::<Vec<_>>()).then_some(()));
    };
    publish(0);
    let copy = |from: &Path, to: &Path| {
        assert!(std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
    };
    copy(&at, &plant.dir.path().join("kept"));
    publish(10);
    std::fs::remove_dir_all(&at).unwrap();
    copy(&plant.dir.path().join("kept"), &at);
    publish(20);
    assert!(told(&plant, "has lost data that it had acknowledged"));
    std::fs::remove_dir_all(&at).unwrap();
    publish(30);
    runtime.block_on(handle.stop());
    // Somebody changed a column: told with its name, and nothing is written over it.
    let metadata = at.join("samples/metadata");
    let newest = std::fs::read_to_string(metadata.join("version-hint.text")).unwrap();
    let file = metadata.join(format!("v{}.metadata.json", newest.trim()));
    let text = std::fs::read_to_string(&file).unwrap().replace("\"name\":\"quality\"", "\"name\":\"grade\"");
    std::fs::write(&file, text).unwrap();
    let handle = plant.start("lake", &folder(&at));
    let status = wait_status(&handle, "the change to be told", |status| status.last_error.is_some());
    assert!(status.last_error.unwrap().title.contains("`quality` is now `grade`"));
    runtime.block_on(handle.stop());
}
