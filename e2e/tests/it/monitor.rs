//! The monitor at a real cable: devices in a network namespace of their own, Ironbridge and whoever attacks them at the
//! other end of a veth pair.

use crate::harness::{Plant, Process, Python, binary, in_own_network, ip_does as ip, wait_for};
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const DEVICE: &str = "10.9.0.2";

/// The far end of the cable: a network namespace with the device's address.
struct Far(Process);

impl Far {
    /// `None` says that this machine cannot.
    fn new() -> Option<Self> {
        let child = Command::new("unshare").args(["--net", "sleep", "600"]).spawn().ok()?;
        let far = Self(Process(child));
        let pid = far.0.0.id();
        // The namespace is there when it is another one than ours.
        let own = std::fs::read_link("/proc/self/ns/net").ok()?;
        let link = format!("/proc/{pid}/ns/net");
        wait_for("the far namespace", PATIENCE, || std::fs::read_link(&link).ok().filter(|far| *far != own));
        let near = [
            "link set lo up",
            "link add span type veth peer name device",
            "addr add 10.9.0.1/24 dev span",
            "link set span up",
        ];
        let done = near.iter().all(|words| ip(words)) && ip(&format!("link set device netns {pid}"));
        let inside = ["addr add 10.9.0.2/24 dev device", "link set device up", "link set lo up"];
        let done = done && inside.iter().all(|words| far.run("ip", &words.split(' ').collect::<Vec<_>>()));
        if !done {
            eprintln!("skipped: this machine makes no veth pair between namespaces");
        }
        done.then_some(far)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--net", "--target", &self.0.0.id().to_string(), program]);
        command
    }

    fn run(&self, program: &str, words: &[&str]) -> bool {
        self.command(program).args(words).status().is_ok_and(|status| status.success())
    }

    fn start(&self, python: &Python, script: &str, words: &[&str]) -> Process {
        let (program, path) = python.paths(script);
        let mut command = self.command(program.to_str().unwrap());
        Process(command.arg(path).args(words).stdout(Stdio::null()).spawn().unwrap())
    }
}

fn monitor(plant: &Plant) -> Json {
    plant.local().get("/api/monitor").ok()
}

/// The first finding of a detection, when it is there and fits.
fn finding(plant: &Plant, rule: &str, fits: impl Fn(&Json) -> bool) -> Json {
    wait_for(rule, PATIENCE, || {
        let all = plant.local().get("/api/monitor/findings").ok();
        let found = all["findings"].as_array().unwrap().iter().find(|one| one["rule"] == rule && fits(one));
        found.cloned()
    })
}

#[test]
fn what_happens_on_the_cable_is_found_kept_and_remembered() {
    let name = "monitor::what_happens_on_the_cable_is_found_kept_and_remembered";
    in_own_network(name, || {
        let Some(python) = Python::find() else { return };
        let Some(far) = Far::new() else { return };
        let _modbus = far.start(&python, "modbus_server.py", &["502", DEVICE]);
        let _s7 = far.start(&python, "s7_server.py", &["102", DEVICE]);
        for port in [502, 102] {
            wait_for("a device", PATIENCE, || std::net::TcpStream::connect((DEVICE, port)).ok());
        }
        let mut plant = Plant::new("[monitor]\ninterfaces = [\"span\"]\n");
        plant.write(
            "connections/line-1.toml",
            &format!(
                "kind = \"modbus-tcp\"\nhost = \"{DEVICE}\"\nscan = {{ fast = \"100ms\" }}\n[device.meter]\nunit = 1\n\
                 at = \"line-1/meter\"\nscan = \"fast\"\n[device.meter.tags]\nx = {{ at = \"holding 100\", type = \"u32\" }}\n"
            ),
        );
        plant.start();
        the_connection_is_seen(&plant);
        let first = a_stop_is_found(&plant, &python);
        its_packets_are_kept(&plant, &first);
        a_connection_is_drafted(&plant);
        let (id, path) = (first["id"].as_str().unwrap(), "/api/monitor/findings");
        let note = json!({"note": "asked shift B"});
        let done = plant.local().post(&format!("{path}/{id}/acknowledge"), &note).ok();
        assert_eq!((&done["state"], &done["acknowledged"]["note"]), (&json!("acknowledged"), &note["note"]));
        let change = json!({"approved": true, "name": "Press 4", "level": 1, "zone": "pressing"});
        let local = plant.local();
        let asset =
            local.send("PATCH", &format!("/api/monitor/assets/{DEVICE}"), Some(&change)).unwrap().ok();
        assert_eq!((&asset["name"], &asset["approved"]), (&json!("Press 4"), &json!(true)));
        // What was decided holds after kill -9, and what was counted is counted on.
        plant.kill();
        plant.start();
        let again = finding(&plant, "IB-S7-001", |_| true);
        for key in ["id", "state", "count", "acknowledged", "packets"] {
            assert_eq!(again[key], done[key], "{key}");
        }
        let asset = plant.local().get(&format!("/api/monitor/assets/{DEVICE}")).ok();
        assert_eq!(
            (&asset["asset"]["name"], &asset["asset"]["zone"]),
            (&json!("Press 4"), &json!("pressing"))
        );
        wait_for("listening", PATIENCE, || (monitor(&plant)["interfaces"][0]["state"] == "up").then_some(()));
        assert!(python.run("s7_stop.py", &[DEVICE, "102"]).status.success());
        let count = first["count"].as_u64().unwrap();
        let grown = finding(&plant, "IB-S7-001", |one| one["count"].as_u64() > Some(count));
        assert_eq!((&grown["id"], &grown["state"]), (&first["id"], &json!("acknowledged")));
        let all = plant.local().get("/api/monitor/findings").ok()["findings"].clone();
        assert_eq!(all.as_array().unwrap().iter().filter(|one| one["rule"] == "IB-S7-001").count(), 1);
    });
}

fn the_connection_is_seen(plant: &Plant) {
    let seen = wait_for("the connection is seen", PATIENCE, || {
        let state = monitor(plant);
        (state["connections"][0]["seen"] == "seen").then_some(state)
    });
    assert_eq!(seen["connections"][0]["asset"], DEVICE);
    let sentence = seen["sentence"].as_str().unwrap();
    assert!(sentence.contains("span") && sentence.contains("1 of 1 connections seen"), "{sentence}");
    let page = plant.local().get(&format!("/api/monitor/assets/{DEVICE}")).ok();
    assert_eq!(
        (&page["asset"]["connection"], &page["asset"]["role"]),
        (&json!("line-1"), &json!("controller"))
    );
    assert!(page["points"].to_string().contains("holding 100"), "{}", page["points"]);
    let map = plant.local().get("/api/monitor/map").ok();
    assert!(map["edges"].as_array().unwrap().iter().any(|edge| edge["server"] == DEVICE), "{map}");
    let own = plant.local().get("/api/monitor/assets/10.9.0.1").ok();
    assert_eq!(own["asset"]["own"], true);
    assert!(plant.say(&["monitor", "show"]).contains("1 of 1 connections seen"));
    assert!(plant.say(&["monitor", "assets"]).contains(DEVICE));
}

fn a_stop_is_found(plant: &Plant, python: &Python) -> Json {
    assert!(python.run("s7_stop.py", &[DEVICE, "102"]).status.success());
    let found = finding(plant, "IB-S7-001", |_| true);
    // From the packet's own time to the event's, whatever this test waited for: the best of what was found, for a busy machine.
    let best = wait_for("an event of each", PATIENCE, || {
        let all = plant.local().get("/api/monitor/findings?min=700").ok();
        let ms = |one: &Json| Some(one["told"].as_f64()? - one["last"].as_f64()?);
        all["findings"].as_array()?.iter().filter_map(ms).filter(|ms| *ms >= 0.0).reduce(f64::min)
    });
    println!("told {best:.0} ms after its packet");
    assert!((0.0..1_000.0).contains(&best), "{best} ms");
    assert_eq!((&found["target"], &found["state"]), (&json!(DEVICE), &json!("open")));
    assert_eq!(found["evidence"][0]["interface"], "span");
    let event = wait_for("its event", PATIENCE, || {
        let events = plant.local().get("/api/events?kind=finding").ok();
        events["events"].as_array()?.iter().find(|event| event["id"] == found["id"]).cloned()
    });
    assert_eq!(event["state"], "active");
    found
}

/// The file of packets is a capture like any other: reading it finds the same.
fn its_packets_are_kept(plant: &Plant, found: &Json) {
    let id = found["id"].as_str().unwrap();
    wait_for("packets on disk", PATIENCE, || {
        let one = plant.local().get(&format!("/api/monitor/findings/{id}")).ok();
        one["packets"].as_u64().filter(|packets| *packets > 2)
    });
    plant.say(&["monitor", "packets", id, "stop.pcap"]);
    let file = plant.dir().join("stop.pcap");
    let out = Command::new(binary()).arg("watch").arg(&file).arg("--json").output().unwrap();
    let report: Json = serde_json::from_slice(&out.stdout).unwrap();
    let same = report["findings"].as_array().unwrap().iter().any(|row| row["id"] == found["id"]);
    assert!(same, "{}", report["findings"]);
}

fn a_connection_is_drafted(plant: &Plant) {
    let ask = json!({"kind": "s7", "name": "press"});
    let draft = plant.local().post(&format!("/api/monitor/assets/{DEVICE}/draft"), &ask).ok();
    let text = draft["text"].as_str().unwrap();
    // As the engineering station reached it.
    assert!(text.contains("rack = 0") && text.contains("slot = 2"), "{text}");
    assert!(text.contains("kind = \"s7\"") && text.contains(&format!("host = \"{DEVICE}\"")), "{text}");
    assert_eq!(draft["file"], "connections/press.toml");
}

#[test]
fn what_cannot_be_listened_to_is_told_and_everything_else_runs() {
    let mut plant = Plant::new("[monitor]\ninterfaces = [\"no-such-port\"]\n");
    plant.start();
    let state = wait_for("why", PATIENCE, || {
        let state = monitor(&plant);
        (state["interfaces"][0]["state"] == "missing").then_some(state)
    });
    assert!(state["why"].as_str().unwrap().contains("no-such-port"), "{state}");
    assert!(state["next"].as_str().unwrap().contains("ip link"), "{state}");
    let fault = wait_for("a fault", PATIENCE, || {
        let events = plant.local().get("/api/events?kind=fault&active=true").ok();
        let of = |event: &&Json| event["source"] == "monitor/no-such-port";
        events["events"].as_array().unwrap().iter().find(of).cloned()
    });
    assert!(fault["title"].as_str().unwrap().contains("sees nothing"), "{fault}");
    let mut off = Plant::new("");
    off.start();
    let state = monitor(&off);
    assert_eq!(state["on"], false);
    assert!(state["next"].as_str().unwrap().contains("[monitor] interfaces"), "{state}");
    for list in ["assets", "links", "findings", "map"] {
        off.local().get(&format!("/api/monitor/{list}")).ok();
    }
}

#[test]
fn an_interface_can_be_watched_without_a_plant() {
    let name = "monitor::an_interface_can_be_watched_without_a_plant";
    in_own_network(name, || {
        let Some(python) = Python::find() else { return };
        if !ip("link set lo up") {
            return eprintln!("skipped: no loopback interface");
        }
        let _s7 = python.start("s7_server.py", &["10102"]);
        wait_for("a device", PATIENCE, || std::net::TcpStream::connect(("127.0.0.1", 10_102)).ok());
        let mut watch = Command::new(binary())
            .args(["watch", "--interface", "lo", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut out, said) = (watch.stdout.take().unwrap(), watch.stderr.take().unwrap());
        let watch = Process(watch);
        let listens =
            BufReader::new(said).lines().map_while(Result::ok).any(|line| line.contains("listening at lo"));
        assert!(listens);
        assert!(python.run("s7_stop.py", &["127.0.0.1", "10102"]).status.success());
        watch.signal("INT");
        let mut text = String::new();
        out.read_to_string(&mut text).unwrap();
        let report: Json = serde_json::from_str(&text).unwrap();
        let rules: Vec<&Json> =
            report["findings"].as_array().unwrap().iter().map(|row| &row["rule"]).collect();
        assert!(rules.contains(&&json!("IB-S7-001")), "{rules:?}");
        let lost = Command::new(binary()).args(["watch", "--interface", "none-such"]).output().unwrap();
        let words = String::from_utf8_lossy(&lost.stderr);
        assert!(!lost.status.success() && words.contains("none-such") && words.contains("lo"), "{words}");
    });
}
