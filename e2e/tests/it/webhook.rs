//! Machines that post: curl to the page's own listener, kept over `kill -9`, refused in words.

use crate::harness::{Plant, wait_for};
use crate::modbus::latest;
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::Duration;

const TOKEN: &str = "5f0c9a3b7d1e4826";
const FILE: &str = r#"
kind = "webhook"
token = { secret = "scale-post" }
max_body = 2000

[device.scale]
at = "packaging/scale"
time = "/time"

[device.scale.tags]
weight  = { at = "scale", type = "f64", value = "/weight", unit = "kg" }
number = { at = "scale", type = "i64", value = "/number" }
"#;

/// Status and body of a post; `None` says loudly that the test is skipped.
pub fn post(plant: &Plant, path: &str, token: &str, body: &str) -> Option<(u16, Value)> {
    let address = format!("{}{path}", plant.address().trim_end_matches('/'));
    let out = Command::new("curl")
        .args(["-sS", "-m", "20", "-w", "\n%{http_code}", "-X", "POST", &address, "--data-binary", body])
        .args(["-H", &format!("Authorization: Bearer {token}")])
        .output();
    let Ok(out) = out else {
        eprintln!("SKIPPED: curl is missing (apt-get install curl)");
        return None;
    };
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap_or_else(|| panic!("{out:?}"));
    Some((status.parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null)))
}

/// Gives a secret.
pub fn secret(plant: &Plant, name: &str, value: &str) {
    let mut child = Command::new(crate::harness::binary())
        .args(["secret", "set", name])
        .current_dir(plant.dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), value.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

fn body(number: i64) -> String {
    let time = format!("2026-01-31T12:00:{:02}Z", number % 60);
    json!({ "time": time, "weight": 12.5, "number": number }).to_string()
}

#[test]
fn what_was_acknowledged_is_there_after_kill_9() {
    let mut plant = Plant::new("");
    plant.write("connections/scale-post.toml", FILE);
    plant.say(&["check", "."]);
    plant.start();
    // Without the secret nobody gets in, and the page says what to do.
    let told = |plant: &Plant| plant.local().get("/api/connections").ok()["connections"][0].clone();
    let why = wait_for("the missing secret is told", Duration::from_secs(20), || {
        told(&plant)["last_error"]["title"].as_str().map(str::to_owned)
    });
    assert!(why.contains("ironbridge secret set scale-post"), "{why}");
    secret(&plant, "scale-post", TOKEN);
    wait_for("the connection", Duration::from_secs(90), || {
        (told(&plant)["state"] == "connected").then_some(())
    });
    let Some(first) = post(&plant, "/api/in/scale-post/scale", TOKEN, &body(1)) else { return };
    assert_eq!(first, (200, json!({ "values": 2, "bad": 0, "no_room": 0 })));
    for number in 2..=20 {
        assert_eq!(post(&plant, "/api/in/scale-post/scale", TOKEN, &body(number)).unwrap().0, 200);
    }
    plant.kill();
    plant.start();
    let number = latest(&plant, "acme/leeds/packaging/scale/number", |p| p["value"] == json!(20));
    assert_eq!(number["good"], false, "nobody knows what was missed meanwhile: {number}");
    let sql =
        "select count(distinct value_int) as n from samples where path = 'acme/leeds/packaging/scale/number'";
    wait_for("all twenty in history", Duration::from_secs(30), || {
        (plant.say(&["query", sql, "--format", "csv"]).lines().nth(1)?.trim() == "20").then_some(())
    });

    for (path, token, body, status) in [
        ("/api/in/scale-post/scale", "5f0c9a3b7d1e4827", body(21), 401),
        ("/api/in/nobody/scale", TOKEN, body(21), 401),
        ("/api/in/scale-post/elsewhere", TOKEN, body(21), 404),
        ("/api/in/scale-post/scale", TOKEN, "x".repeat(2_001), 413),
        ("/api/in/scale-post/scale", TOKEN, "weight=5".to_owned(), 400),
    ] {
        let (told, answer) = post(&plant, path, token, &body).unwrap();
        assert_eq!(told, status, "{path}: {answer}");
        for part in ["title", "meaning", "next"] {
            assert!(answer["error"][part].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
        }
    }
    latest(&plant, "acme/leeds/packaging/scale/weight", |p| p["quality"] == "BadDecodingError");
}
