//! From a register of a pymodbus server to `tail`, SQL and back by a command.

use crate::harness::{Plant, Process, Python, free_port, wait_for};
use serde_json::json;
use std::time::Duration;

/// A plant with one connection to a running pymodbus server; `None` says that it was skipped.
pub fn plant_with_pymodbus(settings: &str) -> Option<(Plant, Process, u16)> {
    let python = Python::find()?;
    let port = free_port();
    let server = python.serve("modbus_server.py", port, &[]);
    let plant = Plant::new(settings);
    plant.write("connections/line-1.toml", &connection(port));
    Some((plant, server, port))
}

/// The connection file for the server's registers.
pub fn connection(port: u16) -> String {
    format!(
        r#"kind = "modbus-tcp"
host = "127.0.0.1"
port = {port}
timeout = "500ms"
scan = {{ fast = "100ms" }}

[device.filler]
unit = 1
at = "packaging/line-1/filler"

[device.filler.tags]
count  = {{ at = "holding 100", type = "u32", scan = "fast" }}
level  = {{ at = "40111", type = "f32", order = "CDAB", unit = "%", scan = "fast" }}
target = {{ at = "holding 200", type = "u16", unit = "/min", scan = "fast", write = {{ min = 0, max = 600 }} }}
valve  = {{ at = "coil 5", type = "bool", scan = "fast", write = {{}} }}
"#
    )
}

const FILLER: &str = "acme/leeds/packaging/line-1/filler";

/// The latest sample of a point once `wanted` says yes to it.
pub fn latest(plant: &Plant, path: &str, wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
    let local = plant.local();
    wait_for(path, Duration::from_secs(20), || {
        let answer = local.post("/api/latest", &json!({"paths": [path]})).ok();
        let point = answer["values"][0].clone();
        wanted(&point).then_some(point)
    })
}

#[test]
fn a_register_is_on_tail_in_sql_and_can_be_written_when_a_person_turned_it_on() {
    let Some((mut plant, _server, _)) = plant_with_pymodbus("") else { return };
    plant.start();
    let level = latest(&plant, &format!("{FILLER}/level"), |p| p["good"] == true);
    assert_eq!(level["value"], json!(12.5));
    assert_eq!(level["unit"], json!("%"));

    let lines = plant.say(&["tail", FILLER, "--lines", "8"]);
    assert_eq!(lines.lines().count(), 8, "{lines}");
    assert!(lines.contains("filler/count") && lines.contains("Good"), "{lines}");

    // READ-ONLY: refused with the reason, and written down.
    let write = json!({"path": format!("{FILLER}/target"), "value": 120, "reason": "e2e", "ttl_ms": 5000});
    let refused = plant.local().post("/api/point/write", &write).ok();
    assert_eq!(refused["outcome"], "Rejected", "{refused}");
    assert!(refused["why"].as_str().unwrap().contains("READ-ONLY"), "{refused}");

    // Turned on locally, by a person, applied without a restart.
    plant.write(
        "ironbridge.toml",
        "enterprise = \"acme\"\nsite = \"leeds\"\nwrites = \"on\"\n[web]\nlisten = \"127.0.0.1:0\"\n",
    );
    plant.say(&["apply", "."]);
    latest(&plant, &format!("{FILLER}/target"), |p| p["good"] == true);
    let done = plant.local().post("/api/point/write", &write).ok();
    assert_eq!(done["outcome"], "Confirmed", "{done}");
    assert_eq!(done["readback"], json!(120), "{done}");
    let over = json!({"path": format!("{FILLER}/target"), "value": 700, "reason": "e2e", "ttl_ms": 5000});
    assert_eq!(plant.local().post("/api/point/write", &over).ok()["outcome"], "Rejected");
    let coil = json!({"path": format!("{FILLER}/valve"), "value": true, "reason": "e2e", "ttl_ms": 5000});
    assert_eq!(plant.local().post("/api/point/write", &coil).ok()["outcome"], "Confirmed");
    assert_eq!(latest(&plant, &format!("{FILLER}/target"), |p| p["value"] == 120)["quality"], "Good");

    let audit = plant.local().get("/api/audit?limit=50").ok().to_string();
    for word in ["READ-ONLY", "Confirmed", "apply"] {
        assert!(audit.contains(word), "the audit lacks {word}: {audit}");
    }
    let sql =
        format!("select max(value_int) - min(value_int) as grown from samples where path = '{FILLER}/count'");
    let grown = wait_for("history of the counter", Duration::from_secs(20), || {
        let text = plant.say(&["query", &sql, "--format", "csv"]);
        text.lines().nth(1).and_then(|cell| cell.trim().parse::<i64>().ok()).filter(|grown| *grown > 20)
    });
    assert!(grown < 10_000, "{grown}");
    plant.stop();
    assert!(plant.say(&["audit", "verify"]).contains("every hash fits"));
}

#[test]
fn a_dead_device_keeps_its_value_with_a_bad_quality_and_comes_back() {
    let Some((mut plant, mut server, port)) = plant_with_pymodbus("") else { return };
    plant.start();
    let path = format!("{FILLER}/level");
    latest(&plant, &path, |p| p["good"] == true);
    server.kill();
    let lost = latest(&plant, &path, |p| p["quality"] == "BadCommunicationError");
    assert_eq!(lost["value"], json!(12.5), "the last value is kept: {lost}");
    let events = plant.local().get("/api/events?active=true&kind=fault").ok();
    assert!(
        events["events"].as_array().unwrap().iter().any(|e| e["source"].as_str().unwrap().contains("line-1")),
        "{events}"
    );
    let connections = plant.local().get("/api/connections").ok();
    let next = connections["connections"][0]["last_error"]["next"].as_str().unwrap_or_default();
    assert!(!next.is_empty(), "{connections}");
    let _server = Python::find().unwrap().start("modbus_server.py", &[&port.to_string()]);
    latest(&plant, &path, |p| p["good"] == true);
    plant.stop();
}
