//! The monitor at a real cable: devices in a network namespace of their own, Ironbridge and whoever attacks them at the
//! other end of a veth pair.

use crate::harness::{Http, Plant, Process, Python, binary, in_own_network, ip_does as ip, wait_for};
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
const DEVICE: &str = "10.9.0.2";
const LINE: &str = "kind = \"modbus-tcp\"\nhost = \"10.9.0.2\"\nscan = { fast = \"100ms\" }\n[device.meter]\nunit = 1\n\
    at = \"line-1/meter\"\nscan = \"fast\"\n[device.meter.tags]\nx = { at = \"holding 100\", type = \"u32\" }\n";

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

    /// A device that answers.
    fn device(&self, python: &Python, script: &str, port: u16) -> Process {
        let device = self.start(python, script, &[&port.to_string(), DEVICE]);
        wait_for("a device", PATIENCE, || std::net::TcpStream::connect((DEVICE, port)).ok());
        device
    }
}

/// A Modbus and a Siemens device at the far end; `None` says that this machine cannot.
fn devices() -> Option<(Python, Far, [Process; 2])> {
    let (python, far) = (Python::find()?, Far::new()?);
    let both = [("modbus_server.py", 502), ("s7_server.py", 102)];
    let both = both.map(|(script, port)| far.device(&python, script, port));
    Some((python, far, both))
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
        let Some((python, _far, _devices)) = devices() else { return };
        let mut plant = Plant::new("[monitor]\ninterfaces = [\"span\"]\n");
        plant.write("connections/line-1.toml", LINE);
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
    // And others read it as well.
    let tshark = Command::new("tshark")
        .arg("-r")
        .arg(&file)
        .args(["-Y", "s7comm", "-T", "fields", "-e", "s7comm.param.func"])
        .output();
    let Ok(out) = tshark else { return eprintln!("skipped: no tshark") };
    let functions = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success() && functions.lines().any(|line| line == "0x29"), "{out:?}");
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

/// What a security centre asks for stands in one list, in the order in which it happened.
#[test]
fn one_stream_has_all_that_happens() {
    let name = "monitor::one_stream_has_all_that_happens";
    in_own_network(name, || {
        let Some((python, _far, [modbus, _s7])) = devices() else { return };
        let mut plant = Plant::new("writes = \"on\"\n[monitor]\ninterfaces = [\"span\"]\n");
        let line =
            format!("{LINE}target = {{ at = \"holding 200\", type = \"u16\", write = {{ max = 600 }} }}\n");
        plant.write("connections/line-1.toml", &line);
        plant.start();
        let mut told = Vec::new();
        let mut tells = |kind: &str, word: &str| {
            let event = wait_for(word, PATIENCE, || {
                let all = plant.local().get(&format!("/api/events?kind={kind}")).ok();
                let fits = |event: &&Json| event["title"].as_str().is_some_and(|title| title.contains(word));
                all["events"].as_array().unwrap().iter().find(fits).cloned()
            });
            told.push(event["id"].clone());
        };
        let port = plant.port();
        plant.say(&["user", "add", "anna", "--role", "operator"]);
        let wrong = json!({"name": "anna", "password": "not hers"});
        assert_eq!(Http::tcp(port).post("/api/session", &wrong).status, 401);
        tells("change", "A sign-in as anna was refused");
        let token = plant.say(&["token", "add", "reader", "--role", "viewer"]);
        tells("change", "made the API token reader");
        let mut viewer = Http::tcp(port);
        viewer.headers.push(("authorization".into(), format!("Bearer {}", token.trim())));
        assert_eq!(viewer.get("/api/users").status, 403);
        tells("change", "was refused GET /api/users");
        let target = "acme/leeds/line-1/meter/target";
        crate::modbus::latest(&plant, target, |point| point["good"] == true);
        let wish = json!({"path": target, "value": 300, "reason": "e2e", "id": "set-target-1"});
        assert_eq!(plant.local().post("/api/point/write", &wish).ok()["outcome"], "Confirmed");
        tells("change", "target");
        plant.write("connections/line-1.toml", &line.replace("100ms", "200ms"));
        plant.say(&["apply", "."]);
        tells("change", "applied the configuration");
        assert!(python.run("s7_stop.py", &[DEVICE, "102"]).status.success());
        tells("finding", "Siemens controller told to stop");
        drop(modbus);
        tells("fault", "line-1");
        // All of it in one answer, the newest first.
        let all = plant.local().get("/api/events?limit=1000").ok()["events"].as_array().unwrap().clone();
        let ids: Vec<&Json> = all.iter().map(|event| &event["id"]).collect();
        assert!(told.iter().all(|id| ids.contains(&id)), "{told:?} in {ids:?}");
        let starts: Vec<f64> = all.iter().map(|event| event["start"].as_f64().unwrap()).collect();
        assert!(starts.is_sorted_by(|a, b| a >= b), "{starts:?}");
    });
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
        let _s7 = python.serve("s7_server.py", 10_102, &[]);
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

/// A list of the monitor, all of it.
fn rows(plant: &Plant, list: &str) -> Vec<Json> {
    let name = list.split('?').next().unwrap();
    plant.local().get(&format!("/api/monitor/{list}")).ok()[name].as_array().unwrap().clone()
}

/// What a row is about, and since when it is known.
fn gist(row: &Json) -> String {
    let keys = ["client", "server", "protocol", "port", "unit", "name", "first", "readers", "writers", "id"];
    let functions: Vec<&Json> =
        row["functions"].as_array().into_iter().flatten().map(|function| &function["name"]).collect();
    format!("{:?} {functions:?}", keys.map(|key| &row[key]))
}

/// Links, data and what is not approved, as an analyst sees them.
fn known(plant: &Plant) -> Vec<String> {
    let points = format!("points?asset={DEVICE}");
    let lists = ["links", &points, "differences"];
    let mut all: Vec<String> =
        lists.iter().flat_map(|list| rows(plant, list)).map(|row| gist(&row)).collect();
    all.sort();
    all
}

fn link(plant: &Plant, protocol: &str) -> Option<Json> {
    rows(plant, "links").into_iter().find(|link| link["protocol"] == protocol && link["server"] == DEVICE)
}

/// A file of the monitor, once it fits.
fn on_disk(plant: &Plant, name: &str, fits: impl Fn(&str) -> bool) -> String {
    let path = plant.data().join("monitor").join(name);
    wait_for(name, PATIENCE, || std::fs::read_to_string(&path).ok().filter(|text| fits(text)))
}

#[test]
fn what_was_seen_is_known_after_a_kill_and_after_a_stop() {
    let name = "monitor::what_was_seen_is_known_after_a_kill_and_after_a_stop";
    in_own_network(name, || {
        let Some((python, _far, _devices)) = devices() else { return };
        let mut plant = Plant::new("[monitor]\ninterfaces = [\"span\"]\n");
        plant.write("connections/line-1.toml", LINE);
        plant.start();
        wait_for("data touched", PATIENCE, || {
            (!rows(&plant, &format!("points?asset={DEVICE}")).is_empty()).then_some(())
        });
        let ask = json!({"zone": "", "mode": "guarding"});
        plant.local().send("PUT", "/api/monitor/modes", Some(&ask)).unwrap().ok();
        // What nobody approved.
        assert!(python.run("s7_stop.py", &[DEVICE, "102"]).status.success());
        wait_for("a difference", PATIENCE, || {
            rows(&plant, "differences").iter().any(|row| row["kind"] == "link").then_some(())
        });
        let before = wait_for("all of it on disk", PATIENCE, || {
            let (known, links) = (known(&plant), rows(&plant, "links"));
            let file = on_disk(&plant, "traffic.json", |text| text.contains("PLC Stop"));
            on_disk(&plant, "unapproved.json", |text| text.contains("PLC Stop"));
            let file: Json = serde_json::from_str(&file).unwrap();
            let size = |links: &[Json]| {
                links.iter().map(|link| link["functions"].as_array().unwrap().len() + 1).sum()
            };
            let sizes: [usize; 2] = [size(&links), size(file["links"].as_array().unwrap())];
            (sizes[0] == sizes[1] && known == self::known(&plant)).then_some(known)
        });
        let counted = link(&plant, "modbus").unwrap();
        let since = monitor(&plant);
        plant.kill();
        // Nothing passes now: whatever is known was remembered.
        assert!(ip("link set span down"));
        plant.start();
        assert_eq!(known(&plant), before);
        is_told_as_remembered(&plant, &since);
        // It counts on when it is seen again.
        assert!(ip("link set span up"));
        let packets = |link: &Json| link["packets_to_server"].as_u64().unwrap();
        let grown = wait_for("it counts on", PATIENCE, || {
            link(&plant, "modbus").filter(|link| packets(link) > packets(&counted) + 50)
        });
        assert_eq!(grown["first"], counted["first"]);
        // An orderly stop, as an update of the program has it, forgets not one packet.
        assert!(ip("link set span down"));
        let (last, shown) = (packets(&link(&plant, "modbus").unwrap()), known(&plant));
        plant.stop();
        plant.start();
        assert!(packets(&link(&plant, "modbus").unwrap()) >= last);
        let again = known(&plant);
        assert!(shown.iter().all(|row| again.contains(row)), "{shown:#?} in {again:#?}");
        what_is_damaged_is_told(&mut plant);
    });
}

fn is_told_as_remembered(plant: &Plant, before: &Json) {
    let state = monitor(plant);
    assert_eq!(state["counted_since"], before["counted_since"]);
    assert!(state["since"].as_f64() > before["since"].as_f64());
    // What was seen yesterday does not make the span port right today.
    assert_eq!(state["connections"][0]["seen"], "never");
    let page = plant.local().get(&format!("/api/monitor/assets/{DEVICE}")).ok();
    assert_eq!((&page["asset"]["live"], &page["asset"]["role"]), (&json!(false), &json!("controller")));
    assert!(
        page["links"].as_array().unwrap().len() >= 2 && page["points"].to_string().contains("holding 100")
    );
    let map = plant.local().get("/api/monitor/map").ok();
    assert!(map["edges"].as_array().unwrap().iter().any(|edge| edge["server"] == DEVICE), "{map}");
    a_connection_is_drafted(plant);
}

/// A file that is not as it was written, and one that only a newer Ironbridge understands.
fn what_is_damaged_is_told(plant: &mut Plant) {
    for words in ["checksum", "newer Ironbridge (version 99)"] {
        let path = plant.data().join("monitor/traffic.json");
        let whole = on_disk(plant, "traffic.json", |text| text.contains("\"modbus\""));
        plant.stop();
        let text = match words {
            "checksum" => whole.replacen("\"port\":502", "\"port\":503", 1),
            _ => {
                let (json, _) = whole.rsplit_once(",\"checksum\"").unwrap();
                format!("{}}}", json.replacen("{\"version\":1,", "{\"version\":99,", 1))
            }
        };
        assert_ne!(text, whole);
        std::fs::write(&path, &text).unwrap();
        plant.start();
        let told = wait_for("it is told", PATIENCE, || {
            let events = plant.local().get("/api/events?kind=fault&active=true").ok();
            let of = |event: &&Json| event["text"].as_str().is_some_and(|text| text.contains(words));
            events["events"].as_array().unwrap().iter().find(of).cloned()
        });
        assert!(told["text"].as_str().unwrap().contains("counted from now on"), "{told}");
        let aside = std::fs::read_to_string(path.with_extension("aside")).unwrap();
        assert_eq!(aside, text);
        assert_eq!(rows(plant, "links"), [Json::Null; 0]);
        // And it begins anew.
        plant.stop();
        std::fs::write(&path, whole).unwrap();
        plant.start();
        assert!(link(plant, "modbus").is_some());
    }
}

/// A program that is stopped most of the time, so that a flood is one on any machine, however fast: four times as many packets
/// come while it stands still as its ring has room for, then a few while it runs.
struct HeldUp(Arc<AtomicBool>, Option<std::thread::JoinHandle<()>>);

impl HeldUp {
    fn new(plant: &Plant) -> Self {
        const ROOM: u64 = 15_000;
        let (process, ended) = (plant.process().0.id().to_string(), Arc::new(AtomicBool::new(false)));
        let here = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            let kill = |signal| {
                assert!(Command::new("kill").args([signal, process.as_str()]).status().unwrap().success())
            };
            while !here.load(Ordering::Relaxed) {
                for (signal, more) in [("-STOP", 4 * ROOM), ("-CONT", ROOM / 2)] {
                    kill(signal);
                    let enough = received("span") + more;
                    wait_for("packets", PATIENCE, || (received("span") >= enough).then_some(()));
                }
            }
        });
        Self(ended, Some(thread))
    }
}

impl Drop for HeldUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.take().unwrap().join().unwrap();
    }
}

/// Packets that came to an interface of this network namespace.
fn received(interface: &str) -> u64 {
    let all = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let of = |line: &str| {
        Some(
            line.trim()
                .strip_prefix(interface)?
                .strip_prefix(':')?
                .split_whitespace()
                .nth(1)?
                .parse()
                .unwrap(),
        )
    };
    all.lines().find_map(of).unwrap()
}

#[test]
fn a_flood_is_read_in_samples_and_the_pages_say_so() {
    let name = "monitor::a_flood_is_read_in_samples_and_the_pages_say_so";
    in_own_network(name, || {
        let Some(python) = Python::find() else { return };
        let Some(far) = Far::new() else { return };
        let _s7 = far.device(&python, "s7_server.py", 102);
        let mut plant = Plant::new("[monitor]\ninterfaces = [\"span\"]\nring_mb = 2\n");
        plant.start();
        wait_for("listening", PATIENCE, || (monitor(&plant)["interfaces"][0]["state"] == "up").then_some(()));
        let floods: Vec<Process> = (0..3).map(|_| far.start(&python, "flood.py", &["10.9.0.1"])).collect();
        let held_up = HeldUp::new(&plant);
        let state = wait_for("a sample of the flood", PATIENCE, || {
            let state = monitor(&plant);
            let left_out = state["interfaces"][0]["not_decoded"].as_u64()?;
            (left_out > 0 && !state["interfaces"][0]["sampling"].is_null()).then_some(state)
        });
        let sampling = state["interfaces"][0]["sampling"].as_str().unwrap();
        assert!(sampling.contains("1 of 64"), "{sampling}");
        let said = state["not_seen"].to_string();
        assert!(said.contains("conversations that flood were left out on purpose"), "{said}");
        assert!(plant.say(&["monitor", "show"]).contains("1 of 64"));
        drop(held_up);
        // Beside the flood everything else is read, and the flood itself is one finding.
        // (A machine with too little processor loses packets in its ring, which is counted: then another one is heard.)
        wait_for("the stop beside the flood", PATIENCE, || {
            assert!(python.run("s7_stop.py", &[DEVICE, "102"]).status.success());
            let found = plant.local().get("/api/monitor/findings").ok()["findings"].clone();
            found.as_array().unwrap().iter().any(|one| one["rule"] == "IB-S7-001").then_some(())
        });
        let all = plant.local().get("/api/monitor/findings").ok()["findings"].clone();
        let rules: Vec<&Json> = all.as_array().unwrap().iter().map(|one| &one["rule"]).collect();
        assert_eq!(rules.iter().filter(|rule| ***rule == "IB-BAC-007").count(), 1, "{rules:?}");
        assert!(rules.len() <= 6, "{rules:?}");
        // It ends, and what was left out stays counted: in the coverage, and as a point with a trend.
        drop(floods);
        let calm = wait_for("the end of the flood", PATIENCE, || {
            let state = monitor(&plant);
            state["interfaces"][0]["sampling"].is_null().then_some(state)
        });
        assert!(calm["coverage"]["not_decoded"].as_u64() > Some(0), "{}", calm["coverage"]);
        wait_for("the counter as a point", PATIENCE, || {
            let path = "_ironbridge/monitor/span/not-decoded";
            let latest = plant.local().post("/api/latest", &json!({ "paths": [path] })).ok();
            latest["values"][0]["value"].as_f64().filter(|count| *count > 0.0)
        });
    });
}
