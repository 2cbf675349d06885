//! Kafka behind TLS and a sign-in: stunnel ends TLS, scramp (Python) computes the broker's half of SCRAM, librdkafka's mock is the
//! broker, and its consumer comes in by the same door.

use crate::kafka::{Cluster, config, numbers};
use crate::support::*;
use connect::north::{State, Status};
use model::{Value, ValueType};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const STUNNEL: &str = "/usr/bin/stunnel4";

/// A program that ends with the value.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Starts a program that listens on a port.
fn listening(command: &mut Command, log: &Path, port: u16) -> Ended {
    let log = std::fs::File::create(log).unwrap();
    let started = Ended(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    wait_for("a door to open", || TcpStream::connect(("127.0.0.1", port)).ok());
    started
}

/// One broker behind TLS, and behind a sign-in where one is asked for.
struct Door {
    cluster: Cluster,
    dir: TempDir,
    port: u16,
    _ends: Vec<Ended>,
}

impl Door {
    /// `None` when something is missing here. `sign_in`: mechanism, user, password; `more`: settings of stunnel.
    fn open(sign_in: Option<[&str; 3]>, more: &str) -> Option<Self> {
        if !Path::new(STUNNEL).exists() {
            eprintln!("SKIPPED: no stunnel; `make test` installs it");
            return None;
        }
        let mut cluster = Cluster::of(1)?;
        cluster.topic("acme.leeds", 1);
        let bootstrap = cluster.url();
        let mut inside: u16 = bootstrap.rsplit(':').next().unwrap().parse().unwrap();
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        certificates(dir.path());
        let mut ends = Vec::new();
        if let Some(sign_in) = sign_in {
            let (door, script) =
                (free_port(), concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/kafka_door.py"));
            let mut command = Command::new(std::env::var("IRONBRIDGE_PEERS_PYTHON").unwrap());
            command.args([script, &door.to_string(), &inside.to_string()]).args(sign_in);
            ends.push(listening(&mut command, &dir.path().join("door.log"), door));
            inside = door;
        }
        let d = dir.path().display();
        let text = format!(
            "foreground = yes\npid =\n[kafka]\naccept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{inside}\n\
             cert = {d}/server.pem\nkey = {d}/server.key\n{}\n",
            more.replace("DIR", &d.to_string())
        );
        std::fs::write(dir.path().join("stunnel.conf"), text).unwrap();
        let mut command = Command::new(STUNNEL);
        ends.push(listening(
            command.arg(dir.path().join("stunnel.conf")),
            &dir.path().join("stunnel.log"),
            port,
        ));
        // The broker tells everybody to come by the door.
        cluster.ask(json!({"ask": "advertise", "port": port}));
        Some(Self { cluster, dir, port, _ends: ends })
    }

    /// What librdkafka's consumer reads through the door.
    fn read(&mut self, sign_in: Option<[&str; 3]>) -> Vec<serde_json::Value> {
        let file = |name: &str| self.dir.path().join(name);
        let mut more = json!({
            "bootstrap.servers": format!("127.0.0.1:{}", self.port), "ssl.ca.location": file("ca.pem"),
            "ssl.certificate.location": file("client.pem"), "ssl.key.location": file("client.key"),
            "security.protocol": if sign_in.is_some() { "sasl_ssl" } else { "ssl" },
        });
        if let Some([mechanism, user, password]) = sign_in {
            more["sasl.mechanism"] = mechanism.into();
            more["sasl.username"] = user.into();
            more["sasl.password"] = password.into();
        }
        let all = self.cluster.ask(json!({"ask": "read", "topic": "acme.leeds", "count": 20, "more": more}));
        all.as_array().unwrap().clone()
    }
}

/// A destination at the door that sends twenty numbers, or what it says instead.
fn come_in(door: &Door, keys: &str, secret: &str, scheme: &str) -> Result<Status, String> {
    let (mut plant, runtime) = (Plant::new(), multi());
    let _guard = runtime.enter();
    for name in ["ca.pem", "client.pem", "client.key"] {
        std::fs::copy(door.dir.path().join(name), plant.dir.path().join(name)).unwrap();
    }
    std::fs::create_dir(plant.dir.path().join("others")).unwrap();
    certificates(&plant.dir.path().join("others"));
    plant.secrets = BTreeMap::from([("s".into(), secret.into())]);
    let shape = plant.declare("filler", &[("line/filler/n", ValueType::I64)]);
    let handle = plant.start("hq", &config(&format!("{scheme}://127.0.0.1:{}", door.port), keys));
    let settled = |status: &Status| status.state == State::Connected || status.last_error.is_some();
    let mut status = wait_status(&handle, "a session or a refusal", settled);
    if status.state == State::Connected {
        (0..20).for_each(|n| plant.publish(&shape, vec![Value::I64(n)]));
        status = wait_status(&handle, "acknowledgements", |status| status.sent >= 20);
    }
    runtime.block_on(handle.stop());
    match status.last_error {
        None => Ok(status),
        Some(error) => Err(format!("{} {}", error.title, error.next)),
    }
}

#[test]
fn it_signs_in_by_every_mechanism_over_tls_and_another_client_reads_what_it_sent() {
    let tls = "tls = { ca = \"ca.pem\" }";
    for (mechanism, word) in
        [("SCRAM-SHA-256", "scram-sha-256"), ("SCRAM-SHA-512", "scram-sha-512"), ("PLAIN", "plain")]
    {
        let sign_in = [mechanism, "line,1=x", "s3cret =,\u{e4}"];
        let Some(mut door) = Door::open(Some(sign_in), "") else { return };
        let keys = format!(
            "{tls}\nmechanism = \"{word}\"\nuser = \"{}\"\npassword = {{ secret = \"s\" }}",
            sign_in[1]
        );
        let status = come_in(&door, &keys, sign_in[2], "kafkas").unwrap();
        assert_eq!(status.security.level, "tls", "{status:?}");
        assert_eq!(numbers(&door.read(Some(sign_in))), ((0..20).collect::<Vec<_>>(), 0), "{mechanism}");
        let said = come_in(&door, &keys, "guess", "kafkas").unwrap_err();
        assert!(said.contains("does not accept user and password") && !said.contains("guess"), "{said}");
    }
}

#[test]
fn a_door_that_is_not_opened_says_why() {
    let Some(door) = Door::open(Some(["SCRAM-SHA-512", "me", "pass"]), "") else { return };
    let tls = "tls = { ca = \"ca.pem\" }";
    let user = "user = \"me\"\npassword = { secret = \"s\" }";
    for (keys, scheme, expected) in [
        (format!("{tls}\n{user}"), "kafkas", "it knows SCRAM-SHA-512: write it as `mechanism`"),
        (format!("tls = {{ ca = \"others/ca.pem\" }}\n{user}"), "kafkas", "certificate"),
        (user.into(), "kafkas", "certificate"),
        (user.into(), "kafka", "is it \"kafkas://\"?"),
        (tls.into(), "kafkas", "write `user` and `password`"),
    ] {
        let said = come_in(&door, &keys, "pass", scheme).unwrap_err();
        assert!(said.contains(expected), "{keys} {scheme}: {said}");
    }
}

#[test]
fn a_broker_that_asks_for_a_certificate_gets_it() {
    let Some(mut door) = Door::open(None, "verifyChain = yes\nCAfile = DIR/ca.pem") else { return };
    let with = "tls = { ca = \"ca.pem\", certificate = \"client.pem\", key = \"client.key\" }";
    come_in(&door, with, "", "kafkas").unwrap();
    assert_eq!(numbers(&door.read(None)), ((0..20).collect::<Vec<_>>(), 0));
    let said = come_in(&door, "tls = { ca = \"ca.pem\" }", "", "kafkas").unwrap_err();
    assert!(said.contains("certificate"), "{said}");
}
