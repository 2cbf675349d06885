//! The monitor knows what is normal and what this gateway was told to do: seen at a span port, with pymodbus on all sides.

use crate::harness::{Net, Plant, Process, Python, wait_for};
use crate::modbus::latest;
use serde_json::{Value as Json, json};
use std::time::Duration;
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(60);
const TARGET: &str = "acme/leeds/filler/target";

/// A gateway that polls a PLC beside an HMI, with the span port of their network.
struct Scene {
    python: Python,
    net: Net,
    plant: Plant,
    _servers: Vec<Process>,
    folder: TempDir,
}

fn scene() -> Option<Scene> {
    let python = Python::find()?;
    let folder = tempfile::tempdir().unwrap();
    let net = Net::new(&python, &folder.path().join("change"))?;
    let server = python.start_in(&net.name("plc"), "modbus_server.py", &["502", "0.0.0.0"]);
    let mut plant = Plant::new("writes = \"on\"\n[monitor]\ninterfaces = [\"span0\"]");
    plant.write(
        "connections/line-1.toml",
        r#"kind = "modbus-tcp"
host = "10.77.0.9"
timeout = "2s"
scan = { normal = "200ms" }
[device.d]
at = "filler"
[device.d.tags]
target = { at = "holding 200", type = "u16", unit = "/min", write = { max = 600 } }
count = { at = "holding 100", type = "u32" }
"#,
    );
    plant.within(&net.name("gw"));
    plant.start();
    latest(&plant, TARGET, |point| point["good"] == true);
    Some(Scene { python, net, plant, _servers: vec![server], folder })
}

impl Scene {
    /// Runs a client in a namespace to its end.
    fn client(&self, host: &str, words: &[&str]) {
        self.run(host, "modbus_do.py", &[&["10.77.0.9", "502"], words].concat());
    }

    fn run(&self, host: &str, script: &str, words: &[&str]) {
        let mut process = self.python.start_in(&self.net.name(host), script, words);
        let status = wait_for("the client", LIMIT, || process.0.try_wait().unwrap());
        assert!(status.success(), "{words:?}: {status}");
    }

    fn get(&self, path: &str) -> Json {
        self.plant.local().get(path).ok()
    }

    /// All findings, whatever their state.
    fn findings(&self) -> Vec<Json> {
        let of = |state: &str| self.get(&format!("/api/monitor/findings?state={state}"))["findings"].clone();
        ["open", "closed"].iter().flat_map(|state| of(state).as_array().unwrap().clone()).collect()
    }

    fn finding(&self, rule: &str) -> Json {
        wait_for(rule, LIMIT, || self.findings().into_iter().find(|one| one["rule"] == rule))
    }

    fn rules(&self) -> Vec<String> {
        self.findings().iter().map(|one| one["rule"].as_str().unwrap().to_owned()).collect()
    }

    /// Learns until the HMI's writes were seen, then guards.
    fn guarded(&self) -> Process {
        let hmi = self.python.start_in(
            &self.net.name("hmi"),
            "modbus_do.py",
            &["10.77.0.9", "502", "hmi", "300", "7"],
        );
        wait_for("the HMI's writes at the span port", LIMIT, || {
            let points = self.get("/api/monitor/points?asset=10.77.0.9");
            let by_hmi = |one: &Json| one["writers"] == json!(["10.77.0.5"]) && one["name"] == "holding 300";
            points["points"].as_array()?.iter().any(by_hmi).then_some(())
        });
        let ask = json!({"zone": "", "mode": "guarding"});
        let modes = self.plant.local().send("PUT", "/api/monitor/modes", Some(&ask)).unwrap().ok();
        assert_eq!(modes["modes"][0]["mode"], "guarding");
        wait_for("nothing that is not normal", LIMIT, || {
            let left = self.get("/api/monitor/differences");
            left["differences"].as_array()?.is_empty().then_some(())
        });
        hmi
    }

    fn explained(&self, what: &str) -> u64 {
        self.get("/api/monitor")["explained"][what].as_u64().unwrap()
    }
}

#[test]
fn what_the_hmi_does_is_learned_and_a_stranger_is_one_finding() {
    let Some(scene) = scene() else { return };
    let _hmi = scene.guarded();
    scene.client("rogue", &["write", "200", "450"]);
    let found = scene.finding("IB-BASE-005");
    assert_eq!((&found["source"], &found["target"]), (&json!("10.77.0.66"), &json!("10.77.0.9")));
    assert_eq!((&found["path"], &found["level"]), (&json!(TARGET), &json!("critical")));
    let told = found["details"].to_string();
    assert!(told.contains("holding 200 (unit 1): 0 -> 450 /min") && told.contains("usually"), "{told}");
    // Its packets tell the same.
    let ours = |one: &Json| one["source"] == "10.77.0.66";
    let about: Vec<Json> = scene.findings().into_iter().filter(ours).collect();
    assert_eq!(about.len(), 1, "{about:#?}");

    // It was a new panel: approved, it is normal and the finding is done.
    let differences = scene.get("/api/monitor/differences");
    let ids: Vec<&Json> =
        differences["differences"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert!(ids.len() >= 3, "{differences:#}");
    let approved = scene.plant.local().post("/api/monitor/differences/approve", &json!({"ids": ids})).ok();
    assert_eq!(approved["approved"], ids.len());
    let closed = wait_for("a finding that is done", LIMIT, || {
        Some(scene.finding("IB-BASE-005")).filter(|one| one["state"] == "closed")
    });
    scene.client("rogue", &["write", "200", "451"]);
    scene.client("rogue", &["write", "201", "5"]);
    scene.finding("IB-BASE-006");
    assert_eq!(scene.finding("IB-BASE-005")["count"], closed["count"], "an approved write is no case of it");
}

#[test]
fn commands_are_matched_and_what_nobody_asked_for_is_critical() {
    let Some(mut scene) = scene() else { return };
    let _hmi = scene.guarded();
    let wish = json!({"path": TARGET, "value": 300, "reason": "e2e", "id": "set-target-1"});
    let outcome = scene.plant.local().post("/api/point/write", &wish).ok();
    assert_eq!(outcome["outcome"], "Confirmed", "{outcome}");
    wait_for("the write in the ledger", LIMIT, || (scene.explained("commands_matched") == 1).then_some(()));
    assert_eq!(scene.rules(), Vec::<String>::new());

    // The same value again, from our own address, without anybody who asked.
    scene.client("gw", &["write", "200", "300"]);
    let found = wait_for("what is found and told", LIMIT, || {
        Some(scene.finding("IB-OWN-001")).filter(|found| found["told"].is_number())
    });
    let millis = |key: &str| found[key].as_f64().unwrap();
    println!("told {:.0} ms after its packet", millis("told") - millis("first"));
    assert_eq!((&found["level"], &found["path"]), (&json!("critical"), &json!(TARGET)));
    assert!(found["details"].to_string().contains("no authorised command"), "{found:#}");
    assert_eq!(scene.explained("commands_unmatched"), 1);

    // A download outside of planned work, then in its window; a restart forgets neither window nor mode.
    let now = scene.get("/api/monitor")["now"].as_f64().unwrap();
    let ask =
        json!({"who": "Muster GmbH", "assets": ["10.77.0.9"], "until": now + 3_600_000.0, "ticket": "CHG-7"});
    scene.client("hmi", &["raw", "5a00330001"]);
    assert!(scene.finding("IB-MB-010")["severity"].as_u64().unwrap() >= 700);
    let window = scene.plant.local().post("/api/monitor/windows", &ask).ok();
    assert_eq!((&window["id"], &window["state"]), (&json!("W-1"), &json!("open")));
    scene.plant.kill();
    scene.plant.start();
    wait_for("the monitor", LIMIT, || {
        (scene.get("/api/monitor")["interfaces"][0]["packets"] != 0).then_some(())
    });
    assert_eq!(scene.get("/api/monitor/modes")["modes"][0]["mode"], "guarding");
    scene.client("hmi", &["raw", "5a00330001"]);
    let quiet = wait_for("a quiet finding", LIMIT, || {
        scene.findings().into_iter().find(|one| one["rule"] == "IB-MB-010" && one["window"] == "W-1")
    });
    assert_eq!(quiet["level"], "info", "{quiet:#}");
    let told = scene.plant.say(&["monitor", "windows"]);
    assert!(told.contains("W-1") && told.contains("Muster GmbH"), "{told}");
    let opened =
        scene.plant.say(&["monitor", "window", "10.77.0.5", "--who", "A", "--ticket", "B", "--hours", "1"]);
    assert!(opened.starts_with("W-2: open until"), "{opened}");
    assert!(scene.plant.say(&["monitor", "end-window", "W-2"]).contains("ended"));
    assert!(scene.plant.say(&["monitor", "mode"]).contains("guarding"));
    assert!(scene.plant.say(&["monitor", "differences"]).contains("new function"));
    let short = json!({"who": "", "assets": ["10.77.0.9"], "until": now + 1_000_000.0, "ticket": "CHG-8"});
    assert_eq!(scene.plant.local().post("/api/monitor/windows", &short).status, 400);
}

#[test]
fn a_man_in_the_middle_is_found_by_the_very_transaction_he_changed() {
    let Some(scene) = scene() else { return };
    wait_for("answers that are the same", LIMIT, || (scene.explained("answers_same") >= 10).then_some(()));
    assert_eq!((scene.explained("answers_changed"), scene.rules()), (0, vec![]));
    // What a person said yes to is no stranger's: a search finds a device that no connection talks to.
    let _other = scene.python.start_in(&scene.net.name("rogue"), "modbus_server.py", &["502", "10.77.0.66"]);
    wait_for("a device to be found", LIMIT, || {
        let said = scene.plant.say(&["discover", "10.77.0.66", "--protocol", "modbus", "--yes"]);
        said.contains("Acme").then_some(())
    });
    let now = || scene.get("/api/monitor")["now"].as_f64().unwrap();
    let searched = now();
    wait_for("what was seen to be judged", LIMIT, || (now() > searched + 7_000.0).then_some(()));
    let links = scene.get("/api/monitor/links?asset=10.77.0.66").to_string();
    assert!(links.contains("modbus") && links.contains("10.77.0.1"), "{links}");
    assert_eq!(scene.rules(), Vec::<String>::new());

    std::fs::write(scene.folder.path().join("change"), "").unwrap();
    latest(&scene.plant, TARGET, |point| point["value"] == 4_711);
    let found = scene.finding("IB-OWN-003");
    assert_eq!((&found["source"], &found["level"]), (&json!("10.77.0.9"), &json!("critical")));
}

#[test]
fn he_is_found_in_s7_as_well() {
    let Some(scene) = scene() else { return };
    let _cpu = scene.python.start_in(&scene.net.name("plc"), "s7_server.py", &["102", "10.77.0.9"]);
    scene.plant.write(
        "connections/line-2.toml",
        r#"kind = "s7"
host = "10.77.0.9"
slot = 2
scan = { normal = "200ms" }
[device.press]
at = "press"
[device.press.tags]
force = { at = "DB10.DBD4", type = "REAL" }
"#,
    );
    scene.plant.say(&["apply", "."]);
    let path = "acme/leeds/press/force";
    latest(&scene.plant, path, |point| point["value"] == 12.5);
    let same = scene.explained("answers_same");
    wait_for("answers that are the same", LIMIT, || {
        (scene.explained("answers_same") >= same + 20).then_some(())
    });
    assert_eq!((scene.explained("answers_changed"), scene.rules()), (0, vec![]));
    std::fs::write(scene.folder.path().join("change"), "s7").unwrap();
    latest(&scene.plant, path, |point| point["value"] != 12.5);
    let found = scene.finding("IB-OWN-003");
    assert!(found["details"].to_string().contains("10.77.0.9:102"), "{found:#}");
    assert_eq!((&found["source"], &found["level"]), (&json!("10.77.0.9"), &json!("critical")));
}

const PRESS: &str = "opc.tcp://10.77.0.9:4840/plc/";

impl Scene {
    /// A server of asyncua in the PLC, with a connection to it.
    fn opcua(&self, policies: &str, security: &str) -> Process {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/connect/tests/peers/asyncua_server.py");
        let folder = self.folder.path().join("asyncua").display().to_string();
        let words = ["4840", &folder, "host=10.77.0.9", policies, "methods", "stay"];
        let server = self.python.start_in(&self.net.name("plc"), script, &words);
        self.plant.write(
            "connections/press.toml",
            &format!(
                r#"kind = "opc-ua"
url = "{PRESS}"
security = "{security}"
scan = {{ normal = "200ms" }}
[device.press]
namespace = "http://vendor.com/plc"
at = "press"
[device.press.tags]
speed = {{ at = "s=Press.double", type = "f64", unit = "/min", write = {{ max = 400 }} }}
start = {{ at = "s=Press", type = "f64", call = "s=Press.start", write = {{ max = 400 }} }}
steady = {{ at = "s=Press.steady", type = "f64" }}
"#
            ),
        );
        self.plant.say(&["apply", "."]);
        server
    }

    fn write(&self, tag: &str, value: f64) -> Json {
        let path = format!("acme/leeds/press/{tag}");
        let wish = json!({"path": path, "value": value, "reason": "e2e", "id": format!("{tag}-{value}")});
        self.plant.local().post("/api/point/write", &wish).ok()["outcome"].clone()
    }

    fn own(&self) -> Vec<Json> {
        self.findings()
            .into_iter()
            .filter(|one| one["rule"].as_str().unwrap().starts_with("IB-OWN"))
            .collect()
    }

    fn seen(&self, connection: &str) -> String {
        let state = self.get("/api/monitor");
        let all = state["connections"].as_array().unwrap();
        let one = all.iter().find(|one| one["name"] == connection);
        one.map_or_else(String::new, |one| one["seen"].as_str().unwrap().to_owned())
    }
}

#[test]
fn a_write_in_opc_ua_is_matched_by_its_node_and_another_is_critical() {
    let Some(scene) = scene() else { return };
    let _server = scene.opcua("policies=none", "none");
    let speed = "acme/leeds/press/speed";
    latest(&scene.plant, speed, |point| point["good"] == true);
    assert_eq!(scene.write("speed", 120.0), "Confirmed");
    assert_eq!(scene.write("start", 55.0), "Accepted");
    wait_for("both in the ledger", LIMIT, || (scene.explained("commands_matched") == 2).then_some(()));
    assert_eq!((scene.own(), scene.explained("commands_unmatched")), (vec![], 0));
    wait_for("its traffic", LIMIT, || (scene.seen("press") == "seen").then_some(()));

    // From our own address, without anybody who asked: first a point that may be written, then one that may not, then a method.
    let forge = |words: &[&str]| scene.run("gw", "opcua_do.py", &[&[PRESS], words].concat());
    forge(&["write", "ns=2;s=Press.double", "Double", "130"]);
    let found = scene.finding("IB-OWN-001");
    assert_eq!((&found["level"], &found["path"]), (&json!("critical"), &json!(speed)), "{found:#}");
    assert_eq!((&found["source"], &found["target"]), (&json!("10.77.0.1"), &json!("10.77.0.9")));
    let told = found["details"].to_string();
    assert!(
        told.contains("ns=2;s=Press.double: 120 -> 130 /min") && told.contains("no authorised command"),
        "{told}"
    );
    forge(&["write", "ns=2;s=Press.steady", "Double", "1"]);
    forge(&["call", "ns=2;s=Press", "ns=2;s=Press.start", "Float", "77"]);
    let told = wait_for("all three", LIMIT, || {
        let found = scene.finding("IB-OWN-001");
        (found["count"] == 3).then(|| found["details"].to_string())
    });
    assert!(
        told.contains("ns=2;s=Press.steady") && told.contains("ns=2;s=Press calls ns=2;s=Press.start"),
        "{told}"
    );
    assert_eq!((scene.explained("commands_matched"), scene.explained("commands_unmatched")), (2, 3));
}

#[test]
fn encrypted_opc_ua_is_said_to_be_and_nothing_of_it_is_judged() {
    let Some(scene) = scene() else { return };
    let _server = scene.opcua("policies=none,basic256sha256", "best");
    let rejected = wait_for("a certificate to be judged", LIMIT, || {
        let list = scene.plant.say(&["trust"]);
        let line = list.lines().find(|line| line.starts_with("rejected"))?;
        line.split_whitespace().nth(2).map(str::to_owned)
    });
    assert!(scene.plant.say(&["trust", &rejected[..12]]).contains("is trusted"));
    for verb in ["pause", "resume"] {
        scene.plant.local().post(&format!("/api/connections/press/{verb}"), &json!({"device": null})).ok();
    }
    latest(&scene.plant, "acme/leeds/press/speed", |point| point["good"] == true);
    wait_for("its coverage", LIMIT, || (scene.seen("press") == "encrypted").then_some(()));
    assert_eq!(scene.write("speed", 120.0), "Confirmed");
    latest(&scene.plant, "acme/leeds/press/speed", |point| point["value"] == 120.0);
    let shown = scene.plant.say(&["monitor", "show"]);
    assert!(shown.contains("encrypted"), "{shown}");
    assert_eq!((scene.own(), scene.explained("commands_matched")), (vec![], 0));
}
