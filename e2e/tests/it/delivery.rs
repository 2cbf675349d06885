//! To a real broker and an independent subscriber: nothing lost, in order per stream, history flagged.

use crate::harness::{Broker, Plant, Process, Python, wait_for};
use crate::modbus::plant_with_pymodbus;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

const COUNT: &str = "acme/leeds/packaging/line-1/filler/count";

fn destination(port: u16) -> String {
    format!("kind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{port}\"\nselect = [\"packaging/**\"]\n")
}

fn messages(file: &Path) -> Vec<Json> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn collector(broker: &Broker, dir: &Path) -> Option<(Process, PathBuf)> {
    let file = dir.join("received.jsonl");
    let subscribed = |file: &Path| messages(file).iter().filter(|m| m["subscribed"].is_string()).count();
    let before = subscribed(&file);
    let process = Python::find()?
        .start("mqtt_collect.py", &[&broker.port.to_string(), file.to_str().unwrap(), "acme/#"]);
    wait_for("the subscription", Duration::from_secs(20), || (subscribed(&file) > before).then_some(()));
    Some((process, file))
}

/// Payloads of the counter that are no retained copies, in the order received.
fn counts(file: &Path) -> Vec<Json> {
    let all = messages(file);
    let of_counter = all.iter().filter(|m| m["topic"] == COUNT && m["retain"] == false);
    of_counter.map(|m| serde_json::from_str(m["payload"].as_str().unwrap()).unwrap()).collect()
}

fn number(payload: &Json) -> Option<i64> {
    payload["value"].as_i64()
}

/// Every value of the counter that history holds from `first` on, with its quality.
fn history(plant: &Plant, first: i64, last: i64) -> Vec<i64> {
    let sql = format!(
        "select distinct value_int from samples where path = '{COUNT}' and good and value_int between {first} and {last} order by 1"
    );
    let text = plant.say(&["query", &sql, "--format", "csv"]);
    text.lines().skip(1).filter_map(|line| line.trim().parse().ok()).collect()
}

#[test]
fn everything_arrives_after_the_broker_was_away_and_history_is_flagged() {
    let Some(mut broker) = Broker::start() else { return };
    let Some((mut plant, _server, _)) = plant_with_pymodbus("") else { return };
    let Some((collecting, file)) = collector(&broker, plant.dir()) else { return };
    plant.write("destinations/hq.toml", &destination(broker.port));
    plant.start();
    wait_for("live values", Duration::from_secs(20), || (counts(&file).len() > 10).then_some(()));
    let first = counts(&file).iter().find_map(number).unwrap();

    broker.kill();
    let lag = |at_least: f64| {
        let answer = plant.local().get("/api/destinations").ok();
        let hq = answer["destinations"][0].clone();
        (hq["lag_s"].as_f64().unwrap_or(0.0) >= at_least).then_some(hq)
    };
    let lost = wait_for("a lag of three seconds", Duration::from_secs(30), || lag(3.0));
    assert_eq!(lost["state"], "lost", "{lost}");
    assert!(!lost["last_error"]["next"].as_str().unwrap().is_empty(), "{lost}");
    drop(collecting);
    // What is sent before the collector listens again is acknowledged by the broker and seen by nobody.
    plant.say(&["destination", "pause", "hq"]);
    assert!(broker.resume());
    let (_collecting, file) = collector(&broker, plant.dir()).unwrap();
    plant.say(&["destination", "resume", "hq"]);

    // A counter value that was read after the broker came back ends the stretch that must be complete.
    let last = wait_for("live values again", Duration::from_secs(60), || {
        let live = counts(&file).into_iter().rev().find(|p| p["historical"] != Json::Bool(true));
        live.as_ref().and_then(number).filter(|n| *n > first + 60)
    });
    let expected = history(&plant, first, last);
    assert!(expected.len() > 30, "{expected:?}");
    let received = wait_for("the whole stretch", Duration::from_secs(60), || {
        let mut seen: BTreeMap<i64, Json> = BTreeMap::new();
        counts(&file).into_iter().for_each(|p| {
            number(&p).map(|n| seen.insert(n, p));
        });
        expected.iter().all(|n| seen.contains_key(n)).then_some(seen)
    });
    let historical = received.values().filter(|p| p["historical"] == true).count();
    assert!(historical > 10, "the backlog is flagged: {historical}");
    // The window that was not acknowledged may come twice; what is seen for the first time is in order.
    for historical in [true, false] {
        let mut seen = std::collections::HashSet::new();
        let stream: Vec<i64> = counts(&file)
            .iter()
            .filter(|p| (p["historical"] == true) == historical)
            .filter_map(number)
            .filter(|n| seen.insert(*n))
            .collect();
        assert!(
            stream.windows(2).all(|pair| pair[0] < pair[1]),
            "historical={historical}: not in order: {stream:?}"
        );
    }
    plant.stop();
}
