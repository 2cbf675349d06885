//! Ways out to collectors: rsyslog (TCP and TLS), a Python web server, VictoriaMetrics.

use crate::broker::signal;
use crate::support::*;
use connect::north::State;
use model::{Event, EventKind, Status, Time, Value, ValueType};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A process with a folder; ended with the value.
pub struct Peer {
    pub port: u16,
    dir: TempDir,
    start: Vec<String>,
    child: Option<Child>,
}

impl Peer {
    /// `None`, loudly, when the program is not installed.
    pub fn new(package: &str, programs: &[&str]) -> Option<Self> {
        let there = |program: &&&str| std::path::Path::new(program).exists();
        let Some(program) = programs.iter().find(there) else {
            eprintln!("SKIPPED: {package} is not installed (apt-get install {package})");
            return None;
        };
        let start = vec![(*program).to_owned()];
        Some(Self { port: free_port(), dir: tempfile::tempdir().unwrap(), start, child: None })
    }

    pub fn up(&mut self) {
        assert!(self.child.is_none());
        let log = std::fs::File::create(self.dir.path().join("log")).unwrap();
        let mut command = Command::new(&self.start[0]);
        command.args(&self.start[1..]).current_dir(self.dir.path());
        self.child = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        wait_for("the collector to listen", || {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            let log = || std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(ended.is_none(), "{} ended: {}", self.start[0], log());
            TcpStream::connect(("127.0.0.1", self.port)).ok()
        });
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Lets it write down what it has, and end.
    pub fn end(&mut self) {
        let mut child = self.child.take().unwrap();
        signal(child.id(), "-TERM");
        child.wait().unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Lines of a file that it writes.
    pub fn lines(&self, name: &str) -> Vec<String> {
        std::fs::read_to_string(self.path(name)).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

/// rsyslog that writes each message's parts as they were understood, one JSON object a line.
fn rsyslog(tls: bool) -> Option<Peer> {
    let mut peer = Peer::new("rsyslog", &["/usr/sbin/rsyslogd"])?;
    certificates(peer.dir.path());
    let d = peer.dir.path().display();
    let driver = if tls {
        format!(
            "global(defaultNetstreamDriver=\"gtls\" defaultNetstreamDriverCAFile=\"{d}/ca.pem\"\n\
             defaultNetstreamDriverCertFile=\"{d}/server.pem\" defaultNetstreamDriverKeyFile=\"{d}/server.key\")\n\
             module(load=\"imtcp\" streamDriver.name=\"gtls\" streamDriver.mode=\"1\" streamDriver.authMode=\"anon\")\n"
        )
    } else {
        "module(load=\"imtcp\")\n".to_owned()
    };
    let config = format!(
        "global(workDirectory=\"{d}\" maxMessageSize=\"64k\")\n{driver}\
         input(type=\"imtcp\" port=\"{}\" address=\"127.0.0.1\")\n\
         template(name=\"parts\" type=\"list\" option.jsonf=\"on\") {{\n\
           property(outname=\"pri\" name=\"pri\" format=\"jsonf\")\n\
           property(outname=\"app\" name=\"app-name\" format=\"jsonf\")\n\
           property(outname=\"host\" name=\"hostname\" format=\"jsonf\")\n\
           property(outname=\"msgid\" name=\"msgid\" format=\"jsonf\")\n\
           property(outname=\"data\" name=\"structured-data\" format=\"jsonf\")\n\
           property(outname=\"msg\" name=\"msg\" format=\"jsonf\")\n\
         }}\n\
         action(type=\"omfile\" file=\"{d}/messages\" template=\"parts\" asyncWriting=\"off\" flushOnTXEnd=\"on\")\n",
        peer.port
    );
    std::fs::write(peer.path("rsyslog.conf"), config).unwrap();
    let pid = peer.path("pid").display().to_string();
    let file = peer.path("rsyslog.conf").display().to_string();
    peer.start.extend(["-n", "-f", &file, "-i", &pid].map(str::to_owned));
    peer.up();
    Some(peer)
}

fn finding(n: i64) -> Event {
    let id = format!("finding/IB-S7-003/{n}");
    Event::active(
        EventKind::Finding,
        id,
        "monitor",
        Time::from_millis(1_767_225_600_000 + n),
        750,
        format!("Stopped {n}\nby \"x\" ]=|"),
    )
    .explained("It stands.", "Ask who did it.")
}

fn tell(plant: &Plant, event: Event) {
    plant.namespace.event(event);
}

fn messages(peer: &Peer) -> Vec<Json> {
    peer.lines("messages").iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn a_collector_over_tls_understands_every_part_of_every_format() {
    let Some(peer) = rsyslog(true) else { return };
    let (plant, runtime) = (Plant::new(), multi());
    let _guard = runtime.enter();
    std::fs::copy(peer.path("ca.pem"), plant.dir.path().join("ca.pem")).unwrap();
    let config = |format: &str| {
        format!(
            "kind = \"syslog\"\nurl = \"tls://127.0.0.1:{}\"\ntls = {{ ca = \"ca.pem\" }}\nformat = \"{format}\"\n\
             events = [\"finding\"]\nevents_from = \"high\"\nfacility = \"authpriv\"\n",
            peer.port
        )
    };
    let handles: Vec<_> = ["text", "cef", "ocsf"].map(|format| plant.start(format, &config(format))).into();
    for handle in &handles {
        let status = wait_status(handle, "a session", |status| status.state == State::Connected);
        assert_eq!(status.security.level, "tls");
    }
    let mut low = finding(2);
    low.severity = 300;
    plant.namespace.event(low);
    plant.namespace.event(Event::info(EventKind::Fault, "fault/1", "journal", Time(0), "another kind"));
    plant.namespace.event(finding(1));
    let all = wait_for("three messages", || Some(messages(&peer)).filter(|all| all.len() >= 3));
    assert_eq!(all.len(), 3, "only what is severe enough, of the kind: {all:#?}");
    for message in &all {
        assert_eq!(
            (&message["pri"], &message["app"], &message["host"], &message["msgid"]),
            (&json!("83"), &json!("ironbridge"), &json!("acme.leeds"), &json!("IB-S7-003")),
            "{message:#}"
        );
        let data = message["data"].as_str().unwrap();
        assert!(
            data.contains("id=\"finding/IB-S7-003/1\"") && data.contains("next=\"Ask who did it.\""),
            "{data}"
        );
    }
    let of = |start: &str| {
        let found = all
            .iter()
            .filter_map(|m| m["msg"].as_str())
            .map(str::trim_start)
            .find(|text| text.starts_with(start));
        found.unwrap_or_else(|| panic!("{start}: {all:#?}")).to_owned()
    };
    assert_eq!(of("Stopped"), "Stopped 1 by \"x\" ]=|. It stands.");
    assert!(of("CEF:0|Ironbridge|Ironbridge|").contains("|IB-S7-003|Stopped 1 by \"x\" ]=\\||8|"));
    let ocsf: Json = serde_json::from_str(&of("{")).unwrap();
    assert_eq!(
        (&ocsf["class_uid"], &ocsf["finding_info"]["title"]),
        (&json!(2004), &json!("Stopped 1\nby \"x\" ]=|"))
    );
    for handle in &handles {
        // Acknowledged only after the connection has lived on.
        let status = wait_status(handle, "an acknowledgement", |status| status.sent > 0);
        assert_eq!(status.sent, 1);
        runtime.block_on(handle.stop());
    }
}

#[test]
fn a_collector_that_is_killed_gets_every_event() {
    let Some(mut peer) = rsyslog(false) else { return };
    let (plant, runtime) = (Plant::new(), multi());
    let _guard = runtime.enter();
    let config =
        format!("kind = \"syslog\"\nurl = \"tcp://127.0.0.1:{}\"\nevents = [\"finding\"]\n", peer.port);
    let handle = plant.start("siem", &config);
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    for round in 0..3 {
        (0..40).for_each(|n| tell(&plant, finding(round * 100 + n)));
        peer.kill();
        wait_status(&handle, "the loss to be seen", |status| status.state == State::Lost);
        (40..60).for_each(|n| tell(&plant, finding(round * 100 + n)));
        peer.up();
        wait_status(&handle, "a session", |status| status.state == State::Connected);
    }
    wait_for("every event", || {
        let all = messages(&peer);
        let seen = |n: i64| {
            let id = format!("id=\"finding/IB-S7-003/{n}\"");
            all.iter().any(|message| message["data"].as_str().is_some_and(|data| data.contains(&id)))
        };
        (0..3).flat_map(|round| (0..60).map(move |n| round * 100 + n)).all(seen).then_some(())
    });
    runtime.block_on(handle.stop());
}

/// A server in Python, one of the scripts in `tests/peers`.
pub fn python_server(script: &str) -> Option<Peer> {
    let Ok(python) = std::env::var("IRONBRIDGE_PEERS_PYTHON") else {
        eprintln!("SKIPPED: set IRONBRIDGE_PEERS_PYTHON to a Python");
        return None;
    };
    let mut peer = Peer::new("python3", &[&python])?;
    let script = format!("{}/tests/peers/{script}", env!("CARGO_MANIFEST_DIR"));
    peer.start.extend([script, peer.port.to_string()]);
    peer.up();
    Some(peer)
}

/// A web server; what it does stands in `answers`, what it got in `requests`.
fn web_server() -> Option<Peer> {
    python_server("collector.py")
}

/// What was posted to a path.
fn requests(peer: &Peer, path: &str) -> Vec<Json> {
    let all = peer.lines("requests");
    let all = all.iter().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    all.filter(|request| request["path"] == format!("/{path}")).collect()
}

#[test]
fn webhooks_are_signed_retried_and_refused_one_by_one() {
    let Some(mut peer) = web_server() else { return };
    let (mut plant, runtime) = (Plant::new(), multi());
    let _guard = runtime.enter();
    plant.secrets = BTreeMap::from([("key".into(), "hush".into()), ("token".into(), "abc".into())]);
    let shape = plant.declare("filler", &[("line/filler/n", ValueType::I64)]);
    let config = |path: &str, more: &str| {
        format!(
            "kind = \"webhook\"\nurl = \"http://127.0.0.1:{}/{path}\"\nbearer = {{ secret = \"token\" }}\n\
             signing = {{ secret = \"key\" }}\n{more}\n",
            peer.port
        )
    };
    let samples = plant.start("all", &config("all", "samples = true\nevents = [\"finding\"]"));
    let chat = plant.start(
        "chat",
        &config("chat", "format = \"template\"\npayload = '{\"text\":\"{severity}: {title} {other}\"}'\nevents = [\"finding\"]"),
    );
    let soc = plant.start("soc", &config("soc", "format = \"ocsf\"\nevents = [\"finding\"]"));
    for handle in [&samples, &chat, &soc] {
        wait_status(handle, "a session", |status| status.state == State::Connected);
    }
    plant.publish(&shape, vec![Value::I64(7)]);
    plant.quality(&shape, Status::BAD_SENSOR_FAILURE);
    plant.namespace.event(finding(1));
    for handle in [&samples, &chat, &soc] {
        wait_status(handle, "acknowledgements", |status| status.sent > 0 && status.lag_s == Some(0.0));
    }
    let all = requests(&peer, "all");
    assert!(
        all.iter().all(|request| request["signature"] == "good" && request["authorization"] == "Bearer abc"),
        "{all:#?}"
    );
    let body = |request: &Json| serde_json::from_str::<Json>(request["body"].as_str().unwrap()).unwrap();
    let found: Vec<Json> = all.iter().flat_map(|r| body(r)["samples"].as_array().unwrap().clone()).collect();
    assert_eq!((&found[0]["path"], &found[0]["value"]), (&json!("acme/leeds/line/filler/n"), &json!(7)));
    assert_eq!((&found[1]["value"], &found[1]["quality"]), (&Json::Null, &json!("BadSensorFailure")));
    assert!(all.iter().any(|r| body(r)["events"][0]["id"] == "finding/IB-S7-003/1"), "{all:#?}");
    assert_eq!(body(&requests(&peer, "chat")[0]), json!({"text": "high: Stopped 1\nby \"x\" ]=| {other}"}));
    assert_eq!(body(&requests(&peer, "soc")[0])[0]["class_uid"], 2004);
    // The server goes down in the middle, answers 503 at first, and refuses one event for good.
    peer.kill();
    std::fs::write(peer.path("answers"), "503\n503\n").unwrap();
    (10..40).for_each(|n| tell(&plant, finding(n)));
    let mut refused = finding(40);
    refused.title = "REFUSE ME".into();
    plant.namespace.event(refused);
    plant.namespace.event(finding(41));
    wait_status(&soc, "the loss to be seen", |status| status.state == State::Lost);
    peer.up();
    let status = wait_status(&soc, "no lag", |status| status.lag_s == Some(0.0) && status.rejects > 0);
    assert_eq!(status.rejects, 1);
    let reject = soc.rejects().remove(0);
    assert!(reject.path == "finding/IB-S7-003/40" && reject.reason.contains("422"), "{reject:?}");
    let taken: Vec<Json> = requests(&peer, "soc").iter().filter(|r| r["answer"] == 200).map(body).collect();
    let uids: Vec<&str> = taken
        .iter()
        .flat_map(|list| list.as_array().unwrap())
        .filter_map(|o| o["finding_info"]["uid"].as_str())
        .collect();
    for n in (10..40).chain([41]) {
        assert!(uids.contains(&format!("finding/IB-S7-003/{n}").as_str()), "{n}: {uids:?}");
    }
    for handle in [&samples, &chat, &soc] {
        runtime.block_on(handle.stop());
    }
}

/// The body of an HTTP answer.
pub fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: x\r\n\r\n").unwrap();
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text.split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned())
}

/// VictoriaMetrics.
pub fn victoria() -> Option<Peer> {
    let mut peer = Peer::new("victoria-metrics", &["/usr/bin/victoria-metrics"])?;
    let listen = format!("-httpListenAddr=127.0.0.1:{}", peer.port);
    peer.start.extend(
        ["-storageDataPath=data", "-search.latencyOffset=0s", "-retentionPeriod=100y", &listen]
            .map(str::to_owned),
    );
    peer.up();
    Some(peer)
}

#[test]
fn victoriametrics_has_every_sample_after_an_outage_and_none_where_it_was_bad() {
    let Some(mut peer) = victoria() else { return };
    let (plant, runtime) = (Plant::new(), multi());
    let _guard = runtime.enter();
    let shape =
        plant.declare("filler", &[("line/filler/n", ValueType::F64), ("line/filler/text", ValueType::Text)]);
    let handle = plant.start(
        "vm",
        &format!("kind = \"influx\"\nurl = \"http://127.0.0.1:{}\"\nbucket = \"plant\"\n", peer.port),
    );
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    let publish = |range: std::ops::Range<i32>| {
        for n in range {
            plant.publish(&shape, vec![Value::F64(f64::from(n)), Value::from("a, \"b\"")]);
            // One millisecond is what VictoriaMetrics tells apart.
            let now = plant.namespace.clock().now();
            wait_for("the next millisecond", || {
                (plant.namespace.clock().now().millis() > now.millis()).then_some(())
            });
        }
    };
    publish(0..100);
    wait_status(&handle, "no lag", |status| status.lag_s == Some(0.0));
    // Its data reach the disk some seconds after its answer: it must be allowed to end.
    peer.end();
    publish(100..200);
    plant.quality(&shape, Status::BAD_SENSOR_FAILURE);
    plant.publish(&shape, vec![Value::F64(f64::NAN), Value::from("x")]);
    wait_status(&handle, "the loss to be seen", |status| status.state == State::Lost);
    peer.up();
    wait_status(&handle, "no lag", |status| status.lag_s == Some(0.0) && status.state == State::Connected);
    assert_eq!(handle.status().rejects, 1, "NaN: {:?}", handle.rejects());
    let values = wait_for("all values", || {
        get(peer.port, "/internal/force_flush");
        let text = get(peer.port, "/api/v1/export?match[]=samples_value");
        let line: Json = serde_json::from_str(text.lines().next()?).ok()?;
        assert_eq!(
            (&line["metric"]["path"], &line["metric"]["unit"]),
            (&json!("acme/leeds/line/filler/n"), &json!("bar"))
        );
        let values: Vec<i64> =
            line["values"].as_array()?.iter().filter_map(|v| Some(v.as_f64()? as i64)).collect();
        (values.len() >= 200).then_some(values)
    });
    assert_eq!(values, (0..200).collect::<Vec<_>>(), "all, in order, and no value where it was Bad");
    runtime.block_on(handle.stop());
}
