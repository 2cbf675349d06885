//! OTLP into a receiver that decodes with OpenTelemetry's own protocol definitions (PyPI `opentelemetry-proto`).

use crate::collectors::{Peer, python_server};
use crate::support::*;
use connect::north::{Handle, State};
use model::{Event, EventKind, Status, Time, Value, ValueType};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

fn rows(peer: &Peer, name: &str) -> Vec<Json> {
    peer.lines(name).iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn mood(peer: &Peer, mood: &str) {
    std::fs::write(peer.path("mood"), mood).unwrap();
}

/// The data points of a metric.
fn points(peer: &Peer, name: &str) -> Vec<Json> {
    let all = rows(peer, "metrics").into_iter().filter(|row| row["name"] == name);
    all.map(|row| row["gauge"]["dataPoints"][0].clone()).collect()
}

fn attribute(of: &Json, key: &str) -> Json {
    let all = of["attributes"].as_array().unwrap();
    let found = all.iter().find(|pair| pair["key"] == key).map(|pair| pair["value"].clone());
    found.unwrap_or_else(|| panic!("{key} is not in {of:#}"))
}

fn settled(handle: &Handle, what: &str, sent: u64) {
    wait_status(handle, what, |status| status.sent + status.rejects >= sent && status.lag_s == Some(0.0));
}

#[test]
fn a_collector_gets_samples_as_gauges_and_events_as_logs() {
    let Some(peer) = python_server("otlp_collector.py") else { return };
    let (mut plant, runtime) = (Plant::new(), multi());
    let _guard = runtime.enter();
    plant.secrets = BTreeMap::from([("token".into(), "abc".into())]);
    let shape = plant.declare(
        "filler",
        &[
            ("line/filler/Pressure", ValueType::F64),
            ("line/filler/count", ValueType::U64),
            ("line/filler/note", ValueType::Text),
        ],
    );
    let config = format!(
        "kind = \"otlp\"\nurl = \"http://127.0.0.1:{}\"\nbearer = {{ secret = \"token\" }}\nevents = [\"finding\"]\n",
        peer.port
    );
    let handle = plant.start("telemetry", &config);
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    plant.publish(&shape, vec![Value::F64(2.5), Value::U64(7), Value::from("start")]);
    plant.quality(&shape, Status::BAD_SENSOR_FAILURE);
    let event = Event::active(
        EventKind::Finding,
        "finding/IB-S7-003/1",
        "monitor",
        Time::from_millis(1_767_225_600_123),
        950,
        "Stopped",
    );
    plant.namespace.event(event);
    settled(&handle, "seven items", 7);
    let pressure = points(&peer, "plant.pressure");
    assert_eq!((pressure.len(), &pressure[0]["asDouble"]), (2, &json!(2.5)), "{pressure:#?}");
    assert_eq!(attribute(&pressure[0], "path"), json!({"stringValue": "acme/leeds/line/filler/Pressure"}));
    assert_eq!(attribute(&pressure[0], "quality"), json!({"stringValue": "Good"}));
    assert_eq!((pressure[1].get("asDouble"), &pressure[1]["flags"]), (None, &json!(1)), "no value when Bad");
    assert_eq!(attribute(&pressure[1], "quality"), json!({"stringValue": "BadSensorFailure"}));
    assert_eq!(points(&peer, "plant.count")[0]["asInt"], json!("7"));
    let metrics = rows(&peer, "metrics");
    let unit = metrics.iter().find(|row| row["name"] == "plant.pressure").unwrap();
    assert_eq!(
        (&unit["unit"], &unit["packed"], &unit["token"]),
        (&json!("bar"), &json!(true), &json!("Bearer abc"))
    );
    assert_eq!(
        unit["who"],
        json!({"service.name": "ironbridge", "service.version": env!("CARGO_PKG_VERSION"), "service.instance.id": "acme/leeds"})
    );
    let logs = rows(&peer, "logs");
    let of =
        |name: &str| logs.iter().find(|row| row["eventName"] == name).unwrap_or_else(|| panic!("{logs:#?}"));
    assert_eq!(of("plant.text")["body"], json!({"stringValue": "start"}));
    let finding = of("ironbridge.finding");
    assert_eq!(
        (&finding["severityNumber"], &finding["severityText"]),
        (&json!("SEVERITY_NUMBER_FATAL"), &json!("critical"))
    );
    assert_eq!(
        (&finding["timeUnixNano"], &finding["body"]),
        (&json!("1767225600123000000"), &json!({"stringValue": "Stopped"}))
    );
    runtime.block_on(handle.stop());
}

#[test]
fn a_collector_that_is_busy_partly_or_wholly_refuses_loses_nothing_else() {
    let Some(mut peer) = python_server("otlp_collector.py") else { return };
    let (plant, runtime) = (Plant::new(), multi());
    let _guard = runtime.enter();
    let fine = plant.declare("filler", &[("line/filler/n", ValueType::I64)]);
    let poison = plant.declare("other", &[("line/other/poison", ValueType::I64)]);
    let config =
        format!("kind = \"otlp\"\nurl = \"http://127.0.0.1:{}\"\ncompression = \"none\"\n", peer.port);
    let handle = plant.start("telemetry", &config);
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    mood(&peer, "busy");
    (0..20).for_each(|n| plant.publish(&fine, vec![Value::I64(n)]));
    let status = wait_status(&handle, "the collector to be busy", |status| status.last_error.is_some());
    let told = format!("{:?}", status.last_error);
    assert!(told.contains("asks to wait 1 s"), "{told}");
    mood(&peer, "never");
    plant.publish(&poison, vec![Value::I64(0)]);
    (20..40).for_each(|n| plant.publish(&fine, vec![Value::I64(n)]));
    settled(&handle, "what was held up, without the poison", 41);
    let rejects = handle.rejects();
    assert_eq!((rejects.len(), rejects[0].path.as_str()), (1, "acme/leeds/line/other/poison"));
    assert!(rejects[0].reason.contains("400"), "{rejects:?}");
    mood(&peer, "part");
    plant.publish(&fine, vec![Value::I64(40)]);
    let status = wait_status(&handle, "what it refused of it", |status| status.rejects > 1);
    assert_eq!(status.rejects, 2);
    assert!(
        handle.rejects().iter().any(|reject| reject.reason == "one is too old"),
        "{:?}",
        handle.rejects()
    );
    mood(&peer, "");
    peer.kill();
    (41..60).for_each(|n| plant.publish(&fine, vec![Value::I64(n)]));
    wait_status(&handle, "the loss to be seen", |status| status.state == State::Lost);
    peer.up();
    wait_for("every sample", || {
        let seen: Vec<i64> =
            points(&peer, "plant.n").iter().map(|p| p["asInt"].as_str().unwrap().parse().unwrap()).collect();
        (0..60).all(|n| seen.contains(&n)).then_some(())
    });
    assert!(!peer.lines("busy").is_empty());
    runtime.block_on(handle.stop());
}
