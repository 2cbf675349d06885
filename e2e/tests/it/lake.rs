//! History in an Iceberg table: killed in between, asked by Ironbridge's own SQL and by DuckDB, compared row by row.

use crate::harness::{Python, wait_for};
use crate::modbus::plant_with_pymodbus;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

#[test]
fn the_table_and_history_hold_the_same_rows_after_kills() {
    let Some((mut plant, _server, _)) = plant_with_pymodbus("") else { return };
    let folder = plant.dir().join("tables");
    let file = format!(
        "kind = \"iceberg\"\nurl = \"{}\"\nselect = [\"packaging/**\"]\ncommit = \"500ms\"\nstart = \"oldest\"\n",
        folder.display()
    );
    plant.write("destinations/big-lake.toml", &file);
    plant.start();
    let number = |plant: &crate::harness::Plant, sql: &str| {
        let out = plant.cli(&["query", sql, "--format", "csv"]);
        String::from_utf8_lossy(&out.stdout).lines().nth(1).and_then(|line| line.trim().parse::<u64>().ok())
    };
    let rows = "select count(*) from lake.big_lake";
    let mut had = 0;
    for _ in 0..3 {
        wait_for("rows in the table", Duration::from_secs(60), || {
            number(&plant, rows).filter(|n| *n > had + 50)
        });
        plant.kill();
        plant.start();
        had = wait_for("the table", Duration::from_secs(60), || number(&plant, rows));
    }
    wait_for("rows in the table", Duration::from_secs(60), || number(&plant, rows).filter(|n| *n > had + 50));
    // Everything that history has up to the newest row of the table stands there once, and nothing else.
    let last = number(&plant, "select max(seq) from lake.big_lake").unwrap();
    let recorded = "select max(seq) from samples where path like 'acme/leeds/packaging/%'";
    wait_for("history as far", Duration::from_secs(60), || {
        number(&plant, recorded).filter(|seq| *seq >= last)
    });
    let of = |table: &str| {
        format!("select count(*) from {table} where path like 'acme/leeds/packaging/%' and seq <= {last}")
    };
    let same = format!(
        "select count(*) from samples s join lake.big_lake l on s.path = l.path and s.time = l.time and s.seq = l.seq
         where s.status = l.status and (s.value is not distinct from l.value) and s.quality = l.quality
         and (s.value_int is not distinct from l.value_int) and s.seq <= {last}"
    );
    let counts = [of("samples"), of("lake.big_lake"), same].map(|sql| {
        let text = plant.say(&["query", &sql, "--format", "csv"]);
        text.lines()
            .nth(1)
            .and_then(|line| line.trim().parse::<u64>().ok())
            .unwrap_or_else(|| panic!("{sql}: {text}"))
    });
    let [recorded, there, same] = counts;
    assert!(recorded == same && there == same && there > had, "{counts:?}");
    plant.stop();
    let Some(python) = Python::find() else { return };
    let lake = python.paths("").0.ancestors().nth(3).map(|peers| peers.join("lake/bin/python"));
    let Some(lake) = lake.filter(|lake| lake.exists()) else {
        println!("SKIPPED: no DuckDB with its Iceberg extension; `make test` installs it");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/lake/tests/peers/lake.py");
    let out = Command::new(lake).arg(script).arg(folder.join("samples")).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let seen: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let all = seen["duckdb"]["rows"].as_array().unwrap();
    let key = |row: &serde_json::Value| ["path", "time", "nanos", "seq"].map(|name| row[name].to_string());
    let distinct: std::collections::HashSet<_> = all.iter().map(key).collect();
    assert_eq!(distinct.len(), all.len(), "no row stands there twice");
    assert!(all.len() as u64 >= counts[0]);
}
