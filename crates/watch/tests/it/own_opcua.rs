//! What this gateway writes and calls in OPC UA without encryption is held against the ledger, node by node.

use crate::talk::{Capture, Host, opcua, opcua_answer, opcua_open};
use model::expected::{Coding, ExpectedTraffic, named_space};
use model::{Declaration, Path, Time, Value, ValueType};
use std::net::IpAddr;
use std::sync::Arc;
use watch::{Authorised, Expected, Limits, Monitor, Report};
use wire::opcua::{NodeId, Target};

const SERVER: Host = 9;
const HMI: Host = 5;
const GATEWAY: Host = 7;
const SPEED: u8 = 77;
const BYPASS: u8 = 78;

fn node(namespace: u8, number: u8) -> [u8; 4] {
    [1, namespace, number, 0]
}

fn int16(value: u8) -> [u8; 3] {
    [4, value, 0]
}

/// One node of a request to write: an attribute, elements, a value.
fn item(node: &[u8], attribute: u8, range: &str, value: &[u8]) -> Vec<u8> {
    let length = if range.is_empty() { u32::MAX } else { u32::try_from(range.len()).unwrap() };
    [node, &[attribute, 0, 0, 0], &length.to_le_bytes(), range.as_bytes(), &[1], value].concat()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [&u32::try_from(items.len()).unwrap().to_le_bytes()[..], &items.concat()].concat()
}

fn write(items: &[Vec<u8>]) -> (bool, Vec<u8>) {
    (true, opcua(3, 673, &list(items)))
}

fn speed(value: u8) -> (bool, Vec<u8>) {
    write(&[item(&node(2, SPEED), 13, "", &int16(value))])
}

#[derive(Debug)]
struct Int16;

impl Coding for Int16 {
    fn value(&self, bytes: &[u8]) -> Option<Value> {
        let [4, low, high] = bytes else { return None };
        Some(Value::I64(i16::from_le_bytes([*low, *high]).into()))
    }

    fn agrees(&self, asked: &Value, seen: &[u8]) -> bool {
        self.value(seen).is_some_and(|seen| seen == *asked)
    }
}

fn address(host: Host) -> IpAddr {
    IpAddr::from([10, 0, 0, host])
}

/// A connection with two points that may be written: a node whose namespace has no number before a session, and a method.
fn expected() -> Expected {
    let to = ExpectedTraffic::to("press", "10.0.0.9", 4_840, "opc-ua");
    let point = |path: &str, space: u64| ExpectedTraffic {
        space,
        count: 65_536,
        point: Some(Arc::new(Declaration::new(Path::new(path).unwrap(), ValueType::I64))),
        coding: Some(Arc::new(Int16)),
        ..to.clone()
    };
    let (speed, start) = (node(2, SPEED), node(2, 90));
    let [speed, start] = [&speed, &start].map(|node| NodeId::parse(node).unwrap());
    let planned = [
        to.clone(),
        point("acme/leeds/press/speed", named_space(&Target::value_of(speed, &[]).name())),
        point("acme/leeds/press/start", named_space(&Target::method(speed, start).name())),
    ];
    Expected::new([address(GATEWAY)], &planned, &Default::default())
}

fn command(capture: &Capture, point: &str, value: i64) -> Authorised {
    Authorised {
        id: format!("{point}-{value}"),
        connection: "press".into(),
        path: format!("acme/leeds/press/{point}"),
        value: Value::I64(value),
        who: "user:anna".into(),
        from: Time(capture.now_ns()),
        until: Time(capture.now_ns() + 10_000_000_000),
    }
}

/// What is seen of a conversation in which a command was authorised.
fn seen(policy: &str, client: Host, commands: &[(&str, i64)], said: &[(bool, Vec<u8>)]) -> Report {
    let mut capture = Capture::new();
    let mut monitor = Monitor::new(Limits::STANDARD);
    monitor.expect(expected());
    for (point, value) in commands {
        monitor.authorise(command(&capture, point, *value));
    }
    let said = [&[(true, opcua_open(policy))], said].concat();
    capture.connection(client, SERVER, 4_840, &said);
    capture.feed(&mut monitor);
    monitor.tick(capture.now_ns() + 10_000_000_000);
    monitor.report()
}

/// Writes that were matched, that were not, and what is said of the latter.
fn own(commands: &[(&str, i64)], said: &[(bool, Vec<u8>)]) -> (u64, u64, Vec<String>) {
    let report = seen("None", GATEWAY, commands, said);
    let found = report.findings.iter().filter(|finding| finding.rule == "IB-OWN-001");
    let words = found.flat_map(|finding| finding.details.clone()).collect();
    (report.explained.commands_matched, report.explained.commands_unmatched, words)
}

const NOBODY: &str = "no authorised command asked for it";

#[test]
fn a_command_explains_the_node_and_the_value_that_it_names_and_no_other() {
    let asked = [("speed", 30)];
    assert_eq!(own(&asked, &[speed(30)]), (1, 0, vec![]));
    let wrong = |words: &str| (0, 1, vec![words.to_owned(), NOBODY.to_owned()]);
    assert_eq!(own(&asked, &[speed(31)]), wrong("ns=2;i=77: 31"));
    let bypass = write(&[item(&node(2, BYPASS), 13, "", &int16(30))]);
    assert_eq!(own(&asked, &[bypass]), wrong("ns=2;i=78: 30"), "another node");
    let rights = write(&[item(&node(2, SPEED), 17, "", &[3, 3])]);
    assert_eq!(own(&asked, &[rights]), wrong("ns=2;i=77 attribute 17: 3"), "who may write it");
    let part = write(&[item(&node(2, SPEED), 13, "3", &int16(30))]);
    assert_eq!(own(&asked, &[part]), wrong("ns=2;i=77[3]: 30"), "an element of it");
    let (matched, unmatched, words) = own(&asked, &[speed(30), speed(30)]);
    assert_eq!((matched, unmatched, words.len()), (1, 1, 2), "never twice: {words:?}");
}

#[test]
fn what_stands_beside_an_ordered_write_is_found() {
    let both = [item(&node(2, SPEED), 13, "", &int16(30)), item(&node(2, BYPASS), 13, "", &int16(1))];
    let (matched, unmatched, words) = own(&[("speed", 30)], &[write(&both)]);
    assert_eq!((matched, unmatched), (1, 1));
    assert_eq!(words, ["ns=2;i=78: 1", NOBODY]);
    // More is announced than this chunk holds.
    let mut cut = list(&both);
    cut.truncate(cut.len() - 12);
    let (_, unmatched, words) = own(&[("speed", 30)], &[(true, opcua(3, 673, &cut))]);
    assert!(unmatched >= 1 && words.iter().any(|word| word.contains("could not be read")), "{words:?}");
}

#[test]
fn a_value_of_several_chunks_is_matched_by_its_node() {
    let mut cut = list(&[item(&node(2, SPEED), 13, "", &int16(30))]);
    cut.truncate(cut.len() - 2);
    assert_eq!(own(&[("speed", 30)], &[(true, opcua(3, 673, &cut))]), (1, 0, vec![]));
}

#[test]
fn a_method_is_called_on_the_object_that_was_named() {
    let call = |object: [u8; 4], value: u8| {
        let body = [&object[..], &node(2, 90), &[1, 0, 0, 0], &int16(value)].concat();
        (true, opcua(3, 712, &list(&[body])))
    };
    let asked = [("start", 5)];
    assert_eq!(own(&asked, &[call(node(2, SPEED), 5)]), (1, 0, vec![]));
    let (_, unmatched, words) = own(&asked, &[call(node(2, BYPASS), 5)]);
    assert_eq!((unmatched, words[0].as_str()), (1, "ns=2;i=78 calls ns=2;i=90: 5"));
    assert_eq!(own(&asked, &[call(node(2, SPEED), 6)]).1, 1, "another argument");
}

#[test]
fn history_is_never_ours_to_change() {
    let (_, unmatched, words) = own(&[("speed", 30)], &[(true, opcua(3, 700, &[0; 4]))]);
    assert_eq!((unmatched, words.len()), (1, 1), "{words:?}");
    assert!(words[0].contains("History update"), "{words:?}");
}

/// An answer to Read with one value, as a server gives it.
fn answer(request: u32, service: u16, rest: &[u8]) -> (bool, Vec<u8>) {
    let mut out = opcua_answer(request, service, 0);
    out.extend([0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0]);
    out.extend_from_slice(rest);
    let length = u32::try_from(out.len()).unwrap();
    out[4..8].copy_from_slice(&length.to_le_bytes());
    (false, out)
}

#[test]
fn what_stood_there_before_is_told_with_it() {
    let asked = [&node(2, SPEED)[..], &[13, 0, 0, 0], &[0xFF; 4], &[0, 0], &[0xFF; 4]].concat();
    let read = [
        (true, opcua(3, 631, &[&[0; 12][..], &list(std::slice::from_ref(&asked))].concat())),
        answer(3, 634, &[&[1, 0, 0, 0, 1][..], &int16(20), &[0xFF; 4]].concat()),
    ];
    let (_, _, words) = own(&[], &[&read[..], &[speed(31)]].concat());
    assert_eq!(words[0], "ns=2;i=77: 20 -> 31");

    let handle = [42, 0, 0, 0];
    let watched = [&asked[..], &[2, 0, 0, 0], &handle, &[0; 8], &[0, 0, 0], &[1, 0, 0, 0, 1]].concat();
    let subscription = [5, 0, 0, 0];
    let change = [&[1, 0, 0, 0][..], &handle, &[1], &int16(24), &[0xFF; 4]].concat();
    let length = u32::try_from(change.len()).unwrap().to_le_bytes();
    let told =
        [&subscription[..], &[0; 4], &[0], &[0; 12], &[1, 0, 0, 0], &[1, 0, 43, 3, 1], &length, &change];
    let watch = [
        (true, opcua(4, 751, &[&subscription[..], &[0; 4], &list(&[watched])].concat())),
        (true, opcua(5, 826, &[0xFF; 4])),
        answer(5, 829, &told.concat()),
    ];
    let (_, _, words) = own(&[], &[&watch[..], &[speed(31)]].concat());
    assert_eq!(words[0], "ns=2;i=77: 24 -> 31");
    // The same of somebody else's unknown node.
    let (_, _, words) = own(&[("speed", 30)], &[speed(30), speed(31), speed(32)]);
    assert!(words.contains(&"ns=2;i=77: 31 -> 32".to_owned()), "{words:?}");
}

#[test]
fn what_is_encrypted_is_said_and_not_judged() {
    let said = [(true, opcua(3, 0x7777, &[0xAA; 60]))];
    let report = seen("Basic256Sha256", GATEWAY, &[], &said);
    assert_eq!((report.coverage.encrypted_flows, report.explained.commands_unmatched), (1, 0));
    assert!(report.links.iter().any(|link| link.hidden), "{:?}", report.links);
    assert!(report.limits().iter().any(|words| words.contains("1 conversation is encrypted")));
    // What looks like a write by chance is none.
    let chance = [said[0].clone(), speed(31)];
    let report = seen("Basic256Sha256", GATEWAY, &[], &chance);
    assert_eq!((report.coverage.encrypted_flows, report.explained.commands_unmatched), (1, 0));
    // Signed only, everybody can read it: the same as without security.
    let report = seen("Basic256Sha256", GATEWAY, &[], &[speed(31)]);
    assert_eq!((report.coverage.encrypted_flows, report.explained.commands_unmatched), (0, 1));
    assert!(report.links.iter().all(|link| !link.hidden));
}

#[test]
fn others_are_no_business_of_the_ledger() {
    let report = seen("None", HMI, &[("speed", 30)], &[speed(30), (true, opcua(4, 700, &[0; 4]))]);
    assert_eq!((report.explained.commands_matched, report.explained.commands_unmatched), (0, 0));
    let points: Vec<_> = report.points.iter().map(|point| (point.name.as_str(), point.last_value)).collect();
    assert_eq!(points, [("ns=2;i=77", Some(30))]);
}
