//! Commands under control, seen from outside: a second person, time, ids, interlocks, leases, restarts.

use crate::harness::{Http, Plant, Process, Python, free_port, wait_for};
use crate::modbus::latest;
use serde_json::{Value as Json, json};
use std::time::Duration;

const FILLER: &str = "acme/leeds/filler";

fn file(port: u16, at: &str, tags: &str) -> String {
    format!(
        "kind = \"modbus-tcp\"\nhost = \"127.0.0.1\"\nport = {port}\ntimeout = \"500ms\"\nscan = {{ normal = \"100ms\" }}\n[device.d]\nat = \"{at}\"\n[device.d.tags]\n{tags}"
    )
}

/// A plant that may be written, with a filler and a guard on two servers.
fn plant() -> Option<(Plant, Process, Process)> {
    let python = Python::find()?;
    let (one, two) = (free_port(), free_port());
    let servers = (python.serve("modbus_server.py", one, &[]), python.serve("modbus_server.py", two, &[]));
    let plant = Plant::new("writes = \"on\"");
    let tags = r#"valve = { at = "coil 5", type = "bool", write = {} }
target = { at = "holding 200", type = "u16", unit = "/min", write = { max = 600 } }
recipe = { at = "holding 201", type = "u16", write = { approval = "engineer" } }
locked = { at = "holding 202", type = "u16", write = { interlock = { allow_if = "guard && !valve", points = { guard = "guard/closed", valve = "filler/valve" } } } }
"#;
    plant.write("connections/line-1.toml", &file(one, "filler", tags));
    plant.write(
        "connections/guards.toml",
        &file(two, "guard", "closed = { at = \"coil 5\", type = \"bool\", write = {} }\n"),
    );
    Some((plant, servers.0, servers.1))
}

fn point(name: &str) -> String {
    format!("{FILLER}/{name}")
}

fn write(who: &Http, path: &str, value: Json, id: &str) -> Json {
    let wish = json!({"path": path, "value": value, "reason": "e2e", "id": id});
    who.post("/api/point/write", &wish).ok()
}

/// A user, signed in as a browser is.
fn user(plant: &Plant, name: &str, role: &str) -> Http {
    let added = plant.local().post("/api/users", &json!({"name": name, "role": role})).ok();
    let token = added["link"].as_str().unwrap().rsplit('#').next().unwrap().to_owned();
    let mut http = Http::tcp(plant.port());
    let answer = http.post("/api/session/link", &json!({"token": token}));
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let csrf = answer.ok()["csrf"].as_str().unwrap().to_owned();
    http.headers = vec![("cookie".into(), cookie), ("x-csrf-token".into(), csrf)];
    http
}

#[test]
fn a_second_user_approves_and_ids_and_leases_outlive_a_kill() {
    let Some((mut plant, _one, _two)) = plant() else { return };
    plant.start();
    let recipe = point("recipe");
    latest(&plant, &recipe, |p| p["good"] == true);
    latest(&plant, &point("target"), |p| p["good"] == true);
    let (mut anna, mut bert) = (user(&plant, "anna", "engineer"), user(&plant, "bert", "engineer"));

    // Without a second person nothing is sent, and the one who asked is none.
    assert_eq!(write(&anna, &recipe, json!(7), "recipe-1")["outcome"], "Waiting");
    let own = anna.post("/api/commands/approve", &json!({"id": "recipe-1"}));
    assert!(own.status == 409 && String::from_utf8_lossy(&own.body).contains("second person"));
    assert_eq!(latest(&plant, &recipe, |p| p["good"] == true)["value"], 0);
    bert.post("/api/commands/approve", &json!({"id": "recipe-1", "reason": "checked"})).ok();
    assert_eq!(write(&anna, &recipe, json!(7), "recipe-1")["outcome"], "Confirmed");
    latest(&plant, &recipe, |p| p["value"] == 7);

    // Too late is never.
    let brief = json!({"path": recipe, "value": 9, "ttl_ms": 200, "id": "recipe-2"});
    assert_eq!(anna.post("/api/point/write", &brief).ok()["outcome"], "Waiting");
    let ended = wait_for("the time-to-live", Duration::from_secs(10), || {
        let command = anna.get("/api/command?id=recipe-2").ok();
        (command["state"] == "done").then_some(command)
    });
    assert_eq!(ended["outcome"], "Rejected", "{ended}");
    assert_eq!(bert.post("/api/commands/approve", &json!({"id": "recipe-2"})).status, 409);

    // One waits, one was done, and the power goes.
    let target = point("target");
    assert_eq!(write(&anna, &target, json!(100), "target-1")["outcome"], "Confirmed");
    assert_eq!(write(&anna, &target, json!(200), "target-2")["outcome"], "Confirmed");
    assert_eq!(write(&anna, &recipe, json!(8), "recipe-3")["outcome"], "Waiting");
    anna.post("/api/leases", &json!({"path": FILLER, "minutes": 60, "reason": "maintenance"})).ok();
    plant.kill();
    plant.start();
    // The page has another port now; who signed in still is.
    for who in [&mut anna, &mut bert] {
        let headers = std::mem::take(&mut who.headers);
        *who = Http::tcp(plant.port());
        who.headers = headers;
    }
    latest(&plant, &target, |p| p["value"] == 200 && p["good"] == true);
    let owner = plant.local();
    assert_eq!(write(&anna, &target, json!(100), "target-1")["outcome"], "Confirmed");
    let lost = write(&anna, &recipe, json!(8), "recipe-3");
    assert!(
        lost["outcome"] == "Rejected" && lost["why"].as_str().unwrap().contains("before it was sent"),
        "{lost}"
    );
    let held = write(&bert, &target, json!(300), "target-3");
    assert!(
        held["outcome"] == "Rejected" && held["why"].as_str().unwrap().contains("user:anna holds"),
        "{held}"
    );
    anna.post("/api/leases/release", &json!({"path": FILLER})).ok();
    assert_eq!(write(&bert, &target, json!(300), "target-4")["outcome"], "Confirmed");
    latest(&plant, &target, |p| p["value"] == 300);
    assert_eq!(latest(&plant, &recipe, |p| p["good"] == true)["value"], 7);
    let audit = owner.get("/api/audit?limit=200").ok().to_string();
    for word in ["approved", "waiting", "requested", "taken", "released", "user:bert"] {
        assert!(audit.contains(word), "the audit lacks {word}");
    }
    plant.stop();
    assert!(plant.say(&["audit", "verify"]).contains("every hash fits"));
}

#[test]
fn an_interlock_that_cannot_be_seen_lets_nothing_through() {
    let Some((mut plant, _one, mut two)) = plant() else { return };
    plant.start();
    for path in [point("locked"), point("valve"), "acme/leeds/guard/closed".into()] {
        latest(&plant, &path, |p| p["good"] == true);
    }
    let (owner, locked) = (plant.local(), point("locked"));
    let open = write(&owner, &locked, json!(5), "locked-1");
    assert!(
        open["outcome"] == "Rejected" && open["why"].as_str().unwrap().contains("guard is false"),
        "{open}"
    );
    let line = plant.say(&["write", "acme/leeds/guard/closed", "true", "--reason", "closing"]);
    assert_eq!(line.trim(), "Confirmed");
    latest(&plant, "acme/leeds/guard/closed", |p| p["value"] == true);
    assert_eq!(write(&owner, &locked, json!(5), "locked-2")["outcome"], "Confirmed");
    two.kill();
    latest(&plant, "acme/leeds/guard/closed", |p| p["quality"] == "BadCommunicationError");
    let blind = write(&owner, &locked, json!(6), "locked-3");
    assert!(blind["outcome"] == "Rejected", "{blind}");
    assert!(blind["why"].as_str().unwrap().contains("guard/closed is BadCommunicationError"), "{blind}");
    let detail = owner.get(&format!("/api/point?path={locked}")).ok();
    assert_eq!(detail["write"]["interlock"]["allows"], false, "{detail}");
    assert_eq!(latest(&plant, &locked, |p| p["good"] == true)["value"], 5);
    let listed = plant.say(&["commands"]);
    assert!(listed.contains("Rejected") && listed.contains("BadCommunicationError"), "{listed}");
    plant.stop();
}

/// The transmitter speaks kilopascals, the type says bar: what is read, its limits and what is written change with it, and
/// the device gets its own unit.
#[test]
fn a_contract_converts_both_ways_down_to_the_wire() {
    const PRESSURE: &str = "acme/leeds/utilities/boiler/Pressure";
    let Some(python) = Python::find() else { return };
    let port = free_port();
    let _machine = python.serve("modbus_server.py", port, &[]);
    let mut plant = Plant::new("writes = \"on\"");
    let tags = "pressure = { at = \"holding 200\", type = \"u16\", unit = \"kPa\", write = { min = 0, max = 1000 } }\n\
                raw = { at = \"holding 200\", type = \"u16\" }\n";
    plant.write("connections/line-1.toml", &file(port, "plc", tags));
    plant.write("types/Boiler.toml", "[points]\nPressure = { type = \"number\", unit = \"bar\" }\n");
    let asset =
        "type = \"Boiler\"\npath = \"utilities/boiler\"\nbind = { Pressure = \"line-1.d.pressure\" }\n";
    plant.write("assets/boiler.toml", asset);
    plant.start();
    assert_eq!(latest(&plant, PRESSURE, |p| p["good"] == true)["unit"], "bar");
    let write = |value: f64| {
        let wish = json!({"path": PRESSURE, "value": value, "reason": "e2e", "ttl_ms": 5000});
        plant.local().post("/api/point/write", &wish).ok()
    };
    let done = write(2.5);
    assert_eq!((&done["outcome"], &done["readback"]), (&json!("Confirmed"), &json!(2.5)), "{done}");
    latest(&plant, "acme/leeds/plc/raw", |p| p["value"] == json!(250));
    let refused = write(10.5);
    assert_eq!(refused["outcome"], "Rejected", "10 bar are the 1000 kPa of the file: {refused}");
    let out = python.run("modbus_do.py", &["127.0.0.1", &port.to_string(), "write", "200", "400"]);
    assert!(out.status.success(), "{out:?}");
    latest(&plant, PRESSURE, |p| p["value"] == json!(4.0));
    plant.stop();
}
