//! BACnet/IP with bacpypes3, SNMP with Debian's snmpd, and simulated devices that lie.

use super::{Row, Table};
use crate::snmp::{free_udp_port, snmpd, start as agent};
use crate::support::{Peer, free_port, peer_file, python};
use model::Status;
use std::net::UdpSocket;
use std::sync::Arc;
use twin::bacnet::{Conduct, Device, LIES, Lie, Object, Rules, Site, listen};
use wire::bacnet::{ObjectId, Value as Wire};

const CONFIGURATION: Status = Status::BAD_CONFIGURATION_ERROR;
const HOST: &str = "host = \"127.0.0.1\"\ntimeout = \"500ms\"\nscan = { normal = \"200ms\" }\n";

/// An endpoint that answers every datagram with bytes that mean nothing; ends with the test's runtime.
async fn babbler() -> u16 {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut buffer = [0; 2_000];
        while let Ok((_, from)) = socket.recv_from(&mut buffer).await {
            let _ = socket.send_to(&[0x81, 0xFF, 7, 7, 0x30, 0x82, 0xFF, 0xFF, 1, 2, 3], from).await;
        }
    });
    port
}

fn bacnet(port: u16, instance: u32, tags: &str) -> String {
    format!(
        "kind = \"bacnet-ip\"\nport = {port}\n{HOST}[device.ahu]\ninstance = {instance}\nat = \"HOME\"\n[device.ahu.tags]\n\
         supply = {{ at = \"AI1\" }}\n{tags}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn bacnet_ip() {
    let Some(python) = python() else { return };
    let port = free_port();
    let _peer =
        Peer::spawn(&python, &[&peer_file("bacpypes3_device.py"), &format!("127.0.0.1:{port}"), "1001"]);
    let with = |tags: &str| bacnet(port, 1001, tags);
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let rows = vec![
        Row::new("as it should be", with("")),
        Row::new("an object that is not there", with("x = { at = \"AI77\" }\n"))
            .says("analog-input 77 real: there is no such object")
            .bad("x", CONFIGURATION),
        Row::new("a property that it does not have", with("x = { at = \"AI1 4000\", type = \"real\" }\n"))
            .says("the object has no such property")
            .bad("x", CONFIGURATION),
        Row::new("another type", with("x = { at = \"CSV1\", type = \"real\" }\n"))
            .says("/x: BadTypeMismatch")
            .bad("x", Status::BAD_TYPE_MISMATCH),
        Row::new("nothing listens", bacnet(free_port(), 1001, "")).lost().says("Check"),
        Row::new("nobody answers", bacnet(silent.local_addr().unwrap().port(), 1001, ""))
            .lost()
            .says("no answer within 500 ms")
            .says("instance"),
        Row::new("garbage", bacnet(babbler().await, 1001, "")).lost().says("Check"),
        Row::new("no such name", with("").replace("127.0.0.1", "no-such-machine.invalid"))
            .lost()
            .says("no-such-machine.invalid"),
    ];
    Table::new().await.holds(rows, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bacnet_ip_lies() {
    let (mut rows, mut servers) = (Vec::new(), Vec::new());
    for conduct in LIES.map(Conduct::Lie).into_iter().chain([Conduct::Silent, Conduct::Refuse(0, 25)]) {
        let device = Arc::new(Device::new(
            1001,
            Rules::default(),
            [(ObjectId::new(0, 1), Object::new("t", Wire::Real(1.5)))],
        ));
        device.set_conduct(conduct);
        let server = listen(([127, 0, 0, 1], 0).into(), Site::new(device)).await.unwrap();
        let row = Row::new(format!("{conduct:?}"), bacnet(server.address().port(), 1001, ""));
        rows.push(match conduct {
            // The truth, said twice.
            Conduct::Lie(Lie::Twice) => row,
            Conduct::Refuse(..) => {
                row.says("the device has a problem of its own").others(Status::BAD_DEVICE_FAILURE)
            }
            // It answers the question that was put, but nonsense: there is somebody, but nothing to be read.
            Conduct::Lie(Lie::Object | Lie::Short | Lie::More | Lie::Length) => {
                row.says("broken answer").says("Check").others(Status::BAD_NO_COMMUNICATION)
            }
            _ => row.lost().says("Check"),
        });
        servers.push(server);
    }
    Table::new().await.holds(rows, &[]).await;
}

fn snmp(port: u16, who: &str, tags: &str) -> String {
    format!(
        "kind = \"snmp\"\nport = {port}\n{who}\n{HOST}[device.d]\nat = \"HOME\"\n[device.d.tags]\nlocation = {{ at = \"sysLocation.0\" }}\n{tags}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn snmp_agents() {
    let Some(program) = snmpd() else { return };
    let (folder, port) = (tempfile::tempdir().unwrap(), free_udp_port());
    let _agent = agent(program, folder.path(), port);
    let v2c = |community: &str| format!("version = \"2c\"\ncommunity = {{ secret = \"{community}\" }}");
    let v3 = |user: &str, auth: &str, privacy: &str| {
        format!(
            "version = \"3\"\nuser = \"{user}\"\nauth_password = {{ secret = \"{auth}\" }}\nprivacy_password = {{ secret = \"{privacy}\" }}"
        )
    };
    let right = v2c("community");
    let rows = vec![
        Row::new("as it should be", snmp(port, &right, "")),
        Row::new("version 3 as it should be", snmp(port, &v3("ironbridge", "auth", "privacy"), "")),
        Row::new("another community", snmp(port, &v2c("auth"), ""))
            .lost()
            .says("no answer within 500 ms")
            .says("community"),
        Row::new("another user", snmp(port, &v3("nobody", "auth", "privacy"), ""))
            .lost()
            .says("unknown user"),
        Row::new("another password", snmp(port, &v3("ironbridge", "privacy", "privacy"), ""))
            .lost()
            .says("wrong digest"),
        Row::new("another password for encryption", snmp(port, &v3("ironbridge", "auth", "auth"), ""))
            .lost()
            .says("passwords"),
        Row::new("a password that was never set", snmp(port, &v3("ironbridge", "nowhere", "privacy"), ""))
            .lost()
            .says("ironbridge secret set nowhere"),
        Row::new(
            "an object that is not there",
            snmp(port, &right, "x = { at = \"1.3.6.1.2.1.1.99.0\", type = \"integer\" }\n"),
        )
        .says("1.3.6.1.2.1.1.99.0 integer: the device does not know")
        .bad("x", CONFIGURATION),
        Row::new("a port that is not there", snmp(port, &right, "x = { at = \"ifOperStatus.99999\" }\n"))
            .says("ifOperStatus.99999 integer: the device knows the object, but not this instance")
            .bad("x", CONFIGURATION),
        Row::new("another type", snmp(port, &right, "x = { at = \"sysName.0\", type = \"integer\" }\n"))
            .says("sysName.0 integer: the device answers with a text")
            .bad("x", CONFIGURATION),
        Row::new("nothing listens", snmp(free_udp_port(), &right, "")).lost().says("Check"),
        Row::new("garbage", snmp(babbler().await, &right, "")).lost().says("Check"),
        Row::new("no such name", snmp(port, &right, "").replace("127.0.0.1", "no-such-machine.invalid"))
            .lost()
            .says("no-such-machine.invalid"),
    ];
    let secrets = [("community", "plant-rw"), ("auth", "auth-password"), ("privacy", "privacy-password")];
    Table::new().await.holds(rows, &secrets).await;
}
