//! util-linux's `logger` and rsyslog as the senders, a file as Suricata writes it: events, with a count, and nothing from
//! strangers.

use crate::support::{Held, House, eventually};
use connect::south::Handle;
use connect::south::status::State;
use model::event::severity;
use model::{Event, EventKind};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn file(port: u16, transport: &str) -> String {
    format!(
        r#"
kind = "syslog"
listen = "127.0.0.1"
port = {port}
transport = "{transport}"

[device.server]
host = "127.0.0.1"

[device.firewall]
host = "127.0.0.3"
means = "finding"
at_least = "notice"
"#
    )
}

async fn listening(house: &House, text: &str) -> Handle {
    let handle = house.start("it-log", text);
    eventually("it listens", || handle.status().state == State::Connected).await;
    handle
}

fn events(house: &House) -> Vec<Arc<Event>> {
    house
        .namespace
        .recent_events(500)
        .into_iter()
        .filter(|event| event.id.contains("connection/it-log/"))
        .collect()
}

fn told(house: &House, words: &str) -> Option<Arc<Event>> {
    events(house).into_iter().find(|event| event.title.contains(words))
}

fn counted(handle: &Handle, name: &str) -> u64 {
    handle.status().counters.iter().find(|(known, _)| *known == name).unwrap().1
}

fn logger(port: u16, arguments: &[&str]) -> bool {
    let sent = Command::new("logger")
        .args(["--server", "127.0.0.1", "--port", &port.to_string()])
        .args(arguments)
        .status();
    match sent {
        Ok(status) => {
            assert!(status.success());
            true
        }
        Err(error) => {
            eprintln!("SKIPPED: logger (bsdutils) cannot be started: {error}");
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_are_events_beside_those_of_the_plant() {
    let (house, port) = (House::new(), free_port());
    let handle = listening(&house, &file(port, "udp")).await;
    let udp = |arguments: &[&str]| logger(port, &[&["--udp"], arguments].concat());
    if !udp(&["--rfc5424", "-p", "auth.warning", "-t", "sshd", "Failed password for root from 10.0.0.9"]) {
        return;
    }
    eventually("a message of RFC 5424", || told(&house, "Failed password").is_some()).await;
    let failed = told(&house, "Failed password").unwrap();
    assert_eq!((failed.kind, failed.severity), (EventKind::Finding, severity::LOW));
    assert_eq!(failed.title, "server: sshd: Failed password for root from 10.0.0.9");
    assert!(failed.text.starts_with("Sent by 127.0.0.1 as auth.warning, calls itself "), "{}", failed.text);

    assert!(udp(&["--rfc3164", "-p", "daemon.crit", "-t", "raid", "array is degraded"]));
    eventually("a message of RFC 3164", || told(&house, "array").is_some()).await;
    let raid = told(&house, "array").unwrap();
    assert_eq!(
        (raid.kind, raid.severity, raid.title.as_str()),
        (EventKind::Fault, severity::HIGH, "server: raid: array is degraded")
    );

    // The same thing again: one event. Not severe enough: counted.
    assert!(udp(&["--rfc3164", "-p", "daemon.crit", "-t", "raid", "array is degraded"]));
    assert!(udp(&["-p", "daemon.info", "-t", "cron", "run"]));
    eventually("the one behind it is counted", || counted(&handle, "unclaimed") == 1).await;
    assert!(told(&house, "cron").is_none());
    let all = events(&house);
    let ids: BTreeSet<&str> =
        all.iter().filter(|event| event.title.contains("array")).map(|event| event.id.as_str()).collect();
    assert_eq!(ids.len(), 1);

    // From a known address that means security; from a stranger.
    let send = |from: &str, text: &str| {
        let socket = std::net::UdpSocket::bind((from, 0)).unwrap();
        socket.send_to(text.as_bytes(), ("127.0.0.1", port)).unwrap();
    };
    send("127.0.0.3", "<133>Nov 22 16:00:00 fw1 filterlog: block in on wan\u{202E}");
    eventually("the firewall", || told(&house, "block in").is_some()).await;
    let block = told(&house, "block in").unwrap();
    assert_eq!(
        (block.kind, block.title.as_str()),
        (EventKind::Finding, "firewall: filterlog: block in on wan·")
    );
    send("127.0.0.4", "<131>let me in");
    eventually("the stranger is refused", || counted(&handle, "rejected") == 1).await;
    assert!(told(&house, "let me in").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_cut_into_messages() {
    let (house, port) = (House::new(), free_port());
    let handle = listening(&house, &file(port, "tcp")).await;
    if !logger(port, &["--tcp", "--octet-count", "-p", "user.err", "-t", "backup", "counted"]) {
        return;
    }
    assert!(logger(port, &["--tcp", "-p", "user.err", "-t", "backup", "by line"]));
    for words in ["counted", "by line"] {
        eventually(words, || told(&house, words).is_some()).await;
    }
    // Half a message, and garbage that never ends: nothing else is harmed.
    let mut half = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    half.write_all(b"40 <11>half").unwrap();
    let mut endless = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let _ = endless.write_all(&vec![b'x'; 200_000]);
    eventually("the garbage is refused", || counted(&handle, "rejected") == 1).await;
    assert!(logger(port, &["--tcp", "-p", "user.err", "-t", "backup", "still there"]));
    eventually("the next message", || told(&house, "still there").is_some()).await;
}

/// Stopped by its process id when dropped.
struct Rsyslog(Child);

impl Drop for Rsyslog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends what is written to `log` over TLS, with its own certificate.
fn rsyslog(folder: &Path, port: u16) -> Option<Rsyslog> {
    let at = |name: &str| folder.join(name).display().to_string();
    let configuration = format!(
        r#"
global(workDirectory="{}" defaultNetstreamDriverCAFile="{}" defaultNetstreamDriverCertFile="{}" defaultNetstreamDriverKeyFile="{}")
module(load="imfile" mode="inotify")
input(type="imfile" File="{}" Tag="erp:" Severity="error" Facility="local0" ruleset="out")
ruleset(name="out") {{
  action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" template="RSYSLOG_SyslogProtocol23Format"
    TCP_Framing="octet-counted" StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name"
    StreamDriverPermittedPeers="localhost" action.resumeRetryCount="-1" action.resumeInterval="1")
}}
"#,
        folder.display(),
        at("ca.pem"),
        at("sender.pem"),
        at("sender.key"),
        at("log"),
    );
    std::fs::write(folder.join("rsyslog.conf"), configuration).unwrap();
    std::fs::write(folder.join("log"), "").unwrap();
    if !Path::new("/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so").exists()
        && !Path::new("/usr/lib/aarch64-linux-gnu/rsyslog/lmnsd_gtls.so").exists()
    {
        eprintln!("SKIPPED: rsyslog with TLS is missing (apt-get install rsyslog rsyslog-gnutls)");
        return None;
    }
    let started = Command::new("rsyslogd").args(["-n", "-i", "NONE", "-f", &at("rsyslog.conf")]).spawn();
    started.map(Rsyslog).map_err(|error| eprintln!("SKIPPED: rsyslogd cannot be started: {error}")).ok()
}

/// An authority, and what it vouches for: `gateway` and `sender`.
fn certificates(folder: &Path) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(folder.join("ca.pem"), authority.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(authority, key);
    let make = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let made = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        (made.pem(), key.serialize_pem())
    };
    let (sender, key) = make("sender");
    std::fs::write(folder.join("sender.pem"), sender).unwrap();
    std::fs::write(folder.join("sender.key"), key).unwrap();
    make("localhost")
}

#[tokio::test(flavor = "multi_thread")]
async fn rsyslog_sends_over_tls_with_certificates_on_both_sides() {
    let (house, port, folder) = (House::new(), free_port(), tempfile::tempdir().unwrap());
    let (chain, key) = certificates(folder.path());
    let text = file(port, "tls").replace(
        "transport",
        &format!("clients_ca = \"{}\"\ntransport", folder.path().join("ca.pem").display()),
    );
    let held = Held::with_certificate(chain, key);
    let handle = house.start_held("it-log", &text, Arc::new(held));
    eventually("it listens", || handle.status().state == State::Connected).await;
    let Some(_rsyslog) = rsyslog(folder.path(), port) else { return };
    let mut number = 0;
    eventually("a line of its log", || {
        // Until rsyslog has opened the file: what is written before is not news to it.
        number += 1;
        let log = std::fs::OpenOptions::new().append(true).open(folder.path().join("log"));
        writeln!(log.unwrap(), "order {number} cannot be booked").unwrap();
        told(&house, "cannot be booked").is_some()
    })
    .await;
    let event = told(&house, "cannot be booked").unwrap();
    assert_eq!(event.severity, severity::MEDIUM);
    assert!(event.title.starts_with("server: erp: order "), "{}", event.title);
    assert!(event.text.contains("as local0.err"), "{}", event.text);

    // Without a certificate of its own nobody is heard.
    let mut plain = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    plain.write_all(b"27 <131>let me in, in the clear").unwrap();
    eventually("plain text is refused", || counted(&handle, "rejected") >= 1).await;
    assert!(told(&house, "let me in").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_of_suricata_stand_beside_those_of_the_plant() {
    let (house, folder) = (House::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("eve.json");
    let write = |lines: &[String]| {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
        lines.iter().for_each(|line| writeln!(file.as_ref().unwrap(), "{line}").unwrap());
    };
    let alert = |signature: &str, level: u8, port: u16| {
        format!(
            r#"{{"timestamp":"2026-11-22T10:00:00.0+0000","flow_id":1,"event_type":"alert","src_ip":"10.0.0.5","src_port":{port},"dest_ip":"10.20.1.11","dest_port":502,"proto":"TCP","alert":{{"action":"allowed","gid":1,"signature_id":{level},"rev":1,"signature":"{signature}","category":"Attempted Denial of Service","severity":{level}}}}}"#
        )
    };
    let text = format!("kind = \"suricata-eve\"\nfile = \"{}\"\nat_least = \"medium\"\n", path.display());
    write(&[alert("old news", 1, 1)]);
    let handle = listening(&house, &text).await;
    write(&[
        r#"{"event_type":"stats"}"#.to_owned(),
        alert("ET DOS Modbus flood", 1, 1),
        alert("noise", 3, 1),
        "{broken".to_owned(),
    ]);
    eventually("the alert", || told(&house, "ET DOS").is_some()).await;
    let event = told(&house, "ET DOS").unwrap();
    assert_eq!((event.kind, event.severity), (EventKind::Finding, severity::HIGH));
    assert_eq!(event.title, "suricata: ET DOS Modbus flood, 10.0.0.5 to 10.20.1.11:502");
    eventually("the others are counted", || {
        counted(&handle, "unclaimed") == 2 && counted(&handle, "bad_frames") == 1
    })
    .await;
    assert_eq!(events(&house).len(), 1);

    // While nobody reads, it is written on, and put away; then reading goes on.
    let kept = house.data().join("eve/it-log.place");
    eventually("its place is kept", || {
        let read = std::fs::metadata(&path).unwrap().len();
        std::fs::read_to_string(&kept).is_ok_and(|place| place.trim().ends_with(&format!(" {read}")))
    })
    .await;
    handle.stop().await;
    write(&[alert("missed", 2, 1)]);
    let handle = listening(&house, &text).await;
    eventually("what came meanwhile", || told(&house, "missed").is_some()).await;
    std::fs::rename(&path, folder.path().join("eve.json.1")).unwrap();
    write(&[alert("in the new file", 1, 2)]);
    eventually("the new file", || told(&house, "in the new file").is_some()).await;
    assert!(told(&house, "old news").is_none());
    handle.stop().await;
}
