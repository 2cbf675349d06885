//! pymodbus as the device: every type, every order, both directions, on TCP, RTU over TCP and a serial line.

use crate::support::{House, Peer, eventually, free_port, peer_file, python, serial_line};
use model::{Outcome, Status, Value};
use std::fmt::Write;

const ORDERS: [&str; 4] = ["ABCD", "CDAB", "BADC", "DCBA"];

/// type, value in the device, the same as our value, the value we write, the same as the peer prints it.
fn numbers() -> Vec<(&'static str, &'static str, Value, Value, &'static str)> {
    vec![
        ("i16", "-12345", Value::I64(-12_345), Value::I64(-2), "-2"),
        ("u16", "54321", Value::U64(54_321), Value::U64(65_535), "65535"),
        ("i32", "-1234567890", Value::I64(-1_234_567_890), Value::I64(-2), "-2"),
        ("u32", "3123456789", Value::U64(3_123_456_789), Value::U64(66_051), "66051"),
        ("i64", "-1234567890123456789", Value::I64(-1_234_567_890_123_456_789), Value::I64(-3), "-3"),
        (
            "u64",
            "12345678901234567890",
            Value::U64(12_345_678_901_234_567_890),
            Value::U64(72_623_859_790_382_856),
            "72623859790382856",
        ),
        ("f32", "1.5", Value::F64(1.5), Value::F64(-0.15625), "-0.15625"),
        (
            "f64",
            "-27.18281828459045",
            Value::F64(-27.182_818_284_590_45),
            Value::F64(31.415_926_535_897_93),
            "31.41592653589793",
        ),
        ("bcd16", "1234", Value::U64(1_234), Value::U64(9_870), "9870"),
        ("bcd32", "12345678", Value::U64(12_345_678), Value::U64(90_817_263), "90817263"),
    ]
}

struct Case {
    tag: String,
    put: String,
    take: String,
    read: Value,
    write: Value,
    taken: String,
}

fn cases() -> (Vec<Case>, String) {
    let mut cases = Vec::new();
    let mut toml = String::new();
    let mut address = 100;
    for (kind, put, read, write, taken) in numbers() {
        for order in ORDERS {
            let tag = format!("{kind}_{order}");
            writeln!(toml, "{tag} = {{ at = \"holding {address}\", type = \"{kind}\", order = \"{order}\", write = {{}} }}").unwrap();
            writeln!(
                toml,
                "in_{tag} = {{ at = \"input {address}\", type = \"{kind}\", order = \"{order}\" }}"
            )
            .unwrap();
            cases.push(Case {
                put: format!("put {kind} {order} {address} {put}"),
                take: format!("take {kind} {order} {address}"),
                tag,
                read: read.clone(),
                write: write.clone(),
                taken: taken.to_owned(),
            });
            address += 5;
        }
    }
    (cases, toml)
}

fn connection(head: &str, tags: &str) -> String {
    format!(
        "{head}\nscan = {{ normal = \"100ms\" }}\ntimeout = \"2s\"\n[device.plc]\nunit = 1\nat = \"plc\"\n[device.plc.tags]\n{tags}"
    )
}

async fn every_type(head: &str, peer: &mut Peer) {
    let house = House::new();
    let (cases, tags) = cases();
    for case in &cases {
        assert_eq!(peer.ask(&case.put), "ok");
    }
    let handle = house.start("py", &connection(head, &tags));
    for case in &cases {
        let what = format!("{} to be {:?}", case.tag, case.read);
        let start = std::time::Instant::now();
        eventually(&what, || {
            let last = house.last(&format!("plc/{}", case.tag));
            assert!(start.elapsed().as_secs() < 15, "{what}: {last:?} {:#?}", handle.status());
            last.status.is_good() && last.value == case.read
        })
        .await;
        eventually(&what, || house.last(&format!("plc/in_{}", case.tag)).value == case.read).await;
    }
    for case in &cases {
        let outcome = house.write(&format!("plc/{}", case.tag), case.write.clone()).await;
        assert_eq!(outcome, Outcome::Confirmed { readback: case.write.clone() }, "{}", case.tag);
        assert_eq!(peer.ask(&case.take), case.taken, "{}", case.tag);
    }
    let status = handle.status();
    assert_eq!(status.faults.bad_frames + status.faults.desync + status.faults.exceptions, 0, "{status:?}");
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_and_order_both_ways_on_tcp() {
    let Some(python) = python() else { return };
    let port = free_port();
    let mut peer = Peer::spawn(&python, &[&peer_file("pymodbus_server.py"), "tcp", &port.to_string()]);
    every_type(&format!("kind = \"modbus-tcp\"\nhost = \"127.0.0.1\"\nport = {port}"), &mut peer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_and_order_both_ways_on_rtu_over_tcp() {
    let Some(python) = python() else { return };
    let port = free_port();
    let mut peer = Peer::spawn(&python, &[&peer_file("pymodbus_server.py"), "rtu-tcp", &port.to_string()]);
    every_type(&format!("kind = \"modbus-rtu-tcp\"\nhost = \"127.0.0.1\"\nport = {port}"), &mut peer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_and_order_both_ways_on_a_serial_line() {
    let Some(python) = python() else { return };
    let (ours, theirs) = serial_line();
    let mut peer = Peer::spawn(&python, &[&peer_file("pymodbus_server.py"), "serial", &theirs]);
    every_type(&format!("kind = \"modbus-rtu\"\nline = \"{ours}\"\nparity = \"none\""), &mut peer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bits_texts_and_holes() {
    let Some(python) = python() else { return };
    let port = free_port();
    let mut peer = Peer::spawn(&python, &[&peer_file("pymodbus_server.py"), "tcp", &port.to_string()]);
    assert_eq!(peer.ask("bits co 5 1 0 1"), "ok");
    assert_eq!(peer.ask("bits di 7 1"), "ok");
    assert_eq!(peer.ask("put u16 ABCD 20 10"), "ok");
    assert_eq!(peer.ask("put text ABCD 30 Bottle"), "ok");
    for address in [4_990, 4_999, 5_003, 5_009, 5_011] {
        assert_eq!(peer.ask(&format!("put u16 ABCD {address} {address}")), "ok");
    }
    let tags = r#"
c5 = { at = "coil 5", write = { } }
c6 = { at = "coil 6" }
c7 = { at = "coil 7" }
d7 = { at = "discrete 7" }
b1 = { at = "holding 20.1", write = { } }
b0 = { at = "holding 20.0" }
b3 = { at = "holding 20.3" }
name = { at = "holding 30", type = "text", length = 8, write = { } }
before = { at = "holding 4990", type = "u16" }
edge = { at = "holding 4999", type = "u16" }
hole = { at = "holding 5001", type = "u16" }
after = { at = "holding 5003", type = "u16" }
near = { at = "holding 5009", type = "u16" }
hole2 = { at = "holding 5010", type = "u16" }
last = { at = "holding 5011", type = "u16" }
"#;
    let house = House::new();
    let head = format!("kind = \"modbus-tcp\"\nhost = \"127.0.0.1\"\nport = {port}");
    let handle = house.start("py", &connection(&head, tags));
    for (tag, value) in [
        ("c5", Value::Bool(true)),
        ("c6", Value::Bool(false)),
        ("c7", Value::Bool(true)),
        ("d7", Value::Bool(true)),
        ("b0", Value::Bool(false)),
        ("b1", Value::Bool(true)),
        ("b3", Value::Bool(true)),
        ("name", Value::from("Bottle")),
        ("before", Value::U64(4_990)),
        ("edge", Value::U64(4_999)),
        ("after", Value::U64(5_003)),
        ("near", Value::U64(5_009)),
        ("last", Value::U64(5_011)),
    ] {
        eventually(tag, || {
            let last = house.last(&format!("plc/{tag}"));
            last.status.is_good() && last.value == value
        })
        .await;
    }
    for hole in ["hole", "hole2"] {
        eventually(hole, || house.last(&format!("plc/{hole}")).status == Status::BAD_CONFIGURATION_ERROR)
            .await;
    }
    let quarantined = handle.status().devices[0].quarantined.clone();
    assert_eq!(
        quarantined.iter().map(|q| q.address.as_str()).collect::<Vec<_>>(),
        ["holding 5001 (45002) u16", "holding 5010 (45011) u16"]
    );
    assert_eq!(
        house.write("plc/c5", Value::Bool(false)).await,
        Outcome::Confirmed { readback: Value::Bool(false) }
    );
    assert_eq!(peer.ask("bit co 5"), "false");
    assert_eq!(
        house.write("plc/b1", Value::Bool(false)).await,
        Outcome::Confirmed { readback: Value::Bool(false) }
    );
    assert_eq!(peer.ask("regs 20 1"), "[8]");
    assert_eq!(
        house.write("plc/name", Value::from("Cap")).await,
        Outcome::Confirmed { readback: Value::from("Cap") }
    );
    handle.stop().await;
}
