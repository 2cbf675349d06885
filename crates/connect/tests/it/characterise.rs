//! Measuring devices: simulated ones with limits, holes and bad manners, and pymodbus, which nobody here wrote.

use crate::support::{Peer, free_port, peer_file, python, serial_line};
use connect::characterise::{Bench, Busy, Run, Snapshot, Survey};
use connect::discover::ScanState;
use connect::kind::Context;
use connect::south::{KINDS, surveyor};
use model::config::Document;
use model::{Path, SystemClock};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use twin::modbus::{
    Ability, Bank, Behaviour, Conduct, Framing, Lie, Server, SharedBank, Station, Unit, WordOrder, listen,
};
use wire::modbus::{ExceptionCode, Limits};

fn survey(text: &str) -> Box<dyn Survey> {
    let document = Document::parse("connections/line-1.toml", text).unwrap();
    let context = Context::new("line-1", Path::new("acme/leeds").unwrap(), "");
    let kind = document.root.get("kind").and_then(|node| node.as_text()).unwrap();
    let surveyor = surveyor(kind).unwrap();
    (surveyor.prepare)(&document, &context).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

/// Says yes, waits for the end; holds what was sent against what was promised.
pub async fn measure(text: &str) -> Snapshot {
    let bench = Bench::new(SystemClock::shared());
    let survey = survey(text);
    let effort = survey.effort();
    let (requests, packets) = (effort.requests, effort.packets);
    let run = bench.begin("line-1", effort, packets, false, "test").unwrap();
    run.run(survey, &*SystemClock::shared()).await;
    let snapshot = run.snapshot();
    assert_ne!(snapshot.state, ScanState::Running);
    assert!(snapshot.requests <= requests, "{} of {requests} requests", snapshot.requests);
    assert!(snapshot.packets <= packets, "{} of {packets} packets", snapshot.packets);
    snapshot
}

/// A file with `count` floats from holding register 0 on.
fn file(port: u16, count: u16) -> String {
    let tags: String =
        (0..count).map(|n| format!("v{n} = {{ at = \"holding {}\", type = \"f32\" }}\n", n * 2)).collect();
    format!(
        "kind = \"modbus-tcp\"\nhost = \"127.0.0.1\"\nport = {port}\ntimeout = \"300ms\"\n[device.filler]\nunit = 1\n[device.filler.tags]\n{tags}"
    )
}

fn unit(behaviour: Behaviour, holes: &[std::ops::RangeInclusive<u16>]) -> Arc<Unit> {
    let mut bank = Bank::default();
    bank.holding.add(0..=399);
    for hole in holes {
        bank.holding.remove(hole);
    }
    Arc::new(Unit::new(Arc::new(SharedBank::new(bank))).behaving(behaviour))
}

async fn start(station: Station) -> Server {
    listen(([127, 0, 0, 1], 0).into(), Framing::Tcp, station).await.unwrap()
}

pub fn value(snapshot: &Snapshot, what: &str) -> String {
    let found = snapshot.lines.iter().find(|line| line.what == what);
    found.map_or_else(String::new, |line| line.value.clone())
}

pub fn kept(snapshot: &Snapshot) -> toml::Table {
    snapshot.text.parse().unwrap_or_else(|why| panic!("{why}: {}", snapshot.text))
}

#[tokio::test]
async fn a_device_with_a_small_limit_a_hole_and_one_socket() {
    let limits = Limits { read_registers: 40, ..Limits::STANDARD };
    let ability = Ability { limits, ..Ability::default() };
    let slow = Behaviour { ability, ..Behaviour::slow(Duration::from_millis(5), Duration::from_millis(2)) };
    let station = Station::new(1).with(1, unit(slow, &[100..=101])).max_connections(1);
    let server = start(station).await;
    let snapshot = measure(&file(server.address().port(), 150)).await;
    assert_eq!(snapshot.fault, None, "{snapshot:#?}");
    assert_eq!(value(&snapshot, "largest block"), "40 registers");
    assert_eq!(value(&snapshot, "tags refused"), "1");
    assert_eq!(value(&snapshot, "connections at once"), "1");
    let kept = kept(&snapshot);
    assert_eq!(kept["device"]["filler"]["max_registers"].as_integer(), Some(40));
    let cuts: Vec<&str> =
        kept["device"]["filler"]["cuts"].as_array().unwrap().iter().filter_map(|cut| cut.as_str()).collect();
    assert_eq!(cuts, ["holding 100", "holding 102"]);
    assert!(kept["answer_ms"].as_float().unwrap() >= 5.0, "{kept}");
    assert!(
        !kept.contains_key("pipeline"),
        "it answers one after the other, so asking at once gains nothing: {kept}"
    );
    // The device's own count: nothing but what was said.
    assert!(server.device().counters.requests.load(Relaxed) <= snapshot.requests);
}

#[tokio::test]
async fn a_device_that_needs_silence_between_requests() {
    let tired = Behaviour::able(Ability { rest: Duration::from_millis(20), ..Ability::default() });
    let server = start(Station::new(1).with(1, unit(tired, &[]))).await;
    let snapshot = measure(&file(server.address().port(), 20)).await;
    assert_eq!(snapshot.fault, None, "{snapshot:#?}");
    assert_eq!(value(&snapshot, "silence between requests"), "30 ms");
    assert_eq!(kept(&snapshot)["request_delay"].as_str(), Some("30ms"));
    assert!(snapshot.faults >= 2, "{}", snapshot.faults);
}

#[tokio::test]
async fn a_device_that_is_silent_about_what_is_too_much() {
    let limits = Limits { read_registers: 30, ..Limits::STANDARD };
    let mute = Behaviour::able(Ability { limits, mute: true, ..Ability::default() });
    let server = start(Station::new(1).with(1, unit(mute, &[]))).await;
    let snapshot = measure(&file(server.address().port(), 60)).await;
    assert_eq!(snapshot.fault, None, "{snapshot:#?}");
    assert_eq!(value(&snapshot, "largest block"), "30 registers");
}

#[tokio::test]
async fn devices_that_misbehave_are_left_alone_and_nothing_is_saved() {
    let conducts = [
        Conduct::Silent,
        Conduct::Hangup,
        Conduct::Refuse(ExceptionCode::SERVER_DEVICE_BUSY),
        Conduct::Lie(Lie::Transaction),
        Conduct::Lie(Lie::Protocol),
        Conduct::Lie(Lie::Unit),
        Conduct::Lie(Lie::MoreData),
        Conduct::Lie(Lie::Endless),
    ];
    for conduct in conducts {
        let server = start(Station::new(1).with(1, unit(Behaviour::of(conduct), &[]))).await;
        let snapshot = measure(&file(server.address().port(), 20)).await;
        assert!(snapshot.fault.is_some() && snapshot.text.is_empty(), "{conduct:?}: {snapshot:#?}");
        assert_eq!((snapshot.requests, snapshot.faults), (3, 3), "{conduct:?}");
    }
    let nobody = measure(&file(free_port(), 20)).await;
    assert!(matches!(nobody.fault, Some(model::Fault::Connect(_))), "{nobody:#?}");
}

#[tokio::test]
async fn pymodbus_is_measured_and_its_plan_keeps_to_it() {
    let Some(python) = python() else { return };
    let port = free_port();
    let _peer = Peer::spawn(&python, &[&peer_file("modbus_identity.py"), "127.0.0.1", &port.to_string()]);
    // Registers 0 to 99 exist, so the last tag does not.
    let text = file(port, 51);
    let snapshot = measure(&text).await;
    assert_eq!(snapshot.fault, None, "{snapshot:#?}");
    assert_eq!(value(&snapshot, "largest block"), "100 registers");
    assert_eq!(value(&snapshot, "tags refused"), "1");
    assert_eq!(value(&snapshot, "connections at once"), "4 or more");
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("measured")).unwrap();
    std::fs::write(folder.path().join("measured/line-1.toml"), &snapshot.text).unwrap();
    let built = |folder: &std::path::Path, text: &str| {
        let document = Document::parse("connections/line-1.toml", text).unwrap();
        let context = Context::new("line-1", Path::new("acme/leeds").unwrap(), folder);
        let kind = connect::kind::find(KINDS, "modbus-tcp").unwrap();
        (kind.build)(&document, &context).unwrap()
    };
    let with = built(folder.path(), &text);
    assert!(with.it.measured().contains("not across holding 100"), "{}", with.it.measured());
    assert_eq!(with.it.requests(0), Some(2), "the refused tag stands alone");
    assert_eq!(built(std::path::Path::new(""), &text).it.requests(0), Some(1));
    // For another endpoint it does not hold.
    let moved = built(folder.path(), &text.replace("127.0.0.1", "127.0.0.2"));
    assert!(moved.it.measured().contains("not used"), "{}", moved.it.measured());
    assert_eq!(moved.it.requests(0), Some(1));
}

#[tokio::test]
async fn a_yes_holds_for_what_was_shown_and_can_be_taken_back() {
    let bench = Bench::new(SystemClock::shared());
    let silent = start(Station::new(1).with(1, unit(Behaviour::of(Conduct::Silent), &[]))).await;
    let text = file(silent.address().port(), 4).replace("300ms", "10s");
    let survey = survey(&text);
    let effort = survey.effort();
    let packets = effort.packets;
    assert_eq!(
        bench.begin("x", effort.clone(), packets - 1, false, "test").unwrap_err(),
        Busy::Changed(packets)
    );
    let run: Arc<Run> = bench.begin("x", effort.clone(), packets, false, "test").unwrap();
    assert_eq!(bench.begin("x", effort, packets, false, "test").unwrap_err(), Busy::Running);
    let running = tokio::spawn({
        let run = run.clone();
        async move { run.run(survey, &*SystemClock::shared()).await }
    });
    crate::support::eventually("the first packet", || run.snapshot().packets > 0).await;
    run.stop();
    tokio::time::timeout(Duration::from_secs(5), running).await.unwrap().unwrap();
    assert_eq!(run.snapshot().state, ScanState::Stopped);
}

#[tokio::test]
async fn floats_in_another_order_are_noticed() {
    let mut bank = Bank::default();
    bank.holding.add(0..=399);
    for (at, value) in [(0, 20.5), (2, 230.0), (4, 49.98)] {
        bank.put_f32(at, value, WordOrder::LowFirst);
    }
    let unit = Arc::new(Unit::new(Arc::new(SharedBank::new(bank))));
    let server = start(Station::new(1).with(1, unit)).await;
    let snapshot = measure(&file(server.address().port(), 3)).await;
    assert_eq!(value(&snapshot, "order of words"), "CDAB?", "{snapshot:#?}");
}

/// The same words as on TCP, but nothing is put at once on a line.
async fn on_a_line(head: &str) {
    let text = file(0, 51);
    let rest = text.split_once("[device.filler]").unwrap().1;
    let snapshot = measure(&format!("{head}\ntimeout = \"500ms\"\n[device.filler]{rest}")).await;
    assert_eq!(snapshot.fault, None, "{snapshot:#?}");
    assert_eq!(value(&snapshot, "largest block"), "100 registers");
    assert_eq!(value(&snapshot, "tags refused"), "1");
    let kept = kept(&snapshot);
    assert!(!kept.contains_key("connections") && !kept.contains_key("pipeline"), "{kept}");
    assert!(kept["answer_ms"].as_float().unwrap() > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pymodbus_is_measured_on_a_serial_line() {
    let Some(python) = python() else { return };
    let (ours, theirs) = serial_line();
    let _peer = Peer::spawn(&python, &[&peer_file("modbus_identity.py"), "serial", &theirs]);
    on_a_line(&format!("kind = \"modbus-rtu\"\nline = \"{ours}\"\nparity = \"none\"")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_on_a_line_that_misbehave_are_left_alone() {
    for conduct in [Conduct::Silent, Conduct::Lie(Lie::Short), Conduct::Lie(Lie::Endless), Conduct::Hangup] {
        let station = Station::new(1).with(1, unit(Behaviour::of(conduct), &[]));
        let server = listen(([127, 0, 0, 1], 0).into(), Framing::Rtu, station).await.unwrap();
        let text = file(server.address().port(), 4).replace("modbus-tcp", "modbus-rtu-tcp");
        let snapshot = measure(&text).await;
        assert!(snapshot.fault.is_some() && snapshot.text.is_empty(), "{conduct:?}: {snapshot:#?}");
    }
}
