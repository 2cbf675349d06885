//! Values per second beside pycomm3 on the same simulated controller. A measurement: `IRONBRIDGE_MEASURE=1`.

use crate::support::{House, eventually, peer_file, python};
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use twin::enip::{Controller, Program, listen};
use wire::enip::Elementary;

const SECONDS: u64 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn values_per_second_beside_pycomm3() {
    if std::env::var_os("IRONBRIDGE_MEASURE").is_none() {
        eprintln!("SKIPPED: a measurement; set IRONBRIDGE_MEASURE to run it");
        return;
    }
    let Some(python) = python() else { return };
    let mut program = Program::new("Speed");
    let mut tags = String::new();
    for number in 0..1_000i32 {
        program.tag("", &format!("T{number}"), Elementary::Dint, [0; 3]);
        program.set(&format!("T{number}"), &number.to_le_bytes()).unwrap();
        writeln!(tags, "t{number} = {{ at = \"T{number}\" }}").unwrap();
    }
    let controller = Arc::new(Controller::new(program));
    let server = listen(([127, 0, 0, 1], 0).into(), controller).await.unwrap();
    let port = server.address().port();
    let (script, path, seconds) =
        (peer_file("pycomm3_speed.py"), format!("127.0.0.1:{port}/0"), SECONDS.to_string());
    let mut command = tokio::process::Command::new(python);
    let output = command.args([&script, &path, &seconds]).kill_on_drop(true).output().await.unwrap();
    let theirs: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();

    let house = House::new();
    let text = format!(
        "kind = \"ethernet-ip\"\nhost = \"127.0.0.1\"\nport = {port}\nscan = {{ normal = \"5ms\" }}\n[device.d]\nat = \"d\"\n[device.d.tags]\n{tags}"
    );
    let handle = house.start("speed", &text);
    eventually("all values", || handle.status().good == 1_000).await;
    let samples = || handle.status().counters.iter().find(|(name, _)| *name == "samples").unwrap().1;
    let (before, start) = (samples(), Instant::now());
    eventually("the time of the measurement", || start.elapsed() >= Duration::from_secs(SECONDS)).await;
    let ours = (samples() - before) as f64 / start.elapsed().as_secs_f64();
    eprintln!(
        "pycomm3 {theirs:.0} values/s, Ironbridge {ours:.0} values/s with journal: {:.1} x",
        ours / theirs
    );
    handle.stop().await;
}
