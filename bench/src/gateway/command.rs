//! Commands under load: from the request to the value read back.

use crate::{PORTS, overruns, samples, simulator, wait, write_plant};
use bench::http::Http;
use bench::{program, quantile};
use std::fmt::Write as _;
use std::io::{Error, Result};
use std::time::{Duration, Instant};

/// Commands that are measured, and those before them.
const COMMANDS: usize = 1_000;
const WARM: usize = 50;
/// Between two commands: they should meet the scans at every phase.
const PAUSE: Duration = Duration::from_millis(13);

/// Writes a tag again and again while `devices` with `tags` points each are read every second.
pub fn run(devices: usize, tags: usize) -> Result<()> {
    let simulator = simulator()?;
    let folder = tempfile::tempdir()?;
    let plant = folder.path();
    write_plant(plant, simulator.port, (devices, tags, 1_000), 1, "writes = \"on\"\n")?;
    // The device that is written to is polled like the others.
    let mut text = format!(
        "kind = \"modbus-tcp\"\nhost = \"127.0.0.1\"\nport = {}\n[device.w]\nunit = 1\nat = \"bench/w\"\n[device.w.tags]\n",
        simulator.port + PORTS
    );
    for tag in 1..100 {
        let _ = writeln!(text, "t{tag} = {{ at = \"holding {tag}\", type = \"u16\" }}");
    }
    text.push_str("target = { at = \"holding 150\", type = \"u16\", write = { max = 60000 } }\n");
    std::fs::write(plant.join("connections/w.toml"), text)?;
    let data = plant.join("data");
    let running = program::start(plant, &data)?;
    let token = program::token_of(&data, "operator")?;
    let mut http = Http::connect(running.page, "")?;
    let points = (devices * tags) as f64;
    let before = samples(&mut http)?;
    wait(|| samples(&mut http).is_ok_and(|now| now >= before + 5.0 * points))?;

    let (late, begun, read) = (overruns(&running)?, Instant::now(), samples(&mut http)?);
    let mut writer = Http::connect(running.page, &token)?;
    let mut times = Vec::with_capacity(COMMANDS);
    for number in 0..WARM + COMMANDS {
        let body = format!(
            "{{\"path\":\"acme/bench/bench/w/target\",\"value\":{},\"reason\":\"benchmark\",\"ttl_ms\":10000}}",
            number + 1
        );
        let asked = Instant::now();
        let answer = writer.ask("POST", "/api/point/write", &body)?;
        let took = asked.elapsed().as_secs_f64() * 1e3;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        if !answer.contains("\"Confirmed\"") {
            return Err(Error::other(format!("command {number}: {answer}")));
        }
        if number >= WARM {
            times.push(took);
        }
        std::thread::sleep(PAUSE);
    }
    // The first connection was idle too long to be kept.
    let rate = (samples(&mut Http::connect(running.page, "")?)? - read) / begun.elapsed().as_secs_f64();
    times.sort_by(f64::total_cmp);
    println!(
        "{COMMANDS} commands under {rate:.0} values/s   p50 {:.1} ms  p99 {:.1} ms  max {:.1} ms from request to read-back over HTTP; overruns {:.0}",
        quantile(&times, 0.5),
        quantile(&times, 0.99),
        quantile(&times, 1.0),
        overruns(&running)? - late
    );
    running.process.stop();
    Ok(())
}
