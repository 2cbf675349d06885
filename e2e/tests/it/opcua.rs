//! An OPC UA server of asyncua: refused, trusted by a person, read, recorded, written.

use crate::harness::{Plant, Python, free_port, wait_for};
use crate::modbus::latest;
use serde_json::json;
use std::time::Duration;

/// An OPC UA server of asyncua.
pub const ASYNCUA: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/connect/tests/peers/asyncua_server.py");
const PRESS: &str = "acme/leeds/pressing/press-4";

fn connection(port: u16) -> String {
    format!(
        r#"kind = "opc-ua"
url = "opc.tcp://127.0.0.1:{port}/plc/"
user = "anna"
password = {{ secret = "press" }}
scan = {{ normal = "100ms" }}

[device.press]
namespace = "http://vendor.com/plc"
at = "pressing/press-4"

[device.press.tags]
steady = {{ at = "s=Press.steady", type = "f64", unit = "kN" }}
target = {{ at = "s=Press.int16", type = "i64", write = {{ min = 0, max = 400 }} }}
"#
    )
}

/// Connections that wait for a person try again every 30 s; a pause and its end make them try at once.
fn try_again(plant: &Plant) {
    for verb in ["pause", "resume"] {
        plant.local().post(&format!("/api/connections/press/{verb}"), &json!({"device": null})).ok();
    }
}

fn complaint(plant: &Plant, words: &str) -> String {
    wait_for(words, Duration::from_secs(30), || {
        let status = plant.local().get("/api/connections").ok();
        let error = status["connections"][0]["last_error"]["title"].as_str()?.to_owned();
        error.contains(words).then_some(error)
    })
}

#[test]
fn a_server_is_refused_trusted_read_recorded_and_written() {
    let Some(python) = Python::find() else { return };
    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let words = [&folder.path().display().to_string(), "users", "stay"];
    let _server = python.serve(ASYNCUA, port, &words);
    let mut plant = Plant::new("writes = \"on\"");
    plant.write("connections/press.toml", &connection(port));
    plant.start();

    complaint(&plant, "ironbridge secret set press");
    plant.local().send("PUT", "/api/secrets/press", Some(&json!({"value": "swordfish"}))).unwrap().ok();
    try_again(&plant);
    complaint(&plant, "ironbridge trust");
    let list = plant.say(&["trust"]);
    let line = list.lines().find(|line| line.starts_with("rejected")).unwrap_or_else(|| panic!("{list}"));
    let thumbprint = line.split_whitespace().nth(2).unwrap();
    assert!(list.contains("own/cert.der"), "{list}");
    let trusted = plant.say(&["trust", &thumbprint[..12]]);
    assert!(trusted.contains("is trusted"), "{trusted}");
    try_again(&plant);

    let steady = latest(&plant, &format!("{PRESS}/steady"), |p| p["good"] == true);
    assert_eq!((&steady["value"], &steady["unit"]), (&json!(42.0), &json!("kN")));
    latest(&plant, &format!("{PRESS}/target"), |p| p["good"] == true);
    let write = json!({"path": format!("{PRESS}/target"), "value": 120, "reason": "e2e", "ttl_ms": 5000});
    let done = plant.local().post("/api/point/write", &write).ok();
    assert_eq!((&done["outcome"], &done["readback"]), (&json!("Confirmed"), &json!(120)), "{done}");
    let sql = format!("select count(*) as n from samples where path = '{PRESS}/target' and value_int = 120");
    plant.until_above(0, &sql);
    let audit = plant.local().get("/api/audit?limit=50").ok().to_string();
    assert!(audit.contains("trust certificate") && audit.contains(&thumbprint[..12]), "{audit}");

    assert!(plant.say(&["trust", &thumbprint[..12], "--remove"]).contains("trusted no more"));
    try_again(&plant);
    complaint(&plant, "ironbridge trust");
    latest(&plant, &format!("{PRESS}/steady"), |p| p["good"] == false);
    plant.stop();
}
