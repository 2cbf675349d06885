//! Discovery against devices that nobody here wrote, and against devices that misbehave on purpose.

use crate::support::{Peer, ask_for, free_port, peer_file, python, scan};
use connect::discover::{Ask, Desk, ScanState, Wish, draft};
use connect::south::PROBES;
use model::SystemClock;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use twin::modbus::{
    Bank, Behaviour, Conduct, Framing, Identity, Lie, Server, SharedBank, Station, Unit, UnknownUnit, listen,
};
use wire::modbus::ExceptionCode;

fn ask(targets: &[&str], port: u16) -> Ask {
    let targets = targets.iter().map(ToString::to_string).collect();
    Ask { targets, timeout: Duration::from_millis(500), ..ask_for("modbus", port) }
}

fn unit(identity: Option<Identity>) -> Arc<Unit> {
    let bank = Bank { identity, ..Bank::default() };
    Arc::new(Unit::new(Arc::new(SharedBank::new(bank))))
}

fn meter() -> Identity {
    Identity::new("Acme", "PM5", "1.2", "Power meter")
}

#[tokio::test]
async fn a_cpppo_controller_tells_its_identity() {
    let Some(python) = python() else { return };
    let port = free_port();
    let _peer = Peer::spawn(&python, &[&peer_file("cpppo_identity.py"), &port.to_string()]);
    let (snapshot, _) = scan(ask_for("ethernet-ip", port)).await;
    let [found] = snapshot.found.as_slice() else { panic!("{snapshot:?}") };
    assert_eq!(found.vendor, "Rockwell Automation/Allen-Bradley");
    assert_eq!((found.model.as_str(), found.firmware.as_str()), ("1756-L61/B LOGIX5561", "20.011"));
    assert_eq!((found.serial.as_str(), snapshot.packets_sent), ("006C061A", 1));
}

/// What speaks another protocol than the one that is asked for is told, and nobody is found.
#[tokio::test]
async fn a_port_of_another_protocol_finds_nobody() {
    let modbus = start("127.0.0.1", 0, Station::new(1).with_any(unit(Some(meter())))).await;
    let (snapshot, _) = scan(ask_for("s7", modbus.address().port())).await;
    assert!(snapshot.found.is_empty(), "{snapshot:?}");
}

async fn start(address: &str, port: u16, station: Station) -> Server {
    listen(SocketAddr::new(address.parse().unwrap(), port), Framing::Tcp, station).await.unwrap()
}

#[tokio::test]
async fn pymodbus_says_who_it_is() {
    let Some(python) = python() else { return };
    let port = free_port();
    let _peer = Peer::spawn(&python, &[&peer_file("modbus_identity.py"), "127.0.0.1", &port.to_string()]);
    let (snapshot, _) = scan(ask_for("modbus", port)).await;
    let [found] = snapshot.found.as_slice() else { panic!("{snapshot:?}") };
    assert_eq!(
        (found.vendor.as_str(), found.model.as_str(), found.firmware.as_str()),
        ("Pymodbus Works", "PM-1", "3.16")
    );
    // pymodbus with one device answers for it under every unit id.
    assert_eq!(found.place, "unit 1 and 255");
    assert!(found.details.contains(&("ProductName".into(), "Bench server".into())), "{found:?}");
    let draft = draft(&snapshot.found, 0, PROBES[0], Wish::default(), std::path::Path::new("")).unwrap();
    assert!(draft.text.contains(&format!("host = \"127.0.0.1\"\nport = {port}\n")), "{}", draft.text);
}

#[tokio::test]
async fn a_range_is_asked_once_and_gently() {
    let port = free_port();
    let one = start("127.0.0.1", port, Station::new(1).with_any(unit(Some(meter())))).await;
    let gateway = Station::new(1)
        .with(1, unit(None))
        .unknown(UnknownUnit::Exception(ExceptionCode::GATEWAY_TARGET_FAILED));
    let two = start("127.0.0.2", port, gateway).await;
    // Nobody behind unit 1 or 255: the bus of a serial gateway, where only unit 7 lives.
    let three = start("127.0.0.3", port, Station::new(1).with(7, unit(Some(meter())))).await;
    let (snapshot, _) = scan(ask(&["127.0.0.1-8"], port)).await;
    assert_eq!(snapshot.addresses_done, 8);
    let found: Vec<(String, &str, &str)> =
        snapshot.found.iter().map(|f| (f.address.to_string(), f.place.as_str(), f.vendor.as_str())).collect();
    assert!(found.contains(&("127.0.0.1".into(), "unit 1 and 255", "Acme")), "{found:?}");
    assert!(found.contains(&("127.0.0.2".into(), "unit 1", "")), "{found:?}");
    assert_eq!(found.len(), 2, "{found:?}");
    let remark = snapshot.remarks.iter().find(|remark| remark.address.to_string() == "127.0.0.3").unwrap();
    assert!(remark.text.contains("unit 1 or 255") && remark.text.contains("name them"), "{remark:?}");
    // What the devices counted themselves: only the units named, one request or a few.
    for (server, most) in [(&one, 2), (&two, 3), (&three, 2)] {
        let requests = server.device().counters.requests.load(std::sync::atomic::Ordering::Relaxed);
        assert!((1..=most).contains(&requests), "{requests} of {most}");
    }
    assert_eq!(three.device().unit(7).unwrap().requests(), 0);
    let (named, _) = scan(Ask { units: vec![7], ..ask(&["127.0.0.3"], port) }).await;
    assert_eq!(named.found[0].device_keys, [("unit", "7".to_owned())]);
}

#[tokio::test]
async fn devices_that_misbehave_are_left_alone_and_cost_nobody_else() {
    let port = free_port();
    let mut servers = Vec::new();
    let conducts = [
        Conduct::Silent,
        Conduct::Hangup,
        Conduct::Lie(Lie::Protocol),
        Conduct::Lie(Lie::Endless),
        Conduct::Lie(Lie::Transaction),
        Conduct::Lie(Lie::Function),
        Conduct::Lie(Lie::Short),
    ];
    for (number, conduct) in conducts.into_iter().enumerate() {
        let liar = unit(Some(meter()));
        liar.set_behaviour(Behaviour::of(conduct));
        servers.push(start(&format!("127.0.0.{}", 11 + number), port, Station::new(1).with_any(liar)).await);
    }
    servers.push(start("127.0.0.30", port, Station::new(1).with_any(unit(Some(meter())))).await);
    let units = vec![1, 2, 3, 4, 5, 6];
    let (snapshot, _) = scan(Ask { units, ..ask(&["127.0.0.11-30"], port) }).await;
    let found: Vec<String> = snapshot.found.iter().map(|found| found.address.to_string()).collect();
    assert_eq!(found, ["127.0.0.30"]);
    assert!(snapshot.faults >= 3 * 4, "{}", snapshot.faults);
    assert!(snapshot.left_alone >= 4, "{}", snapshot.left_alone);
    assert!(snapshot.remarks.iter().any(|remark| remark.text.contains("left alone")));
    // Three broken conversations, then peace, though six units were named.
    let hangup = servers[1].device().counters.requests.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(hangup, 3);
}

#[tokio::test]
async fn a_yes_holds_for_what_was_shown_and_can_be_taken_back() {
    let desk = Arc::new(Desk::new(PROBES, SystemClock::shared()));
    let silent = start("127.0.0.1", 0, {
        let unit = unit(None);
        unit.set_behaviour(Behaviour::of(Conduct::Silent));
        Station::new(1).with_any(unit)
    })
    .await;
    let ask = Ask { timeout: Duration::from_secs(10), ..ask(&["127.0.0.1"], silent.address().port()) };
    let plan = desk.plan(&ask, &[]).await.unwrap();
    let most = plan.packets_most();
    assert!(desk.begin(plan.clone(), most - 1, "test").is_err());
    let scan = desk.begin(plan.clone(), most, "test").unwrap();
    assert!(desk.begin(plan, most, "test").is_err(), "two at a time");
    let running = tokio::spawn({
        let (desk, scan) = (desk.clone(), scan.clone());
        async move { desk.run(&scan).await }
    });
    crate::support::eventually("the first packet", || scan.snapshot().packets_sent > 0).await;
    scan.stop();
    tokio::time::timeout(Duration::from_secs(5), running).await.unwrap().unwrap();
    assert_eq!(scan.snapshot().state, ScanState::Stopped);
    let known = [("127.0.0.1".to_owned(), "line-1".to_owned())];
    assert!(desk.plan(&ask, &known).await.unwrap().addresses.is_empty());
}
