//! Values a second, or what a value costs, beside the client that people use, on the same device: `bench-devices s7 |
//! ethernet-ip | opc-ua | opc-ua-encrypted | opc-ua-server [SECONDS [ITEMS]]`, with `IRONBRIDGE_PEERS_PYTHON` and `IRONBRIDGE_PEERS_NODE_DIR`. Ours go through namespace and journal, the client's through nothing; ours has
//! enough tags that the shortest period (5 ms) does not bound it.

mod opcua;
mod opcua_server;

use connect::kind::{Context, Secrets, find};
use connect::south::{self, Wheel};
use journal::{Journal, Options, RealDisk};
use model::config::Document;
use model::{Path, Principal, SystemClock};
use namespace::{Authority, Entry, Ledger, Namespace, Settings};
use std::fmt::Write as _;
use std::io::{Error, Result};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use twin::{enip, s7};
use wire::enip::Elementary;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

struct Nobody;
impl Authority for Nobody {
    fn may_write(&self, _: &Principal, _: &Path) -> std::result::Result<(), String> {
        Err("read only".into())
    }
}
impl Ledger for Nobody {
    fn record(&self, _: Entry) -> std::result::Result<(), String> {
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let seconds = words.get(1).and_then(|text| text.parse().ok()).unwrap_or(5.0);
    match words.first().map(String::as_str) {
        Some("s7") => siemens(seconds).await,
        Some("ethernet-ip") => rockwell(seconds).await,
        Some("opc-ua") => opcua::run(opcua::Case::CLEAR, seconds).await,
        Some("opc-ua-encrypted") => opcua::run(opcua::Case::ENCRYPTED, seconds).await,
        Some("opc-ua-server") => {
            let items = words.get(2).and_then(|text| text.parse().ok()).unwrap_or(10_000);
            opcua_server::run(items, seconds).await
        }
        Some("opc-ua-serve") => opcua_server::serve(words.get(1..).unwrap_or_default()).await,
        _ => Err(Error::other(
            "usage: bench-devices s7 | ethernet-ip | opc-ua | opc-ua-encrypted | opc-ua-server [SECONDS [ITEMS]]",
        )),
    }
}

async fn siemens(seconds: f64) -> Result<()> {
    let mut memory = s7::Memory::default();
    (1..=8).for_each(|block| memory.put(block, 0, &vec![0x41; 160_000]));
    let cpu = s7::Cpu::new(1, memory).with(s7::Rules { pdu: 480, jobs: 3, ..s7::Rules::default() });
    let server = s7::listen((LOCAL, 0).into(), Arc::new(cpu)).await?;
    let port = server.address().port();
    for (mode, count, every) in [("dense", 60_000, 4), ("sparse", 30_000, 40)] {
        let mut tags = String::new();
        for number in 0..count {
            let (block, at) = (number / 4_000 % 8 + 1, number % 4_000 * every + number / 32_000 * 16_000);
            let _ = writeln!(tags, "t{number} = {{ at = \"DB{block}.DBD{at}\", type = \"REAL\" }}");
        }
        let ours = ours("s7", &format!("port = {port}\nslot = 2"), &tags, count, seconds).await?;
        let words = [port.to_string(), mode.to_owned(), seconds.to_string()];
        tell(&format!("s7 {mode}"), ours, "python-snap7", peer("snap7_speed.py", &words).await?);
    }
    Ok(())
}

async fn rockwell(seconds: f64) -> Result<()> {
    // pycomm3 reads the first thousand.
    const TAGS: i32 = 8_000;
    let mut program = enip::Program::new("Speed");
    let mut tags = String::new();
    for number in 0..TAGS {
        program.tag("", &format!("T{number}"), Elementary::Dint, [0; 3]);
        program.set(&format!("T{number}"), &number.to_le_bytes()).map_err(|tag| Error::other(tag.0))?;
        let _ = writeln!(tags, "t{number} = {{ at = \"T{number}\" }}");
    }
    let server = enip::listen((LOCAL, 0).into(), Arc::new(enip::Controller::new(program))).await?;
    let port = server.address().port();
    let words = [format!("127.0.0.1:{port}/0"), seconds.to_string()];
    let theirs = peer("pycomm3_speed.py", &words).await?;
    let ours = ours("ethernet-ip", &format!("port = {port}"), &tags, TAGS as usize, seconds).await?;
    tell("ethernet-ip", ours, "pycomm3", theirs);
    Ok(())
}

fn tell(what: &str, ours: f64, whose: &str, theirs: Option<f64>) {
    match theirs {
        Some(theirs) => println!(
            "{what:20} Ironbridge {ours:9.0} values/s  {whose} {theirs:8.0} values/s  {:.1} x",
            ours / theirs.max(1.0)
        ),
        None => println!(
            "{what:20} Ironbridge {ours:9.0} values/s  (set IRONBRIDGE_PEERS_PYTHON for {whose} beside it)"
        ),
    }
}

/// What the client reads.
async fn peer(script: &str, words: &[String]) -> Result<Option<f64>> {
    let Some(mut command) = bench::python() else { return Ok(None) };
    command.arg(format!("{}/src/devices/{script}", env!("CARGO_MANIFEST_DIR"))).args(words);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    text.parse().map(Some).map_err(|_| {
        Error::other(format!("{script} gave no figure: {text}{}", String::from_utf8_lossy(&output.stderr)))
    })
}

/// No secrets, and a data folder.
struct Safe(PathBuf);

impl Secrets for Safe {
    fn secret(&self, _: &str) -> Option<String> {
        None
    }

    fn data(&self) -> Option<PathBuf> {
        Some(self.0.clone())
    }
}

/// A connection of ours with its namespace, and the folder that must stay as long as it runs.
fn connection(kind: &str, text: &str) -> Result<(south::Handle, tempfile::TempDir)> {
    connection_in(tempfile::tempdir()?, kind, text)
}

/// The same in a folder that holds its data already.
fn connection_in(
    dir: tempfile::TempDir,
    kind: &str,
    text: &str,
) -> Result<(south::Handle, tempfile::TempDir)> {
    let clock = SystemClock::shared();
    let (journal, recovered) =
        Journal::open(Options::new(dir.path().join("journal")), Arc::new(RealDisk), clock.clone())
            .map_err(Error::other)?;
    let settings = Settings {
        max_skew: Duration::from_secs(5),
        writes_on: false,
        authority: Arc::new(Nobody),
        ledger: Arc::new(Nobody),
    };
    let namespace = Namespace::open(journal, recovered, clock, settings);
    let mistakes = |found: Vec<model::config::Diagnostic>| {
        Error::other(found.first().map(ToString::to_string).unwrap_or_default())
    };
    let document = Document::parse("connections/speed.toml", text).map_err(mistakes)?;
    let mut context = Context::new("speed", Path::new("acme/leeds").map_err(Error::other)?, "");
    context.secrets = Arc::new(Safe(dir.path().join("data")));
    let kind = find(south::KINDS, kind).ok_or_else(|| Error::other("no such kind"))?;
    let built = (kind.build)(&document, &context).map_err(mistakes)?;
    let wheel = Arc::new(Wheel::new());
    let handle = south::run("speed", kind.name, built, &namespace, &wheel).map_err(Error::other)?;
    Ok((handle, dir))
}

/// Values that it has taken in since its start.
fn samples(handle: &south::Handle) -> f64 {
    let counters = handle.status().counters;
    counters.iter().find(|(name, _)| *name == "samples").map_or(0, |(_, count)| *count) as f64
}

/// What a connection of ours reads.
async fn ours(kind: &str, keys: &str, tags: &str, count: usize, seconds: f64) -> Result<f64> {
    let text = format!(
        "kind = \"{kind}\"\nhost = \"127.0.0.1\"\n{keys}\nscan = {{ normal = \"5ms\" }}\n[device.d]\nat = \"d\"\n[device.d.tags]\n{tags}"
    );
    let (handle, _kept) = connection(kind, &text)?;
    while samples(&handle) < 3.0 * count as f64 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (before, start) = (samples(&handle), Instant::now());
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let rate = (samples(&handle) - before) / start.elapsed().as_secs_f64();
    handle.stop().await;
    Ok(rate)
}
