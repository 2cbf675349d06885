//! S7 values a second beside the python-snap7 client on the same simulated CPU: `cargo run --release -p connect --example
//! s7_speed [SECONDS]` with `IRONBRIDGE_PEERS_PYTHON`. Ours go through namespace and journal, the client's
//! through nothing; ours has enough tags that the shortest period (5 ms) does not bound it.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use connect::kind::Context;
use connect::south::{self, Wheel};
use journal::{Journal, Options, RealDisk};
use model::config::Document;
use model::{Path, Principal, SystemClock};
use namespace::{Authority, Entry, Ledger, Namespace, Settings};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use twin::s7::{Cpu, Memory, Rules, listen};

struct Nobody;
impl Authority for Nobody {
    fn may_write(&self, _: &Principal, _: &Path) -> Result<(), String> {
        Err("read only".into())
    }
}
impl Ledger for Nobody {
    fn record(&self, _: Entry) -> Result<(), String> {
        Ok(())
    }
}

async fn ours(port: u16, count: usize, every: usize, seconds: f64) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let clock = SystemClock::shared();
    let (journal, recovered) =
        Journal::open(Options::new(dir.path()), Arc::new(RealDisk), clock.clone()).unwrap();
    let settings = Settings {
        max_skew: Duration::from_secs(5),
        writes_on: false,
        authority: Arc::new(Nobody),
        ledger: Arc::new(Nobody),
    };
    let namespace = Namespace::open(journal, recovered, clock, settings);
    let tags: String = (0..count)
        .map(|i| format!("t{i} = {{ at = \"DB1.DBD{}\", type = \"REAL\" }}\n", i * every))
        .collect();
    let text = format!(
        "kind = \"s7\"\nhost = \"127.0.0.1\"\nport = {port}\nslot = 2\nscan = {{ normal = \"5ms\" }}\n[device.d]\nat = \"d\"\n[device.d.tags]\n{tags}"
    );
    let document = Document::parse("connections/speed.toml", &text).unwrap();
    let context = Context::new("speed", Path::new("acme/leeds").unwrap(), "");
    let built = (south::s7::KIND.build)(&document, &context).unwrap();
    let handle = south::run("speed", "s7", built, &namespace, &Arc::new(Wheel::new())).unwrap();
    let samples = || {
        let counters = handle.status().counters;
        counters.iter().find(|(name, _)| *name == "samples").map_or(0, |(_, count)| *count) as f64
    };
    while samples() < 3.0 * count as f64 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (before, start) = (samples(), Instant::now());
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let rate = (samples() - before) / start.elapsed().as_secs_f64();
    handle.stop().await;
    rate
}

#[tokio::main]
async fn main() {
    let seconds: f64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(5.0);
    let mut memory = Memory::default();
    memory.put(1, 0, &vec![0x41; 160_000]);
    let rules = Rules { pdu: 480, jobs: 3, ..Rules::default() };
    let server = listen(([127, 0, 0, 1], 0).into(), Arc::new(Cpu::new(1, memory).with(rules))).await.unwrap();
    let port = server.address().port();
    let python = std::env::var("IRONBRIDGE_PEERS_PYTHON").ok();
    for (mode, count, every) in [("dense", 8_000, 4), ("sparse", 4_000, 40)] {
        let ours = ours(port, count, every, seconds).await;
        println!("{mode}: Ironbridge {ours:.0} values/s");
        let Some(python) = python.clone() else {
            println!("{mode}: set IRONBRIDGE_PEERS_PYTHON for the python-snap7 client beside it");
            continue;
        };
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/snap7_speed.py");
        let words = [script.to_owned(), port.to_string(), mode.to_owned(), seconds.to_string()];
        let run = move || Command::new(python).args(words).output().unwrap();
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        let theirs: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
        println!("{mode}: python-snap7 {theirs:.0} values/s, ratio {:.1}", ours / theirs);
    }
    server.shutdown().await;
}
