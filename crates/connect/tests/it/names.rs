//! Names that devices announce: PROFINET by scapy on a cable of our own, multicast DNS by zeroconf.

use crate::support::{PATIENCE, Peer, peer_file, python};
use connect::discover::{Ask, Desk, Found, Snapshot};
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
fn profinet_devices_say_their_names_when_the_cable_is_asked() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(on_a_cable());
    }
    // The same test in a network namespace, where this user may make a cable.
    let this = std::env::current_exe().unwrap();
    let name = "names::profinet_devices_say_their_names_when_the_cable_is_asked";
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
    for words in ["link add ours type veth peer name theirs", "link set ours up", "link set theirs up"] {
        let done = Command::new("ip").args(words.split(' ')).status();
        if !done.is_ok_and(|status| status.success()) {
            return eprintln!("skipped: this machine makes no veth pair");
        }
    }
    let _peer = Peer::spawn(&python, &[&peer_file("dcp_devices.py"), "theirs"]);
    let ask = Ask { interface: Some("ours".into()), ..Ask::default() };
    let begun = Instant::now();
    // scapy answers when it gets to it.
    let snapshot = loop {
        let snapshot = scan(ask.clone()).await;
        assert_eq!(snapshot.packets_sent, 1);
        assert!(snapshot.remarks.is_empty(), "{:?}", snapshot.remarks);
        if snapshot.found.len() == 2 {
            break snapshot;
        }
        assert!(begun.elapsed() < PATIENCE * 3, "{snapshot:?}");
    };
    let named = |name: &str| -> &Found { snapshot.found.iter().find(|found| found.name == name).unwrap() };
    let press = named("press-4");
    assert_eq!((press.address.to_string().as_str(), press.model.as_str()), ("10.20.1.9", "S7-1500"));
    assert!(press.details.contains(&("hardware address".into(), "00:1b:1b:01:02:03".into())), "{press:?}");
    assert!(
        press.details.contains(&("vendor and device number".into(), "002A 010E (hex)".into())),
        "{press:?}"
    );
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
