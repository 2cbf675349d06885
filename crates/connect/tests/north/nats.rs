//! NATS JetStream: Debian's nats-server, alone, as a cluster of three and behind a leaf node; read with nats-py.

use crate::broker::{free_port, signal};
use crate::support::*;
use connect::north::State;
use model::{Event, EventKind, Status, Time, Value, ValueType};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, HashSet};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const NUMBERS: &[(&str, ValueType)] = &[("line/filler/n", ValueType::I64)];

fn missing() -> Option<String> {
    let found = ["nats-server", "/usr/sbin/nats-server"]
        .into_iter()
        .find(|program| Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok());
    if found.is_none() {
        eprintln!("SKIPPED: nats-server is not installed (apt-get install nats-server)");
    }
    found.map(str::to_owned)
}

/// A server of our own; ended with the value.
pub struct Server {
    pub port: u16,
    program: String,
    dir: TempDir,
    child: Option<Child>,
}

impl Server {
    /// With JetStream; `None` when there is no nats-server here.
    pub fn start() -> Option<Self> {
        Self::start_with(free_port(), "jetstream { store_dir: store }")
    }

    /// `config` is everything but the port.
    pub fn start_with(port: u16, config: &str) -> Option<Self> {
        let mut server = Self { port, program: missing()?, dir: tempfile::tempdir().unwrap(), child: None };
        let text = format!("listen: \"127.0.0.1:{port}\"\n{config}\n");
        std::fs::write(server.dir.path().join("server.conf"), text).unwrap();
        server.up();
        Some(server)
    }

    pub fn up(&mut self) {
        let log = std::fs::File::create(self.dir.path().join("log")).unwrap();
        let mut command = Command::new(&self.program);
        command.args(["-c", "server.conf"]).current_dir(self.dir.path()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().unwrap());
        wait_for("nats-server to listen", || {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            let log = || std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(ended.is_none(), "nats-server ended: {}", log());
            std::net::TcpStream::connect(("127.0.0.1", self.port)).ok()
        });
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

/// Runs the reader; `None` when there is no Python with nats-py.
pub fn read(url: &str, stream: &str, more: &[&str]) -> Option<Vec<Json>> {
    let Ok(python) = std::env::var("IRONBRIDGE_PEERS_PYTHON") else {
        eprintln!("SKIPPED: set IRONBRIDGE_PEERS_PYTHON to a Python that has nats-py (pip install nats-py)");
        return None;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/nats_read.py");
    wait_for("the reader", || {
        let out = Command::new(&python).arg(script).args([url, stream]).args(more).output().unwrap();
        if !out.status.success() {
            eprintln!("{}", String::from_utf8_lossy(&out.stderr));
            return None; // the cluster may be choosing a leader
        }
        let text = String::from_utf8(out.stdout).unwrap();
        Some(Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()))
    })
}

fn config(url: &str, more: &str) -> String {
    format!("kind = \"nats\"\nurl = \"{url}\"\n{more}\n")
}

fn data(message: &Json) -> Json {
    serde_json::from_str(message["data"].as_str().unwrap()).unwrap()
}

/// Good numbers of the counter in the order of the stream, and how many messages had an id that came before.
fn numbers(all: &[Json]) -> (Vec<i64>, usize) {
    let mut ids = HashSet::new();
    let twice = all.iter().filter(|message| !ids.insert(message["id"].as_str().unwrap().to_owned())).count();
    let good = all.iter().map(data).filter(|data| data["quality"] == "Good");
    (good.filter_map(|data| data["value"].as_i64()).collect(), twice)
}

#[test]
fn points_and_events_are_messages_with_the_key_as_id() {
    let Some(server) = Server::start() else { return };
    let (plant, runtime) = (Plant::new(), multi());
    let _guard = runtime.enter();
    let shape = plant
        .declare("filler", &[("line/filler/speed", ValueType::F64), ("line/filler/state", ValueType::I64)]);
    let big = plant.declare("text", &[("line/filler/text", ValueType::Text)]);
    let more = "events = [\"alarm\"]\nstream = { max_age = \"30d\" }";
    let handle = plant.start("hq", &config(&server.url(), more));
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    plant.publish(&shape, vec![Value::F64(12.5), Value::I64(3)]);
    plant.quality(&shape, Status::BAD_COMMUNICATION_ERROR);
    plant.namespace.event(Event::active(
        EventKind::Alarm,
        "alarm/1",
        "acme/leeds/line",
        Time::from_millis(1),
        700,
        "Hot",
    ));
    let nested = plant.start(
        "nested",
        &config(
            &server.url(),
            "format = \"nested-json\"\nsubject = \"{enterprise}.{site}._scans.{device}\"\nstart = \"oldest\"",
        ),
    );
    wait_status(&handle, "acknowledgements", |status| status.sent >= 5 && status.lag_s == Some(0.0));
    wait_status(&nested, "acknowledgements", |status| status.sent >= 4 && status.lag_s == Some(0.0));
    let Some(all) = read(&server.url(), "ACME_LEEDS", &[]) else { return };
    let of = |subject: &str| all.iter().filter(|m| m["subject"] == subject).map(data).collect::<Vec<_>>();
    let speed = of("acme.leeds.line.filler.speed");
    assert_eq!(speed.len(), 2, "{all:#?}");
    assert_eq!(
        (&speed[0]["value"], &speed[0]["quality"], &speed[0]["unit"]),
        (&json!(12.5), &json!("Good"), &json!("bar"))
    );
    assert_eq!((&speed[1]["value"], &speed[1]["quality"]), (&json!(12.5), &json!("BadCommunicationError")));
    assert_eq!(of("acme.leeds._ironbridge.events")[0]["title"], "Hot");
    let scans = of("acme.leeds._scans.filler");
    assert_eq!(scans[0]["line"], json!({"filler": {"speed": 12.5, "state": 3}}));
    let id = all[0]["id"].as_str().unwrap();
    assert!(id.ends_with("@acme/leeds:hq"), "{id}");
    // What the server will never take is a dead letter; what follows goes on.
    runtime.block_on(nested.stop());
    runtime.block_on(handle.stop());
    let small = Server::start_with(free_port(), "max_payload: 4000\njetstream { store_dir: store }").unwrap();
    let handle = plant.start("small", &config(&small.url(), ""));
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    plant.publish(&big, vec![Value::from("x".repeat(5_000).as_str())]);
    plant.publish(&big, vec![Value::from("small")]);
    let status =
        wait_status(&handle, "a dead letter", |status| status.rejects == 1 && status.lag_s == Some(0.0));
    assert_eq!(status.sessions, 1);
    let reject = handle.rejects().remove(0);
    assert!(reject.reason.contains("4000") && reject.path.ends_with("text"), "{reject:?}");
    runtime.block_on(handle.stop());
}

/// Three servers that know each other; one of them is killed, again and again, while numbers come.
#[test]
fn a_cluster_of_three_loses_one_after_another_and_keeps_everything() {
    if missing().is_none() {
        return;
    }
    let (ports, routes): (Vec<u16>, Vec<u16>) =
        ((0..3).map(|_| free_port()).collect(), (0..3).map(|_| free_port()).collect());
    let known: Vec<String> = routes.iter().map(|port| format!("\"nats-route://127.0.0.1:{port}\"")).collect();
    let mut servers: Vec<Server> = (0..3)
        .map(|n| {
            let config = format!(
                "server_name: n{n}\njetstream {{ store_dir: store }}\ncluster {{ name: plant, listen: \"127.0.0.1:{}\", routes: [{}] }}",
                routes[n],
                known.join(", ")
            );
            Server::start_with(ports[n], &config).unwrap()
        })
        .collect();
    let (plant, runtime) = (Plant::new(), multi());
    let _guard = runtime.enter();
    let shape = plant.declare("filler", NUMBERS);
    let more =
        format!("more = [\"{}\", \"{}\"]\nstream = {{ replicas = 3 }}", servers[1].url(), servers[2].url());
    let handle = plant.start("hq", &config(&servers[0].url(), &more));
    wait_status(&handle, "a session", |status| status.state == State::Connected);
    let mut next = 0;
    let mut publish = |count: i64| {
        (0..count).for_each(|_| {
            plant.publish(&shape, vec![Value::I64(next)]);
            next += 1;
        });
        next
    };
    for victim in &mut servers {
        publish(400);
        victim.kill();
        publish(400);
        let told =
            |status: &connect::north::Status| status.lag_s == Some(0.0) && status.state == State::Connected;
        wait_status(&handle, "everything with two of three", told);
        victim.up();
    }
    let published = publish(100);
    wait_status(&handle, "no lag", |status| status.lag_s == Some(0.0));
    let Some(all) = read(&servers[1].url(), "ACME_LEEDS", &[]) else { return };
    let (found, twice) = numbers(&all);
    assert_eq!(twice, 0, "the stream leaves out what is sent again");
    assert_eq!(found, (0..published).collect::<Vec<_>>(), "all, once, in order");
    runtime.block_on(handle.stop());
}

#[test]
fn a_leaf_node_passes_everything_on_to_the_hub() {
    let leafs = free_port();
    let hub = format!(
        "jetstream {{ store_dir: store, domain: hub }}\nleafnodes {{ listen: \"127.0.0.1:{leafs}\" }}"
    );
    let Some(hub) = Server::start_with(free_port(), &hub) else { return };
    let remote =
        format!("leafnodes {{ reconnect: 1, remotes: [ {{ url: \"nats-leaf://127.0.0.1:{leafs}\" }} ] }}");
    let leaf = Server::start_with(free_port(), &remote).unwrap();
    let (plant, runtime) = (Plant::new(), multi());
    let _guard = runtime.enter();
    let shape = plant.declare("filler", NUMBERS);
    let handle = plant.start("hq", &config(&leaf.url(), "start = \"oldest\"\nstream = { domain = \"hub\" }"));
    (0..200).for_each(|n| plant.publish(&shape, vec![Value::I64(n)]));
    wait_status(&handle, "acknowledgements of the hub", |status| {
        status.sent >= 200 && status.lag_s == Some(0.0)
    });
    let Some(all) = read(&hub.url(), "ACME_LEEDS", &[]) else { return };
    assert_eq!(numbers(&all).0, (0..200).collect::<Vec<_>>());
    runtime.block_on(handle.stop());
}

#[test]
fn a_frozen_server_and_an_emptied_stream_get_everything_again() {
    let Some(mut server) = Server::start() else { return };
    let (plant, runtime) = (Plant::new(), multi());
    let _guard = runtime.enter();
    let shape = plant.declare("filler", NUMBERS);
    let handle = plant.start("hq", &config(&server.url(), "start = \"oldest\""));
    let publish =
        |range: std::ops::Range<i64>| range.for_each(|n| plant.publish(&shape, vec![Value::I64(n)]));
    publish(0..300);
    wait_status(&handle, "acknowledgements", |status| status.sent >= 300 && status.lag_s == Some(0.0));
    let pid = server.child.as_ref().unwrap().id();
    signal(pid, "-STOP");
    publish(300..600);
    let status = wait_status(&handle, "a time-out", |status| status.state == State::Lost);
    assert!(status.last_error.unwrap().title.contains("no answer within"));
    signal(pid, "-CONT");
    wait_status(&handle, "no lag", |status| status.lag_s == Some(0.0) && status.state == State::Connected);
    let Some(all) = read(&server.url(), "ACME_LEEDS", &[]) else { return };
    assert_eq!(numbers(&all), ((0..600).collect::<Vec<_>>(), 0));
    // Somebody deletes the stream: the next session says so, makes it and fills it again.
    read(&server.url(), "ACME_LEEDS", &["delete"]).unwrap();
    server.kill();
    wait_status(&handle, "the loss to be seen", |status| status.state == State::Lost);
    server.up();
    publish(600..610);
    let all = wait_for("everything again", || {
        let all = read(&server.url(), "ACME_LEEDS", &[])?;
        (numbers(&all).0.len() >= 610).then_some(all)
    });
    assert_eq!(numbers(&all).0, (0..610).collect::<Vec<_>>());
    assert!(told(&plant, "has lost 600 messages") || told(&plant, "messages that it had acknowledged"));
    runtime.block_on(handle.stop());
}

#[test]
fn keys_passwords_tokens_tls_and_the_words_for_wrong_ones() {
    if missing().is_none() {
        return;
    }
    // The seed of the documentation of nkeys' library; its public key stands in the server's configuration.
    const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    const PUBLIC: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let d = dir.path().display();
    let tls = format!("tls {{ cert_file: \"{d}/server.pem\", key_file: \"{d}/server.key\" }}");
    for (server, keys, secret, works) in [
        (
            format!("authorization {{ users: [ {{ nkey: {PUBLIC} }} ] }}"),
            "credentials = { secret = \"s\" }",
            SEED,
            true,
        ),
        (
            "authorization { user: me, password: pass }".into(),
            "user = \"me\"\npassword = { secret = \"s\" }",
            "pass",
            true,
        ),
        (
            "authorization { user: me, password: pass }".into(),
            "user = \"me\"\npassword = { secret = \"s\" }",
            "guess",
            false,
        ),
        ("authorization { token: abc }".into(), "token = { secret = \"s\" }", "abc", true),
        (tls.clone(), "tls = { ca = \"ca.pem\" }", "", true),
        (tls, "", "", false),
    ] {
        let server =
            Server::start_with(free_port(), &format!("jetstream {{ store_dir: store }}\n{server}")).unwrap();
        let (mut plant, runtime) = (Plant::new(), multi());
        let _guard = runtime.enter();
        std::fs::copy(dir.path().join("ca.pem"), plant.dir.path().join("ca.pem")).unwrap();
        plant.secrets = BTreeMap::from([("s".into(), secret.into())]);
        let url = if keys.contains("ca.pem") { server.url().replace("nats:", "tls:") } else { server.url() };
        let shape = plant.declare("filler", NUMBERS);
        let handle = plant.start("hq", &config(&url, keys));
        if works {
            wait_status(&handle, keys, |status| status.state == State::Connected);
            plant.publish(&shape, vec![Value::I64(1)]);
            wait_status(&handle, "acknowledgements", |status| status.sent > 0);
        } else {
            let status = wait_status(&handle, "a refusal", |status| status.state == State::Lost);
            let error = status.last_error.unwrap();
            assert!(error.title.starts_with("refused") && !error.title.contains("guess"), "{error:?}");
        }
        runtime.block_on(handle.stop());
    }
}
