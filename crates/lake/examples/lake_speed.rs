//! Rows into an Iceberg table in a folder, beside DuckDB's own COPY TO Parquet of the same rows.
//!
//! ```sh
//! cargo run --release -p lake --example lake_speed -- 5 # million rows
//! ```
#![allow(clippy::print_stdout, reason = "its figures are what it is for")]

use lake::{Kind, Place, SampleRows, Table, Tidy, Whereabouts};
use model::{Position, Status, SystemClock, Time, Value};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Points of the plant, each with a value a second.
const POINTS: usize = 1_000;
/// Seconds of one commit: half a million rows.
const COMMIT: usize = 500;
/// 2026-01-01.
const START: i64 = 1_767_225_600_000_000_000;

fn main() -> Result<()> {
    let millions: f64 = std::env::args().nth(1).map_or(Ok(5.0), |arg| arg.parse())?;
    let seconds = (millions * 1e6) as usize / POINTS;
    let dir = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let rows = runtime.block_on(fill(dir.path(), seconds))?;
    if let Some(python) = python() {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/duckdb_copy.py");
        let out = Command::new(python).arg(script).arg(dir.path()).output()?;
        print!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    } else {
        println!("DuckDB is not at hand: {rows} rows stand alone");
    }
    Ok(())
}

fn python() -> Option<PathBuf> {
    let peers = PathBuf::from(std::env::var_os("IRONBRIDGE_PEERS_PYTHON")?);
    Some(peers.ancestors().nth(3)?.join("lake/bin/python")).filter(|python| python.exists())
}

/// Random walks with two decimals, a small part of them Bad.
async fn fill(dir: &Path, seconds: usize) -> Result<u64> {
    let clock = SystemClock::shared();
    let place = Place::open(&Whereabouts::Folder(dir.into()), None, true)?;
    let mut table = Table::make(&place, Kind::Samples).await?;
    let paths: Vec<String> =
        (0..POINTS).map(|n| format!("acme/leeds/area-{}/machine-{}/p{n}", n / 100, n / 10)).collect();
    let mut values = vec![5_000_i64; POINTS];
    let (mut state, mut total, mut spent) = (1_u64, 0, std::time::Duration::ZERO);
    let (mut bytes, mut files) = (0, 0);
    for first in (0..seconds).step_by(COMMIT) {
        let mut rows = SampleRows::default();
        let begin = Instant::now();
        for second in first..seconds.min(first + COMMIT) {
            let time = Time(START + second as i64 * 1_000_000_000);
            for (path, value) in paths.iter().zip(&mut values) {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *value += (state >> 61) as i64 - 3;
                let status = if state >> 54 == 0 { Status::BAD_SENSOR_FAILURE } else { Status::GOOD };
                let seq = Position::new(1, second as u64);
                rows.add(path, (time, time), seq, (status, &Value::F64(*value as f64 / 100.0)), false);
            }
        }
        let done =
            table.add_samples(rows, "speed", Position::new(1, (first + COMMIT) as u64), clock.now()).await?;
        spent += begin.elapsed();
        (total, bytes, files) = (total + done.rows, bytes + done.bytes, files + done.files);
    }
    let rate = |rows: u64, spent: std::time::Duration| rows as f64 / spent.as_secs_f64() / 1e6;
    println!(
        "Ironbridge   {:.2} M rows/s into the table, durable: {total} rows, {files} files, {:.2} B a row",
        rate(total, spent),
        bytes as f64 / total as f64
    );
    let begin = Instant::now();
    let merged = table.compact(&Tidy { many: 2, ..Tidy::default() }, clock.now()).await?.merged;
    println!("             {merged} small files became one in {:.1} s", begin.elapsed().as_secs_f64());
    Ok(total)
}
