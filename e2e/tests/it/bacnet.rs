//! From an object of a bacpypes3 device to `tail`, SQL and back by a command; found and drafted before.

use crate::harness::{Plant, Python, free_port, wait_for};
use crate::modbus::latest;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

const AHU: &str = "acme/leeds/building/ahu";

#[test]
fn an_air_handling_unit_is_found_read_and_commanded() {
    let Some(python) = Python::find() else { return };
    let port = free_port();
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/connect/tests/peers/bacpypes3_device.py");
    let address = format!("127.0.0.1:{port}");
    let mut device = python.start(script.to_str().unwrap(), &[&address, "1001", "objects=5", "forever"]);
    let mut plant = Plant::new("writes = \"on\"");
    plant.start();
    // It may still be starting: asked until it answers.
    let port_word = format!("bacnet-ip={port}");
    wait_for("the device is found", Duration::from_secs(30), || {
        let said =
            plant.say(&["discover", "127.0.0.1", "--protocol", "bacnet-ip", "--port", &port_word, "--yes"]);
        (said.contains("Ironbridge tests") && said.contains("device 1001")).then_some(())
    });
    let head = format!(
        "kind = \"bacnet-ip\"\nhost = \"127.0.0.1\"\nport = {port}\n\n[device.ahu]\ninstance = 1001\n"
    );
    plant.write("draft.toml", &head);
    let draft = plant.say(&["browse", "draft.toml"]);
    assert!(draft.contains("Supply-air = { at = \"analog-input 1\", unit = \"Cel\""), "{draft}");
    let file = format!(
        r#"{head}at = "building/ahu"
cov = true

[device.ahu.tags]
supply   = {{ at = "AI1", unit = "Cel" }}
setpoint = {{ at = "AV3", unit = "Cel", priority = 10, write = {{ min = 16, max = 26 }} }}
held     = {{ at = "AV3 held", priority = 10, write = {{}} }}
mode     = {{ at = "MSV1", states = {{ 1 = "Off", 2 = "Heat", 3 = "Cool" }} }}
gone     = {{ at = "AI77" }}
"#
    );
    plant.write("connections/building.toml", &file);
    plant.say(&["apply", "."]);
    let supply = latest(&plant, &format!("{AHU}/supply"), |p| p["good"] == true);
    assert_eq!((&supply["value"], &supply["unit"]), (&json!(21.5), &json!("Cel")));
    latest(&plant, &format!("{AHU}/gone"), |p| p["quality"] == "BadConfigurationError");
    let lines = plant.say(&["tail", AHU, "--lines", "3"]);
    assert!(lines.contains("Good"), "{lines}");
    for (tag, value) in [("setpoint", json!(22.5)), ("held", json!(false))] {
        let write = json!({"path": format!("{AHU}/{tag}"), "value": value, "reason": "e2e", "ttl_ms": 5000});
        let done = plant.local().post("/api/point/write", &write).ok();
        assert_eq!((&done["outcome"], &done["readback"]), (&json!("Confirmed"), &value), "{done}");
        if tag == "setpoint" {
            latest(&plant, &format!("{AHU}/held"), |p| p["value"] == true);
        }
    }
    latest(&plant, &format!("{AHU}/setpoint"), |p| p["value"] == json!(20.0));
    let connections = plant.local().get("/api/connections").ok().to_string();
    for words in ["analog-input 77", "there is no such object", "device 1001", "plain BACnet/IP"] {
        assert!(connections.contains(words), "the page lacks {words}: {connections}");
    }
    let sql = format!("select count(*) as n from samples where path = '{AHU}/setpoint' and value = 22.5");
    plant.until_above(0, &sql);
    device.kill();
    let lost = latest(&plant, &format!("{AHU}/supply"), |p| p["quality"] == "BadCommunicationError");
    assert_eq!(lost["value"], json!(21.5), "the last value is kept: {lost}");
    plant.stop();
}
