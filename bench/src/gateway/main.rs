//! Modbus to MQTT: Ironbridge beside the practical lower bound, in one run. See bench/README.md.

mod reference;

use bench::process::{Process, beside, own_cost};
use bench::{free_port, mqtt};
use model::SystemClock;
use reference::Load;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Error, Result};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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
        _ => Err(Error::other("usage: bench-gateway load [DEVICES TAGS PERIOD_MS] | single")),
    }
}

/// The devices: every int32 says when it was sent. Reached over all addresses of the loopback network, so that each
/// device has an endpoint of its own.
fn simulate(port: u16) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let _servers = twin::modbus::bench([0, 0, 0, 0].into(), port, PORTS, SystemClock::shared()).await?;
        std::future::pending::<Result<()>>().await
    })
}

struct Rig {
    broker: u16,
    sim: u16,
    _processes: Vec<Process>,
    folder: tempfile::TempDir,
}

fn rig() -> Result<Rig> {
    let folder = tempfile::tempdir()?;
    let (broker, sim) = (free_port(), 20_000 + free_port() % 10_000);
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
    let processes = vec![
        quiet(Command::new(mosquitto).arg("-c").arg(config))?,
        Process::start(Command::new(std::env::current_exe()?).args(["simulate", &sim.to_string()]))?,
    ];
    for port in [broker, sim + PORTS - 1] {
        wait(|| TcpStream::connect(("127.0.0.1", port)).is_ok())?;
    }
    Ok(Rig { broker, sim, _processes: processes, folder })
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

/// One device file with `tags` int32 values.
fn connection(rig: &Rig, index: usize, tags: usize, period_ms: u64, pipeline: usize) -> String {
    let (port, host) = (rig.sim + (index % usize::from(PORTS)) as u16, 1 + index / usize::from(PORTS));
    let mut text = format!(
        "kind = \"modbus-tcp\"\nhost = \"127.0.{}.{}\"\nport = {port}\npipeline = {pipeline}\nscan = {{ normal = \"{period_ms}ms\" }}\n\n\
         [device.d{index}]\nunit = 1\nat = \"bench/d{index}\"\n\n[device.d{index}.tags]\n",
        host / 250,
        host % 250 + 1
    );
    for tag in 0..tags {
        let _ = writeln!(text, "t{tag} = {{ at = \"holding {}\", type = \"i32\" }}", tag * 2);
    }
    text
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
    std::fs::create_dir_all(at.join("connections"))?;
    std::fs::create_dir_all(at.join("destinations"))?;
    std::fs::write(
        at.join("ironbridge.toml"),
        "enterprise = \"acme\"\nsite = \"bench\"\n[web]\nlisten = \"127.0.0.1:0\"\n",
    )?;
    for index in 0..devices {
        std::fs::write(
            at.join(format!("connections/d{index}.toml")),
            connection(rig, index, tags, period_ms, pipeline),
        )?;
    }
    if let Some(qos) = qos {
        let text = format!(
            "kind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{}\"\nformat = \"flat-json\"\nqos = {qos}\nselect = [\"bench/**\"]\n",
            rig.broker
        );
        std::fs::write(at.join("destinations/broker.toml"), text)?;
    }
    Ok(plant)
}

struct Running {
    process: Process,
    ready: Duration,
    page: u16,
}

fn ironbridge(plant: &Path) -> Result<Running> {
    let start = Instant::now();
    let mut command = Command::new(beside("ironbridge"));
    let mut process =
        Process::start(command.arg("run").arg(plant).args(["--log", "error"]).stdout(Stdio::piped()))?;
    let out = process.0.stdout.take().ok_or_else(|| Error::other("no output"))?;
    let mut page = 0;
    for line in BufReader::new(out).lines() {
        let line = line?;
        if let Some(port) = line.strip_prefix("page").and_then(|rest| rest.rsplit(':').next()) {
            page = port.trim().parse().unwrap_or(0);
        }
        if line == "ready" {
            return Ok(Running { process, ready: start.elapsed(), page });
        }
    }
    Err(Error::other("ironbridge did not start"))
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
        let running = ironbridge(folder.path())?;
        let (cpu, memory, seen) = measure(&rig, || running.process.cost())?;
        line(name, cpu, memory, &seen);
        println!(
            "{:34} {:.2} x the lower bound; ready after {:.2} s; overruns {}",
            "",
            cpu / bound.max(0.1),
            running.ready.as_secs_f64(),
            overruns(&running)
        );
        running.process.stop();
    }
    println!("own cost of the rig {:.1} s", own_cost().as_secs_f64());
    Ok(())
}

/// Sum of all overruns, from the metrics page.
fn overruns(running: &Running) -> String {
    let text = get(running.page, "/metrics").unwrap_or_default();
    let sum: f64 = text
        .lines()
        .filter(|line| line.contains("overrun") && !line.starts_with('#'))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    format!("{sum:.0}")
}

fn get(port: u16, path: &str) -> Result<String> {
    use std::io::{Read, Write};
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
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
    let running = ironbridge(folder.path())?;
    std::thread::sleep(Duration::from_secs_f64(WARM / 2.0));
    let sent = || -> f64 {
        let text = get(running.page, "/metrics").unwrap_or_default();
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
