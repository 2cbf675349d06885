//! The pages about the network in a real browser: an HMI and an intruder talk to a controller, all of them pymodbus on loopback
//! addresses of their own, and the monitor listens at `lo`.

use crate::first_hour::walk_on;
use crate::harness::{Plant, Python, free_port, in_own_network, ip_does, wait_for};
use std::net::TcpStream;
use std::time::Duration;

const SERVER: &str = "127.0.20.11";
const HMI: &str = "127.0.20.50";
/// Whom the walk itself plays.
const STRANGER: &str = "127.0.20.99";
const INTRUDER: &str = "127.0.20.77";

#[test]
fn an_analyst_sees_who_is_there_and_what_an_intruder_did() {
    // At the loopback interface of all, other tests' devices would be seen, too.
    let alone = in_own_network("network::an_analyst_sees_who_is_there_and_what_an_intruder_did", || {
        assert!(ip_does("link set lo up"));
        walk();
    });
    if !alone {
        println!("not in a network of its own: with whatever else is on the loopback interface");
        walk();
    }
}

fn walk() {
    let Some(python) = Python::find() else { return };
    let port = free_port();
    let _server = python.start("modbus_server.py", &[&port.to_string(), SERVER]);
    wait_for("the controller", Duration::from_secs(60), || TcpStream::connect((SERVER, port)).ok());

    let mut plant = Plant::new("[monitor]\ninterfaces = [\"lo\"]\n");
    plant.write("connections/press.toml", &connection(port));
    plant.start();
    let state = || plant.local().get("/api/monitor").ok();
    let listens = wait_for("the interface", Duration::from_secs(30), || {
        let state = state()["interfaces"][0]["state"].as_str()?.to_owned();
        (state != "starting").then_some(state)
    });
    if listens == "no-right" {
        println!("skipped: no right to listen at an interface here (CAP_NET_RAW)");
        return;
    }
    let client = |role, own| python.start("modbus_client.py", &[role, SERVER, &port.to_string(), own]);
    let _hmi = client("hmi", HMI);
    wait_for("the HMI on the map", Duration::from_secs(60), || {
        let map = plant.local().get("/api/monitor/map").ok();
        map["edges"].as_array()?.iter().any(|edge| edge["client"] == HMI).then_some(())
    });
    let _intruder = client("intruder", INTRUDER);
    wait_for("a finding about the intruder", Duration::from_secs(60), || {
        let found = plant.local().get("/api/monitor/findings?min=400").ok();
        found["findings"].as_array()?.iter().any(|one| one["source"] == INTRUDER).then_some(())
    });
    walk_on("network.mjs", &plant.link(), plant.dir(), &[SERVER, HMI, INTRUDER, STRANGER, &port.to_string()]);
}

fn connection(port: u16) -> String {
    format!(
        r#"kind = "modbus-tcp"
host = "{SERVER}"
port = {port}
scan = {{ normal = "500ms" }}

[device.press]
unit = 1
at = "pressing/press-4"

[device.press.tags]
count = {{ at = "holding 100", type = "u32" }}
"#
    )
}
