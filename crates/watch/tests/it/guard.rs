//! What is normal is learned, what is not is found once and named; our own traffic is held against plan and ledger.

use crate::talk::{Capture, Host, cip, modbus, s7_job};
use model::expected::{Coding, ExpectedTraffic};
use model::{Access, Declaration, Path, Time, Value, ValueType, WriteRule};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use watch::{Announced, Authorised, Baseline, Expected, Limits, Mode, Monitor, Reply, Report, Window};

const HMI: Host = 5;
const PLC: Host = 9;
const ROGUE: Host = 66;
const GATEWAY: Host = 7;

fn read(transaction: u16, first: u8, count: u8, values: &[u8]) -> [(bool, Vec<u8>); 2] {
    let mut answer = vec![3, count * 2];
    values.iter().for_each(|value| answer.extend([0, *value]));
    answer.resize(2 + usize::from(count) * 2, 0);
    [(true, modbus(transaction, &[3, 0, first, 0, count])), (false, modbus(transaction, &answer))]
}

fn write(transaction: u16, register: u8, value: u16) -> [(bool, Vec<u8>); 2] {
    let [high, low] = value.to_be_bytes();
    let pdu = [6, 0, register, high, low];
    [(true, modbus(transaction, &pdu)), (false, modbus(transaction, &pdu))]
}

/// Ten minutes of an HMI that reads ten registers and writes one.
fn monday() -> Capture {
    let mut capture = Capture::new();
    for round in 0..150 {
        let mut talk = read(round, 0, 10, &[1, 2, 3]).to_vec();
        talk.extend(write(round + 500, 100, 7));
        capture.connection(HMI, PLC, 502, &talk);
        capture.wait(4);
    }
    capture
}

/// A monitor that knows Monday, and the time at which Tuesday begins.
fn learned() -> (Monitor, Capture) {
    let monday = monday();
    let mut monitor = Monitor::new(Limits::STANDARD);
    monitor.set_mode(Mode::Learning, []);
    monday.feed(&mut monitor);
    monitor.set_mode(Mode::Guarding, []);
    (monitor, monday.later())
}

/// What is found on a Tuesday, some seconds after its last packet.
fn tuesday(happens: impl FnOnce(&mut Capture)) -> Report {
    let (mut monitor, mut capture) = learned();
    happens(&mut capture);
    finish(&mut monitor, &capture)
}

/// The captures of docs/watch.md.
#[test]
fn the_captures_of_the_manual_are_this_traffic() {
    let mut monday = Capture::new();
    for round in 0..40 {
        let mut talk = read(round, 0, 10, &[1, 2, 3]).to_vec();
        talk.extend(write(round + 500, 100, 480));
        monday.connection(HMI, PLC, 502, &talk);
        monday.wait(30);
    }
    let mut tuesday = monday.later();
    for round in 0..4 {
        tuesday.connection(HMI, PLC, 502, &[read(round, 0, 10, &[1]), write(round + 500, 100, 480)].concat());
        tuesday.wait(30);
    }
    tuesday.connection(ROGUE, PLC, 502, &write(1, 100, 900));
    tuesday.connection(HMI, PLC, 502, &read(9, 40, 2, &[]));
    monday.is_file("watch-monday.pcap");
    tuesday.is_file("watch-tuesday.pcap");
    let mut monitor = Monitor::new(Limits::STANDARD);
    monday.feed(&mut monitor);
    monitor.set_mode(Mode::Guarding, []);
    assert_eq!(rules(&finish(&mut monitor, &tuesday)), ["IB-BASE-005", "IB-BASE-004"]);
}

fn finish(monitor: &mut Monitor, capture: &Capture) -> Report {
    capture.feed(monitor);
    monitor.tick(capture.now_ns() + 10_000_000_000);
    monitor.report()
}

fn rules(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.rule).collect()
}

/// Registers as they are, times ten.
#[derive(Debug)]
struct Tenths;

impl Coding for Tenths {
    fn value(&self, bytes: &[u8]) -> Option<Value> {
        let [high, low] = bytes else { return None };
        Some(Value::F64(f64::from(u16::from_be_bytes([*high, *low])) / 10.0))
    }

    fn agrees(&self, asked: &Value, seen: &[u8]) -> bool {
        self.value(seen).is_some_and(|seen| asked.as_f64() == seen.as_f64())
    }
}

fn address(host: Host) -> IpAddr {
    IpAddr::from([10, 0, 0, host])
}

/// A connection of the gateway that reads holding 0..9 and may write holding 100 between 0 and 60 /min.
fn plan() -> Vec<ExpectedTraffic> {
    let path = Path::new("acme/leeds/filler/target").unwrap();
    let mut point = Declaration::new(path, ValueType::F64);
    point.unit = "/min".into();
    point.access =
        Access::Write(Box::new(WriteRule { min: Some(0.0), max: Some(60.0), ..WriteRule::default() }));
    let holding = wire::modbus::Table::HoldingRegisters as u64;
    let one = |function, first, count| ExpectedTraffic {
        unit: 1,
        function,
        space: holding,
        first,
        count,
        ..ExpectedTraffic::to("line-1", "10.0.0.9", 502, "modbus")
    };
    let target =
        ExpectedTraffic { point: Some(Arc::new(point)), coding: Some(Arc::new(Tenths)), ..one(6, 100, 1) };
    vec![one(3, 0, 10), target]
}

fn expected() -> Expected {
    Expected::new([address(GATEWAY)], &plan(), &Default::default())
}

fn command(capture: &Capture, id: &str, value: f64) -> Authorised {
    Authorised {
        id: id.into(),
        connection: "line-1".into(),
        path: "acme/leeds/filler/target".into(),
        value: Value::F64(value),
        who: "user:anna".into(),
        from: Time(capture.now_ns()),
        until: Time(capture.now_ns() + 10_000_000_000),
    }
}

/// What the gateway does, with its plan known.
fn gateway(happens: impl FnOnce(&mut Capture, &mut Monitor)) -> Report {
    let (mut monitor, mut capture) = learned();
    monitor.expect(expected());
    happens(&mut capture, &mut monitor);
    finish(&mut monitor, &capture)
}

/// Every detection of the guard with what shows it.
pub fn cases() -> Vec<(&'static str, Report)> {
    let busy = |capture: &mut Capture| {
        for minute in 0..2 {
            for round in 0..200 {
                let talk = read(round + minute * 300, 0, 10, &[1]);
                capture.connection(HMI, PLC, 502, &talk);
            }
            capture.wait(60);
        }
    };
    let changed = gateway(|capture, monitor| {
        let reply = Reply {
            local: SocketAddr::new(address(GATEWAY), capture.next_port()),
            remote: SocketAddr::new(address(PLC), 502),
            transaction: 9,
            digest: Reply::digest(b"changed on its way"),
            time: Time(capture.now_ns()),
        };
        monitor.reply(&reply);
        capture.connection(GATEWAY, PLC, 502, &read(9, 0, 10, &[1]));
    });
    vec![
        ("IB-BASE-001", tuesday(|capture| capture.connection(ROGUE, PLC, 502, &read(1, 0, 10, &[])))),
        ("IB-BASE-002", tuesday(|capture| capture.connection(HMI, PLC, 102, &[(true, s7_job(1, &[0xF0]))]))),
        (
            "IB-BASE-003",
            tuesday(|capture| {
                capture.connection(HMI, PLC, 502, &[(true, modbus(1, &[4, 0, 0, 0, 1]))]);
            }),
        ),
        ("IB-BASE-004", tuesday(|capture| capture.connection(HMI, PLC, 502, &read(1, 50, 2, &[])))),
        ("IB-BASE-005", tuesday(|capture| capture.connection(ROGUE, PLC, 502, &write(1, 100, 9)))),
        ("IB-BASE-006", tuesday(|capture| capture.connection(HMI, PLC, 502, &write(1, 101, 9)))),
        ("IB-BASE-007", tuesday(busy)),
        ("IB-BASE-008", gateway(|capture, _| capture.connection(HMI, PLC, 502, &write(1, 100, 9_000)))),
        ("IB-OWN-001", gateway(|capture, _| capture.connection(GATEWAY, PLC, 502, &write(1, 100, 300)))),
        ("IB-OWN-002", gateway(|capture, _| capture.connection(GATEWAY, PLC, 502, &read(1, 0, 20, &[])))),
        ("IB-OWN-003", changed),
    ]
}

#[test]
fn what_was_learned_is_not_found() {
    let report = tuesday(|capture| {
        capture.connection(HMI, PLC, 502, &read(1, 2, 5, &[]));
        for _ in 0..20 {
            capture.connection(HMI, PLC, 502, &write(2, 100, 8));
        }
    });
    assert_eq!(rules(&report), Vec::<&str>::new());
}

#[test]
fn a_rogue_writer_is_one_finding_that_names_the_point_and_both_values() {
    let report = gateway(|capture, _| {
        capture.connection(HMI, PLC, 502, &write(1, 100, 480));
        capture.connection(ROGUE, PLC, 502, &read(1, 0, 10, &[]));
        for number in 2..5 {
            capture.connection(ROGUE, PLC, 502, &write(number, 100, 90 + number));
        }
    });
    assert_eq!(rules(&report), ["IB-BASE-005"]);
    let finding = &report.findings[0];
    assert_eq!(
        (finding.source.as_str(), finding.target.as_str(), finding.count),
        ("10.0.0.66", "10.0.0.9", 3)
    );
    assert_eq!(finding.path.as_deref(), Some("acme/leeds/filler/target"));
    assert_eq!(
        finding.details,
        [
            "holding 100 (unit 1): 48 -> 9.2 /min",
            "usually written by 10.0.0.5",
            "the point is acme/leeds/filler/target",
            "holding 100 (unit 1): 9.2 -> 9.3 /min",
            "holding 100 (unit 1): 9.3 -> 9.4 /min"
        ]
    );
}

#[test]
fn the_old_value_comes_from_what_others_read() {
    let report = tuesday(|capture| {
        capture.connection(HMI, PLC, 502, &read(1, 0, 10, &[0, 0, 0, 42]));
        capture.connection(ROGUE, PLC, 502, &write(2, 3, 43));
    });
    assert_eq!(
        report.findings[0].details[..2],
        ["holding 3 (unit 1): 42 -> 43", "nobody writes there usually"]
    );
}

#[test]
fn a_stranger_who_only_looks_is_one_finding() {
    let report = tuesday(|capture| {
        capture.connection(ROGUE, PLC, 502, &read(1, 0, 100, &[]));
        capture.connection(ROGUE, PLC, 502, &[(true, modbus(2, &[4, 0, 0, 0, 1]))]);
        capture.connection(ROGUE, PLC, 102, &[(true, s7_job(1, &[0xF0]))]);
    });
    assert_eq!(rules(&report), ["IB-BASE-001"]);
    let about = &report.findings[0].details;
    assert!(
        about[0] == "asks 10.0.0.9 in Modbus" && about.iter().any(|words| words.ends_with("S7comm")),
        "{about:?}"
    );
}

#[test]
fn learning_is_silent_but_not_about_danger() {
    let mut capture = monday();
    capture.connection(ROGUE, PLC, 502, &[(true, modbus(1, &[90, 0, 0x41, 0xFF, 0]))]);
    assert_eq!(capture.found(), ["IB-MB-012", "IB-MB-013", "IB-NET-003"]);
}

#[test]
fn a_baseline_outlives_a_restart_as_a_file() {
    let (monitor, mut capture) = learned();
    let text = serde_json::to_string(monitor.baseline()).unwrap();
    let baseline: Baseline = serde_json::from_str(&text).unwrap();
    assert_eq!(&baseline, monitor.baseline());
    let mut monitor = Monitor::new(Limits::STANDARD);
    monitor.set_baseline(baseline);
    monitor.set_mode(Mode::Guarding, []);
    capture.connection(HMI, PLC, 502, &read(1, 0, 10, &[]));
    capture.connection(HMI, PLC, 502, &write(1, 100, 8));
    capture.connection(HMI, PLC, 502, &write(1, 120, 8));
    assert_eq!(rules(&finish(&mut monitor, &capture)), ["IB-BASE-006"]);
    let newer = text.replacen("\"version\":1", "\"version\":2", 1);
    let refused = serde_json::from_str::<Baseline>(&newer).unwrap_err().to_string();
    assert!(refused.contains("newer Ironbridge"), "{refused}");
}

#[test]
fn differences_are_approved_one_by_one() {
    let (mut monitor, mut capture) = learned();
    capture.connection(ROGUE, PLC, 502, &read(1, 0, 10, &[]));
    capture.connection(ROGUE, PLC, 502, &write(1, 100, 8));
    finish(&mut monitor, &capture);
    let differences = monitor.differences(100);
    let told: Vec<_> = differences.iter().map(|one| (one.kind.words(), one.what.as_str())).collect();
    assert_eq!(
        told,
        [
            ("new asset", ""),
            ("new link", "Modbus"),
            ("new function", "Modbus: 3 Read Holding Registers"),
            ("new function", "Modbus: 6 Write Single Register"),
            ("new point read", "Modbus: holding 0..9 (unit 1)"),
            ("new writer", "Modbus: holding 100 (unit 1)"),
        ]
    );
    // It may read, not write.
    for difference in differences.iter().take(5).filter(|one| !one.what.contains('6')) {
        monitor.approve(difference);
    }
    let left: Vec<_> = monitor.differences(100).iter().map(|one| one.what.clone()).collect();
    assert_eq!(left, ["Modbus: 6 Write Single Register", "Modbus: holding 100 (unit 1)"]);
    let mut later = capture.later();
    later.connection(ROGUE, PLC, 502, &read(1, 0, 10, &[]));
    later.connection(ROGUE, PLC, 502, &write(1, 100, 9));
    let report = finish(&mut monitor, &later);
    let finding = report.findings.iter().find(|finding| finding.rule == "IB-BASE-005").unwrap();
    assert_eq!(finding.count, 2, "before and after");
}

#[test]
fn what_was_found_is_not_learned_by_itself() {
    let (mut monitor, mut capture) = learned();
    capture.connection(ROGUE, PLC, 502, &write(1, 100, 8));
    capture.feed(&mut monitor);
    monitor.set_mode(Mode::Learning, []);
    let mut later = capture.later();
    later.connection(ROGUE, PLC, 502, &write(1, 100, 8));
    later.connection(6, PLC, 502, &read(1, 0, 10, &[]));
    later.feed(&mut monitor);
    monitor.set_mode(Mode::Guarding, []);
    let baseline = monitor.baseline();
    assert!(baseline.assets.contains_key("10.0.0.6") && !baseline.assets.contains_key("10.0.0.66"));
}

#[test]
fn a_zone_can_be_guarded_alone() {
    let monday = monday();
    let mut monitor = Monitor::new(Limits::STANDARD);
    monday.feed(&mut monitor);
    monitor.set_mode(Mode::Learning, [("10.0.0.9".to_owned(), Mode::Guarding)]);
    let mut capture = monday.later();
    capture.connection(HMI, 8, 502, &write(1, 100, 8));
    capture.connection(HMI, PLC, 502, &write(1, 120, 8));
    let report = finish(&mut monitor, &capture);
    let found: Vec<_> = report.findings.iter().map(|one| (one.rule, one.target.as_str())).collect();
    assert_eq!(found, [("IB-BASE-006", "10.0.0.9")]);
}

#[test]
fn our_own_plan_is_expected_without_having_been_learned() {
    let report = gateway(|capture, _| {
        capture.connection(GATEWAY, PLC, 502, &read(1, 0, 10, &[]));
        capture.connection(GATEWAY, PLC, 502, &read(1, 4, 2, &[]));
    });
    assert_eq!(rules(&report), Vec::<&str>::new());
}

#[test]
fn a_command_explains_one_write_of_its_value() {
    let outcome = |value: u16, writes: u16| {
        let report = gateway(|capture, monitor| {
            monitor.authorise(command(capture, "c1", 30.0));
            (0..writes).for_each(|at| capture.connection(GATEWAY, PLC, 502, &write(at, 100, value)));
        });
        (report.explained.commands_matched, report.explained.commands_unmatched, rules(&report))
    };
    assert_eq!(outcome(300, 1), (1, 0, vec![]));
    assert_eq!(outcome(301, 1), (0, 1, vec!["IB-OWN-001"]), "another value");
    assert_eq!(outcome(300, 2), (1, 1, vec!["IB-OWN-001"]), "never twice");
}

#[test]
fn the_ledger_may_come_a_little_after_the_wire() {
    let (mut monitor, mut capture) = learned();
    monitor.expect(expected());
    capture.connection(GATEWAY, PLC, 502, &write(1, 100, 300));
    capture.feed(&mut monitor);
    monitor.authorise(command(&capture, "late", 30.0));
    let report = finish(&mut monitor, &capture.later());
    assert_eq!((report.explained.commands_matched, rules(&report)), (1, vec![]));
}

/// The path of a tag as a Logix controller takes it.
fn symbol(tag: &str) -> Vec<u8> {
    let length = u8::try_from(tag.len()).unwrap();
    let mut path = [&[0x91, length][..], tag.as_bytes()].concat();
    path.resize(path.len().next_multiple_of(2), 0);
    path
}

#[test]
fn a_command_explains_the_tag_that_it_names_and_no_other() {
    let write = |tag: &str| {
        let path = symbol(tag);
        let words = u8::try_from(path.len() / 2).unwrap();
        cip(1, &[&[0x4D, words][..], &path, &[0xC4, 0, 1, 0, 30, 0, 0, 0]].concat())
    };
    let outcome = |tag: &str, asked: f64| {
        let mut capture = Capture::new();
        let mut monitor = Monitor::new(Limits::STANDARD);
        let to = ExpectedTraffic::to("line-1", "10.0.0.9", 44_818, "enip");
        let path = Path::new("acme/leeds/filler/target").unwrap();
        let point = Some(Arc::new(Declaration::new(path, ValueType::I64)));
        let space = model::expected::named_space(&symbol("Target"));
        let coding: Option<Arc<dyn Coding>> = Some(Arc::new(Dint));
        let planned = [to.clone(), ExpectedTraffic { space, count: 1, point, coding, ..to }];
        monitor.expect(Expected::new([address(GATEWAY)], &planned, &Default::default()));
        monitor.authorise(command(&capture, "c1", asked));
        capture.connection(GATEWAY, PLC, 44_818, &[(true, write(tag))]);
        let report = finish(&mut monitor, &capture);
        (report.explained.commands_matched, rules(&report))
    };
    assert_eq!(outcome("Target", 30.0), (1, vec![]));
    assert_eq!(outcome("Target", 31.0), (0, vec!["IB-OWN-001"]), "the command was about another value");
    assert_eq!(outcome("Bypass", 30.0), (0, vec!["IB-OWN-001"]), "the command was about another tag");
}

/// A whole number as Write Tag carries it, or as BACnet writes the present value.
#[derive(Debug)]
struct Dint;

impl Coding for Dint {
    fn value(&self, bytes: &[u8]) -> Option<Value> {
        let [.., low, _, _, _] = bytes else { return None };
        Some(Value::F64((*low).into()))
    }

    fn agrees(&self, asked: &Value, seen: &[u8]) -> bool {
        self.value(seen).is_some_and(|seen| asked.as_f64() == seen.as_f64())
    }
}

#[test]
fn a_command_explains_the_request_of_bacnet_that_would_go_out_for_it() {
    /// The bytes of one request, whatever the value.
    #[derive(Debug)]
    struct Request(Vec<u8>);

    impl Coding for Request {
        fn value(&self, _: &[u8]) -> Option<Value> {
            None
        }

        fn agrees(&self, _: &Value, seen: &[u8]) -> bool {
            seen == self.0
        }
    }

    // WriteProperty of the present value of analog-value 7, a REAL, at priority 10.
    let body = |value: u8| [0x0C, 0, 0x80, 0, 7, 0x19, 85, 0x3E, 0x44, 0x41, value, 0, 0, 0x3F, 0x49, 10];
    let outcome = |sent: u8| {
        let mut capture = Capture::new();
        let mut monitor = Monitor::new(Limits::STANDARD);
        let to = ExpectedTraffic::to("line-1", "10.0.0.9", 47_808, "bacnet");
        let path = Path::new("acme/leeds/filler/target").unwrap();
        let point = Some(Arc::new(Declaration::new(path, ValueType::F64)));
        let asked = [&[15][..], &body(0xAC)].concat();
        let coding: Option<Arc<dyn Coding>> = Some(Arc::new(Request(asked)));
        let planned = [ExpectedTraffic { space: 2, first: 7, count: 1, point, coding, ..to }];
        monitor.expect(Expected::new([address(GATEWAY)], &planned, &Default::default()));
        monitor.authorise(command(&capture, "c1", 21.5));
        let apdu = [&[0, 5, 1, 15][..], &body(sent)].concat();
        let head = [0x81, 10, 0, u8::try_from(apdu.len() + 6).unwrap(), 1, 4];
        capture.datagram((GATEWAY, 47_808), (PLC, 47_808), &[&head[..], &apdu].concat());
        let report = finish(&mut monitor, &capture);
        (report.explained.commands_matched, rules(&report))
    };
    assert_eq!(outcome(0xAC), (1, vec![]));
    assert_eq!(outcome(0xB0), (0, vec!["IB-OWN-001"]), "another value");
}

#[test]
fn what_nobody_asked_for_is_found_as_soon_as_the_ledger_was_read() {
    let (mut monitor, mut capture) = learned();
    monitor.expect(expected());
    let before_ns = capture.now_ns();
    capture.connection(GATEWAY, PLC, 502, &write(1, 100, 300));
    capture.feed(&mut monitor);
    let now_ns = capture.now_ns() + 100_000_000;
    let found = |monitor: &mut Monitor| {
        monitor.tick(now_ns);
        rules(&monitor.report())
    };
    monitor.authorised_until(before_ns);
    assert_eq!(found(&mut monitor), Vec::<&str>::new(), "its command may stand in what was not read yet");
    monitor.authorised_until(now_ns);
    assert_eq!(found(&mut monitor), ["IB-OWN-001"]);
}

#[test]
fn what_a_person_said_yes_to_is_expected_and_nothing_else_is() {
    let look = |said_yes: bool, happens: &dyn Fn(&mut Capture)| {
        let (mut monitor, mut capture) = learned();
        monitor.expect(expected());
        let (from_ns, addresses) = (capture.now_ns(), [8, PLC].map(address).into());
        if said_yes {
            let id = "scan/1".to_owned();
            let until_ns = i64::MAX;
            assert!(monitor.announce(Announced { id, addresses, everybody: true, from_ns, until_ns }));
        }
        happens(&mut capture);
        rules(&finish(&mut monitor, &capture))
    };
    // A search: who is there, who are you, in protocols and at addresses that no connection talks to.
    let search = |capture: &mut Capture| {
        for target in 20..60 {
            capture.arp(GATEWAY, GATEWAY, Some(target));
        }
        capture.wait(1);
        for target in 60..70 {
            capture.arp(GATEWAY, GATEWAY, Some(target));
        }
        capture.connection(GATEWAY, 8, 102, &[(true, s7_job(1, &[0xF0]))]);
        capture.connection(GATEWAY, PLC, 502, &[(true, modbus(1, &[43, 14, 1, 0]))]);
        capture.connection(GATEWAY, PLC, 502, &read(2, 50, 1, &[]));
        (1..40).for_each(|port| capture.connection(GATEWAY, 8, 1_000 + port, &[]));
    };
    // That there is a device which nobody knew is found all the same.
    assert_eq!(look(true, &search), ["IB-BASE-001"]);
    let found = look(false, &search);
    for rule in ["IB-OWN-002", "IB-NET-001", "IB-NET-009", "IB-MB-006"] {
        assert!(found.contains(&rule), "{rule}: {found:?}");
    }
    // Whom nobody named, what changes a device, and somebody else's search are found as ever.
    let strange = |capture: &mut Capture| {
        capture.connection(GATEWAY, HMI, 102, &[(true, s7_job(1, &[0xF0]))]);
        capture.connection(GATEWAY, PLC, 502, &write(3, 100, 300));
        capture.connection(ROGUE, PLC, 502, &[(true, modbus(1, &[43, 14, 1, 0]))]);
    };
    let found = look(true, &strange);
    for rule in ["IB-OWN-001", "IB-OWN-002", "IB-MB-006", "IB-BASE-001"] {
        assert!(found.contains(&rule), "{rule}: {found:?}");
    }
}

#[test]
fn a_write_that_nobody_authorised_is_critical_and_named() {
    let report = gateway(|capture, _| {
        capture.connection(HMI, PLC, 502, &write(1, 100, 100));
        capture.connection(GATEWAY, PLC, 502, &write(2, 100, 300));
    });
    let finding = &report.findings[0];
    assert_eq!((finding.rule, finding.level, finding.count), ("IB-OWN-001", "critical", 1));
    assert_eq!(finding.details[0], "holding 100 (unit 1): 10 -> 30 /min");
    assert_eq!(finding.path.as_deref(), Some("acme/leeds/filler/target"));
}

#[test]
fn a_value_outside_the_range_is_found_even_of_an_approved_writer() {
    let report = gateway(|capture, _| {
        capture.connection(HMI, PLC, 502, &write(1, 100, 7));
        capture.connection(HMI, PLC, 502, &write(1, 100, 601));
    });
    assert_eq!(rules(&report), ["IB-BASE-008"]);
    assert_eq!(
        report.findings[0].details,
        [
            "holding 100 (unit 1): 0.7 -> 60.1 /min",
            "allowed are 0 to 60 /min",
            "the point is acme/leeds/filler/target"
        ]
    );
}

#[test]
fn a_stranger_with_a_value_out_of_range_is_still_one_finding() {
    let report = gateway(|capture, _| capture.connection(ROGUE, PLC, 502, &write(1, 100, 900)));
    assert_eq!(rules(&report), ["IB-BASE-005"]);
    assert!(report.findings[0].details.contains(&"allowed are 0 to 60 /min".to_owned()));
}

#[test]
fn a_window_makes_a_planned_download_quiet_and_only_there() {
    let download = [(true, modbus(1, &[90, 0, 0x33, 0, 1]))];
    let with = |assets: &[&str], until_s: i64| {
        let (mut monitor, mut capture) = learned();
        let window = Window {
            id: "W-1".into(),
            assets: assets.iter().map(|asset| (*asset).to_owned()).collect(),
            from_ns: capture.now_ns(),
            until_ns: capture.now_ns() + until_s * 1_000_000_000,
        };
        assert!(monitor.set_windows([window]));
        capture.wait(10);
        capture.connection(ROGUE, PLC, 502, &download);
        finish(&mut monitor, &capture)
    };
    let severities = |report: &Report| -> Vec<_> {
        report.findings.iter().map(|one| (one.rule, one.severity, one.window.clone())).collect()
    };
    let quiet = with(&["10.0.0.9"], 60);
    assert!(
        quiet.findings.iter().all(|one| one.severity == 100 && one.window.as_deref() == Some("W-1")),
        "{:?}",
        severities(&quiet)
    );
    assert!(rules(&quiet).contains(&"IB-MB-010"), "it is recorded");
    for loud in [with(&["10.0.0.8"], 60), with(&["10.0.0.9"], 5)] {
        assert!(
            loud.findings
                .iter()
                .any(|one| one.rule == "IB-MB-010" && one.severity >= 700 && one.window.is_none())
        );
    }
}

#[test]
fn the_same_answer_at_both_ends_is_counted_not_found() {
    let report = gateway(|capture, monitor| {
        let answer = read(9, 0, 10, &[1])[1].1.clone();
        let reply = Reply {
            local: SocketAddr::new(address(GATEWAY), capture.next_port()),
            remote: SocketAddr::new(address(PLC), 502),
            transaction: 9,
            digest: Reply::digest(&answer[7..]),
            time: Time(capture.now_ns()),
        };
        monitor.reply(&reply);
        capture.connection(GATEWAY, PLC, 502, &read(9, 0, 10, &[1]));
        // Another transaction, seen on the wire alone.
        capture.connection(GATEWAY, PLC, 502, &read(10, 0, 10, &[1]));
    });
    assert_eq!((report.explained.answers_same, report.explained.answers_changed), (1, 0));
    assert_eq!((report.explained.answers_single, rules(&report)), (1, vec![]));
}

#[test]
fn stability_is_told() {
    let (monitor, _) = learned();
    assert_eq!(monitor.baseline().stability(), "learned for 9 min, nothing new for 8 min");
}

/// What a restart keeps: the baseline, and what is not approved.
fn restarted(monitor: &mut Monitor, mode: Mode) -> Monitor {
    let text =
        [monitor.baseline().clone(), monitor.unapproved()].map(|one| serde_json::to_string(&one).unwrap());
    let [baseline, unapproved] = text.map(|text| serde_json::from_str(&text).unwrap());
    let mut again = Monitor::new(Limits::STANDARD);
    again.set_baseline(baseline);
    again.set_unapproved(unapproved);
    again.set_mode(mode, []);
    again
}

fn ids(monitor: &Monitor) -> Vec<String> {
    monitor.differences(100).iter().map(watch::baseline::Difference::id).collect()
}

#[test]
fn what_is_not_approved_stays_so_over_a_restart() {
    let (mut monitor, mut capture) = learned();
    capture.connection(ROGUE, PLC, 502, &write(1, 100, 900));
    capture.connection(HMI, PLC, 502, &read(9, 40, 2, &[]));
    finish(&mut monitor, &capture);
    let before = ids(&monitor);
    assert!(before.iter().any(|id| id.starts_with("asset/10.0.0.66")) && before.len() >= 3, "{before:?}");
    let mut again = restarted(&mut restarted(&mut monitor, Mode::Guarding), Mode::Guarding);
    assert_eq!(ids(&again), before);
    assert_eq!(again.baseline(), monitor.baseline());
    // Learning does not take in what a guard set aside, and learns the rest.
    let mut learning = restarted(&mut again, Mode::Learning);
    let mut capture = capture.later();
    capture.connection(ROGUE, PLC, 502, &write(2, 100, 900));
    capture.connection(HMI, PLC, 502, &read(10, 60, 2, &[]));
    capture.feed(&mut learning);
    learning.learn();
    assert_eq!(ids(&learning), before);
    // What is approved or forgotten is no difference any more, today and after the next start.
    let all = again.differences(100);
    let read = all.iter().find(|one| one.id().starts_with("read/10.0.0.5")).unwrap();
    again.approve(read);
    again.forget("10.0.0.66");
    assert_eq!(ids(&again), [""; 0]);
    assert_eq!(ids(&restarted(&mut again, Mode::Guarding)), [""; 0]);
}

#[test]
fn a_zone_that_learns_again_does_not_learn_what_was_set_aside_there() {
    let (mut monitor, mut capture) = learned();
    capture.connection(ROGUE, PLC, 502, &write(1, 100, 900));
    finish(&mut monitor, &capture);
    let before = ids(&monitor);
    monitor.set_mode(Mode::Guarding, ["10.0.0.9", "10.0.0.66"].map(|one| (one.to_owned(), Mode::Learning)));
    monitor.learn();
    assert_eq!(ids(&monitor), before);
}

#[test]
fn what_was_found_to_be_new_is_not_new_again_after_a_restart() {
    let (mut monitor, mut capture) = learned();
    let looks = |capture: &mut Capture, first| capture.connection(ROGUE, PLC, 502, &read(1, first, 2, &[]));
    looks(&mut capture, 40);
    capture.connection(HMI, PLC, 502, &read(9, 40, 2, &[]));
    let found = finish(&mut monitor, &capture);
    assert_eq!(rules(&found), ["IB-BASE-001", "IB-BASE-004"]);
    assert!(monitor.has_told());
    let mut again = restarted(&mut monitor, Mode::Guarding);
    let mut capture = capture.later();
    looks(&mut capture, 40);
    capture.connection(HMI, PLC, 502, &read(9, 40, 2, &[]));
    assert_eq!(rules(&finish(&mut again, &capture)), [""; 0]);
    // Writing is judged each time, and another client is another stranger.
    let mut capture = capture.later();
    capture.connection(ROGUE, PLC, 502, &write(1, 100, 900));
    capture.connection(77, PLC, 502, &read(1, 40, 2, &[]));
    assert_eq!(rules(&finish(&mut again, &capture)), ["IB-BASE-005", "IB-BASE-001"]);
}
