//! What a message costs: CPU of this process with and without a destination. A measurement, not a test:
//! `IRONBRIDGE_MEASURE=1 cargo test --release -p connect --test north -- --nocapture cost`.

use crate::support::*;
use connect::north::State;
use model::{Shape, Value, ValueType};
use std::sync::Arc;
use std::time::{Duration, Instant};

const DEVICES: usize = 1_000;
const TAGS: usize = 100;
const SECONDS: u64 = 10;

/// User and system time of this process.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// CPU of publishing one batch a millisecond, in percent of a core, and the batches published.
fn load(plant: &Plant, shapes: &[Arc<Shape>]) -> (f64, u64) {
    let (began, used) = (Instant::now(), cpu());
    let mut n = 0_u64;
    while began.elapsed() < Duration::from_secs(SECONDS) {
        let due = began.elapsed().as_millis() as u64;
        while n < due {
            let values = (0..TAGS as u64).map(|tag| Value::I64((n * 7 + tag) as i64)).collect();
            plant.publish(&shapes[n as usize % DEVICES], values);
            n += 1;
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    (100.0 * (cpu() - used).as_secs_f64() / began.elapsed().as_secs_f64(), n)
}

#[test]
fn cost_of_flat_json() {
    if std::env::var_os("IRONBRIDGE_MEASURE").is_none() || no_mosquitto() {
        return; // figures mean something only on a quiet machine and in a release build
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let _guard = runtime.enter();
    let plant = Plant::new();
    let names: Vec<String> = (0..TAGS).map(|tag| format!("t{tag}")).collect();
    let shapes: Vec<Arc<Shape>> = (0..DEVICES)
        .map(|device| {
            let paths: Vec<String> = names.iter().map(|name| format!("bench/d{device}/{name}")).collect();
            let points: Vec<(&str, ValueType)> =
                paths.iter().map(|path| (path.as_str(), ValueType::I64)).collect();
            plant.declare(&format!("d{device}"), &points)
        })
        .collect();
    let (alone, _) = load(&plant, &shapes);
    eprintln!("journal alone            {alone:5.1} % of a core");
    for (name, more) in [
        ("flat-json QoS 0, v3.1.1", "format = \"flat-json\"\nqos = 0\nversion = \"3.1.1\""),
        ("flat-json QoS 0, v5", "format = \"flat-json\"\nqos = 0"),
        ("flat-json QoS 1, v5", "format = \"flat-json\"\nqos = 1"),
        ("flat-json QoS 1, v3.1.1", "format = \"flat-json\"\nqos = 1\nversion = \"3.1.1\""),
    ] {
        let broker = Broker::start("");
        let text = format!("kind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{}\"\n{more}", broker.port);
        let handle = plant.start("hq", &text);
        wait_status(&handle, "a session", |status| status.state == State::Connected);
        let before = handle.status().sent;
        let (with, messages) = load(&plant, &shapes);
        let status = wait_status(&handle, "no lag", |status| status.lag_s == Some(0.0));
        assert!(status.sent - before >= messages * TAGS as u64);
        let each = (with - alone) / 100.0 * SECONDS as f64 / messages as f64 * 1e6;
        eprintln!("{name:24} {with:5.1} % of a core, {each:.1} us a message of {TAGS} tags");
        runtime.block_on(handle.stop());
    }
}
