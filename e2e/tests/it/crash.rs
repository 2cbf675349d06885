//! kill -9 at random moments under load: what was on disk stays, nothing is doubled, positions never repeat.

use crate::harness::{Plant, Random, now_ms, wait_for};
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
