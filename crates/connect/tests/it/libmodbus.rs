//! libmodbus as the device: a small C server, compiled here, on TCP and on a serial line.

use crate::support::{House, Peer, eventually, free_port, peer_file, serial_line};
use model::{Outcome, Value};
use std::path::PathBuf;
use std::sync::OnceLock;

/// The compiled server. A missing compiler or library is a failure with advice: `make test` installs both.
fn server() -> &'static str {
    static SERVER: OnceLock<String> = OnceLock::new();
    SERVER.get_or_init(|| {
        let binary = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("libmodbus_server");
        let made = std::process::Command::new("cc")
            .args(["-O1", "-o"])
            .arg(&binary)
            .arg(peer_file("libmodbus_server.c"))
            .args(["-I/usr/include/modbus", "-lmodbus"])
            .output()
            .expect("the C compiler `cc` is needed (apt install gcc libmodbus-dev)");
        assert!(
            made.status.success(),
            "apt install libmodbus-dev:\n{}",
            String::from_utf8_lossy(&made.stderr)
        );
        binary.to_string_lossy().into_owned()
    })
}

const TAGS: &str = r#"
float_abcd = { at = "holding 100", type = "f32", order = "ABCD", write = { } }
float_dcba = { at = "holding 102", type = "f32", order = "DCBA", write = { } }
float_badc = { at = "holding 104", type = "f32", order = "BADC", write = { } }
float_cdab = { at = "holding 106", type = "f32", order = "CDAB", write = { } }
word = { at = "holding 110", type = "i16", write = { } }
bit = { at = "holding 111.9", write = { } }
input = { at = "input 20", type = "u16" }
coil = { at = "coil 30", write = { } }
discrete = { at = "discrete 40" }
beyond = { at = "holding 600", type = "u16" }
"#;

async fn both_ways(head: &str, peer: &mut Peer) {
    let house = House::new();
    let text = format!(
        "{head}\nscan = {{ normal = \"100ms\" }}\n[device.plc]\nunit = 1\nat = \"plc\"\n[device.plc.tags]\n{TAGS}"
    );
    let handle = house.start("lib", &text);
    for (tag, value) in [
        ("float_abcd", Value::F64(123_456.0)),
        ("float_dcba", Value::F64(123_456.0)),
        ("float_badc", Value::F64(123_456.0)),
        ("float_cdab", Value::F64(123_456.0)),
        ("word", Value::I64(-7)),
        ("bit", Value::Bool(true)),
        ("input", Value::U64(4_711)),
        ("coil", Value::Bool(true)),
        ("discrete", Value::Bool(true)),
    ] {
        eventually(&format!("{tag} to be {value:?}"), || {
            let last = house.last(&format!("plc/{tag}"));
            last.status.is_good() && last.value == value
        })
        .await;
    }
    eventually("the address beyond the map", || {
        house.last("plc/beyond").status == model::Status::BAD_CONFIGURATION_ERROR
    })
    .await;
    for order in ["abcd", "dcba", "badc", "cdab"] {
        let value = Value::F64(-0.4375);
        let outcome = house.write(&format!("plc/float_{order}"), value.clone()).await;
        assert_eq!(outcome, Outcome::Confirmed { readback: value }, "{order}");
        assert_eq!(peer.ask(&format!("float {order}")), "-0.4375");
    }
    assert_eq!(
        house.write("plc/word", Value::I64(-32_768)).await,
        Outcome::Confirmed { readback: Value::I64(-32_768) }
    );
    assert_eq!(peer.ask("word 110"), "32768");
    assert_eq!(
        house.write("plc/bit", Value::Bool(false)).await,
        Outcome::Confirmed { readback: Value::Bool(false) }
    );
    assert_eq!(peer.ask("word 111"), "1", "only bit 9 was cleared");
    assert_eq!(
        house.write("plc/coil", Value::Bool(false)).await,
        Outcome::Confirmed { readback: Value::Bool(false) }
    );
    assert_eq!(peer.ask("coil 30"), "0");
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_on_tcp() {
    let port = free_port();
    let mut peer = Peer::spawn(server(), &["tcp", &port.to_string()]);
    both_ways(&format!("kind = \"modbus-tcp\"\nhost = \"127.0.0.1\"\nport = {port}"), &mut peer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_on_a_serial_line() {
    let (ours, theirs) = serial_line();
    let mut peer = Peer::spawn(server(), &["rtu", &theirs]);
    both_ways(&format!("kind = \"modbus-rtu\"\nline = \"{ours}\"\nparity = \"none\""), &mut peer).await;
}
