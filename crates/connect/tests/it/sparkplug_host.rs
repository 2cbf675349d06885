//! Sparkplug edge nodes nobody here wrote (Eclipse Tahu's sparkplug-client) make points.

use crate::broker::{Broker, no_mosquitto};
use crate::support::{House, Peer, eventually, peer_file};
use connect::south::Handle;
use connect::south::status::{DeviceState, State};
use model::{Outcome, Status, Value};
use serde_json::{Value as Json, json};

struct Stage {
    house: House,
    broker: Broker,
}

fn stage() -> Option<Stage> {
    if no_mosquitto() {
        return None;
    }
    let dir = std::env::var("IRONBRIDGE_PEERS_NODE_DIR").ok();
    if !dir.is_some_and(|dir| std::path::Path::new(&dir).join("node_modules/sparkplug-client").exists()) {
        eprintln!("SKIPPED: IRONBRIDGE_PEERS_NODE_DIR names no folder with node_modules/sparkplug-client");
        return None;
    }
    Some(Stage { house: House::new(), broker: Broker::start("") })
}

fn births() -> Json {
    let properties = json!({ "engUnit": { "type": "String", "value": "bar" }, "engLow": { "type": "Double", "value": 0 },
        "engHigh": { "type": "Double", "value": 10 } });
    json!({
        "node": [{ "name": "level", "type": "Double", "value": 1.5, "properties": properties }],
        "devices": { "filler": [
            { "name": "Line 1/Speed", "alias": 11, "type": "Int32", "value": -5 },
            { "name": "Line 1/Target", "alias": 12, "type": "Double", "value": 100.0 },
            { "name": "count", "alias": 13, "type": "UInt64", "value": 7 },
            { "name": "on", "alias": 14, "type": "Boolean", "value": true },
            { "name": "recipe", "alias": 15, "type": "String", "value": "Ciabatta" },
            { "name": "none", "alias": 16, "type": "Float", "value": null },
            { "name": "table", "alias": 17, "type": "DataSet", "value": {
                "numOfColumns": 1, "types": ["Int32"], "columns": ["a"], "rows": [[1]] } }
        ]}
    })
}

/// The node's process, in the folder of its packages.
fn node(stage: &Stage, name: &str, births: &Json) -> Peer {
    let dir = std::env::var("IRONBRIDGE_PEERS_NODE_DIR").unwrap();
    let port = stage.broker.port.to_string();
    let run = "cd \"$0\" && NODE_PATH=\"$0/node_modules\" exec node \"$1\" \"$2\" \"$3\" \"$4\"";
    Peer::spawn("sh", &["-c", run, &dir, &peer_file("sparkplug_node.js"), &port, name, &births.to_string()])
}

fn tell(peer: &mut Peer, what: &Json) {
    assert_eq!(peer.ask(&what.to_string()), "ok", "{what}");
}

impl Stage {
    fn start(&self, text: &str) -> Handle {
        let head = format!(
            "kind = \"sparkplug-host\"\nurl = \"mqtt://127.0.0.1:{}\"\nat = \"edge\"\n",
            self.broker.port
        );
        self.house.start("host", &format!("{head}{text}"))
    }

    fn status(&self, path: &str) -> Option<Status> {
        let id = self.house.namespace.find(&format!("acme/leeds/{path}"))?;
        self.house.namespace.last(id).map(|last| last.status)
    }

    fn value(&self, path: &str) -> Option<Value> {
        let id = self.house.namespace.find(&format!("acme/leeds/{path}"))?;
        self.house.namespace.last(id).filter(|last| last.status.is_good()).map(|last| last.value)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn births_make_points_and_deaths_make_them_bad() {
    let Some(stage) = stage() else { return };
    let handle = stage.start("");
    eventually("the broker", || handle.status().state == State::Connected).await;
    let mut gw = node(&stage, "gw", &births());
    eventually("the points", || stage.value("edge/leeds/gw/filler/recipe").is_some()).await;
    assert_eq!(stage.value("edge/leeds/gw/level"), Some(Value::F64(1.5)));
    assert_eq!(stage.value("edge/leeds/gw/filler/Line_x20_1/Speed"), Some(Value::I64(-5)));
    assert_eq!(stage.value("edge/leeds/gw/filler/count"), Some(Value::U64(7)));
    assert_eq!(stage.value("edge/leeds/gw/filler/on"), Some(Value::Bool(true)));
    assert_eq!(stage.value("edge/leeds/gw/filler/recipe"), Some(Value::from("Ciabatta")));
    assert_eq!(stage.status("edge/leeds/gw/filler/none"), Some(Status::BAD));
    assert_eq!(stage.status("edge/leeds/gw/filler/table"), None, "a data set is no single value");
    let id = stage.house.namespace.find("acme/leeds/edge/leeds/gw/level").unwrap();
    let declared = stage.house.namespace.meta(id).unwrap();
    assert_eq!((declared.unit.as_str(), declared.range), ("bar", Some((0.0, 10.0))));
    assert_eq!((declared.device.as_str(), declared.source.as_str()), ("leeds.gw", "leeds/gw level"));
    // Data, by alias and without.
    let data = json!([{ "alias": 11, "type": "Int32", "value": 42 }]);
    tell(&mut gw, &json!({ "do": "data", "device": "filler", "metrics": data }));
    tell(&mut gw, &json!({ "do": "data", "metrics": [{ "name": "level", "type": "Double", "value": 2.5 }] }));
    eventually("data", || stage.value("edge/leeds/gw/level") == Some(Value::F64(2.5))).await;
    assert_eq!(stage.value("edge/leeds/gw/filler/Line_x20_1/Speed"), Some(Value::I64(42)));
    // History never replaces a newer value.
    let old =
        json!([{ "alias": 11, "type": "Int32", "value": 7, "isHistorical": true, "timestamp": 1_000_000 }]);
    tell(&mut gw, &json!({ "do": "data", "device": "filler", "metrics": old }));
    let data = json!([{ "alias": 13, "type": "UInt64", "value": 8 }]);
    tell(&mut gw, &json!({ "do": "data", "device": "filler", "metrics": data }));
    eventually("what follows", || stage.value("edge/leeds/gw/filler/count") == Some(Value::U64(8))).await;
    assert_eq!(stage.value("edge/leeds/gw/filler/Line_x20_1/Speed"), Some(Value::I64(42)));
    // The device dies, then the node.
    tell(&mut gw, &json!({ "do": "death", "device": "filler" }));
    let lost = Some(Status::BAD_COMMUNICATION_ERROR);
    eventually("the device's death", || stage.status("edge/leeds/gw/filler/count") == lost).await;
    assert_eq!(stage.value("edge/leeds/gw/level"), Some(Value::F64(2.5)), "its node lives");
    let states = |handle: &Handle| {
        handle.status().devices.iter().map(|d| (d.name.clone(), d.state)).collect::<Vec<_>>()
    };
    let expected =
        [("leeds.gw".to_owned(), DeviceState::Ok), ("leeds.gw.filler".to_owned(), DeviceState::Demoted)];
    assert_eq!(states(&handle), expected);
    tell(&mut gw, &json!({ "do": "crash" }));
    eventually("the node's death", || stage.status("edge/leeds/gw/level") == lost).await;
    assert_eq!(stage.house.last("edge/leeds/gw/level").value, Value::F64(2.5), "the last value is kept");
    drop(gw);
    let _again = node(&stage, "gw", &births());
    eventually("the rebirth", || stage.value("edge/leeds/gw/filler/count") == Some(Value::U64(7))).await;
    assert_eq!(handle.status().points, 7);
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_ask_for_births_and_changed_births_change_points() {
    let Some(stage) = stage() else { return };
    // The node is older than the host: it does not wait for it, and is asked.
    let mut gw = node(&stage, "gw", &births());
    eventually("the first birth", || gw.ask("{\"do\":\"births\"}") == "1").await;
    let handle = stage.start("");
    eventually("the broker", || handle.status().state == State::Connected).await;
    let level = |value: f64| json!({ "do": "data", "metrics": [{ "name": "level", "type": "Double", "value": value }] });
    tell(&mut gw, &level(2.0));
    eventually("births on request", || stage.value("edge/leeds/gw/filler/recipe").is_some()).await;
    assert_eq!(gw.ask("{\"do\":\"births\"}"), "2");
    // A number is missing: nothing is believed, and the births are asked for.
    tell(&mut gw, &json!({ "do": "skip" }));
    tell(&mut gw, &level(3.0));
    eventually("births after the gap", || gw.ask("{\"do\":\"births\"}") == "3").await;
    eventually("what the birth says", || stage.value("edge/leeds/gw/level") == Some(Value::F64(1.5))).await;
    // A node that does not answer stays doubtful.
    tell(&mut gw, &json!({ "do": "deaf" }));
    tell(&mut gw, &json!({ "do": "skip" }));
    tell(&mut gw, &level(4.0));
    let doubtful = Some(Status::UNCERTAIN_LAST_USABLE_VALUE);
    eventually("doubt", || stage.status("edge/leeds/gw/level") == doubtful).await;
    assert_eq!(stage.status("edge/leeds/gw/filler/count"), doubtful);
    assert_eq!(stage.house.last("edge/leeds/gw/level").value, Value::F64(1.5));
    // Another birth: one metric is gone, one has another type, one is new.
    let changed = json!({ "node": [{ "name": "level", "type": "Int32", "value": 3 }, { "name": "new", "type": "Boolean", "value": true }],
        "devices": { "filler": [{ "name": "count", "alias": 11, "type": "UInt64", "value": 9 }] } });
    tell(&mut gw, &json!({ "do": "change", "births": changed }));
    eventually("the new birth", || stage.value("edge/leeds/gw/filler/count") == Some(Value::U64(9))).await;
    assert_eq!(stage.value("edge/leeds/gw/level"), Some(Value::I64(3)));
    assert_eq!(stage.value("edge/leeds/gw/new"), Some(Value::Bool(true)));
    let live = stage.house.namespace.points();
    let id = stage.house.namespace.find("acme/leeds/edge/leeds/gw/filler/recipe").unwrap();
    assert!(!live.ids().contains(&id), "what the node does not have any more is not live");
    assert_eq!(handle.status().points, 3);
    handle.stop().await;
}

const WRITABLE: &str = r#"
[device.filler]
edge = "leeds/gw/filler"
at = "packaging/filler"
[device.filler.tags]
target = { at = "Line 1/Target", type = "f64", write = { min = 0, max = 600 } }
ghost = { at = "Ghost", type = "f64" }
scaled = { at = "Line 1/Speed", type = "i64", scale = 0.5 }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_written_and_a_lost_broker_means_births_again() {
    let Some(mut stage) = stage() else { return };
    let handle = stage.start(WRITABLE);
    eventually("the broker", || handle.status().state == State::Connected).await;
    eventually("a word about the tags", || {
        stage.status("packaging/filler/target") == Some(Status::BAD_NO_COMMUNICATION)
    })
    .await;
    let outcome = stage.house.write("packaging/filler/target", Value::F64(250.0)).await;
    assert_eq!(outcome.word(), "Rejected", "nothing is sent to a node that was not born: {outcome:?}");
    let mut gw = node(&stage, "gw", &births());
    eventually("the points", || stage.value("packaging/filler/target") == Some(Value::F64(100.0))).await;
    assert_eq!(stage.value("packaging/filler/scaled"), Some(Value::F64(-2.5)));
    assert_eq!(stage.value("packaging/filler/count"), Some(Value::U64(7)), "others appear beside the tags");
    assert_eq!(stage.status("packaging/filler/ghost"), Some(Status::BAD_CONFIGURATION_ERROR));
    assert_eq!(
        stage.value("edge/leeds/gw/level"),
        Some(Value::F64(1.5)),
        "the node itself is not written down"
    );
    let outcome = stage.house.write("packaging/filler/target", Value::F64(250.0)).await;
    assert_eq!(outcome, Outcome::Confirmed { readback: Value::F64(250.0) });
    let commands: Json = serde_json::from_str(&gw.ask("{\"do\":\"commands\"}")).unwrap();
    assert_eq!(commands[0]["metrics"][0]["alias"], json!(12), "by the birth's alias: {commands}");
    assert_eq!(stage.house.write("packaging/filler/count", Value::U64(1)).await.word(), "Rejected");
    // The broker goes and comes back: host and node find each other again.
    stage.broker.kill();
    eventually("the loss", || {
        stage.status("packaging/filler/target") == Some(Status::BAD_COMMUNICATION_ERROR)
    })
    .await;
    stage.broker.up();
    eventually("the births", || stage.value("packaging/filler/target") == Some(Value::F64(100.0))).await;
    assert_eq!(stage.value("edge/leeds/gw/level"), Some(Value::F64(1.5)));
    // A host that starts anew knows what was there, and asks for it.
    handle.stop().await;
    let before: u32 = gw.ask("{\"do\":\"births\"}").parse().unwrap();
    let again = stage.start(WRITABLE);
    eventually("a request for births", || gw.ask("{\"do\":\"births\"}").parse::<u32>().unwrap() > before)
        .await;
    eventually("the points again", || {
        stage.value("packaging/filler/count").is_some() && again.status().points == 8
    })
    .await;
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn state_says_whether_the_host_is_there() {
    let Some(stage) = stage() else { return };
    let handle = stage.start("host_id = \"scada\"\n");
    eventually("the broker", || handle.status().state == State::Connected).await;
    let state = || -> Option<Json> {
        let port = stage.broker.port.to_string();
        let topic = "spBv1.0/STATE/scada";
        let args = ["-h", "127.0.0.1", "-p", &port, "-t", topic, "-C", "1", "-W", "2"];
        let heard = std::process::Command::new("mosquitto_sub").args(args).output().ok()?;
        serde_json::from_slice(&heard.stdout).ok()
    };
    eventually("STATE online", || state().is_some_and(|said| said["online"] == true)).await;
    // A late will of an earlier session is put right.
    let port = stage.broker.port.to_string();
    let late = [
        "-h",
        "127.0.0.1",
        "-p",
        &port,
        "-t",
        "spBv1.0/STATE/scada",
        "-r",
        "-m",
        "{\"online\":false,\"timestamp\":1}",
    ];
    assert!(std::process::Command::new("mosquitto_pub").args(late).status().unwrap().success());
    eventually("STATE put right", || state().is_some_and(|said| said["online"] == true)).await;
    handle.pause();
    eventually("STATE offline", || state().is_some_and(|said| said["online"] == false)).await;
    handle.resume();
    eventually("STATE online again", || state().is_some_and(|said| said["online"] == true)).await;
    handle.stop().await;
}
