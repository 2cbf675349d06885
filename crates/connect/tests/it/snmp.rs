//! Debian's snmpd (Net-SNMP) as the device: types, absent objects, writes, both versions, wrong passwords, a restart.

use crate::support::{House, discovered, eventually};
use connect::discover::{Wish, draft};
use connect::south::PROBES;
use connect::south::status::State;
use model::{Outcome, Status, Value};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running agent; ended when dropped.
pub struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const SECRETS: &[(&str, &str)] = &[
    ("community", "plant-rw"),
    ("auth", "auth-password"),
    ("privacy", "privacy-password"),
    ("wrong", "another-password"),
    ("short", "short"),
];

pub fn snmpd() -> Option<&'static str> {
    let found =
        ["/usr/sbin/snmpd", "/usr/local/sbin/snmpd"].into_iter().find(|path| Path::new(path).exists());
    if found.is_none() {
        eprintln!("SKIPPED: snmpd is missing (apt-get install snmpd snmp)");
    }
    found
}

/// A free UDP port on loopback.
pub fn free_udp_port() -> u16 {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn start(program: &str, folder: &Path, port: u16) -> Agent {
    let conf = folder.join("snmpd.conf");
    let text = format!(
        "agentAddress udp:127.0.0.1:{port}\nrwcommunity plant-rw 127.0.0.1\n\
         createUser ironbridge SHA-256 \"auth-password\" AES \"privacy-password\"\nrwuser ironbridge authpriv\n\
         sysContact Maintenance A\nsysDescr Füller, Halle 3\n"
    );
    std::fs::write(&conf, text).unwrap();
    let child = Command::new(program)
        .args(["-f", "-LE", "0", "-C", "-c"])
        .arg(&conf)
        .env("SNMP_PERSISTENT_DIR", folder.join("state"))
        .env("MIBS", "")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Agent(child)
}

fn v2c(port: u16) -> String {
    format!(
        "kind = \"snmp\"\nhost = \"127.0.0.1\"\nport = {port}\nversion = \"2c\"\ncommunity = {{ secret = \"community\" }}\n"
    )
}

fn v3(port: u16, auth: &str, privacy: &str) -> String {
    format!(
        "kind = \"snmp\"\nhost = \"127.0.0.1\"\nport = {port}\nversion = \"3\"\nuser = \"ironbridge\"\n\
         auth_password = {{ secret = \"{auth}\" }}\nprivacy_password = {{ secret = \"{privacy}\" }}\n"
    )
}

const TAGS: &str = r#"scan = { normal = "100ms" }
timeout = "500ms"
max_objects = 3
[device.host]
at = "host"
[device.host.tags]
descr = { at = "sysDescr.0" }
uptime = { at = "sysUpTime.0", scale = 0.01, unit = "s" }
object = { at = "sysObjectID.0" }
location = { at = "sysLocation.0", write = {} }
contact = { at = "1.3.6.1.2.1.1.4.0", write = {} }
status = { at = "ifOperStatus.1", states = { 1 = "Up", 2 = "Down" } }
received = { at = "ifHCInOctets.1", unit = "By" }
load = { at = "1.3.6.1.4.1.2021.10.1.6.1", type = "float" }
load_text = { at = "1.3.6.1.4.1.2021.10.1.3.1", type = "float" }
address = { at = "1.3.6.1.2.1.4.20.1.1.127.0.0.1", type = "ip" }
absent = { at = "1.3.6.1.2.1.1.99.0", type = "integer" }
no_row = { at = "ifOperStatus.99999" }
other_type = { at = "sysName.0", type = "integer" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn every_type_absent_objects_and_writes() {
    let Some(program) = snmpd() else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = free_udp_port();
    let _agent = start(program, folder.path(), port);
    let house = House::new();
    let handle = house.start_with("host", &format!("{}{TAGS}", v2c(port)), SECRETS);
    let value = |tag: &str| house.last(&format!("host/{tag}"));
    eventually("all values", || value("load").status.is_good() && value("uptime").status.is_good()).await;
    assert_eq!(value("descr").value, Value::from("Füller, Halle 3"));
    assert_eq!(value("contact").value, Value::from("Maintenance A"));
    assert_eq!(value("status").value, Value::I64(1), "loopback is up");
    assert_eq!(value("address").value, Value::from("127.0.0.1"));
    assert!(
        value("object").value.as_text().unwrap().starts_with("1.3.6.1.4.1.8072."),
        "{:?}",
        value("object")
    );
    assert!(matches!(value("received").value, Value::U64(_)), "{:?}", value("received"));
    let Value::F64(seconds) = value("uptime").value else { panic!("{:?}", value("uptime")) };
    assert!((0.0..60.0).contains(&seconds), "{seconds}");
    let loads = ["load", "load_text"].map(|tag| value(tag).value.as_f64().unwrap());
    assert!((loads[0] - loads[1]).abs() < 2.0, "{loads:?}");
    // What is absent or of another type is bad alone, and said in words.
    for tag in ["absent", "no_row", "other_type"] {
        assert_eq!(value(tag).status, Status::BAD_CONFIGURATION_ERROR, "{tag}");
    }
    eventually("three refused", || handle.status().devices[0].quarantined.len() == 3).await;
    let refused = handle.status().devices[0].quarantined.clone();
    assert!(
        refused.iter().any(|one| one.points == ["acme/leeds/host/other_type"]
            && one.reason.contains("a text or bytes, not with integer")),
        "{refused:?}"
    );
    assert!(
        refused
            .iter()
            .any(|one| one.address == "1.3.6.1.2.1.1.99.0 integer" && one.reason.contains("does not know")),
        "{refused:?}"
    );
    assert_eq!(handle.status().scans[0].requests, 5, "13 objects, 3 a request");
    // A write is read back; what the device refuses is said with its reason.
    let hall = Value::from("Halle 3, Säule 4");
    assert_eq!(
        house.write("host/location", hall.clone()).await,
        Outcome::Confirmed { readback: hall.clone() }
    );
    let seen = Command::new("snmpget")
        .args(["-v2c", "-c", "plant-rw", "-Ov", "-Oa", &format!("127.0.0.1:{port}"), "1.3.6.1.2.1.1.6.0"])
        .env("MIBS", "")
        .output();
    if let Ok(seen) = seen {
        assert!(String::from_utf8_lossy(&seen.stdout).contains("Halle 3"), "{seen:?}");
    }
    let Outcome::Failed { why } = house.write("host/contact", Value::from("B")).await else { panic!() };
    assert!(why.contains("cannot be written"), "{why}");
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn version_3_with_right_wrong_and_missing_passwords() {
    let Some(program) = snmpd() else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = free_udp_port();
    let _agent = start(program, folder.path(), port);
    let house = House::new();
    let tags = |at: &str| {
        format!(
            "scan = {{ normal = \"100ms\" }}\ntimeout = \"500ms\"\n[device.d]\nat = \"{at}\"\ntags = {{ v = {{ at = \"sysLocation.0\", write = {{}} }} }}\n"
        )
    };
    let good = house.start_with("good", &format!("{}{}", v3(port, "auth", "privacy"), tags("good")), SECRETS);
    eventually("the value", || house.last("good/v").status.is_good()).await;
    assert_eq!(good.status().security.level, "encrypted");
    let text = Value::from("over SNMPv3");
    assert_eq!(house.write("good/v", text.clone()).await, Outcome::Confirmed { readback: text });
    for (name, auth, privacy, words) in [
        ("wrong-auth", "wrong", "privacy", "refuses the user: wrong digest"),
        ("unset", "nowhere", "privacy", "ironbridge secret set nowhere"),
        ("short", "short", "privacy", "at least 8 characters"),
    ] {
        let text = format!("{}{}", v3(port, auth, privacy), tags(name));
        let handle = house.start_with(name, &text, SECRETS);
        eventually(name, || handle.status().state == State::Lost && handle.status().last_error.is_some())
            .await;
        let error = handle.status().last_error.unwrap();
        assert!(error.title.contains(words), "{name}: {error:?}");
        assert_eq!(house.last(&format!("{name}/v")).value, Value::None, "{name}");
        handle.stop().await;
    }
    good.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_gone_and_comes_back_restarted() {
    let Some(program) = snmpd() else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = free_udp_port();
    let agent = start(program, folder.path(), port);
    let house = House::new();
    let text = format!(
        "{}scan = {{ normal = \"100ms\" }}\ntimeout = \"200ms\"\n[device.d]\nat = \"d\"\ntags = {{ v = {{ at = \"sysContact.0\" }}, up = {{ at = \"sysUpTime.0\" }} }}\n",
        v2c(port)
    );
    let handle = house.start_with("d", &text, SECRETS);
    eventually("the value", || house.last("d/v").status.is_good()).await;
    // So long that the next agent's clock shows that it is another one, however slow this machine is.
    eventually("five seconds of running", || {
        house.last("d/up").value.as_f64().is_some_and(|ticks| ticks > 500.0)
    })
    .await;
    drop(agent);
    eventually("the loss", || house.last("d/v").status == Status::BAD_COMMUNICATION_ERROR).await;
    assert_eq!(house.last("d/v").value, Value::from("Maintenance A"), "the last value is kept");
    let _agent = start(program, folder.path(), port);
    eventually("the return", || house.last("d/v").status.is_good()).await;
    eventually("the event", || {
        house.namespace.recent_events(50).iter().any(|event| event.title.contains("has restarted"))
    })
    .await;
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn is_found_by_its_system_group_and_by_its_engine_id() {
    let Some(program) = snmpd() else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = free_udp_port();
    let agent = start(program, folder.path(), port);
    // It does not know `public`: only the engine id of version 3 tells of it.
    let mut found = Vec::new();
    let begin = std::time::Instant::now();
    while found.is_empty() {
        assert!(begin.elapsed() < crate::support::PATIENCE, "not found");
        found = discovered("snmp", port).await;
    }
    assert_eq!((found[0].vendor.as_str(), found[0].kind), ("Net-SNMP", Some("snmp")), "{found:?}");
    assert!(found[0].keys.contains(&("version", "\"3\"".into())), "{found:?}");
    drop(agent);
    // One that does, as it left the factory.
    let conf = folder.path().join("snmpd.conf");
    std::fs::write(&conf, format!("agentAddress udp:127.0.0.1:{port}\nrocommunity public 127.0.0.1\nsysDescr Switch 8TX\nsysName sw-1\n")).unwrap();
    let child = Command::new(program)
        .args(["-f", "-LE", "0", "-C", "-c"])
        .arg(&conf)
        .env("SNMP_PERSISTENT_DIR", folder.path().join("state"))
        .env("MIBS", "")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _agent = Agent(child.unwrap());
    let begin = std::time::Instant::now();
    while found[0].name != "sw-1" {
        assert!(begin.elapsed() < crate::support::PATIENCE, "{found:?}");
        found = discovered("snmp", port).await.into_iter().chain(found).collect();
    }
    assert_eq!((found[0].vendor.as_str(), found[0].model.as_str()), ("Net-SNMP", "Switch 8TX"), "{found:?}");
    let probe = PROBES.iter().find(|probe| probe.name == "snmp").unwrap();
    let draft = draft(&found[..1], 0, probe, Wish::default(), Path::new("")).unwrap();
    assert!(
        draft.text.contains("version = \"2c\"") && draft.text.contains("community = { secret"),
        "{}",
        draft.text
    );
}
