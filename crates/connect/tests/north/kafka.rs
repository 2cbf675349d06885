//! Kafka: librdkafka's mock cluster of three brokers and its consumer (`IRONBRIDGE_PEERS_PYTHON` with confluent-kafka).
//! No package of Debian, Python or Node brings a real broker; `docs/kafka.md` says so.

use crate::support::*;
use connect::north::State;
use model::{Event, EventKind, Time, Value, ValueType};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A cluster of our own; ended with the value.
pub struct Cluster {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Cluster {
    /// Three brokers; `None` when there is no Python with confluent-kafka.
    pub fn start() -> Option<Self> {
        Self::of(3)
    }

    /// So many brokers.
    pub fn of(brokers: u8) -> Option<Self> {
        let Ok(python) = std::env::var("IRONBRIDGE_PEERS_PYTHON") else {
            eprintln!("SKIPPED: set IRONBRIDGE_PEERS_PYTHON to a Python that has confluent-kafka");
            return None;
        };
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/kafka_cluster.py");
        let mut child = Command::new(python)
            .args([script, &brokers.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut cluster = Self { child, input, output };
        assert_eq!(cluster.line(), "ready");
        Some(cluster)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    pub fn ask(&mut self, ask: Json) -> Json {
        writeln!(self.input, "{ask}").unwrap();
        self.input.flush().unwrap();
        serde_json::from_str(&self.line()).unwrap()
    }

    pub fn url(&mut self) -> String {
        let all = self.ask(json!({"ask": "bootstrap"}));
        format!("kafka://{}", all.as_str().unwrap().split(',').next().unwrap())
    }

    pub fn topic(&mut self, topic: &str, partitions: i32) {
        assert_eq!(self.ask(json!({"ask": "topic", "topic": topic, "partitions": partitions})), 0);
    }

    pub fn read(&mut self, topic: &str, count: usize) -> Vec<Json> {
        let all = self.ask(json!({"ask": "read", "topic": topic, "count": count}));
        all.as_array().unwrap().clone()
    }

    /// All brokers, down or up.
    pub fn all(&mut self, how: &str) {
        for broker in 1..=3 {
            self.ask(json!({"ask": how, "broker": broker}));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

pub fn config(url: &str, more: &str) -> String {
    format!("kind = \"kafka\"\nurl = \"{url}\"\nlinger = \"20ms\"\n{more}\n")
}

/// The numbers of good samples in the order of the topic, and how many of the messages were there twice.
pub fn numbers(all: &[Json]) -> (Vec<i64>, usize) {
    let mut keys = HashSet::new();
    let key = |message: &Json| {
        let header = |name: &str| message["headers"][name].as_str().unwrap().to_owned();
        (message["key"].as_str().unwrap().to_owned(), header("ironbridge-time"), header("ironbridge-seq"))
    };
    let twice = all.iter().filter(|message| !keys.insert(key(message))).count();
    let good = all.iter().filter(|message| message["data"]["quality"] == "Good");
    (good.filter_map(|message| message["data"]["value"].as_i64()).collect(), twice)
}

#[test]
fn points_and_events_are_messages_keyed_by_point() {
    let Some(mut cluster) = Cluster::start() else { return };
    cluster.topic("acme.leeds", 4);
    let (plant, runtime) = (Plant::new(), multi());
    let _guard = runtime.enter();
    let points: Vec<String> = (0..20).map(|n| format!("line/filler/n{n}")).collect();
    let points: Vec<(&str, ValueType)> = points.iter().map(|path| (path.as_str(), ValueType::I64)).collect();
    let shape = plant.declare("filler", &points);
    let url = cluster.url();
    let handle = plant.start("hq", &config(&url, "events = [\"alarm\"]\ncompression = \"gzip\""));
    let nested = plant.start("nested", &config(&url, "format = \"nested-json\"\ntopic = \"scans.{device}\""));
    let avro = plant.start("avro", &config(&url, "format = \"avro\"\ntopic = \"records\""));
    for handle in [&handle, &nested, &avro] {
        wait_status(handle, "a session", |status| status.state == State::Connected);
    }
    for n in 0..50 {
        plant.publish(&shape, (0..20).map(|_| Value::I64(n)).collect());
    }
    let (kind, id) = (EventKind::Alarm, "alarm/1");
    plant.namespace.event(Event::active(kind, id, "acme/leeds/line", Time::from_millis(1), 700, "Hot"));
    wait_status(&handle, "acknowledgements", |status| status.sent >= 1_001 && status.lag_s == Some(0.0));
    for handle in [&nested, &avro] {
        wait_status(handle, "acknowledgements", |status| status.lag_s == Some(0.0));
    }
    let all = cluster.read("acme.leeds", 1_000);
    assert_eq!((all.len(), numbers(&all).1), (1_000, 0));
    let mut partitions: BTreeMap<&str, HashSet<i64>> = BTreeMap::new();
    let mut last: HashMap<&str, i64> = HashMap::new();
    for message in &all {
        let key = message["key"].as_str().unwrap();
        partitions.entry(key).or_default().insert(message["partition"].as_i64().unwrap());
        let value = message["data"]["value"].as_i64().unwrap();
        assert_eq!(value, last.insert(key, value).map_or(0, |before| before + 1), "{key} in order");
        assert_eq!(message["headers"]["ironbridge-seq"], message["data"]["seq"], "{message}");
    }
    assert!(partitions.values().all(|of_key| of_key.len() == 1), "one point, one partition");
    assert_eq!(partitions.values().flatten().collect::<HashSet<_>>().len(), 4, "all partitions are used");
    assert!(partitions.contains_key("acme/leeds/line/filler/n7"));
    assert_eq!(cluster.read("acme.leeds.events", 1)[0]["data"]["title"], "Hot");
    let scans = cluster.read("scans.filler", 50);
    assert_eq!(scans[49]["data"]["line"]["filler"]["n19"], 49, "{}", scans[49]);
    let records = cluster.read("records", 1_000);
    let of_one = records.iter().filter(|one| one["key"] == "acme/leeds/line/filler/n7");
    let marked: Vec<bool> = of_one.map(|one| one["data"].as_str().unwrap().starts_with("c301")).collect();
    assert!(
        records.len() >= 1_000 && marked == vec![true; marked.len()] && marked.len() >= 50,
        "{}",
        records.len()
    );
    let told = avro.contract();
    let newest = &told.all.back().unwrap().contract;
    assert_eq!((newest.format.as_str(), newest.messages.len()), ("avro", 1));
    assert_eq!(
        (newest.messages[0].place.as_str(), newest.messages[0].key.as_str()),
        ("topic records", "{path}")
    );
    for handle in [&handle, &nested, &avro] {
        runtime.block_on(handle.stop());
    }
}

#[test]
fn errors_that_pass_are_waited_out_and_written_once() {
    let Some(mut cluster) = Cluster::start() else { return };
    cluster.topic("acme.leeds", 1);
    let (plant, runtime) = (Plant::new(), multi());
    let _guard = runtime.enter();
    let shape = plant.declare("filler", &[("line/filler/n", ValueType::I64)]);
    let handle = plant.start("hq", &config(&cluster.url(), ""));
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    let mut next = 0;
    // Another leader; no leader; copies missing; the broker's connection lost; a request that timed out.
    for codes in [json!([6]), json!([5, 5]), json!([19]), json!([13]), json!([7])] {
        cluster.ask(json!({"ask": "errors", "request": 0, "codes": codes}));
        for _ in 0..20 {
            plant.publish(&shape, vec![Value::I64(next)]);
            next += 1;
        }
        let sent = u64::try_from(next).unwrap();
        wait_status(&handle, "acknowledgements", |status| status.sent >= sent && status.lag_s == Some(0.0));
    }
    for broker in [2, 3, 1] {
        cluster.ask(json!({"ask": "leader", "topic": "acme.leeds", "partition": 0, "broker": broker}));
        for _ in 0..20 {
            plant.publish(&shape, vec![Value::I64(next)]);
            next += 1;
        }
        let sent = u64::try_from(next).unwrap();
        wait_status(&handle, "a new leader", |status| status.sent >= sent && status.lag_s == Some(0.0));
    }
    let all = cluster.read("acme.leeds", usize::try_from(next).unwrap());
    assert_eq!(numbers(&all), ((0..next).collect::<Vec<_>>(), 0));
    assert_eq!(wait_status(&handle, "a session", |_| true).sessions, 1, "none of these ends a session");
    runtime.block_on(handle.stop());
}

#[test]
fn what_the_cluster_never_takes_is_a_dead_letter() {
    let Some(mut cluster) = Cluster::start() else { return };
    cluster.topic("acme.leeds", 1);
    let (plant, runtime) = (Plant::new(), multi());
    let _guard = runtime.enter();
    let shape = plant.declare("filler", &[("line/filler/n", ValueType::I64)]);
    let handle =
        plant.start("hq", &config(&cluster.url(), "linger = \"1s\"").replace("linger = \"20ms\"\n", ""));
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    // Too large: all eight, then four, two and one of them.
    cluster.ask(json!({"ask": "errors", "request": 0, "codes": [10, 10, 10, 10]}));
    for n in 0..8 {
        plant.publish(&shape, vec![Value::I64(n)]);
    }
    let status =
        wait_status(&handle, "a dead letter", |status| status.rejects == 1 && status.lag_s == Some(0.0));
    assert_eq!(status.sessions, 1);
    let reject = handle.rejects().remove(0);
    assert!(
        reject.reason.contains("larger than the topic allows") && reject.path.ends_with("filler/n"),
        "{reject:?}"
    );
    assert_eq!(numbers(&cluster.read("acme.leeds", 7)), ((1..8).collect::<Vec<_>>(), 0));
    // A user who may not write is told what to ask for, and nothing is lost.
    cluster.ask(json!({"ask": "errors", "request": 0, "codes": [29]}));
    plant.publish(&shape, vec![Value::I64(8)]);
    let denied =
        |status: &connect::north::Status| format!("{:?}", status.last_error).contains("give the user WRITE");
    wait_status(&handle, "words", denied);
    runtime.block_on(handle.stop());
}
