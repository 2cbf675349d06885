//! The same reads over HTTP and over SQL, from the program itself, on the data that was just measured.

use super::{HOUR_MS, Result, line, median, peers};
use crate::data::{FIRST, START_MS, TAGS, path};
use bench::http::Http;
use bench::program;
use std::path::Path;

/// Starts Ironbridge on `data` and reads.
pub fn reads(data: &Path, scans: usize) -> Result<()> {
    let plant = tempfile::tempdir_in(data.parent().unwrap_or(data))?;
    let (postgres, flight) = (bench::free_port(), bench::free_port());
    let listen = |section: &str, port: u16| format!("[{section}]\nlisten = \"127.0.0.1:{port}\"\n");
    let settings = format!(
        "enterprise = \"acme\"\nsite = \"bench\"\n{}{}{}[serve.flight.viewer]\nrows = 1_000_000_000\ntime = \"600s\"\n",
        listen("web", 0),
        listen("serve.postgres", postgres),
        listen("serve.flight", flight)
    );
    std::fs::write(plant.path().join("ironbridge.toml"), settings)?;
    let gateway = program::start(plant.path(), data)?;
    let token = program::token(data)?;
    let mut http = Http::connect(gateway.page, &token)?;
    let end = START_MS + scans as i64 * 1000;
    println!("  over HTTP, one kept connection, API token:");
    let all: Vec<String> = (0..TAGS as u32).map(|n| path(FIRST + n)).collect();
    let body = serde_json::json!({ "paths": all }).to_string();
    let last = |_| Ok(http.ask("POST", "/api/latest", &body)?.len());
    line("last value of 1,000 points", 1.0, median(50, last)?);
    let from = end - HOUR_MS;
    let raw = |i: u32| {
        let path = path(FIRST + i * 5 % 1000);
        Ok(http.ask("GET", &format!("/api/range?path={path}&from={from}&to={end}&limit=5000"), "")?.len())
    };
    line("one point raw 1 h", 1.0, median(100, raw)?);
    let mut aggregate = |paths: Vec<String>, bucket_ms: i64| -> Result<usize> {
        let ask = serde_json::json!({ "paths": paths, "from": end - 4 * HOUR_MS, "to": end, "bucket_ms": bucket_ms });
        Ok(http.ask("POST", "/api/aggregate", &ask.to_string())?.len())
    };
    line(
        "one point 1-min average 4 h",
        1.0,
        median(100, |i| aggregate(vec![path(FIRST + i * 5 % 1000)], 60_000))?,
    );
    let hundred = |i: u32| (0..100).map(|n| path(FIRST + (n * 10 + i % 10) % TAGS as u32)).collect();
    line("100 points hourly max 4 h", 5.0, median(50, |i| aggregate(hundred(i), HOUR_MS))?);
    println!("  {:<32} counts here are bytes of the answer", "");
    let url = format!("postgresql://bench:{token}@127.0.0.1:{postgres}/ironbridge");
    peers::sql(&url, &format!("grpc://127.0.0.1:{flight}"), &token, (START_MS, end), plant.path())?;
    gateway.process.stop();
    Ok(())
}
