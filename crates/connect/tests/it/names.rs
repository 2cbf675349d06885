//! Names that devices announce: PROFINET and LLDP by scapy and BACnet by bacpypes3 on cables of our own, multicast DNS by
//! zeroconf.

use crate::support::{PATIENCE, Peer, peer_file, python};
use connect::discover::{Ask, Desk, Found, Snapshot, neighbours};
use connect::south::PROBES;
use model::SystemClock;
use std::process::Command;
use std::time::{Duration, Instant};

async fn scan(ask: Ask) -> Snapshot {
    let desk = Desk::new(PROBES, SystemClock::shared());
    let plan = desk.plan(&ask, &[]).await.unwrap();
    let most = plan.packets_most();
    let scan = desk.begin(plan, most, "test").unwrap();
    desk.run(&scan).await;
    let snapshot = scan.snapshot();
    assert!(snapshot.packets_sent <= most, "{} of {most}", snapshot.packets_sent);
    snapshot
}

/// Set in the process that runs in a network of its own.
const INSIDE: &str = "IRONBRIDGE_TEST_OWN_NETWORK";
/// What a test program says with its exit code when a test failed.
const FAILED: i32 = 101;

#[test]
fn devices_on_a_cable_say_who_they_are() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(on_a_cable());
    }
    // The same test in a network namespace, where this user may make a cable.
    let this = std::env::current_exe().unwrap();
    let name = "names::devices_on_a_cable_say_who_they_are";
    let out = Command::new("unshare")
        .args(["--map-root-user", "--net"])
        .arg(this)
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .output();
    match out {
        Ok(out) if out.status.success() => {}
        Ok(out) if out.status.code() == Some(FAILED) => {
            panic!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
        }
        Ok(out) => eprintln!("skipped: no network namespace: {}", String::from_utf8_lossy(&out.stderr)),
        Err(why) => eprintln!("skipped: no `unshare`: {why}"),
    }
}

async fn on_a_cable() {
    let Some(python) = python() else { return };
    for words in [
        "link set lo up",
        "link add ours type veth peer name theirs",
        "link set ours up",
        "link set theirs up",
        "link add field type veth peer name far",
        "address add 10.9.9.1/24 broadcast + dev field",
        "address add fd00:9::1/64 dev field nodad",
        "link set field up",
        "neighbour add fd00:9::7 lladdr 00:80:f4:00:00:07 dev field",
        "neighbour add 10.9.9.7 lladdr 00:80:f4:00:00:08 dev field",
    ] {
        let done = Command::new("ip").args(words.split(' ')).status();
        if !done.is_ok_and(|status| status.success()) {
            return eprintln!("skipped: this machine makes no veth pair");
        }
    }
    names_on(&python).await;
    everybody_on(&python).await;
    let known = neighbours();
    for (address, hardware) in [("fd00:9::7", "00:80:f4:00:00:07"), ("10.9.9.7", "00:80:f4:00:00:08")] {
        assert_eq!(known.get(&address.parse().unwrap()).map(String::as_str), Some(hardware), "{known:?}");
    }
}

/// Scans the cable until so many are found: a peer answers when it gets to it.
async fn found_on(ask: &Ask, packets: u64, count: usize) -> Snapshot {
    let begun = Instant::now();
    loop {
        let snapshot = scan(ask.clone()).await;
        assert_eq!(snapshot.packets_sent, packets);
        if snapshot.found.len() >= count {
            return snapshot;
        }
        assert!(begun.elapsed() < PATIENCE * 3, "{snapshot:?}");
    }
}

fn cable(interface: &str, protocols: &[&str]) -> Ask {
    Ask {
        interface: Some(interface.into()),
        protocols: protocols.iter().map(ToString::to_string).collect(),
        listen: Duration::from_secs(3),
        ..Ask::default()
    }
}

/// BACnet's Who-Is to everybody; the device answers to everybody, not to the one who asked.
async fn everybody_on(python: &str) {
    let device = peer_file("bacpypes3_device.py");
    let script = peer_file("on_cable.sh");
    let words = [&script, "far", "10.9.9.2/24", python, &device, "10.9.9.2/24:47808", "1001"];
    let _peer = Peer::spawn("sh", &words);
    let snapshot = found_on(&cable("field", &["bacnet-ip"]), 2, 1).await;
    let [found] = snapshot.found.as_slice() else { panic!("{snapshot:?}") };
    assert_eq!((found.address.to_string().as_str(), found.port), ("10.9.9.2", 47808));
    assert_eq!((found.place.as_str(), found.kind), ("device 1001", Some("bacnet-ip")));
    // Asked by its address too it is still one, and says more.
    let both = Ask { targets: vec!["10.9.9.2".into()], ..cable("field", &["bacnet-ip"]) };
    let snapshot = scan(both).await;
    let [found] = snapshot.found.as_slice() else { panic!("{snapshot:?}") };
    assert_eq!(found.name, "Air handling 1");
    // Somebody else on this machine holds the port where answers come to.
    let _taken = std::net::UdpSocket::bind("0.0.0.0:47808").unwrap();
    let snapshot = scan(cable("field", &["bacnet-ip"])).await;
    assert!(snapshot.remarks.iter().any(|remark| remark.text.contains("47808")), "{:?}", snapshot.remarks);
}

async fn names_on(python: &str) {
    let _devices = Peer::spawn(python, &[&peer_file("dcp_devices.py"), "theirs"]);
    let _switch = Peer::spawn(python, &[&peer_file("lldp_switch.py"), "theirs"]);
    let ask = cable("ours", &["modbus"]);
    let snapshot = found_on(&ask, 1, 4).await;
    assert!(snapshot.remarks.is_empty(), "{:?}", snapshot.remarks);
    let named = |name: &str| -> &Found { snapshot.found.iter().find(|found| found.name == name).unwrap() };
    let press = named("press-4");
    assert_eq!((press.address.to_string().as_str(), press.model.as_str()), ("10.20.1.9", "S7-1500"));
    assert!(press.details.contains(&("hardware address".into(), "00:1b:1b:01:02:03".into())), "{press:?}");
    assert!(
        press.details.contains(&("vendor and device number".into(), "002A 010E (hex)".into())),
        "{press:?}"
    );
    let switch = named("switch-hall-2");
    assert_eq!((switch.address.to_string().as_str(), switch.title), ("10.20.1.2", "LLDP"));
    assert_eq!(switch.model, "FL SWITCH 2208, firmware 3.10");
    for (key, value) in
        [("hardware address", "00:a0:45:11:22:33"), ("its port on this cable", "Port 8"), ("role", "bridge")]
    {
        assert!(switch.details.contains(&(key.into(), value.into())), "{switch:?}");
    }
    assert_eq!(named("drive-7").title, "LLDP");
    let fresh = named("");
    assert!(fresh.address.is_unspecified() && fresh.model == "FL SWITCH", "{fresh:?}");
    let wrong = Desk::new(PROBES, SystemClock::shared())
        .plan(&Ask { interface: Some("nowhere".into()), ..Ask::default() }, &[])
        .await
        .unwrap_err();
    assert!(wrong.help.contains("ours"), "{wrong:?}");
}

#[tokio::test]
async fn zeroconf_says_its_name_and_services() {
    let Some(python) = python() else { return };
    if std::net::UdpSocket::bind(("127.0.0.1", 5353)).is_err() {
        return eprintln!("skipped: something else answers multicast DNS on this machine");
    }
    let _peer = Peer::spawn(&python, &[&peer_file("mdns_names.py"), "127.0.0.1"]);
    let ask = Ask {
        targets: vec!["127.0.0.1".into()],
        protocols: vec!["mdns".into()],
        timeout: Duration::from_secs(5),
        ..Ask::default()
    };
    let snapshot = scan(ask).await;
    let [found] = snapshot.found.as_slice() else { panic!("{snapshot:?}") };
    assert_eq!((found.name.as_str(), found.kind), ("press-4", None));
    let service = ("service".to_owned(), "Press 4._opcua-tcp._tcp.local, port 4840".to_owned());
    assert!(found.details.contains(&service), "{found:?}");
    assert_eq!(snapshot.packets_sent, 2);
}
