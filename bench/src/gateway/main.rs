//! Modbus to MQTT: Ironbridge beside the practical lower bound, in one run. See bench/README.md.

mod change;
mod command;
mod reference;

use bench::http::Http;
use bench::process::{Process, own_cost};
use bench::program::{self, Gateway};
use bench::{free_port, mqtt};
use model::SystemClock;
use reference::Load;
use std::fmt::Write as _;
use std::io::{Error, Result};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use twin::modbus::{Bank, SharedBank, Station, Unit};

/// Ports of the simulator.
const PORTS: u16 = 64;
/// Seconds before measuring, and of measuring.
const WARM: f64 = 8.0;
const SECONDS: f64 = 20.0;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |n: usize, default: u64| words.get(n).and_then(|w| w.parse().ok()).unwrap_or(default);
    match words.first().map(String::as_str) {
        Some("simulate") => simulate(number(1, 0) as u16),
        Some("reference") => {
            let load = Load {
                port: number(1, 0) as u16,
                ports: PORTS,
                devices: number(2, 1) as usize,
                tags: number(3, 1) as usize,
                period: Duration::from_millis(number(4, 1000)),
            };
            let (polls, late) = reference::run(load, number(5, 0) as u16, WARM + SECONDS)?;
            println!("polls/s {polls:.0} late {late}");
            Ok(())
        }
        Some("load") => compare(number(1, 1000) as usize, number(2, 100) as usize, number(3, 1000)),
        Some("single") => single(),
        Some("sql") => beside_sql(),
        Some("start") => cold_start(),
        Some("change") => change::run(number(1, 1000) as usize, number(2, 100) as usize),
        Some("command") => command::run(number(1, 1000) as usize, number(2, 100) as usize),
        _ => Err(Error::other(
            "usage: bench-gateway load [DEVICES TAGS PERIOD_MS] | single | sql | start | change [DEVICES TAGS] | command [DEVICES TAGS]",
        )),
    }
}

/// The devices: every int32 says when it was sent. Reached over all addresses of the loopback network, so that each
/// device has an endpoint of its own.
fn simulate(port: u16) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let _servers = twin::modbus::bench([0, 0, 0, 0].into(), port, PORTS, SystemClock::shared()).await?;
        // Beside them one that keeps what is written.
        let mut bank = Bank::default();
        bank.holding.add(0..=199);
        let station = Station::new(0).with_any(Arc::new(Unit::new(Arc::new(SharedBank::new(bank)))));
        let at = ([127, 0, 0, 1], port + PORTS).into();
        let _keeps = twin::modbus::listen(at, twin::modbus::Framing::Tcp, station).await?;
        std::future::pending::<Result<()>>().await
    })
}

/// The simulated devices, in a process of their own.
struct Simulator {
    port: u16,
    _process: Process,
}

fn simulator() -> Result<Simulator> {
    let port = 20_000 + free_port() % 10_000;
    let process =
        Process::start(Command::new(std::env::current_exe()?).args(["simulate", &port.to_string()]))?;
    wait(|| TcpStream::connect(("127.0.0.1", port + PORTS)).is_ok())?;
    Ok(Simulator { port, _process: process })
}

struct Rig {
    broker: u16,
    sim: u16,
    _processes: Vec<Process>,
    _simulator: Simulator,
    folder: tempfile::TempDir,
}

fn rig() -> Result<Rig> {
    let folder = tempfile::tempdir()?;
    let broker = free_port();
    let config = folder.path().join("mosquitto.conf");
    // Without `set_tcp_nodelay` the broker holds small messages back until the subscriber's delayed acknowledgement,
    // and everything measured here is 20 ms old.
    let text = format!(
        "listener {broker} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100000\nset_tcp_nodelay true\n"
    );
    std::fs::write(&config, text)?;
    let mosquitto =
        ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"].into_iter().find(|path| Path::new(path).exists());
    let mosquitto = mosquitto.ok_or_else(|| Error::other("mosquitto is missing: scripts/need.sh test"))?;
    let quiet = |command: &mut Command| Process::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
    let processes = vec![quiet(Command::new(mosquitto).arg("-c").arg(config))?];
    wait(|| TcpStream::connect(("127.0.0.1", broker)).is_ok())?;
    let simulator = simulator()?;
    Ok(Rig { broker, sim: simulator.port, _processes: processes, _simulator: simulator, folder })
}

fn wait(mut until: impl FnMut() -> bool) -> Result<()> {
    let start = Instant::now();
    while !until() {
        if start.elapsed() > Duration::from_secs(60) {
            return Err(Error::other("waited a minute in vain"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Where a device is: each has an address and port of its own.
fn endpoint(sim: u16, index: usize) -> (Ipv4Addr, u16) {
    let host = 1 + index / usize::from(PORTS);
    let host = Ipv4Addr::new(127, 0, (host / 250) as u8, (host % 250 + 1) as u8);
    (host, sim + (index % usize::from(PORTS)) as u16)
}

/// One device file with `tags` int32 values.
fn connection(sim: u16, index: usize, tags: usize, period_ms: u64, pipeline: usize) -> String {
    let (host, port) = endpoint(sim, index);
    let mut text = format!(
        "kind = \"modbus-tcp\"\nhost = \"{host}\"\nport = {port}\npipeline = {pipeline}\nscan = {{ normal = \"{period_ms}ms\" }}\n\n\
         [device.d{index}]\nunit = 1\nat = \"bench/d{index}\"\n\n[device.d{index}.tags]\n"
    );
    for tag in 0..tags {
        let _ = writeln!(text, "t{tag} = {{ at = \"holding {}\", type = \"i32\" }}", tag * 2);
    }
    text
}

/// A plant folder without destinations: devices, tags of each, period; `settings` go before all tables.
fn write_plant(
    at: &Path,
    sim: u16,
    (devices, tags, period_ms): (usize, usize, u64),
    pipeline: usize,
    settings: &str,
) -> Result<()> {
    std::fs::create_dir_all(at.join("connections"))?;
    let text =
        format!("enterprise = \"acme\"\nsite = \"bench\"\n{settings}[web]\nlisten = \"127.0.0.1:0\"\n");
    std::fs::write(at.join("ironbridge.toml"), text)?;
    for index in 0..devices {
        let text = connection(sim, index, tags, period_ms, pipeline);
        std::fs::write(at.join(format!("connections/d{index}.toml")), text)?;
    }
    Ok(())
}

/// A plant folder; `qos` of its destination, or none.
fn plant(
    rig: &Rig,
    devices: usize,
    tags: usize,
    period_ms: u64,
    pipeline: usize,
    qos: Option<u8>,
) -> Result<tempfile::TempDir> {
    let plant = tempfile::tempdir_in(rig.folder.path())?;
    let at = plant.path();
    write_plant(at, rig.sim, (devices, tags, period_ms), pipeline, "")?;
    std::fs::create_dir_all(at.join("destinations"))?;
    if let Some(qos) = qos {
        let text = format!(
            "kind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{}\"\nformat = \"flat-json\"\nqos = {qos}\nselect = [\"bench/**\"]\n",
            rig.broker
        );
        std::fs::write(at.join("destinations/broker.toml"), text)?;
    }
    Ok(plant)
}

/// CPU in percent of a core while a watcher measures.
fn measure(rig: &Rig, cost: impl Fn() -> (Duration, u64)) -> Result<(f64, u64, mqtt::Seen)> {
    std::thread::sleep(Duration::from_secs_f64(WARM));
    let (before, at) = (cost().0, Instant::now());
    let seen = mqtt::watch(rig.broker, 0.5, SECONDS - 1.0)?;
    let (after, memory) = cost();
    Ok(((after - before).as_secs_f64() / at.elapsed().as_secs_f64() * 100.0, memory, seen))
}

fn line(name: &str, cpu: f64, memory: u64, seen: &mqtt::Seen) {
    println!(
        "{name:34} {:9.0} tags/s {:6.0} msgs/s  CPU {cpu:5.1} %  RSS {:5.1} MB  latency p50 {:5.2} p99 {:6.2} max {:6.1} ms",
        seen.tags,
        seen.messages,
        memory as f64 / 1e6,
        seen.p50,
        seen.p99,
        seen.max
    );
}

fn compare(devices: usize, tags: usize, period_ms: u64) -> Result<()> {
    let rig = rig()?;
    println!(
        "{devices} devices x {tags} int32 every {period_ms} ms = {} tags/s",
        devices * tags * 1000 / period_ms as usize
    );
    let words =
        [rig.sim as usize, devices, tags, period_ms as usize, rig.broker as usize].map(|w| w.to_string());
    let reference = Process::start(Command::new(std::env::current_exe()?).arg("reference").args(words))?;
    let (bound, memory, seen) = measure(&rig, || reference.cost())?;
    line("lower bound (one thread, no disk)", bound, memory, &seen);
    drop(reference);
    for (name, pipeline, qos) in [("ironbridge, depth 2, QoS 0", 2, 0), ("ironbridge, depth 1, QoS 1", 1, 1)]
    {
        let folder = plant(&rig, devices, tags, period_ms, pipeline, Some(qos))?;
        let running = program::start(folder.path(), &folder.path().join("data"))?;
        let (cpu, memory, seen) = measure(&rig, || running.process.cost())?;
        line(name, cpu, memory, &seen);
        println!(
            "{:34} {:.2} x the lower bound; ready after {:.2} s; overruns {}",
            "",
            cpu / bound.max(0.1),
            running.ready.as_secs_f64(),
            overruns(&running)?
        );
        running.process.stop();
    }
    println!("own cost of the rig {:.1} s", own_cost().as_secs_f64());
    Ok(())
}

/// What a query that never ends does to collection: the same load without it and with it.
fn beside_sql() -> Result<()> {
    let rig = rig()?;
    let folder = plant(&rig, 1000, 100, 1000, 2, Some(0))?;
    let data = folder.path().join("data");
    let running = program::start(folder.path(), &data)?;
    let cost = || running.process.cost();
    let (cpu, memory, idle) = measure(&rig, cost)?;
    line("SQL idle", cpu, memory, &idle);
    let before = overruns(&running)?;
    let token = program::token(&data)?;
    let stop = Arc::new(AtomicBool::new(false));
    let (asked, page) = (stop.clone(), running.page);
    let queries = std::thread::spawn(move || runaway(page, &token, &asked));
    let (cpu, memory, busy) = measure(&rig, cost)?;
    stop.store(true, Ordering::Relaxed);
    line("SQL without an end", cpu, memory, &busy);
    let missed = overruns(&running)? - before;
    let slower = (1.0 - busy.tags / idle.tags.max(1.0)) * 100.0;
    println!("{:34} {slower:.1} % fewer values (at most 5 %); overruns {missed:.0}", "");
    running.process.stop();
    println!("{:34} {} queries were begun", "", queries.join().unwrap_or(0));
    Ok(())
}

/// Asks for a product of all samples with themselves until told to stop; the limits end each query.
fn runaway(page: u16, token: &str, stop: &AtomicBool) -> u32 {
    let body = r#"{"sql":"SELECT count(*), sum(a.value * b.value) FROM samples a, samples b"}"#;
    let mut begun = 0;
    while !stop.load(Ordering::Relaxed) {
        begun += 1;
        // Cancelled by its limit: an error, and expected.
        let _ = Http::connect(page, token).and_then(|mut http| http.ask("POST", "/api/query", body));
    }
    begun
}

/// From the start of the process to the first scan of every one of 100 devices with 100 tags each.
fn cold_start() -> Result<()> {
    let rig = rig()?;
    for round in ["first start", "second start"] {
        let folder = plant(&rig, 100, 100, 1000, 1, None)?;
        let running = program::start(folder.path(), &rig.folder.path().join("data"))?;
        let mut http = Http::connect(running.page, "")?;
        let first = scanned(&mut http, 1.0)?.then(|| running.started.elapsed());
        wait(|| scanned(&mut http, 100.0).unwrap_or(false))?;
        println!(
            "{round:34} ready {:.2} s, {} all 100 devices scanned after {:.2} s (the phases are spread over 1 s)",
            running.ready.as_secs_f64(),
            first.map_or(String::new(), |at| format!("first scan before {:.2} s,", at.as_secs_f64())),
            running.started.elapsed().as_secs_f64()
        );
        running.process.stop();
    }
    Ok(())
}

/// Whether as many samples came as so many devices with a hundred tags give in one scan.
fn scanned(http: &mut Http, least: f64) -> Result<bool> {
    Ok(samples(http)? >= least * 100.0)
}

/// Samples since start.
fn samples(http: &mut Http) -> Result<f64> {
    let text = String::from_utf8_lossy(&http.ask("GET", "/metrics", "")?).into_owned();
    let samples =
        text.lines().filter_map(|line| line.strip_prefix("ironbridge_samples_total ")?.parse::<f64>().ok());
    Ok(samples.sum())
}

/// Sum of all overruns, from the metrics page.
fn overruns(running: &Gateway) -> Result<f64> {
    let text = Http::connect(running.page, "")?.ask("GET", "/metrics", "")?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines = text.lines().filter(|line| line.contains("overrun") && !line.starts_with('#'));
    Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

/// One connection, depth 1, 10 registers, as fast as it goes: requests a second beside a raw loop.
fn single() -> Result<()> {
    let rig = rig()?;
    let raw = raw_loop(rig.sim, SECONDS / 2.0)?;
    println!("raw client loop                    {raw:9.0} requests/s");
    let folder = plant(&rig, 1, 0, 5, 1, None)?;
    let file = folder.path().join("connections/d0.toml");
    // 500 requests of 10 registers each scan: the next scan is always due before the last one is done.
    let mut text = std::fs::read_to_string(&file)?.replace("[device.d0]\n", "[device.d0]\nmax_gap = 0\n");
    for tag in 0..2500 {
        let _ =
            writeln!(text, "t{tag} = {{ at = \"holding {}\", type = \"i32\" }}", tag / 5 * 20 + tag % 5 * 2);
    }
    std::fs::write(&file, text)?;
    let running = program::start(folder.path(), &folder.path().join("data"))?;
    std::thread::sleep(Duration::from_secs_f64(WARM / 2.0));
    let sent = || -> f64 {
        let text = Http::connect(running.page, "").and_then(|mut http| http.ask("GET", "/metrics", ""));
        let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
        let own = text
            .lines()
            .filter(|line| line.contains("d0") && line.contains("requests") && !line.starts_with('#'));
        own.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).fold(0.0, f64::max)
    };
    let (before, at) = (sent(), Instant::now());
    std::thread::sleep(Duration::from_secs_f64(SECONDS / 2.0));
    let rate = (sent() - before) / at.elapsed().as_secs_f64();
    println!("ironbridge                         {rate:9.0} requests/s  {:.2} x the raw loop", rate / raw);
    running.process.stop();
    Ok(())
}

fn raw_loop(port: u16, seconds: f64) -> Result<f64> {
    use std::io::{Read, Write};
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    let (start, mut count, mut answer) = (Instant::now(), 0_u64, [0; 29]);
    while start.elapsed().as_secs_f64() < seconds {
        stream.write_all(&[0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 10])?;
        stream.read_exact(&mut answer)?;
        count += 1;
    }
    Ok(count as f64 / start.elapsed().as_secs_f64())
}
