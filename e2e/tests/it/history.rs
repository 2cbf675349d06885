//! SQL answers equal DuckDB's over the segments as they lie on disk; a query that runs away is stopped.

use crate::harness::Python;
use crate::modbus::{latest, plant_with_pymodbus};
use serde_json::{Value as Json, json};

const FILLER: &str = "acme/leeds/packaging/line-1/filler";

#[test]
fn sql_and_duckdb_give_the_same_answers_over_the_same_files() {
    let Some((mut plant, _server, _)) = plant_with_pymodbus("") else { return };
    plant.start();
    latest(&plant, &format!("{FILLER}/level"), |p| p["good"] == true);
    let sql = format!("select count(*) from samples where path = '{FILLER}/count'");
    plant.until_above(50, &sql);
    // A clean stop writes everything into segments.
    plant.stop();
    let store = plant.data().join("store");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/store/tests/duckdb_check.py");
    let out = Python::find().unwrap().run(script, &[store.to_str().unwrap()]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let theirs: Vec<Vec<Json>> = serde_json::from_slice(&out.stdout).unwrap();
    let sql = "select path, count(*), count(value), sum(value), min(value), max(value) from samples group by path order by path";
    let ours = plant.say(&["query", sql, "--offline", "data", "--format", "json"]);
    let ours: Vec<Vec<Json>> = ours
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Map<String, Json>>(line)
                .unwrap()
                .into_iter()
                .map(|(_, v)| v)
                .collect()
        })
        .collect();
    assert!(theirs.len() >= 4, "{theirs:?}");
    assert_eq!(ours.len(), theirs.len(), "{ours:?} {theirs:?}");
    for (ours, theirs) in ours.iter().zip(&theirs) {
        for (a, b) in ours.iter().zip(theirs) {
            let same = match (a.as_f64(), b.as_f64()) {
                (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
                _ => a == b,
            };
            assert!(same, "{a} is not {b}: {ours:?} {theirs:?}");
        }
    }
    // What a machine recorded stays when the machine goes.
    let recorded = "select count(*) from samples where path like 'acme/leeds/packaging/%'";
    let offline = plant.say(&["query", recorded, "--offline", "data", "--format", "csv"]);
    std::fs::remove_file(plant.dir().join("connections/line-1.toml")).unwrap();
    plant.start();
    assert_eq!(plant.say(&["query", recorded, "--format", "csv"]), offline);
}

#[test]
fn a_query_that_runs_away_is_stopped_and_values_go_on() {
    let Some((mut plant, _server, _)) = plant_with_pymodbus("") else { return };
    plant.start();
    let count = format!("{FILLER}/count");
    let before = latest(&plant, &count, |p| p["good"] == true)["value"].as_i64().unwrap();
    let sql = "select count(*) from generate_series(1, 100000000) a, generate_series(1, 1000000) b where a.value % 7 = b.value % 11";
    let local = plant.local();
    let runaway = std::thread::spawn(move || local.post("/api/query", &json!({"sql": sql, "id": "runaway"})));
    // Scanned on while the query runs.
    latest(&plant, &count, |p| p["value"].as_i64().is_some_and(|now| now > before + 20));
    plant.local().post("/api/query/cancel", &json!({"id": "runaway"}));
    let answer = runaway.join().unwrap();
    assert!(answer.status >= 400, "{}", String::from_utf8_lossy(&answer.body));
    for wrong in ["selekt 1", "drop table samples", "select * from nothing", "copy samples to '/tmp/x'"] {
        let answer = plant.local().post("/api/query", &json!({"sql": wrong}));
        assert!((400..500).contains(&answer.status), "{wrong}: {}", answer.status);
        assert!(!answer.json()["error"]["title"].as_str().unwrap().is_empty());
    }
    plant.stop();
}
