//! Net-SNMP's `snmptrap` and `snmpinform` as the devices: events and values, and nothing from strangers.

use crate::support::{House, eventually};
use connect::south::Handle;
use connect::south::status::State;
use model::{Event, EventKind, Status, Value};
use std::process::{Command, Output};
use std::sync::Arc;

const SECRETS: &[(&str, &str)] =
    &[("community", "plant-traps"), ("auth", "auth-password"), ("privacy", "privacy-password")];
const LINK_DOWN: &str = "1.3.6.1.6.3.1.1.5.3";
const OPER_1: [&str; 3] = ["1.3.6.1.2.1.2.2.1.8.1", "i", "2"];

fn free_udp_port() -> u16 {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Two devices on one address family: version 2c from 127.0.0.1, version 3 from 127.0.0.3.
fn file(port: u16) -> String {
    format!(
        r#"
kind = "snmp-traps"
listen = "127.0.0.1"
port = {port}
max_rate = 10

[device.switch]
host = "127.0.0.1"
version = "2c"
community = {{ secret = "community" }}
at = "network/switch"

[device.switch.tags]
port_1 = {{ at = "ifOperStatus.1", states = {{ 1 = "Up", 2 = "Down" }} }}
port_2 = {{ at = "ifOperStatus.2" }}

[device.ups]
host = "127.0.0.3"
version = "3"
user = "ironbridge"
auth_password = {{ secret = "auth" }}
privacy_password = {{ secret = "privacy" }}
at = "network/ups"

[device.ups.tags]
minutes = {{ at = "upsEstimatedMinutesRemaining.0", unit = "min" }}
"#
    )
}

fn send(program: &str, from: &str, port: u16, who: &[&str], trap: &str, objects: &[&str]) -> Option<Output> {
    let target = format!("udp:127.0.0.1:{port}");
    let state = std::env::temp_dir().join(format!("ironbridge-snmp-{port}"));
    let sent = Command::new(program)
        .env("MIBS", "")
        .env("SNMP_PERSISTENT_DIR", state)
        .arg(format!("--clientaddr={from}"))
        .args(["-r", "0", "-t", "5"])
        .args(who)
        .args([&target, "", trap])
        .args(objects)
        .output();
    if sent.is_err() {
        eprintln!("SKIPPED: {program} is missing (apt-get install snmp)");
    }
    sent.ok()
}

const V2C: &[&str] = &["-v2c", "-c", "plant-traps"];
const V3: &[&str] = &[
    "-v3",
    "-u",
    "ironbridge",
    "-l",
    "authPriv",
    "-a",
    "SHA-256",
    "-A",
    "auth-password",
    "-x",
    "AES",
    "-X",
    "privacy-password",
];

async fn listening(house: &House, port: u16) -> Handle {
    let handle = house.start_with("traps", &file(port), SECRETS);
    eventually("it listens", || handle.status().state == State::Connected).await;
    handle
}

fn events(house: &House) -> Vec<Arc<Event>> {
    house.namespace.recent_events(500).into_iter().filter(|event| event.id.contains("/trap/")).collect()
}

fn counted(handle: &Handle, name: &str) -> u64 {
    handle.status().counters.iter().find(|(known, _)| *known == name).unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn traps_and_informs_are_events_and_values() {
    let (house, port) = (House::new(), free_udp_port());
    let handle = listening(&house, port).await;
    let path = "network/switch/port_1";
    assert_eq!(house.last(path).status, Status::BAD_WAITING_FOR_INITIAL_DATA);
    let Some(sent) = send("snmptrap", "127.0.0.1", port, V2C, LINK_DOWN, &OPER_1) else { return };
    assert!(sent.status.success(), "{sent:?}");
    eventually("the value of the trap", || house.last(path).value == Value::I64(2)).await;
    assert_eq!(house.last("network/switch/port_2").status, Status::BAD_WAITING_FOR_INITIAL_DATA);
    let event = events(&house).remove(0);
    assert_eq!(
        (event.kind, event.title.as_str()),
        (EventKind::Fault, "switch: linkDown: a port has no link")
    );
    assert!(event.text.contains("127.0.0.1") && event.text.contains("= 2"), "{}", event.text);

    // An inform ends with an answer, and that comes when it is on disk.
    let up = ["1.3.6.1.2.1.2.2.1.8.1", "i", "1"];
    let sent = send("snmpinform", "127.0.0.1", port, V2C, "1.3.6.1.6.3.1.1.5.4", &up).unwrap();
    assert!(sent.status.success(), "{sent:?}");
    assert_eq!(house.last(path).value, Value::I64(1));
    let minutes = ["1.3.6.1.2.1.33.1.2.3.0", "i", "17"];
    let sent = send("snmpinform", "127.0.0.3", port, V3, "1.3.6.1.2.1.33.2.1", &minutes).unwrap();
    assert!(sent.status.success(), "{sent:?}");
    assert_eq!(house.last("network/ups/minutes").value, Value::I64(17));
    assert!(events(&house)[0].title.contains("upsTrapOnBattery"), "{:?}", events(&house)[0]);
    let sent =
        send("snmptrap", "127.0.0.3", port, &[V3, &["-e", "8000000001020304"]].concat(), LINK_DOWN, &[]);
    assert!(sent.unwrap().status.success());
    eventually("a trap of version 3", || events(&house).len() == 4).await;
    assert_eq!(counted(&handle, "rejected"), 0);
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_floods_are_counted_and_nothing_else() {
    let (house, port) = (House::new(), free_udp_port());
    let handle = listening(&house, port).await;
    let wrong: [(&str, &[&str]); 3] = [
        ("127.0.0.1", V3),  // another device's user
        ("127.0.0.9", V2C), // nobody's address
        ("127.0.0.3", &["-v3", "-u", "ironbridge", "-l", "noAuthNoPriv", "-e", "8000000001020304"]), // shows too little
    ];
    for (from, who) in wrong {
        let Some(sent) = send("snmptrap", from, port, who, LINK_DOWN, &OPER_1) else { return };
        assert!(sent.status.success() || who.len() > 3, "{sent:?}");
    }
    let sent = send("snmpinform", "127.0.0.9", port, V2C, LINK_DOWN, &OPER_1).unwrap();
    assert!(!sent.status.success(), "an inform of a stranger gets no answer");
    // One trap of a device, as it stands on the wire, again and again.
    let ear = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    send("snmptrap", "127.0.0.1", ear.local_addr().unwrap().port(), V2C, LINK_DOWN, &[]).unwrap();
    let mut wire = [0; 500];
    let (length, _) = ear.recv_from(&mut wire).unwrap();
    let known = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..200 {
        known.send_to(&wire[..length], ("127.0.0.1", port)).unwrap();
    }
    eventually("a flood is left out", || counted(&handle, "no_room") > 0).await;
    assert!(counted(&handle, "rejected") >= 2, "{}", counted(&handle, "rejected"));
    assert!(events(&house).iter().all(|event| event.title.starts_with("switch: ")));
    assert_eq!(house.last("network/switch/port_1").status, Status::BAD_WAITING_FOR_INITIAL_DATA);
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_told_in_words() {
    let (house, taken) = (House::new(), std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
    let handle = house.start_with("traps", &file(taken.local_addr().unwrap().port()), SECRETS);
    let told = || handle.status().last_error.map(|error| error.title).unwrap_or_default();
    eventually("it is told", || told().contains("is taken by another program")).await;
    drop(taken);
    eventually("it listens by itself", || handle.status().state == State::Connected).await;
}

/// A device whose acknowledgement was lost sends its inform again: one event, acknowledged each time.
#[tokio::test(flavor = "multi_thread")]
async fn an_inform_that_is_sent_again_is_one_event() {
    let (house, port) = (House::new(), free_udp_port());
    let handle = listening(&house, port).await;
    // Nobody answers there, so snmpinform gives up after its one try; its message is kept.
    let ear = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let Some(_) = send("snmpinform", "127.0.0.1", ear.local_addr().unwrap().port(), V2C, LINK_DOWN, &OPER_1)
    else {
        return;
    };
    let mut wire = [0; 1_500];
    let (length, _) = ear.recv_from(&mut wire).unwrap();
    let device = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    device.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
    for _ in 0..3 {
        device.send_to(&wire[..length], ("127.0.0.1", port)).unwrap();
        let mut answer = [0; 1_500];
        assert!(device.recv_from(&mut answer).unwrap().0 > 20, "acknowledged");
    }
    assert_eq!(events(&house).len(), 1, "{:?}", events(&house));
    assert_eq!(house.last("network/switch/port_1").value, Value::I64(2));
    handle.stop().await;
}
