//! From topics of a real broker to history and SQL, also over `kill -9`, and Sparkplug births to points.

use crate::harness::{Broker, Plant, wait_for};
use crate::modbus::{latest, plant_with_pymodbus};
use serde_json::json;
use std::process::Command;
use std::time::Duration;

fn publish(broker: &Broker, topic: &str, payload: &str) {
    let port = broker.port.to_string();
    let words = ["-h", "127.0.0.1", "-p", &port, "-q", "1", "-t", topic, "-m", payload];
    assert!(Command::new("mosquitto_pub").args(words).status().unwrap().success(), "{topic}");
}

const FLOOR: &str = r#"
[device.oven]
at = "bakery/oven"
[device.oven.tags]
count = { at = "plant/oven/count", type = "i64", format = "raw" }
[device.sensors]
at = "bakery/sensors"
[device.sensors.patterns]
all = { at = "sensors/{room}/{quantity}", type = "f64", format = "raw", max_points = 2 }
"#;

#[test]
fn topics_become_points_and_nothing_is_lost_over_kill_9() {
    let Some(broker) = Broker::start() else { return };
    let mut plant = Plant::new("");
    plant.write(
        "connections/floor.toml",
        &format!("kind = \"mqtt-in\"\nurl = \"mqtt://127.0.0.1:{}\"\n{FLOOR}", broker.port),
    );
    plant.say(&["check", "."]);
    plant.start();
    let connected = |plant: &Plant| {
        let answer = plant.local().get("/api/connections").ok();
        (answer["connections"][0]["state"] == "connected").then_some(())
    };
    wait_for("the broker's session", Duration::from_secs(30), || connected(&plant));
    for number in 0..20 {
        publish(&broker, "plant/oven/count", &number.to_string());
    }
    latest(&plant, "acme/leeds/bakery/oven/count", |p| p["value"] == json!(19) && p["good"] == true);
    for (topic, value) in [
        ("sensors/hall/humidity", "41.5"),
        ("sensors/roof top/wind", "7"),
        ("sensors/hall/one-too-many", "1"),
    ] {
        publish(&broker, topic, value);
    }
    let humidity = latest(&plant, "acme/leeds/bakery/sensors/hall/humidity", |p| p["good"] == true);
    assert_eq!(humidity["value"], json!(41.5), "{humidity}");
    latest(&plant, "acme/leeds/bakery/sensors/roof_x20_top/wind", |p| p["good"] == true);
    let connection = plant.local().get("/api/connections").ok()["connections"][0].clone();
    assert_eq!(connection["points"], 3, "{connection}");

    // Killed, and the broker hears more meanwhile.
    plant.kill();
    for number in 20..40 {
        publish(&broker, "plant/oven/count", &number.to_string());
    }
    plant.start();
    latest(&plant, "acme/leeds/bakery/oven/count", |p| p["value"] == json!(39) && p["good"] == true);
    let wind = latest(&plant, "acme/leeds/bakery/sensors/roof_x20_top/wind", |p| !p["value"].is_null());
    assert_eq!(wind["value"], json!(7.0), "what showed up is known again: {wind}");
    let sql = "select count(distinct value_int) as n from samples where path = 'acme/leeds/bakery/oven/count' and good";
    wait_for("all forty in history", Duration::from_secs(30), || {
        let text = plant.say(&["query", sql, "--format", "csv"]);
        (text.lines().nth(1)?.trim() == "40").then_some(())
    });
    plant.stop();
}

#[test]
fn our_own_edge_node_is_read_back_by_our_host() {
    let Some(broker) = Broker::start() else { return };
    let Some((mut plant, _server, _)) = plant_with_pymodbus("") else { return };
    let url = format!("url = \"mqtt://127.0.0.1:{}\"\n", broker.port);
    plant.write("destinations/hq.toml", &format!("kind = \"sparkplug\"\n{url}node = \"gw\"\nprimary_host = \"scada\"\nselect = [\"packaging/**\"]\n"));
    plant.write("connections/edge.toml", &format!("kind = \"sparkplug-host\"\n{url}host_id = \"scada\"\n"));
    plant.start();
    let level =
        latest(&plant, "acme/leeds/edge/leeds/gw/line-1_x2E_filler/packaging/line-1/filler/level", |p| {
            p["good"] == true
        });
    assert_eq!((level["value"].clone(), level["unit"].clone()), (json!(12.5), json!("%")), "{level}");
    plant.stop();
}
