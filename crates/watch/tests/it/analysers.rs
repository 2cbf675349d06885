//! Agreement with the logs that other analysers made of the same captures: row by row, field by field. Without the captures
//! these tests say "skipped" and pass.

use crate::conformance::{captures, feed, report};
use capture::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use watch::{Body, Evidence, Field, Limits, Monitor, Operation};
use wire::bacnet::Apdu;
use wire::bacnet::view::View;
use wire::modbus::view::PduView;
use wire::net::{Content, Datagram, Frame, LinkType, ip};

fn packets(path: &Path, mut each: impl FnMut(capture::Packet<'_>)) {
    let mut source = Source::open(std::fs::File::open(path).unwrap()).unwrap();
    while let Ok(Some(packet)) = source.next_packet() {
        each(packet);
    }
}

/// Rows of a log, each as its cells.
fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Names of both sides without what they write differently.
fn plain(name: &str) -> String {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("unconfirmed").or_else(|| name.strip_prefix("confirmed")).unwrap_or(&name);
    name.to_owned()
}

fn bvlc_name(function: u8) -> &'static str {
    match function {
        4 => "Forwarded_NPDU",
        9 => "Distribute_Broadcast_to_Network",
        10 => "Original_Unicast_NPDU",
        11 => "Original_Broadcast_NPDU",
        _ => "other",
    }
}

/// What a log says of one message of BACnet: kind, service, number of the exchange, why it was refused.
fn said(apdu: &Apdu<'_>, service: Option<&str>) -> [String; 4] {
    let service = || plain(service.unwrap_or("-"));
    let none = || "-".to_owned();
    let refused = |code: u32| match code {
        0 => "other",
        26 => "password-failure",
        31 => "unknown-object",
        32 => "unknown-property",
        _ => "?",
    };
    match apdu {
        Apdu::Confirmed { invoke, .. } => ["CONFIRMED_REQUEST".into(), service(), invoke.to_string(), none()],
        Apdu::Unconfirmed { .. } => ["UNCONFIRMED_REQUEST".into(), service(), none(), none()],
        Apdu::SimpleAck { invoke, .. } => ["SIMPLE_ACK".into(), service(), invoke.to_string(), none()],
        Apdu::ComplexAck { invoke, .. } => ["COMPLEX_ACK".into(), service(), invoke.to_string(), none()],
        Apdu::SegmentAck { invoke, .. } => ["SEGMENT_ACK".into(), none(), invoke.to_string(), none()],
        Apdu::Error { invoke, code, .. } => {
            ["ERROR_PDU".into(), service(), invoke.to_string(), refused(*code).into()]
        }
        Apdu::Reject { invoke, reason } => {
            let why = if *reason == 9 { "unrecognized-service" } else { "other" };
            ["REJECT_PDU".into(), "reject".into(), invoke.to_string(), why.into()]
        }
        Apdu::Abort { invoke, .. } => {
            ["ABORT_PDU".into(), "abort".into(), invoke.to_string(), "other".into()]
        }
    }
}

/// Rows as a set in which equal ones are counted.
fn counted(rows: impl Iterator<Item = Vec<String>>) -> BTreeMap<Vec<String>, i64> {
    let mut out = BTreeMap::new();
    rows.for_each(|row| *out.entry(row).or_default() += 1);
    out
}

fn bacnet_rows(path: &Path) -> Vec<Vec<String>> {
    let mut out = Vec::new();
    packets(path, |packet| {
        let Content::Ip(ip) = Frame::new(LinkType(packet.link), packet.data).content else { return };
        let Ok(datagram) = Datagram::new(ip.payload) else { return };
        if ip.protocol != ip::protocol::UDP || datagram.payload.first() != Some(&0x81) {
            return;
        }
        let view = View::of(datagram.payload);
        let (Some(function), Some(apdu)) = (view.function, &view.apdu) else { return };
        // What comes in parts has one row.
        if matches!(apdu, Apdu::ComplexAck { segment: Some(segment), .. } if segment.sequence > 0) {
            return;
        }
        let ends = [ip.source.to_string(), datagram.source.to_string()];
        let others = [ip.destination.to_string(), datagram.destination.to_string()];
        let row = ends.into_iter().chain(others).chain([bvlc_name(function).into()]);
        out.push(row.chain(said(apdu, view.service)).collect());
    });
    out
}

/// What the analyser was tested with itself: its baseline, and the capture.
const BACNET: [(&str, &str); 4] = [
    ("analyzer.basic", "bacnet_example"),
    ("analyzer.services", "bacnet_services"),
    ("analyzer.error-reject-abort", "bacnet_error_reject_abort"),
    ("analyzer.segmented_data", "bacnet_segmented_data"),
];

#[test]
fn bacnet_agrees_row_by_row() {
    let Some(captures) = captures() else { return };
    let folder = captures.join("icsnpp-bacnet/testing");
    for (log, capture) in BACNET {
        let theirs = rows(&folder.join(format!("baseline/{log}/bacnet.log")));
        // Messages of the network layer are not of devices.
        let theirs: Vec<Vec<String>> = theirs
            .into_iter()
            .filter(|row| row[12] != "NPDU")
            .map(|row| {
                let mut row = row[7..].to_vec();
                row[6] = if row[6] == "-" { row[6].clone() } else { plain(&row[6]) };
                row
            })
            .collect();
        let ours = bacnet_rows(&folder.join(format!("traces/{capture}.pcap")));
        let (all, fields) = (theirs.len(), theirs.iter().map(Vec::len).sum::<usize>());
        let mut left = counted(ours.iter().cloned());
        let missing: Vec<_> = theirs
            .into_iter()
            .filter(|row| left.get_mut(row).filter(|n| **n > 0).map(|n| *n -= 1).is_none())
            .collect();
        left.retain(|_, count| *count > 0);
        println!("{capture}: {all} rows of {fields} fields, {} differ", missing.len());
        assert_eq!(ours.len(), all, "{capture}: {left:?} instead of {missing:?}");
        // A row that differs may differ in every field.
        assert!(missing.len() * 9 * 1_000 <= fields * 5, "{capture}: {left:?} instead of {missing:?}");
    }
}

/// A row of Modbus: unit, function, address, quantity, values of the answer (or the request).
type Exchange = (u32, u8, Option<u16>, Option<u16>, Vec<u16>);

fn values(view: &PduView<'_>, quantity: Option<u16>) -> Vec<u16> {
    match view.function_code() {
        Some(1 | 2) => {
            let bits = view.data().iter().flat_map(|byte| (0..8).map(move |bit| u16::from(byte >> bit & 1)));
            bits.take(usize::from(quantity.unwrap_or(0))).collect()
        }
        Some(3 | 4) => wire::modbus::registers(view.data()).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn modbus_agrees_row_by_row() {
    let Some(captures) = captures() else { return };
    let folder = captures.join("icsnpp-modbus/testing");
    let seen: Arc<Mutex<Vec<Exchange>>> = Arc::default();
    let mut monitor = Monitor::new(Limits::STANDARD);
    let shared = Arc::clone(&seen);
    monitor.tap(move |_: Evidence, op: &Operation<'_>| {
        let Body::Modbus(view) = op.body else { return };
        let mut seen = shared.lock().unwrap();
        let code = view.function_code().unwrap();
        if op.kind == watch::Kind::Request {
            seen.push((op.unit, code, view.address(), view.quantity(), Vec::new()));
        } else if let Some(last) = seen.last_mut().filter(|last| last.1 == code) {
            last.4 = values(&view, last.3);
        }
    });
    feed(&folder.join("traces/modbus_example.pcap"), &mut monitor);
    drop(monitor);
    let ours = Arc::try_unwrap(seen).unwrap().into_inner().unwrap();
    // Two functions have a row for the request and one for the answer.
    let mut theirs = rows(&folder.join("baseline/analyzer.basic/modbus_detailed.log"));
    theirs.dedup_by(|row, before| row[6..9] == before[6..9]);
    let number = |cell: &str| cell.parse::<u16>().ok();
    let name =
        |code: u8| wire::modbus::table::function(code).map_or(String::new(), |known| plain(known.name));
    let (mut fields, mut same) = (0, 0);
    for row in &theirs {
        let (unit, function) = (row[7].parse::<u32>().unwrap(), plain(&row[8]));
        let known = |code: u8| match code {
            17 => function == "reportslaveid",
            43 => function == "encapinterfacetransport",
            code => name(code) == function,
        };
        let wanted: Vec<u16> = row[12].split(',').filter_map(number).collect();
        let (address, quantity) = (number(&row[9]), number(&row[10]));
        let of =
            |ours: &&Exchange| ours.0 == unit && known(ours.1) && (address.is_none() || ours.2 == address);
        let Some(ours) = ours.iter().filter(of).max_by_key(|ours| ours.4 == wanted) else {
            panic!("{row:?} is not there");
        };
        // A single write has the quantity 1 in the log and none on the wire; values of writes are their echoes.
        let is_read = (1..=4).contains(&ours.1);
        fields += 3 + usize::from(is_read) * 2;
        same += 3 + usize::from(is_read && ours.3 == quantity) + usize::from(is_read && ours.4 == wanted);
    }
    println!("{} rows, {same} of {fields} fields", theirs.len());
    assert!(theirs.len() >= 24 && same * 1_000 >= fields * 995, "{same} of {fields}");
}

/// Messages of Modbus that our monitor reads in a capture, in order.
fn modbus_messages<T: Send + 'static>(
    path: &Path,
    mut of: impl FnMut(&PduView<'_>, u32) -> T + Send + 'static,
) -> Vec<T> {
    let seen: Arc<Mutex<Vec<T>>> = Arc::default();
    let mut monitor = Monitor::new(Limits::STANDARD);
    let shared = Arc::clone(&seen);
    monitor.tap(move |_: Evidence, op: &Operation<'_>| {
        if let Body::Modbus(view) = op.body {
            shared.lock().unwrap().push(of(&view, op.unit));
        }
    });
    feed(path, &mut monitor);
    drop(monitor);
    Arc::try_unwrap(seen).ok().unwrap().into_inner().unwrap()
}

#[test]
fn modbus_masks_exchanges_and_functions_agree_with_their_logs() {
    let Some(captures) = captures() else { return };
    let folder = captures.join("icsnpp-modbus/testing");
    let trace = folder.join("traces/modbus_example.pcap");
    let log = |name: &str| rows(&folder.join(format!("baseline/analyzer.basic/{name}.log")));
    // Unit, address, mask of "and", mask of "or", of the request and of its echo.
    let masks = modbus_messages(&trace, |view, unit| {
        let words: Vec<u16> = wire::modbus::registers(view.data()).collect();
        (view.function_code() == Some(22)).then(|| (unit, view.address(), words))
    });
    let masks: Vec<String> = masks
        .into_iter()
        .flatten()
        .map(|(unit, at, words)| format!("{unit} {} {} {}", at.unwrap(), words[0], words[1]))
        .collect();
    let theirs: Vec<String> = log("modbus_mask_write_register")
        .iter()
        .map(|row| format!("{} {} {} {}", row[13], row[16], row[17], row[18]))
        .collect();
    assert_eq!(masks, theirs);
    // Written and read at once: where, what, how many, what came back.
    let both = modbus_messages(&trace, |view, unit| {
        let words: Vec<String> = wire::modbus::registers(view.data()).map(|word| word.to_string()).collect();
        let written = view.write_range().map(|(at, _)| at);
        (view.function_code() == Some(23))
            .then(|| (unit, written, view.address(), view.quantity(), words.join(",")))
    });
    let both: Vec<_> = both.into_iter().flatten().collect();
    let theirs = log("modbus_read_write_multiple_registers");
    let cell = |at: &str| at.parse::<u16>().ok();
    assert_eq!(both.len(), theirs.len());
    for (ours, row) in both.iter().zip(&theirs) {
        assert_eq!(ours.0.to_string(), row[13]);
        if row[15] == "REQUEST" {
            assert_eq!((ours.1, &ours.4), (cell(&row[16]), &row[17]), "{row:?}");
            assert_eq!((ours.2, ours.3), (cell(&row[18]), cell(&row[19])), "{row:?}");
        } else {
            assert_eq!(ours.4, row[20], "{row:?}");
        }
    }
    // Every message of the short log, with its exception.
    let mut ours = BTreeMap::<(String, bool), usize>::new();
    for (code, refused) in
        modbus_messages(&trace, |view, _| (view.function_code().unwrap(), view.exception().is_some()))
    {
        let name =
            wire::modbus::table::function(code & 0x7F).map_or(String::new(), |known| plain(known.name));
        *ours.entry((name, refused)).or_default() += 1;
    }
    let theirs = log("modbus");
    assert!(theirs.len() >= 24, "{}", theirs.len());
    for row in theirs {
        let name = match plain(row[6].trim_end_matches("_EXCEPTION")).as_str() {
            "encapinterfacetransport" => "readdeviceidentification".to_owned(),
            "reportslaveid" => "reportserverid".to_owned(),
            name => name.to_owned(),
        };
        let left = ours.get_mut(&(name, row[7] != "-")).filter(|left| **left > 0);
        *left.unwrap_or_else(|| panic!("{row:?} is not there")) -= 1;
    }
}

#[test]
fn bacnet_discovery_and_control_agree_row_by_row() {
    let Some(captures) = captures() else { return };
    let folder = captures.join("icsnpp-bacnet/testing");
    for (log, capture) in BACNET {
        let (mut found, mut control, mut asked) = (Vec::new(), Vec::new(), BTreeMap::new());
        packets(&folder.join(format!("traces/{capture}.pcap")), |packet| {
            let Content::Ip(ip) = Frame::new(LinkType(packet.link), packet.data).content else { return };
            let Ok(datagram) = Datagram::new(ip.payload) else { return };
            if ip.protocol != ip::protocol::UDP || datagram.payload.first() != Some(&0x81) {
                return;
            }
            let view = View::of(datagram.payload);
            let service = plain(view.service.unwrap_or_default());
            let ends = format!("{} {}", ip.source, ip.destination);
            let row = |outcome: &str, invoke: u8, service: &str| {
                vec![invoke.to_string(), service.into(), outcome.into()]
            };
            match view.apdu {
                Some(Apdu::Unconfirmed { .. })
                    if matches!(service.as_str(), "iam" | "ihave" | "whois" | "whohas") =>
                {
                    let device = view.device.map_or("-".into(), |device| device.device.instance.to_string());
                    found.push(vec![ends, service, device]);
                }
                Some(Apdu::Confirmed { invoke, service: 17 | 20, .. }) => {
                    control.push(row("-", invoke, &service));
                    asked.insert(invoke, service);
                }
                Some(Apdu::SimpleAck { invoke, service: 17 | 20 }) => {
                    control.push(row("SUCCESS", invoke, &service))
                }
                Some(Apdu::Error { invoke, code: 26, .. }) => {
                    control.extend(asked.get(&invoke).map(|service| row("ERROR", invoke, service)));
                }
                _ => {}
            }
        });
        let path = |name: &str| folder.join(format!("baseline/{log}/{name}.log"));
        let theirs = |name: &str| rows(&path(name));
        let discovery = theirs("bacnet_discovery").into_iter().map(|row| {
            let device = if row[11] == "i-am" { row[15].clone() } else { "-".into() };
            vec![format!("{} {}", row[7], row[9]), plain(&row[11]), device]
        });
        assert_eq!(counted(found.into_iter()), counted(discovery), "{capture}");
        if !path("bacnet_device_control").exists() {
            continue;
        }
        let orders = theirs("bacnet_device_control")
            .into_iter()
            .map(|row| vec![row[11].clone(), plain(&row[12]), row[16].clone()]);
        assert_eq!(counted(control.into_iter()), counted(orders), "{capture}");
    }
}

#[test]
fn counts_of_other_analysers_events_are_ours() {
    let Some(captures) = captures() else { return };
    let folder = captures.join("suricata-verify");
    let dnp3 = |name: &str| report(&folder.join("dnp3").join(name));
    let requests = |report: &watch::Report| -> u64 {
        let links = report.links.iter().filter(|link| link.protocol == watch::Protocol::Dnp3);
        links.flat_map(|link| &link.functions).map(|function| function.requests).sum()
    };
    assert_eq!(requests(&dnp3("dnp3-flood/input.pcap")), 33);
    // A request in 39 frames: the other analyser reads it and complains of its points, here it is too long to be one.
    let long = dnp3("dnp3-max-points/test.pcap");
    assert!(long.findings.iter().any(|row| row.rule == "IB-DNP-090"));
    // A capture that begins with what the outstation says.
    let joined = dnp3("dnp3-toclient-start/dnp3_toclient_start.pcap");
    let link = joined.links.iter().find(|link| link.protocol == watch::Protocol::Dnp3).unwrap();
    assert_eq!(
        (link.port, link.packets_to_server, link.packets_to_client, link.connections),
        (20_000, 2, 3, 1)
    );
    let enip = report(&folder.join("enip-alert/enip_test1.pcap"));
    let links: Vec<_> = enip.links.iter().filter(|link| link.protocol == watch::Protocol::Enip).collect();
    assert_eq!((links.len(), links[0].connections), (1, 1));
    let device = enip.assets.iter().find(|asset| asset.fact(Field::Model).is_some()).unwrap();
    assert!(device.fact(Field::Vendor).unwrap().starts_with("Rockwell Automation"));
}

/// Filters of a list of checks: key and value of each line.
fn filters(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut out = Vec::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let line = line.trim().trim_start_matches("- ");
        if line == "filter:" {
            out.push(BTreeMap::new());
        } else if let (Some(last), Some((key, value))) = (out.last_mut(), line.split_once(": ")) {
            last.insert(key.to_owned(), value.trim_matches('"').to_owned());
        }
    }
    out
}

/// Function code and sequence of each DNP3 message with one, counted; confirmations apart.
fn dnp3_messages(path: &Path) -> BTreeMap<(u8, u8), usize> {
    let seen: Arc<Mutex<BTreeMap<(u8, u8), usize>>> = Arc::default();
    let mut monitor = Monitor::new(Limits::STANDARD);
    let shared = Arc::clone(&seen);
    monitor.tap(move |_: Evidence, op: &Operation<'_>| {
        if let Body::Dnp3(view) = op.body {
            let key = (view.function_code().unwrap(), view.sequence().unwrap());
            *shared.lock().unwrap().entry(key).or_default() += 1;
        }
    });
    feed(path, &mut monitor);
    drop(monitor);
    Arc::try_unwrap(seen).unwrap().into_inner().unwrap()
}

#[test]
fn dnp3_events_are_as_many_as_another_analyser_counts() {
    let Some(captures) = captures() else { return };
    let folder = captures.join("suricata-verify/dnp3");
    let mut compared = 0;
    for name in [
        "dnp3-eve",
        "dnp3-select-operate",
        "dnp3-file-write",
        "dnp3-file-read",
        "dnp3-file-del",
        "dnp3-write",
        "dnp3-del-measure",
        "dnp3-en-spon",
    ] {
        let ours = dnp3_messages(&folder.join(name).join("input.pcap"));
        let mut theirs: BTreeMap<(u8, u8), usize> = BTreeMap::new();
        for filter in filters(&folder.join(name).join("test.yaml")) {
            let get = |key: &str| filter.get(key).and_then(|text| text.parse().ok());
            let (code, sequence) =
                (get("dnp3.application.function_code"), get("dnp3.application.control.sequence"));
            if let (Some(code), Some(sequence)) = (code, sequence) {
                *theirs.entry((code, sequence)).or_default() += get("count").map_or(0, usize::from);
            } else if filter.get("event_type").is_some_and(|kind| kind == "dnp3") {
                // All events but confirmations of its own making.
                let all: usize = ours.iter().filter(|((code, _), _)| *code != 0).map(|(_, n)| n).sum();
                assert_eq!(Some(all.to_string()), filter.get("count").cloned(), "{name}");
            }
        }
        for (key, count) in &theirs {
            assert_eq!(ours.get(key), Some(count), "{name}: function and sequence {key:?}");
        }
        compared += theirs.values().sum::<usize>();
    }
    assert!(compared >= 80, "{compared}");
    for (name, rules) in [
        ("dnp3-flood/input.pcap", &["IB-DNP-013", "IB-DNP-014"][..]),
        ("dnp3-too-long-reassembly-request/input.pcap", &["IB-DNP-090"]),
        ("dnp3-too-long-reassembly-response/input.pcap", &["IB-DNP-090"]),
    ] {
        let report = report(&folder.join(name));
        let found: BTreeSet<_> = report.findings.iter().map(|finding| finding.rule).collect();
        assert!(rules.iter().any(|rule| found.contains(rule)), "{name}: {found:?}");
    }
}

#[test]
fn modbus_and_ethernet_ip_events_are_as_another_analyser_counts() {
    let Some(captures) = captures() else { return };
    let folder = captures.join("suricata-verify");
    let requests = |path: &str, name: &str| -> u64 {
        let report = report(&folder.join(path));
        let functions = report.links.iter().flat_map(|link| &link.functions);
        functions.filter(|function| function.name.contains(name)).map(|function| function.requests).sum()
    };
    assert_eq!(requests("modbus/modbus.pcap", "1 Read Coils"), 2);
    assert_eq!(requests("enip-keywords/enip_cip_example.pcap", "Multiple Service Packet"), 41);
    assert_eq!(requests("enip-keywords/enip_cip_example.pcap", "ListIdentity"), 1);
    let report = report(&folder.join("enip-alert/enip_test1.pcap"));
    let device = report.assets.iter().find(|asset| asset.fact(Field::Model).is_some()).unwrap();
    assert_eq!(device.fact(Field::Model), Some("1756-ENBT/A"));
    assert_eq!(device.fact(Field::Firmware), Some("4.003"));
}
