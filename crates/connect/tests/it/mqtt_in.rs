//! Topics of mosquitto become points; paho-mqtt publishes and plays the device.

use crate::broker::{Broker, no_mosquitto};
use crate::support::{House, Peer, eventually, peer_file, python};
use connect::south::Handle;
use connect::south::status::State;
use model::{Outcome, Status, Time, Value};
use namespace::journal::{Item, Record};
use std::collections::BTreeSet;

struct Stage {
    house: House,
    broker: Broker,
    peer: Peer,
}

fn stage(more: &str) -> Option<Stage> {
    let python = python()?;
    if no_mosquitto() {
        return None;
    }
    let broker = Broker::start(more);
    let peer = Peer::spawn(&python, &[&peer_file("mqtt_peer.py"), &broker.port.to_string()]);
    Some(Stage { house: House::new(), broker, peer })
}

impl Stage {
    fn start(&self, text: &str) -> Handle {
        let head = format!("kind = \"mqtt-in\"\nurl = \"mqtt://127.0.0.1:{}\"\n", self.broker.port);
        self.house.start("plant", &format!("{head}{text}"))
    }

    fn publish(&mut self, topic: &str, payload: &str) {
        self.send(topic, payload, false);
    }

    fn retain(&mut self, topic: &str, payload: &str) {
        self.send(topic, payload, true);
    }

    fn send(&mut self, topic: &str, payload: &str, retain: bool) {
        let hex: String = payload.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(self.peer.ask(&format!("pub\t{topic}\t1\t{}\t{hex}", u8::from(retain))), "ok");
    }

    fn status(&self, path: &str) -> Option<Status> {
        let id = self.house.namespace.find(&format!("acme/leeds/{path}"))?;
        self.house.namespace.last(id).map(|last| last.status)
    }

    fn value(&self, path: &str) -> Option<Value> {
        let id = self.house.namespace.find(&format!("acme/leeds/{path}"))?;
        self.house.namespace.last(id).filter(|last| last.status.is_good()).map(|last| last.value)
    }

    /// Every value of the point that the journal has, with its time and whether it counts as history.
    fn history(&self, path: &str) -> Vec<(i64, Time, bool)> {
        let id = self.house.namespace.find(&format!("acme/leeds/{path}")).unwrap();
        let journal = self.house.namespace.journal();
        let mut reader = journal.reader(journal.oldest());
        let mut all = Vec::new();
        while let Some(item) = reader.try_next() {
            if let Item::Record { record: Record::Samples(batch), .. } = &item {
                let rows = batch.rows().filter(|(point, ..)| *point == id);
                all.extend(
                    rows.filter_map(|(_, time, _, value)| {
                        Some((value.as_i64()?, time, batch.flags.historical))
                    }),
                );
            }
        }
        all
    }
}

async fn connected(handle: &Handle) {
    eventually("the broker's session", || handle.status().state == State::Connected).await;
}

const OVEN: &str = r#"
[device.oven]
at = "oven"
[device.oven.tags]
temperature = { at = "plant/oven/state", type = "f64", value = "/celsius", time = "/t", unit = "Cel" }
door = { at = "plant/oven/state", type = "bool", value = "/door" }
recipe = { at = "plant/oven/recipe", type = "text", format = "raw" }
weight = { at = "plant/oven/scale", type = "f64", format = "csv", value = "2", quality = "3", separator = ";" }
raw = { at = "plant/oven/raw", type = "i64", format = "raw", scale = 0.1, bad_above = 1000 }
target = { at = "plant/oven/target", type = "f64", command = "plant/oven/target/set", payload = '{"target":{value}}', value = "/target", write = { min = 0, max = 300, confirm = { point = "oven/target", within = "20s" } } }
pulse = { at = "plant/oven/pulse", type = "bool", command = "plant/oven/pulse/set", write = { confirm = "none" } }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn payloads_become_values_and_writes_messages() {
    let Some(mut stage) = stage("") else { return };
    let handle = stage.start(OVEN);
    connected(&handle).await;
    let now = stage.house.clock().now();
    stage
        .publish("plant/oven/state", &format!("{{\"celsius\":181.5,\"door\":false,\"t\":{}}}", now.millis()));
    stage.publish("plant/oven/recipe", "Ciabatta 7");
    stage.publish("plant/oven/scale", "1;12.5;192");
    stage.publish("plant/oven/raw", "878");
    eventually("the values", || stage.value("oven/raw").is_some()).await;
    assert_eq!(stage.value("oven/temperature"), Some(Value::F64(181.5)));
    assert_eq!(stage.house.last("oven/temperature").time.millis(), now.millis(), "the payload's own time");
    assert_eq!(stage.value("oven/door"), Some(Value::Bool(false)));
    assert_eq!(stage.value("oven/recipe"), Some(Value::from("Ciabatta 7")));
    assert_eq!(stage.value("oven/weight"), Some(Value::F64(12.5)));
    assert_eq!(stage.value("oven/raw"), Some(Value::F64(87.8)));
    // What does not fit is bad on exactly the point concerned.
    stage.publish("plant/oven/state", "{\"celsius\":\"hot\",\"door\":true}");
    stage.publish("plant/oven/raw", "1001");
    stage.publish("plant/oven/scale", "1;12.5;0");
    eventually("bad values", || stage.status("oven/weight") == Some(Status::BAD)).await;
    assert_eq!(stage.status("oven/temperature"), Some(Status::BAD_DECODING_ERROR));
    assert_eq!(stage.house.last("oven/temperature").value, Value::F64(181.5), "the last value is kept");
    assert_eq!(stage.value("oven/door"), Some(Value::Bool(true)));
    assert_eq!(stage.status("oven/raw"), Some(Status::BAD_SENSOR_FAILURE));
    // A write is a message; the device's answer on the state topic confirms it.
    assert_eq!(stage.peer.ask("echo\tplant/oven/target/set\tplant/oven/target"), "ok");
    assert_eq!(stage.peer.ask("echo\tplant/oven/pulse/set\tplant/oven/nowhere"), "ok");
    let outcome = stage.house.write("oven/target", Value::F64(220.0)).await;
    assert_eq!(outcome, Outcome::Confirmed { readback: Value::F64(220.0) });
    assert_eq!(stage.peer.ask("last\tplant/oven/target/set"), "{\"target\":220}");
    assert_eq!(stage.house.write("oven/pulse", Value::Bool(true)).await, Outcome::Accepted);
    eventually("the pulse", || stage.peer.ask("last\tplant/oven/pulse/set") == "true").await;
    let outcome = stage.house.write("oven/target", Value::F64(301.0)).await;
    assert_eq!(outcome.word(), "Rejected");
    // The point's own topic may have changed its mind about what it is; nobody else's did.
    assert_eq!(handle.status().devices.len(), 1);
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_over_a_cut() {
    for version in ["5", "3.1.1"] {
        let Some(mut stage) = stage("") else { return };
        let text = format!(
            "version = \"{version}\"\n[device.d]\nat = \"d\"\n[device.d.tags]\nn = {{ at = \"plant/n\", type = \"i64\", value = \"/n\", time = \"/t\" }}\n"
        );
        let handle = stage.start(&text);
        connected(&handle).await;
        assert_eq!(stage.peer.ask("burst\tplant/n\t0\t500"), "ok");
        eventually("the first ones", || stage.value("d/n") == Some(Value::I64(499))).await;
        // We are away (paused: the connection is closed without a word), the broker is not.
        handle.pause();
        eventually("the pause", || handle.status().state == State::Paused).await;
        assert_eq!(stage.peer.ask("burst\tplant/n\t500\t500"), "ok");
        assert_eq!(stage.status("d/n"), Some(Status::BAD_OUT_OF_SERVICE));
        handle.resume();
        eventually("what came meanwhile", || stage.value("d/n") == Some(Value::I64(999))).await;
        // The broker is killed and comes back with what it had written down.
        stage.broker.kill();
        eventually("the loss", || stage.status("d/n").is_some_and(Status::is_bad)).await;
        stage.broker.up();
        assert_eq!(stage.peer.ask("wait"), "ok");
        assert_eq!(stage.peer.ask("burst\tplant/n\t1000\t500"), "ok");
        eventually("what came after", || stage.value("d/n") == Some(Value::I64(1499))).await;
        let history = stage.history("d/n");
        let mut numbers: Vec<i64> = history.iter().map(|(n, ..)| *n).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers, (0..1500).collect::<Vec<_>>(), "MQTT {version}");
        // What was published while we were away stands at its own time. (The newest of it stands once more at the time
        // of the return, as the present value.)
        let away = history.iter().filter(|(n, _, historical)| (500..1000).contains(n) && *historical);
        let away: BTreeSet<i64> = away.map(|(n, ..)| *n).collect();
        assert_eq!(away.len(), 500, "MQTT {version}");
        handle.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_make_points_with_room() {
    let Some(mut stage) = stage("") else { return };
    let text = r#"
[device.floor]
at = "floor"
[device.floor.patterns]
machines = { at = "plant/{machine}/{tag}", format = "raw", type = "f64", unit = "bar", max_points = 4 }
meters = { at = "meters/{meter}", value = "/{quantity}", path = "meters/{meter}/{quantity}" }
"#;
    let handle = stage.start(text);
    connected(&handle).await;
    assert_eq!(handle.points().len(), 0);
    stage.publish("plant/oven/pressure", "1.5");
    stage.publish("plant/Motor 1/p", "2.5");
    stage.publish("plant/Motor_1/p", "3.5");
    stage.publish("meters/m1", "{\"kW\":4.5,\"ok\":true,\"name\":\"Feeder\",\"list\":[1],\"none\":null}");
    eventually("the points", || handle.points().len() == 6).await;
    assert_eq!(stage.value("floor/oven/pressure"), Some(Value::F64(1.5)));
    assert_eq!(stage.value("floor/Motor_x20_1/p"), Some(Value::F64(2.5)));
    assert_eq!(stage.value("floor/Motor_1/p"), Some(Value::F64(3.5)));
    assert_eq!(stage.value("floor/meters/m1/kW"), Some(Value::F64(4.5)));
    assert_eq!(stage.value("floor/meters/m1/ok"), Some(Value::Bool(true)));
    assert_eq!(stage.value("floor/meters/m1/name"), Some(Value::from("Feeder")));
    let id = stage.house.namespace.find("acme/leeds/floor/oven/pressure").unwrap();
    let declared = stage.house.namespace.meta(id).unwrap();
    assert_eq!((declared.unit.as_str(), declared.device.as_str()), ("bar", "floor"));
    assert_eq!(declared.source, "plant/oven/pressure");
    // One more has room, the next does not; a name that differs in case only is another topic's.
    stage.publish("plant/oven/a", "1");
    stage.publish("plant/oven/b", "1");
    stage.publish("plant/OVEN/pressure", "9");
    stage.publish("meters/m1", "{\"kW\":\"text\",\"ok\":false}");
    eventually("a change", || stage.value("floor/meters/m1/ok") == Some(Value::Bool(false))).await;
    assert_eq!(handle.points().len(), 7);
    assert_eq!(stage.house.namespace.find("acme/leeds/floor/oven/b"), None);
    assert_eq!(stage.value("floor/oven/pressure"), Some(Value::F64(1.5)));
    assert_eq!(
        stage.status("floor/meters/m1/kW"),
        Some(Status::BAD_DECODING_ERROR),
        "another type than the first"
    );
    let counted = |name| handle.status().counters.iter().find(|(known, _)| *known == name).unwrap().1;
    assert_eq!(counted("no_room"), 2);
    let status = handle.status();
    assert_eq!((status.points, status.good), (7, 6));
    handle.stop().await;
    // After a restart what showed up is known again, and doubtful until it is heard.
    stage.house.namespace.retire(&[id]);
    let again = stage.start(text);
    eventually("the points again", || again.points().len() == 7).await;
    assert_eq!(stage.house.last("floor/oven/pressure").value, Value::F64(1.5));
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retained_values_have_their_own_age_and_silence_is_told() {
    let Some(mut stage) = stage("") else { return };
    let text = r#"
[device.d]
at = "d"
[device.d.tags]
bare = { at = "plant/bare", type = "f64" }
trusted = { at = "plant/trusted", type = "f64", retained = "good" }
ignored = { at = "plant/ignored", type = "f64", retained = "ignore" }
dated = { at = "plant/dated", type = "f64", value = "/v", time = "/t" }
silent = { at = "plant/silent", type = "f64", stale = "300ms" }
"#;
    let hour_ago = stage.house.clock().now().before(std::time::Duration::from_secs(3600));
    for topic in ["bare", "trusted", "ignored"] {
        stage.retain(&format!("plant/{topic}"), "7");
    }
    stage.retain("plant/dated", &format!("{{\"v\":7,\"t\":{}}}", hour_ago.millis()));
    let handle = stage.start(text);
    connected(&handle).await;
    eventually("the retained ones", || stage.status("d/dated") == Some(Status::GOOD)).await;
    assert_eq!(stage.status("d/bare"), Some(Status::UNCERTAIN_LAST_USABLE_VALUE));
    assert_eq!(stage.value("d/trusted"), Some(Value::F64(7.0)));
    assert_eq!(stage.house.last("d/ignored").value, Value::None);
    assert_eq!(stage.house.last("d/dated").time.millis(), hour_ago.millis());
    stage.publish("plant/bare", "8");
    stage.publish("plant/silent", "1");
    eventually("live values", || stage.value("d/silent").is_some()).await;
    assert_eq!(stage.value("d/bare"), Some(Value::F64(8.0)));
    eventually("silence", || stage.status("d/silent") == Some(Status::UNCERTAIN_LAST_USABLE_VALUE)).await;
    assert_eq!(stage.house.last("d/silent").value, Value::F64(1.0));
    stage.publish("plant/silent", "2");
    eventually("a voice", || stage.value("d/silent") == Some(Value::F64(2.0))).await;
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_stops_no_other() {
    for version in ["5", "3.1.1"] {
        let Some(mut stage) = stage("") else { return };
        let text = format!(
            "version = \"{version}\"\n[device.d]\nat = \"d\"\n[device.d.tags]\nn = {{ at = \"plant/n\", type = \"i64\" }}\n"
        );
        let handle = stage.start(&text);
        connected(&handle).await;
        assert_eq!(stage.peer.ask("large\tplant/n\t2000000"), "ok");
        eventually("a value behind it", || {
            stage.publish("plant/n", "7");
            stage.value("d/n") == Some(Value::I64(7))
        })
        .await;
        let told =
            stage.house.namespace.recent_events(100).iter().any(|event| event.title.contains("too large"));
        assert_eq!(told, version == "3.1.1", "a broker with MQTT 5 drops it by itself");
        handle.stop().await;
    }
}

/// A measurement, printed: what one connection takes in while the broker allows twenty messages on their way.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_taken_in_within_seconds() {
    let Some(mut stage) = stage("") else { return };
    let handle = stage.start(
        "[device.d]\nat = \"d\"\n[device.d.tags]\nn = { at = \"plant/n\", type = \"i64\", value = \"/n\" }\n",
    );
    connected(&handle).await;
    let start = std::time::Instant::now();
    assert_eq!(stage.peer.ask("burst\tplant/n\t0\t5000"), "ok");
    let published = start.elapsed();
    eventually("the last one", || stage.value("d/n") == Some(Value::I64(4_999))).await;
    eprintln!("5,000 messages: published in {published:?}, taken in after {:?}", start.elapsed());
    assert_eq!(stage.history("d/n").len(), 5_000);
    handle.stop().await;
}
