//! From a tag of a cpppo server to `tail`, SQL and back by a command.

use crate::harness::{Plant, Python, free_port, wait_for};
use crate::modbus::latest;
use serde_json::json;
use std::time::Duration;

const FILLER: &str = "acme/leeds/packaging/line-1/filler";

#[test]
fn a_tag_is_on_tail_in_sql_and_can_be_written() {
    let Some(python) = Python::find() else { return };
    let port = free_port();
    let _server = python.serve("enip_server.py", port, &[]);
    let mut plant = Plant::new("writes = \"on\"\n");
    plant.write(
        "connections/line-1.toml",
        &format!(
            r#"kind = "ethernet-ip"
host = "127.0.0.1"
port = {port}
timeout = "1s"
scan = {{ fast = "100ms" }}

[device.filler]
at = "packaging/line-1/filler"

[device.filler.tags]
speed = {{ at = "SPEED", unit = "/min", write = {{ min = 0, max = 600 }} }}
total = {{ at = "TOTAL", write = {{}} }}
third = {{ at = "SCADA[3]", type = "i16" }}
"#
        ),
    );
    plant.start();
    latest(&plant, &format!("{FILLER}/speed"), |p| p["good"] == true);
    latest(&plant, &format!("{FILLER}/third"), |p| p["good"] == true);
    let write = |path: &str, value: serde_json::Value| {
        let write =
            json!({"path": format!("{FILLER}/{path}"), "value": value, "reason": "e2e", "ttl_ms": 5000});
        plant.local().post("/api/point/write", &write).ok()
    };
    let done = write("speed", json!(312.5));
    assert_eq!((&done["outcome"], &done["readback"]), (&json!("Confirmed"), &json!(312.5)), "{done}");
    assert_eq!(write("speed", json!(700))["outcome"], "Rejected");
    assert_eq!(write("total", json!(123_456_789))["outcome"], "Confirmed");
    // The controller said that it is a DINT.
    let total = latest(&plant, &format!("{FILLER}/total"), |p| p["value"] == 123_456_789);
    assert_eq!(total["type"], "i64", "{total}");
    assert!(plant.say(&["tail", FILLER, "--lines", "3"]).contains("Good"));
    let sql = format!("select max(value) as top from samples where path = '{FILLER}/speed'");
    wait_for("history of the speed", Duration::from_secs(20), || {
        let text = plant.say(&["query", &sql, "--format", "csv"]);
        text.lines().nth(1).filter(|cell| cell.trim() == "312.5").map(str::to_owned)
    });
    plant.stop();
}
