//! The pages about the network in a real browser: an HMI and an intruder talk to a controller, all of them pymodbus on loopback
//! addresses of their own, and the monitor listens at `lo`.

use crate::first_hour::walk_on;
use crate::harness::{Plant, Python, free_port, in_own_network, ip_does, wait_for};
use serde_json::{Value as Json, json};
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

/// Zones of the large plant, and controllers in each.
const ZONES: usize = 25;
const CONTROLLERS: usize = 19;

fn remembered(address: &str, role: &str, zone: &str, protocols: (&[&str], &[&str])) -> Json {
    json!({
        "addresses": [address], "macs": [], "card": null, "vlan": null, "role": role, "zone": zone, "facts": [],
        "serves": protocols.0, "asks": protocols.1, "sent": 1_000, "received": 1_000,
        "first": 1_790_000_000_000_000_000i64, "last": 1_790_000_100_000_000_000i64,
    })
}

fn link(client: &str, server: &str, protocol: &str) -> Json {
    json!({
        "client": client, "server": server, "protocol": protocol, "realm": "ot", "port": 502, "connections": 1,
        "packets_to_server": 500, "bytes_to_server": 35_000, "packets_to_client": 500, "bytes_to_client": 45_000,
        "changes": 0, "malformed": 0, "first": 1_790_000_000_000_000_000i64, "last": 1_790_000_100_000_000_000i64,
        "called": null, "functions": [],
    })
}

/// A plant of which 500 assets and nearly 1,000 links were seen: each line has controllers and an HMI, one historian asks all.
fn large(plant: &Plant) -> usize {
    let (mut assets, mut links) = (serde_json::Map::new(), Vec::new());
    let historian = "10.0.0.1".to_owned();
    for zone in 0..ZONES {
        let (name, hmi) = (format!("line-{zone}"), format!("10.1.{zone}.250"));
        let protocol = if zone % 2 == 0 { "modbus" } else { "s7" };
        assets.insert(hmi.clone(), remembered(&hmi, "supervisor", &name, (&[], &[protocol])));
        for number in 1..=CONTROLLERS {
            let address = format!("10.1.{zone}.{number}");
            assets.insert(address.clone(), remembered(&address, "controller", &name, (&[protocol], &[])));
            links.extend([&hmi, &historian].map(|client| link(client, &address, protocol)));
        }
    }
    assets
        .insert(historian.clone(), remembered(&historian, "supervisor", "office", (&[], &["modbus", "s7"])));
    let all = assets.len();
    let folder = plant.data().join("monitor");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, book: Json| std::fs::write(folder.join(name), book.to_string()).unwrap();
    write("assets.json", json!({"version": 1, "assets": assets}));
    write("traffic.json", json!({"version": 1, "since": 1, "links": links, "points": []}));
    all
}

#[test]
fn a_map_of_500_assets_moves_with_the_hand() {
    let mut plant = Plant::new("[monitor]\ninterfaces = [\"no-such-port\"]\n");
    let assets = large(&plant);
    assert!(assets >= 500);
    plant.start();
    let map = plant.local().get("/api/monitor/map").ok();
    assert_eq!(map["nodes"].as_array().unwrap().len(), assets);
    assert_eq!(map["edges"].as_array().unwrap().len(), ZONES * CONTROLLERS * 2);
    walk_on("map.mjs", &plant.link(), plant.dir(), &[&assets.to_string()]);
}
