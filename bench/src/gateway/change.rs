//! One point of many changes under load: how long that takes, and what the other devices notice, seen by a capture.

use crate::{PORTS, connection, endpoint, overruns, samples, simulator, wait, write_plant};
use bench::capture::{Capture, Seen};
use bench::http::Http;
use bench::process::beside;
use bench::program;
use std::io::{Error, Result};
use std::process::Command;
use std::time::Instant;

/// Period of all scans, in ms.
const PERIOD_MS: u64 = 1_000;
/// Rounds of scans that are captured before the change and after it.
const ROUNDS: f64 = 3.0;

/// Changes one tag of one of `devices` connections with `tags` points each. The last line is JSON.
pub fn run(devices: usize, tags: usize) -> Result<()> {
    let simulator = simulator()?;
    let folder = tempfile::tempdir()?;
    let plant = folder.path();
    write_plant(plant, simulator.port, (devices, tags, PERIOD_MS), 1, "")?;
    let data = plant.join("data");
    let running = program::start(plant, &data)?;
    let mut http = Http::connect(running.page, "")?;
    let points = (devices * tags) as f64;
    println!("{devices} connections, {points:.0} points every {PERIOD_MS} ms");
    rounds(&mut http, points)?;

    let (first, last) = (simulator.port, simulator.port + PORTS - 1);
    let (capture, late) = (Capture::start(first, last)?, overruns(&running)?);
    rounds(&mut http, points)?;
    let changed = devices / 2;
    let file = plant.join(format!("connections/d{changed}.toml"));
    let text = connection(simulator.port, changed, tags, PERIOD_MS, 1)
        .replace("t0 = { at = \"holding 0\"", "t0 = { unit = \"bar\", at = \"holding 0\"");
    std::fs::write(file, text)?;
    let begun = Instant::now();
    let out = Command::new(beside("ironbridge")).arg("apply").arg(plant).arg("--data").arg(&data).output()?;
    let took_ms = begun.elapsed().as_secs_f64() * 1e3;
    let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    if !out.status.success() || !said.contains("points changed: 1") {
        return Err(Error::other(format!("apply: {said}")));
    }
    rounds(&mut http, points)?;
    let missed = overruns(&running)? - late;
    let seen = capture.stop(first, last)?;
    running.process.stop();

    let (mut others_opened, mut others_ended, mut not_polling, mut gap, mut quiet) = (0, 0, 0, 0.0_f64, 0);
    let mut own = Seen::default();
    for index in 0..devices {
        let Some(one) = seen.get(&endpoint(simulator.port, index)) else {
            quiet += 1;
            continue;
        };
        if index == changed {
            own = one.clone();
            continue;
        }
        others_opened += one.opened;
        others_ended += one.closed;
        not_polling += one.others;
        gap = gap.max(one.longest_gap());
    }
    let polls: usize = seen.values().map(|one| one.polls.len()).sum();
    println!("change applied                     {took_ms:9.0} ms, from the command to its answer");
    println!(
        "the changed connection             {:9} opened, {} segments that close",
        own.opened, own.closed
    );
    println!(
        "the others                         {others_opened:9} opened, {others_ended} segments that close, {not_polling} requests that do not poll"
    );
    println!(
        "longest time without a poll        {:9.0} ms among the others (period {PERIOD_MS} ms), overruns {missed}",
        gap * 1e3
    );
    println!("captured                           {polls:9} polls of {} devices", devices - quiet);
    println!(
        "{{\"took_ms\":{took_ms:.1},\"opened\":{},\"others_opened\":{others_opened},\"others_closed\":{others_ended},\"not_polling\":{not_polling},\"longest_gap_ms\":{:.1},\"overruns\":{missed},\"quiet\":{quiet},\"polls\":{polls}}}",
        own.opened,
        gap * 1e3
    );
    Ok(())
}

/// Waits until every point was read some times more.
fn rounds(http: &mut Http, points: f64) -> Result<()> {
    let before = samples(http)?;
    wait(|| samples(http).is_ok_and(|now| now >= before + ROUNDS * points))
}
