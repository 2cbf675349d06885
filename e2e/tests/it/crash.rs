//! kill -9 at random moments under load: what was on disk stays, nothing is doubled, positions never repeat.

use crate::harness::{Plant, Random, free_port, now_ms, wait_for};
use crate::modbus::plant_with_pymodbus;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::time::Duration;

const COUNT: &str = "acme/leeds/packaging/line-1/filler/count";
const KILLS: usize = 50;

/// (seq, time) to value of the counter's newest 5,000 samples.
fn samples(plant: &Plant) -> BTreeMap<(u64, u64), Json> {
    let to = now_ms() as u64 + 60_000;
    let answer =
        plant.local().get(&format!("/api/range?path={COUNT}&from=0&to={to}&limit=5000&order=desc")).ok();
    let column = |name: &str| answer[name].as_array().unwrap().clone();
    let mut found = BTreeMap::new();
    for ((seq, time), value) in column("seq").iter().zip(column("time")).zip(column("value")) {
        let key = (seq.as_str().unwrap().parse().unwrap(), time.as_f64().unwrap().to_bits());
        assert!(found.insert(key, value).is_none(), "{key:?} stands twice in history");
    }
    found
}

#[test]
fn fifty_kills_under_load_lose_nothing_that_was_on_disk_and_double_nothing() {
    let Some((mut plant, _server, _)) = plant_with_pymodbus("") else { return };
    let mut random = Random::seeded();
    let mut kept: BTreeMap<(u64, u64), Json> = BTreeMap::new();
    for round in 0..KILLS {
        plant.start();
        let first = kept.len();
        wait_for("new samples", Duration::from_secs(20), || {
            (samples(&plant).len() > first + 2).then_some(())
        });
        let now = samples(&plant);
        for (key, value) in &kept {
            assert_eq!(now.get(key), Some(value), "round {round}: {key:?} was on disk and is gone");
        }
        std::thread::sleep(Duration::from_millis(random.below(300)));
        // What is older than three sync intervals is on disk.
        let horizon = now_ms() - 300.0;
        kept = samples(&plant).into_iter().filter(|((_, time), _)| f64::from_bits(*time) < horizon).collect();
        plant.kill();
    }
    plant.start();
    let now = samples(&plant);
    assert!(kept.iter().all(|(key, value)| now.get(key) == Some(value)), "the last round lost samples");
    let sql = format!("select count(*) - count(distinct seq) as doubled from samples where path = '{COUNT}'");
    let doubled = plant.say(&["query", &sql, "--format", "csv"]);
    assert_eq!(doubled.lines().nth(1).map(str::trim), Some("0"), "{doubled}");
    plant.stop();
}

/// The ids of open faults of the connection and the destination.
fn open_faults(plant: &Plant) -> Vec<String> {
    let events = plant.local().get("/api/events?active=true&kind=fault").ok();
    let ids =
        events["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned());
    ids.filter(|id| id.starts_with("connection/oven/") || id.starts_with("destination/hq/")).collect()
}

#[test]
fn faults_that_a_kill_left_open_end_at_the_next_start_and_what_still_holds_is_said_once() {
    let mut plant = Plant::new("");
    let nobody = free_port();
    let oven = format!(
        "kind = \"modbus-tcp\"\nhost = \"127.0.0.1\"\nport = {nobody}\n\n[device.oven]\nunit = 1\nat = \"oven\"\n"
    );
    plant.write("connections/oven.toml", &(oven + "tags = { t = { at = \"40001\", type = \"u16\" } }\n"));
    let hq =
        format!("kind = \"nats\"\nurl = \"nats://127.0.0.1:{nobody}\"\nstream = {{ name = \"PLANT\" }}\n");
    plant.write("destinations/hq.toml", &hq);
    let limit = Duration::from_secs(30);
    let mut before = Vec::new();
    for start in 1..=3 {
        plant.start();
        let faults = wait_for("the faults of this start alone", limit, || {
            let faults = open_faults(&plant);
            (faults.len() == 2 && faults.iter().all(|id| !before.contains(id))).then_some(faults)
        });
        wait_for("them on disk", limit, || {
            let metrics = String::from_utf8(plant.local().get("/metrics").body).unwrap();
            metrics.lines().any(|line| line == "ironbridge_journal_unsynced_records 0").then_some(())
        });
        let sql =
            "select count(*) from events where kind = 'fault' and state = 'cleared' and \"end\" >= start";
        let ended = plant.say(&["query", sql, "--format", "csv"]);
        assert_eq!(ended.lines().nth(1), Some(format!("{}", (start - 1) * 2).as_str()), "{ended}");
        before = faults;
        plant.kill();
    }
}
