//! Modbus with pymodbus, S7 with snap7, EtherNet/IP with cpppo; where they cannot misbehave, simulated devices that can.

use super::{Row, Table};
use crate::support::{Peer, free_port, peer_file, python};
use model::Status;
use std::sync::Arc;
use twin::{enip, modbus, s7};
use wire::enip::Elementary;

const CONFIGURATION: Status = Status::BAD_CONFIGURATION_ERROR;
const LOCAL: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

fn file(kind: &str, port: u16, devices: &str) -> String {
    format!(
        "kind = \"{kind}\"\nhost = \"127.0.0.1\"\nport = {port}\ntimeout = \"500ms\"\nscan = {{ normal = \"200ms\" }}\n{devices}"
    )
}

fn device(keys: &str, tags: &str) -> String {
    format!("[device.d]\nat = \"HOME\"\n{keys}\n[device.d.tags]\n{tags}")
}

#[tokio::test(flavor = "multi_thread")]
async fn modbus() {
    let Some(python) = python() else { return };
    let port = free_port();
    let mut peer = Peer::spawn(&python, &[&peer_file("pymodbus_server.py"), "tcp", &port.to_string()]);
    assert_eq!(peer.ask("put f32 ABCD 100 42.5"), "ok");
    assert_eq!(peer.ask("put u16 ABCD 119 44205"), "ok");
    let good = "speed = { at = \"40101\", type = \"f32\" }\n";
    let silent = modbus::listen(LOCAL.into(), modbus::Framing::Tcp, modbus::Station::new(1)).await.unwrap();
    let with = |tags: &str| file("modbus-tcp", port, &device("unit = 1", &format!("{good}{tags}")));
    let rows = vec![
        Row::new("as it should be", with("")),
        Row::new("an address that is a hole", with("x = { at = \"holding 5001\", type = \"u16\" }\n"))
            .says("holding 5001")
            .bad("x", CONFIGURATION),
        Row::new("an address beyond the end", with("x = { at = \"holding 60000\", type = \"u16\" }\n"))
            .says("nothing at one of the addresses")
            .bad("x", CONFIGURATION),
        Row::new("a value longer than the hole leaves room", with("x = { at = \"holding 4999\", type = \"f32\" }\n"))
            .bad("x", CONFIGURATION),
        Row::new("no digits where the file says BCD", with("x = { at = \"40120\", type = \"bcd16\" }\n"))
            .bad("x", Status::BAD_DECODING_ERROR),
        Row::new(
            "one of two units is not there, and the device in front of it says so",
            file(
                "modbus-tcp",
                port,
                &format!(
                    "{}[device.gone]\nunit = 9\nat = \"HOME/gone\"\ntags = {{ x = {{ at = \"40101\", type = \"u16\" }} }}\n",
                    device("unit = 1", good)
                ),
            ),
        )
        .says("gone: refused with code 4")
        .bad("x", Status::BAD_DEVICE_FAILURE),
        Row::new("the unit is not there, and says nothing", file("modbus-tcp", silent.address().port(), &device("unit = 9", "x = { at = \"holding 3\", type = \"u16\" }\n")))
            .lost()
            .says("no answer within 500 ms")
            .says("Check the address of the device (unit"),
        Row::new("RTU frames where Modbus TCP is spoken", file("modbus-rtu-tcp", port, &device("unit = 1", good)))
            .lost()
            .says("Check"),
        Row::new(
            "a serial line that is not there",
            format!("kind = \"modbus-rtu\"\nline = \"/dev/ttyNOWHERE\"\n{}", device("unit = 1", good)),
        )
        .lost()
        .says("/dev/ttyNOWHERE"),
    ];
    Table::new().await.holds(rows, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn modbus_lies() {
    let mut rows = Vec::new();
    let mut servers = Vec::new();
    for lie in modbus::Lie::all() {
        let mut bank = modbus::Bank::default();
        bank.holding.add(0..=9);
        let unit = modbus::Unit::new(Arc::new(modbus::SharedBank::new(bank)));
        let unit = unit.behaving(modbus::Behaviour::of(modbus::Conduct::Lie(lie)));
        let station = modbus::Station::new(1).with(1, Arc::new(unit));
        let server = modbus::listen(LOCAL.into(), modbus::Framing::Tcp, station).await.unwrap();
        let tags = "v = { at = \"holding 3\", type = \"u16\" }\n";
        let row = Row::new(
            format!("{lie:?}"),
            file("modbus-tcp", server.address().port(), &device("unit = 1", tags)),
        );
        rows.push(match lie {
            // The truth, said twice or slowly.
            modbus::Lie::Twice | modbus::Lie::Dribble => row,
            _ => row.lost().says("Check"),
        });
        servers.push(server);
    }
    Table::new().await.holds(rows, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn siemens_s7() {
    let Some(python) = python() else { return };
    let port = free_port();
    let _peer = Peer::spawn(&python, &[&peer_file("snap7_server.py"), &port.to_string()]);
    let good = "force = { at = \"DB1.DBD4\", type = \"REAL\" }\n";
    let with = |tags: &str| file("s7", port, &device("", &format!("{good}{tags}")));
    let cpu = |rules: s7::Rules| async move {
        let mut memory = s7::Memory::default();
        memory.put(1, 0, &[0; 64]);
        s7::listen(LOCAL.into(), Arc::new(s7::Cpu::new(1, memory).with(rules))).await.unwrap()
    };
    let elsewhere = cpu(s7::Rules { place: Some((0, 2)), ..s7::Rules::default() }).await;
    let closed = cpu(s7::Rules { put_get: false, ..s7::Rules::default() }).await;
    let at =
        |server: &s7::Server| file("s7", server.address().port(), &format!("slot = 1\n{}", device("", good)));
    let rows = vec![
        Row::new("as it should be", with("")),
        Row::new("a block that is not there", with("x = { at = \"DB99.DBW0\", type = \"INT\" }\n"))
            .says("DB99.DBW0 i16: There is no such block")
            .bad("x", CONFIGURATION),
        Row::new(
            "an address beyond the end of the block",
            with("x = { at = \"DB1.DBD2000\", type = \"REAL\" }\n"),
        )
        .says("DB1.DBD2000 f32: The address lies outside")
        .bad("x", CONFIGURATION),
        Row::new("another slot", at(&elsewhere)).lost().says("slot"),
        Row::new("PUT/GET is not permitted", at(&closed)).says("PUT/GET").others(CONFIGURATION),
    ];
    Table::new().await.holds(rows, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn siemens_s7_lies() {
    use s7::{Behaviour, Conduct, Lie};
    let (mut rows, mut servers) = (Vec::new(), Vec::new());
    for lie in [
        Lie::Reference,
        Lie::Protocol,
        Lie::Kind,
        Lie::Function,
        Lie::Items,
        Lie::Short,
        Lie::MoreData,
        Lie::LessData,
        Lie::Length,
        Lie::Packet,
        Lie::Twice,
        Lie::Dribble,
        Lie::Fragments,
        Lie::Endless,
    ] {
        let mut memory = s7::Memory::default();
        memory.put(1, 0, &[0; 64]);
        let cpu = s7::Cpu::new(1, memory);
        cpu.set_behaviour(Behaviour::of(Conduct::Lie(lie)));
        let server = s7::listen(LOCAL.into(), Arc::new(cpu)).await.unwrap();
        let tags = "v = { at = \"DB1.DBW0\", type = \"INT\" }\n";
        let row = Row::new(format!("{lie:?}"), file("s7", server.address().port(), &device("", tags)));
        rows.push(match lie {
            Lie::Twice | Lie::Dribble | Lie::Fragments => row,
            _ => row.lost().says("Check"),
        });
        servers.push(server);
    }
    Table::new().await.holds(rows, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ethernet_ip() {
    let mut program = enip::Program::new("Filler");
    let motor = program.structure("Motor", &[("Amps", Elementary::Real.into(), 0)]);
    program.tag("", "Speed", Elementary::Dint, [0; 3]);
    program.tag("", "Counts", Elementary::Dint, [5, 0, 0]);
    program.tag("", "Motor1", motor, [0; 3]);
    let server = enip::listen(LOCAL.into(), Arc::new(enip::Controller::new(program))).await.unwrap();
    let good = "speed = { at = \"Speed\" }\n";
    let with =
        |tags: &str| file("ethernet-ip", server.address().port(), &device("", &format!("{good}{tags}")));
    let mut rows = vec![
        Row::new("as it should be", with("")),
        Row::new("a tag that is not there", with("x = { at = \"Sped\" }\n"))
            .says("Sped: the controller has no such tag (any more): compare the spelling")
            .bad("x", CONFIGURATION),
        Row::new("another type than the controller's", with("x = { at = \"Counts[1]\", type = \"f32\" }\n"))
            .says("the file says f32")
            .bad("x", CONFIGURATION),
        Row::new("an element beyond the end", with("x = { at = \"Counts[9]\" }\n"))
            .says("Counts[9]")
            .bad("x", CONFIGURATION),
        Row::new("a whole structure", with("x = { at = \"Motor1\" }\n")).says("Amps").bad("x", CONFIGURATION),
        Row::new("a member that is not there", with("x = { at = \"Motor1.Volts\" }\n"))
            .says("Motor1.Volts")
            .bad("x", CONFIGURATION),
    ];
    let mut servers = Vec::new();
    for lie in enip::Lie::ALL {
        let mut program = enip::Program::new("Liar");
        program.tag("", "Speed", Elementary::Dint, [0; 3]);
        let liar = enip::Controller::new(program).behaving(enip::Behaviour::of(enip::Conduct::Lie(lie)));
        let server = enip::listen(LOCAL.into(), Arc::new(liar)).await.unwrap();
        let row =
            Row::new(format!("{lie:?}"), file("ethernet-ip", server.address().port(), &device("", good)));
        rows.push(match lie {
            // The truth, said twice; or of a session that matters to nobody once the connection stands.
            enip::Lie::Twice | enip::Lie::Session => row,
            _ => row.lost().says("Check"),
        });
        servers.push(server);
    }
    if let Some(python) = python() {
        let port = free_port();
        let script = format!("{}/../../e2e/peers/enip_server.py", env!("CARGO_MANIFEST_DIR"));
        let peer = Peer::spawn(&python, &[&script, &port.to_string()]);
        let file = file(
            "ethernet-ip",
            port,
            &device(
                "",
                "speed = { at = \"SPEED\" }\nnope = { at = \"NOPE\" }\nfar = { at = \"SCADA[30]\" }\n",
            ),
        );
        rows.push(
            Row::new("cpppo: a tag that is not there, an element beyond the end", file)
                .says("NOPE: there is no tag")
                .bad("nope", CONFIGURATION)
                .bad("far", CONFIGURATION),
        );
        Table::new().await.holds(rows, &[]).await;
        drop(peer);
    } else {
        Table::new().await.holds(rows, &[]).await;
    }
}
