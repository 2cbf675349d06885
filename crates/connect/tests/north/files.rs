//! Files, read by pandas and DuckDB.

use crate::support::*;
use connect::north::State;
use model::{Status, Value, ValueType};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::process::Command;

/// Position and number of every good row of CSV files, in the order of their names and lines.
pub fn numbers(folder: &Path) -> Vec<(u64, i64)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "csv"));
    // The position in the name has as many digits as long as the epochs do.
    files.sort_by_key(|file| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        name.rsplit('_').next().unwrap().split('-').next().unwrap().parse::<u64>().unwrap()
    });
    let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
    let rows = |text: String| -> Vec<(u64, i64)> {
        let fields = text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        fields.filter_map(|row| Some((row[3].parse().ok()?, row[5].parse().ok()?))).collect()
    };
    texts.flat_map(rows).collect()
}

/// What the readers say; `None`, loudly, without them.
fn read(folder: &Path, extension: &str) -> Option<Json> {
    let Ok(python) = std::env::var("IRONBRIDGE_PEERS_PYTHON") else {
        eprintln!("SKIPPED: set IRONBRIDGE_PEERS_PYTHON to a Python that has pandas and duckdb");
        return None;
    };
    let script = include_str!("file_reader.py");
    let out = Command::new(python).args(["-c", script]).arg(folder).arg(extension).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Some(serde_json::from_slice(&out.stdout).unwrap())
}

#[test]
fn pandas_and_duckdb_read_what_was_published_also_after_a_restart_and_when_it_is_sent_again() {
    for (format, by_day) in [("csv", false), ("parquet", true)] {
        let (plant, runtime) = (Plant::new(), multi());
        let _guard = runtime.enter();
        let folder = plant.dir.path().join("out");
        let config = format!(
            "kind = \"files\"\nfolder = \"{}\"\nformat = \"{format}\"\nper = \"1s\"\nby_day = {by_day}\nstart = \"oldest\"\n",
            folder.display()
        );
        let shape = plant.declare("filler", &[("line/n", ValueType::F64), ("line/note", ValueType::Text)]);
        let publish = |number: f64| plant.publish(&shape, vec![Value::F64(number), Value::from("=1+1")]);
        let handle = plant.start("archive", &config);
        (0..500).for_each(|n| publish(f64::from(n)));
        plant.quality(&shape, Status::BAD_COMMUNICATION_ERROR);
        wait_status(&handle, "a whole file", |status| status.sent >= 1_002 && status.lag_s == Some(0.0));
        runtime.block_on(handle.stop());
        let handle = plant.start("archive", &config);
        (500..700).for_each(|n| publish(f64::from(n)));
        wait_status(&handle, "the rest", |status| status.sent >= 400 && status.lag_s == Some(0.0));
        let Some(seen) = read(&folder, format) else { return };
        let text = if format == "csv" { "'=1+1" } else { "=1+1" };
        let sum = f64::from((0..700).sum::<i32>());
        assert!(seen["files"].as_u64().unwrap() >= 2, "{seen}");
        assert_eq!(seen["rows"], json!(1_402), "{seen}");
        assert_eq!(seen["keys"], json!(1_402), "{seen}");
        assert_eq!(seen["sum"], json!(sum), "{seen}");
        assert_eq!(seen["texts"], json!([text]), "what a spreadsheet takes for a formula is text: {seen}");
        assert_eq!(seen["qualities"], json!(["BadCommunicationError", "Good"]));
        assert_eq!(seen["duck"], json!([1_402, 700, sum, 1_402]), "{seen}");

        handle.replay(model::Time::ZERO, None).unwrap();
        wait_status(&handle, "it once more", |status| {
            status.replay.as_ref().is_some_and(|r| r.finished.is_some())
        });
        let seen = read(&folder, format).unwrap();
        assert_eq!(
            (&seen["rows"], &seen["keys"]),
            (&json!(2_804), &json!(1_402)),
            "in files of its own: {seen}"
        );
        runtime.block_on(handle.stop());
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_said_and_tried_again() {
    let (plant, runtime) = (Plant::new(), multi());
    let _guard = runtime.enter();
    let folder = plant.dir.path().join("out");
    std::fs::write(&folder, "a file where the folder should be").unwrap();
    let config = format!("kind = \"files\"\nfolder = \"{}\"\n", folder.display());
    let handle = plant.start("archive", &config);
    let status = wait_status(&handle, "a fault", |status| status.state == State::Lost);
    let error = status.last_error.unwrap();
    assert!(error.title.contains("cannot be written") && !error.next.is_empty(), "{error:?}");
    runtime.block_on(handle.stop());
}
