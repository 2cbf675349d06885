//! From a data block of a snap7 server to `tail`, SQL and back by a command.

use crate::harness::{Plant, Python, free_port, wait_for};
use crate::modbus::latest;
use serde_json::json;
use std::time::Duration;

const PRESS: &str = "acme/leeds/pressing/press-4";

#[test]
fn a_data_block_is_on_tail_in_sql_and_can_be_written() {
    let Some(python) = Python::find() else { return };
    let port = free_port();
    let mut server = python.serve("s7_server.py", port, &[]);
    let mut plant = Plant::new("writes = \"on\"");
    let file = format!(
        r#"kind = "s7"
host = "127.0.0.1"
port = {port}
slot = 2
timeout = "500ms"
scan = {{ fast = "100ms" }}

[device.press]
at = "pressing/press-4"
scan = "fast"

[device.press.tags]
strokes = {{ at = "DB10.DBD0", type = "DINT" }}
force   = {{ at = "DB10.DBD4", type = "REAL", unit = "kN" }}
target  = {{ at = "DB10.DBD8", type = "REAL", unit = "kN", write = {{ min = 0, max = 600 }} }}
recipe  = {{ at = "DB10.DBB12", type = "STRING", length = 16 }}
pump    = {{ at = "DB10.DBX30.0", write = {{}} }}
gone    = {{ at = "DB11.DBW0", type = "INT" }}
cpu     = {{ at = "cpu.state" }}
"#
    );
    plant.write("connections/press.toml", &file);
    plant.start();
    let force = latest(&plant, &format!("{PRESS}/force"), |p| p["good"] == true);
    assert_eq!((&force["value"], &force["unit"]), (&json!(12.5), &json!("kN")));
    assert_eq!(latest(&plant, &format!("{PRESS}/recipe"), |p| p["good"] == true)["value"], json!("IRON"));
    assert_eq!(latest(&plant, &format!("{PRESS}/cpu"), |p| p["good"] == true)["value"], json!(8));
    latest(&plant, &format!("{PRESS}/gone"), |p| p["quality"] == "BadConfigurationError");
    let lines = plant.say(&["tail", PRESS, "--lines", "8"]);
    assert!(lines.contains("press-4/strokes") && lines.contains("Good"), "{lines}");
    for (tag, value) in [("target", json!(120.5)), ("pump", json!(true))] {
        let write =
            json!({"path": format!("{PRESS}/{tag}"), "value": value, "reason": "e2e", "ttl_ms": 5000});
        let done = plant.local().post("/api/point/write", &write).ok();
        assert_eq!((&done["outcome"], &done["readback"]), (&json!("Confirmed"), &value), "{done}");
    }
    let over = json!({"path": format!("{PRESS}/target"), "value": 700, "reason": "e2e", "ttl_ms": 5000});
    assert_eq!(plant.local().post("/api/point/write", &over).ok()["outcome"], "Rejected");
    let connections = plant.local().get("/api/connections").ok().to_string();
    for words in ["DB11.DBW0", "Optimized block access", "rack 0, slot 2", "plain S7 communication"] {
        assert!(connections.contains(words), "the page lacks {words}: {connections}");
    }
    let sql = format!(
        "select max(value_int) - min(value_int) as grown from samples where path = '{PRESS}/strokes'"
    );
    wait_for("history of the counter", Duration::from_secs(20), || {
        let text = plant.say(&["query", &sql, "--format", "csv"]);
        text.lines()
            .nth(1)
            .and_then(|cell| cell.trim().parse::<i64>().ok())
            .filter(|grown| (20..10_000).contains(grown))
    });
    server.kill();
    let lost = latest(&plant, &format!("{PRESS}/force"), |p| p["quality"] == "BadCommunicationError");
    assert_eq!(lost["value"], json!(12.5), "the last value is kept: {lost}");
    plant.stop();
}
