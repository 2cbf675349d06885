//! Sparkplug B against mosquitto, read by npm's `sparkplug-payload`.

use crate::support::*;
use connect::kind::{Contract, Member, Models};
use connect::north::{Handle, State};
use model::{Status, Value, ValueType};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// Where npm's packages are; says so if they are not.
fn peers() -> Option<PathBuf> {
    if no_mosquitto() {
        return None;
    }
    let dir = std::env::var_os("IRONBRIDGE_PEERS_NODE_DIR").map(PathBuf::from);
    let dir = dir.filter(|dir| dir.join("node_modules/sparkplug-payload").exists());
    if dir.is_none() {
        eprintln!(
            "SKIPPED: IRONBRIDGE_PEERS_NODE_DIR names no folder with node_modules/sparkplug-payload (npm install sparkplug-payload)"
        );
    }
    dir
}

const SCRIPT: &str = r"
const sp = require('sparkplug-payload').get('spBv1.0');
const plain = (key, v) => (v && typeof v === 'object' && 'low' in v && 'high' in v) ? Number(v.toString()) : v;
require('readline').createInterface({ input: process.stdin }).on('line', line => {
  const [verb, text] = [line.slice(0, 1), line.slice(2)];
  const answer = verb === 'd'
    ? JSON.stringify(sp.decodePayload(Buffer.from(text, 'hex')), plain)
    : Buffer.from(sp.encodePayload(JSON.parse(text))).toString('hex');
  console.log(answer);
});";

/// The independent codec: one node process, a line in, a line out.
struct Codec {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Codec {
    fn new(dir: &std::path::Path) -> Self {
        let mut command = Command::new("node");
        command.args(["-e", SCRIPT]).current_dir(dir).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        answer.trim().into()
    }

    fn decode(&mut self, heard: &Heard) -> Json {
        let answer = self.ask(&format!("d {}", heard.payload));
        serde_json::from_str(&answer).unwrap_or_else(|why| panic!("{why}: {answer}"))
    }

    fn encode(&mut self, payload: &Json) -> Vec<u8> {
        let hex = self.ask(&format!("e {payload}"));
        let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digit).collect()
    }
}

impl Drop for Codec {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn publish_bytes(broker: &Broker, topic: &str, payload: &[u8]) {
    let file = broker.dir().join("payload");
    std::fs::write(&file, payload).unwrap();
    let port = broker.port.to_string();
    let mut command = Command::new("mosquitto_pub");
    command.args(["-h", "127.0.0.1", "-p", &port, "-t", topic, "-q", "1", "-f"]).arg(file);
    assert!(command.status().unwrap().success());
}

fn config(broker: &Broker, more: &str) -> String {
    format!("kind = \"sparkplug\"\nurl = \"mqtt://127.0.0.1:{}\"\nnode = \"gw\"\n{more}\n", broker.port)
}

fn state(broker: &Broker, online: bool, timestamp: u64) {
    let payload = json!({ "online": online, "timestamp": timestamp }).to_string();
    shout(broker, "spBv1.0/STATE/scada", &payload, &["-r"]);
}

/// A host that follows the node by the rules and keeps every value.
#[derive(Default)]
struct Scada {
    read: usize,
    next_seq: Option<u64>,
    names: BTreeMap<u64, String>,
    bd_seq: Vec<i64>,
    deaths: Vec<i64>,
    births: usize,
    devices: BTreeMap<String, bool>,
    /// Name, value, historical, quality.
    values: Vec<(String, Json, bool, Option<i64>)>,
    properties: BTreeMap<String, Json>,
}

impl Scada {
    /// Takes what was heard since the last call.
    fn take(&mut self, all: &[Heard], codec: &mut Codec) {
        for heard in &all[self.read..] {
            self.one(heard, codec);
        }
        self.read = all.len();
    }

    fn one(&mut self, heard: &Heard, codec: &mut Codec) {
        assert!(!heard.retained, "{heard:?}");
        let mut parts = heard.topic.split('/');
        assert_eq!((parts.next(), parts.next()), (Some("spBv1.0"), Some("leeds")));
        let kind = parts.next().unwrap();
        let device = parts.nth(1).unwrap_or_default().to_owned();
        if kind.ends_with("CMD") {
            return;
        }
        let payload = codec.decode(heard);
        let metrics = payload["metrics"].as_array().cloned().unwrap_or_default();
        if kind == "NDEATH" {
            self.deaths.push(metrics[0]["value"].as_i64().unwrap());
            assert_eq!((&metrics[0]["name"], &metrics[0]["type"]), (&json!("bdSeq"), &json!("Int64")));
            self.devices.clear();
            self.next_seq = None;
            return;
        }
        let seq = payload["seq"].as_u64().unwrap();
        match (kind, self.next_seq) {
            ("NBIRTH", _) => assert_eq!(seq, 0),
            (_, next) => assert_eq!(Some(seq), next, "{}", heard.topic),
        }
        self.next_seq = Some((seq + 1) % 256);
        match kind {
            "NBIRTH" => {
                self.births += 1;
                self.devices.clear();
                let bd_seq = metrics.iter().find(|metric| metric["name"] == "bdSeq").unwrap();
                self.bd_seq.push(bd_seq["value"].as_i64().unwrap());
                assert!(
                    metrics
                        .iter()
                        .any(|metric| metric["name"] == "Node Control/Rebirth" && metric["value"] == false)
                );
            }
            "DBIRTH" => drop(self.devices.insert(device, true)),
            "DDEATH" => assert_eq!(self.devices.insert(device, false), Some(true)),
            _ => assert!(
                device.is_empty() || self.devices.get(&device) == Some(&true),
                "{} before its birth",
                heard.topic
            ),
        }
        for metric in metrics.iter().filter(|metric| metric["alias"].is_u64()) {
            self.metric(metric, kind.ends_with("BIRTH"));
        }
    }

    fn metric(&mut self, metric: &Json, birth: bool) {
        let alias = metric["alias"].as_u64().unwrap();
        if birth {
            let name = metric["name"].as_str().unwrap().to_owned();
            self.properties.insert(name.clone(), metric["properties"].clone());
            self.names.insert(alias, name);
        } else {
            assert!(metric["name"].is_null(), "data carries aliases only: {metric}");
        }
        let name = self.names.get(&alias).unwrap_or_else(|| panic!("alias {alias} was never born")).clone();
        let quality = metric["properties"]["Quality"]["value"].as_i64();
        self.values.push((name, metric["value"].clone(), metric["isHistorical"] == true, quality));
    }

    fn numbers(&self, name: &str, historical: bool) -> Vec<i64> {
        let of = self.values.iter().filter(|value| value.0 == name && value.2 == historical);
        of.filter_map(|value| value.1.as_i64()).collect()
    }
}

/// Waits until the host is satisfied.
fn follow(what: &str, ear: &mut Ear, codec: &mut Codec, scada: &mut Scada, enough: impl Fn(&Scada) -> bool) {
    while !enough(scada) {
        let have = scada.read;
        ear.until(what, |all| all.len() > have);
        scada.take(&ear.all, codec);
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn births_data_deaths_rebirth_and_commands_as_another_library_reads_them() {
    let Some(dir) = peers() else { return };
    for version in ["5", "3.1.1"] {
        let (broker, plant, runtime, mut codec) =
            (Broker::start(""), Plant::new(), runtime(), Codec::new(&dir));
        let _guard = runtime.enter();
        let (mut ear, mut scada) = (Ear::listen(&broker, "spBv1.0/leeds/#", &["--hex"]), Scada::default());
        let filler =
            plant.declare("filler", &[("line/speed", ValueType::F64), ("line/count", ValueType::I64)]);
        let boiler =
            plant.declare("boiler", &[("boiler/text", ValueType::Text), ("boiler/on", ValueType::Bool)]);
        let handle =
            plant.start("scada", &config(&broker, &format!("commands = \"on\"\nversion = \"{version}\"")));
        follow("the birth of the node", &mut ear, &mut codec, &mut scada, |scada| scada.births == 1);
        assert!(scada.devices.is_empty(), "no device has answered yet");
        plant.publish(&filler, vec![Value::F64(12.5), Value::I64(-3)]);
        plant.publish(&boiler, vec![Value::from("h\u{e9}"), Value::Bool(true)]);
        plant.publish(&filler, vec![Value::F64(13.5), Value::I64(i64::MIN)]);
        follow("values", &mut ear, &mut codec, &mut scada, |scada| scada.values.len() >= 6);
        let said = |name: &str, value: Json| scada.values.iter().any(|v| v.0 == name && v.1 == value && !v.2);
        assert!(
            said("line/speed", json!(12.5))
                && said("line/speed", json!(13.5))
                && said("line/count", json!(-3))
        );
        assert!(
            said("boiler/text", json!("h\u{e9}")) && said("boiler/on", json!(true)),
            "{:#?}",
            scada.values
        );
        let properties = &scada.properties["line/speed"];
        assert_eq!(
            (&properties["engUnit"]["value"], &properties["engHigh"]["value"]),
            (&json!("bar"), &json!(100))
        );
        assert_eq!(properties["readOnly"]["value"], json!(false));
        plant.quality(&filler, Status::BAD_COMMUNICATION_ERROR);
        follow("the device's death", &mut ear, &mut codec, &mut scada, |s| {
            s.devices.get("plc.filler") == Some(&false)
        });
        // Everything confirmed by a barrier, though all of it was QoS 0.
        wait_status(&handle, "confirmation", |status| status.sent >= 8 && status.lag_s == Some(0.0));

        plant.publish(&filler, vec![Value::F64(20.0), Value::I64(7)]);
        let rebirth = json!({"timestamp": 1, "metrics": [{"name": "Node Control/Rebirth", "type": "Boolean", "value": true}]});
        publish_bytes(&broker, "spBv1.0/leeds/NCMD/gw", &codec.encode(&rebirth));
        follow("a rebirth", &mut ear, &mut codec, &mut scada, |s| s.births == 2 && s.devices.len() == 2);
        assert_eq!(scada.bd_seq, [0, 0], "a rebirth is no new session");

        commands(&broker, &plant, &runtime, &mut codec, &scada);
        runtime.block_on(handle.stop());
        follow("the orderly death", &mut ear, &mut codec, &mut scada, |scada| scada.deaths == [0]);
    }
}

/// A line with a filler of the type `Filler`, which has three members.
fn models() -> Models {
    let member = |name: &str, value_type| {
        let contract = Arc::new(Contract { unit: "bar".into(), ..Contract::default() });
        Member { name: name.into(), value_type, contract }
    };
    let members = vec![
        member("Speed", ValueType::F64),
        member("Count", ValueType::I64),
        member("Recipe", ValueType::Text),
    ];
    Models {
        types: BTreeMap::from([("Filler".to_owned(), members)]),
        assets: BTreeMap::from([("acme/leeds/line/filler".to_owned(), "Filler".to_owned())]),
        ..Models::default()
    }
}

/// The metric `name` of the newest message of a kind, as the other library reads it.
fn newest(codec: &mut Codec, ear: &Ear, kind: &str, name: &str) -> Option<Json> {
    let heard = ear.all.iter().rev().find(|heard| heard.topic.contains(kind))?;
    let payload = codec.decode(heard);
    payload["metrics"].as_array()?.iter().find(|metric| metric["name"] == name).cloned()
}

#[test]
fn types_and_assets_are_templates_as_another_library_reads_them() {
    let Some(dir) = peers() else { return };
    let (broker, plant, runtime, mut codec) = (Broker::start(""), Plant::new(), runtime(), Codec::new(&dir));
    let _guard = runtime.enter();
    let mut ear = Ear::listen(&broker, "spBv1.0/leeds/#", &["--hex"]);
    let points = [
        ("line/filler/Speed", ValueType::F64),
        ("line/filler/Count", ValueType::I64),
        ("line/filler/door", ValueType::Bool),
    ];
    let filler = plant.declare("filler", &points);
    let text = config(&broker, "commands = \"on\"\ntemplates = true");
    let handle = plant.run(plant.build_with("scada", &text, models()));
    ear.until("the birth of the node", |all| all.iter().any(|heard| heard.topic.contains("NBIRTH")));
    let definition = newest(&mut codec, &ear, "NBIRTH", "Filler").unwrap();
    assert_eq!(
        (&definition["type"], &definition["value"]["isDefinition"]),
        (&json!("Template"), &json!(true))
    );
    let members = definition["value"]["metrics"].as_array().unwrap();
    let told: Vec<_> = members.iter().map(|member| (&member["name"], &member["type"])).collect();
    let wanted = [
        (json!("Speed"), json!("Double")),
        (json!("Count"), json!("Int64")),
        (json!("Recipe"), json!("String")),
    ];
    assert_eq!(told, wanted.iter().map(|(a, b)| (a, b)).collect::<Vec<_>>());
    assert_eq!(members[0]["properties"]["engUnit"]["value"], "bar");

    plant.publish(&filler, vec![Value::F64(12.5), Value::I64(-3), Value::Bool(true)]);
    ear.until("the birth of the device", |all| all.iter().any(|heard| heard.topic.contains("DBIRTH")));
    let instance = newest(&mut codec, &ear, "DBIRTH", "line/filler").unwrap();
    let whole = &instance["value"];
    assert_eq!((&whole["templateRef"], &whole["isDefinition"]), (&json!("Filler"), &json!(false)));
    assert_eq!((&whole["metrics"][0]["value"], &whole["metrics"][1]["value"]), (&json!(12.5), &json!(-3)));
    assert!(whole["metrics"][2]["value"].is_null(), "all members, also what nobody feeds: {whole}");
    let door = newest(&mut codec, &ear, "DBIRTH", "line/filler/door").unwrap();
    assert_eq!(door["value"], json!(true), "what the type does not have stays a metric of its own");

    plant.publish(&filler, vec![Value::F64(13.5), Value::I64(-3), Value::Bool(true)]);
    ear.until("data", |all| all.iter().any(|heard| heard.topic.contains("DDATA")));
    let data = newest(&mut codec, &ear, "DDATA", "line/filler").unwrap();
    assert_eq!(data["value"]["metrics"][0]["name"], "Speed");
    assert_eq!(data["value"]["metrics"][0]["value"], json!(13.5));
    runtime.block_on(handle.stop());
}

fn commands(
    broker: &Broker,
    plant: &Plant,
    runtime: &tokio::runtime::Runtime,
    codec: &mut Codec,
    scada: &Scada,
) {
    let point = plant.namespace.find("acme/leeds/line/speed").unwrap();
    let mut owner = plant.namespace.own(&[point]);
    let now = plant.namespace.clock().now().millis();
    let alias = scada.names.iter().find(|(_, name)| *name == "line/speed").map(|(alias, _)| *alias).unwrap();
    let metric = |key: &str, id: Json, value: f64| json!({key: id, "type": "Double", "value": value});
    for (index, metric) in [metric("name", json!("line/speed"), 31.0), metric("alias", json!(alias), 32.0)]
        .into_iter()
        .enumerate()
    {
        let wanted = metric["value"].as_f64().unwrap();
        // Some libraries insist on a name; an empty one means the alias.
        let mut metric = metric;
        metric.as_object_mut().unwrap().entry("name").or_insert(json!(""));
        let payload = codec.encode(&json!({"timestamp": now + index as i64 - 1, "metrics": [metric]}));
        publish_bytes(broker, "spBv1.0/leeds/DCMD/gw/plc.filler", &payload);
        publish_bytes(broker, "spBv1.0/leeds/DCMD/gw/plc.filler", &payload); // delivered twice, executed once
        let order = runtime
            .block_on(async { tokio::time::timeout(std::time::Duration::from_secs(20), owner.next()).await });
        let order = order.expect("an order in time").expect("an order");
        assert_eq!(order.command.value, Value::F64(wanted));
        let _ = order.respond.send(model::Outcome::Confirmed { readback: order.command.value });
        wait_for("the event of the command", || {
            let events = plant.namespace.recent_events(50);
            events
                .iter()
                .any(|event| event.title.contains("Confirmed") && event.title.contains(&wanted.to_string()))
                .then_some(())
        });
    }
    // Too old to live.
    let old = json!({"timestamp": now - 60_000, "metrics": [{"name": "line/speed", "type": "Double", "value": 33.0}]});
    publish_bytes(broker, "spBv1.0/leeds/DCMD/gw/plc.filler", &codec.encode(&old));
    wait_for("a rejection", || {
        let events = plant.namespace.recent_events(50);
        events
            .iter()
            .any(|event| event.title.contains("Rejected") && event.text.contains("time-to-live"))
            .then_some(())
    });
}

/// Outages of the host and of the broker: everything arrives, what came meanwhile is historical, each stream in order.
#[test]
fn nothing_is_lost_while_the_host_or_the_broker_is_away() {
    let Some(dir) = peers() else { return };
    let (mut broker, plant, runtime) = (Broker::start("queue_qos0_messages true"), Plant::new(), runtime());
    let mut codec = Codec::new(&dir);
    let _guard = runtime.enter();
    let (mut ear, mut scada) = (Ear::listen(&broker, "spBv1.0/leeds/#", &["--hex"]), Scada::default());
    let shape = plant.declare("counter", &[("line/n", ValueType::I64)]);
    let publish =
        |range: std::ops::Range<i64>| range.for_each(|n| plant.publish(&shape, vec![Value::I64(n)]));
    let handle = plant.start("scada", &config(&broker, "primary_host = \"scada\""));
    let status = wait_status(&handle, "a wait for the host", |status| status.state == State::Waiting);
    assert!(status.last_error.unwrap().title.contains("scada is offline"));
    publish(0..300);
    assert!(ear.all.is_empty(), "no birth before the host is there");
    state(&broker, true, 1_000);
    let has = |scada: &Scada, range: std::ops::Range<i64>, historical: bool| {
        let numbers = scada.numbers("line/n", historical);
        range.into_iter().all(|n| numbers.contains(&n))
    };
    follow("the time before the host", &mut ear, &mut codec, &mut scada, |s| has(s, 0..300, true));
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    publish(300..600);
    follow("live data", &mut ear, &mut codec, &mut scada, |s| has(s, 300..600, false));
    wait_status(&handle, "confirmation", |status| status.lag_s == Some(0.0));

    state(&broker, false, 2_000);
    follow("the node's death", &mut ear, &mut codec, &mut scada, |s| s.deaths.len() == 1);
    wait_status(&handle, "a wait for the host", |status| status.state == State::Waiting);
    publish(600..900);
    state(&broker, true, 1_500); // older news
    state(&broker, true, 3_000);
    follow("the time without the host", &mut ear, &mut codec, &mut scada, |s| has(s, 600..900, true));
    wait_status(&handle, "confirmation", |status| status.lag_s == Some(0.0));

    let sessions = handle.status().sessions;
    broker.kill();
    wait_status(&handle, "the loss to be seen", |status| status.state == State::Lost);
    publish(900..1_200);
    broker.up();
    state(&broker, true, 4_000);
    wait_status(&handle, "a new session", |status| status.sessions > sessions);
    scada.next_seq = None; // the broker was killed: it could not tell of the death
    follow("the time without the broker", &mut ear, &mut codec, &mut scada, |s| has(s, 900..1_200, true));
    for historical in [true, false] {
        let mut seen: Vec<i64> = Vec::new();
        for n in scada.numbers("line/n", historical) {
            if !seen.contains(&n) {
                seen.push(n);
            }
        }
        assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "in order: {seen:?}");
    }
    assert!(scada.bd_seq.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", scada.bd_seq);
    let done = wait_status(&handle, "no lag", |status| status.lag_s == Some(0.0) && status.backlog.is_none());
    assert!(done.skipped.is_empty() && done.rejects == 0);
    runtime.block_on(handle.stop());
}

const CHILD: &str = "IRONBRIDGE_TEST_SPARKPLUG_CHILD";

/// Not a test of its own: the process that is killed below.
#[test]
fn gateway_process_for_the_kill_test() {
    let Ok(port) = std::env::var(CHILD) else { return };
    let dir = PathBuf::from(std::env::var_os("IRONBRIDGE_TEST_DIR").unwrap());
    let runtime = runtime();
    let _guard = runtime.enter();
    let plant = Plant::at(&dir);
    let text = format!(
        "kind = \"sparkplug\"\nurl = \"mqtt://127.0.0.1:{port}\"\nnode = \"gw\"\nkeep_alive = \"5s\"\n"
    );
    let _handle: Handle = plant.start("scada", &text);
    let shape: Arc<model::Shape> = plant.declare("counter", &[("line/n", ValueType::I64)]);
    for n in 0.. {
        plant.publish(&shape, vec![Value::I64(n)]);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

#[test]
fn bd_seq_survives_kill_9_and_the_will_names_it() {
    let Some(dir) = peers() else { return };
    let (broker, mut codec) = (Broker::start(""), Codec::new(&dir));
    let (mut ear, mut scada) = (Ear::listen(&broker, "spBv1.0/leeds/#", &["--hex"]), Scada::default());
    let data = tempfile::tempdir().unwrap();
    for round in 0..6_i64 {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "sparkplug::gateway_process_for_the_kill_test", "--nocapture"]);
        command.env(CHILD, broker.port.to_string()).env("IRONBRIDGE_TEST_DIR", data.path());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let rounds = usize::try_from(round).unwrap() + 1;
        follow("a birth", &mut ear, &mut codec, &mut scada, |scada| scada.bd_seq.len() == rounds);
        let before = scada.values.len();
        follow("data", &mut ear, &mut codec, &mut scada, |scada| scada.values.len() > before + 20);
        child.kill().unwrap();
        child.wait().unwrap();
        follow("the will", &mut ear, &mut codec, &mut scada, |scada| scada.deaths.len() == rounds);
        assert_eq!((scada.bd_seq.last(), scada.deaths.last()), (Some(&round), Some(&round)));
    }
}
