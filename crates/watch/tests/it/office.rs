//! Protocols of offices and of the network that reach into a plant: what programs that nobody here wrote say (a capture of
//! mosquitto, Net-SNMP, OpenSSL and curl), beside another analyser, and traffic that raises each detection.

use crate::conformance::feed;
use crate::talk::{Capture, Host, mac};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use watch::{Evidence, Field, Limits, Monitor, Operation, Protocol, Report};

pub const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures/office.pcap");

/// Messages by packet and protocol: the number of their function.
type Said = BTreeMap<(u64, &'static str), Vec<u32>>;

fn look() -> (Said, Report) {
    let said = Arc::new(Mutex::new(Said::new()));
    let mut monitor = Monitor::new(Limits::STANDARD);
    let shared = Arc::clone(&said);
    monitor.tap(move |evidence: Evidence, op: &Operation<'_>| {
        shared.lock().unwrap().entry((evidence.frame, op.protocol.key())).or_default().push(op.function);
    });
    feed(Path::new(PATH), &mut monitor);
    let report = monitor.report();
    drop(monitor);
    (Arc::try_unwrap(said).unwrap().into_inner().unwrap(), report)
}

#[test]
fn http_2_is_named_and_said_to_be_unread() {
    let mut capture = Capture::new();
    let frames = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
    let begins = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frames.clone()].concat();
    capture.connection(5, 9, 8_080, &[(true, begins), (false, frames.clone()), (true, frames)]);
    let report = capture.report();
    let link = report.links.iter().find(|link| link.protocol == Protocol::Http).unwrap();
    assert_eq!((link.functions[0].name.as_str(), link.malformed), ("HTTP/2, not read", 0));
    let said = report.limits();
    assert!(said.iter().any(|line| line.contains("1 conversation speaks HTTP/2")), "{said:?}");
}

#[test]
fn programs_are_understood_at_any_port_and_their_secrets_not_kept() {
    let (_, report) = look();
    let links: BTreeSet<_> = report.links.iter().map(|link| (link.port, link.protocol.key())).collect();
    for wanted in [(21_883, "mqtt"), (21_161, "snmp"), (24_433, "tls"), (24_434, "tls"), (28_080, "http")] {
        assert!(links.contains(&wanted), "{wanted:?} is not among {links:?}");
    }
    let facts = |field| {
        let of = |asset: &watch::report::Asset| {
            let mine = asset.facts.iter().filter(move |fact| fact.field == field);
            mine.map(|fact| fact.value.clone()).collect::<Vec<_>>()
        };
        report.assets.iter().flat_map(of).collect::<Vec<_>>()
    };
    assert!(facts(Field::Name).iter().any(|name| name == "cabinet-7"));
    let said = facts(Field::Description);
    for part in [
        "Network cabinet",
        "client press",
        "SimpleHTTP",
        "curl/",
        "certificate of press-7.plant.example",
        "t13d",
    ] {
        assert!(said.iter().any(|value| value.contains(part)), "{part} is not in {said:?}");
    }
    let points: BTreeSet<_> = report.points.iter().map(|point| point.name.as_str()).collect();
    for point in ["plant/press/speed", "plant/#", "spBv1.0/plant/NCMD/edge-1", "1.3.6.1.2.1.1.5.0"] {
        assert!(points.contains(point), "{point} is not in {points:?}");
    }
    let found: BTreeSet<_> = report.findings.iter().map(|finding| finding.rule).collect();
    for rule in ["IB-NET-013", "IB-MQ-001", "IB-SNM-001", "IB-SNM-002"] {
        assert!(found.contains(rule), "{rule} is not among {found:?}");
    }
    assert_eq!(report.coverage.malformed_messages, 0);
    let all = [serde_json::to_string(&report).unwrap(), report.html()].concat();
    for secret in ["topsecret", "plantsecret", "token=abc", "YW5uYTp0b3BzZWNyZXQ"] {
        assert!(!all.contains(secret), "{secret} is in the report");
    }
}

#[test]
fn another_analyser_sees_the_same_messages() {
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-E", "separator=|", "-r", PATH]);
    for (port, protocol) in [
        ("tcp.port==21883", "mqtt"),
        ("udp.port==21161", "snmp"),
        ("tcp.port==24433", "tls"),
        ("tcp.port==24434", "tls"),
        ("tcp.port==28080", "http"),
    ] {
        command.arg("-d").arg(format!("{port},{protocol}"));
    }
    for field in [
        "frame.number",
        "mqtt.msgtype",
        "snmp.data",
        "http.request.method",
        "http.response.code",
        "tls.handshake.type",
    ] {
        command.arg("-e").arg(field);
    }
    let Ok(out) = command.output().map(|out| String::from_utf8_lossy(&out.stdout).into_owned()) else {
        return println!("skipped: tshark is not installed");
    };
    let (said, _) = look();
    let ours = |frame: u64, protocol| said.get(&(frame, protocol)).map_or(0, Vec::len);
    let (mut compared, mut web) = (0, 0);
    for line in out.lines() {
        let cells: Vec<&str> = line.split('|').collect();
        let [frame, mqtt, snmp, method, status, tls] = cells[..] else { continue };
        let frame: u64 = frame.parse().unwrap();
        let count = |cell: &str| cell.split(',').filter(|part| !part.is_empty()).count();
        // Of the handshake: hello of both sides and the certificate; the rest says nothing to anybody else.
        let told = tls.split(',').filter(|kind| ["1", "2", "11"].contains(kind)).count();
        for (protocol, theirs) in [("mqtt", count(mqtt)), ("snmp", count(snmp)), ("tls", told)] {
            assert_eq!(ours(frame, protocol), theirs, "{protocol} in packet {frame}");
            compared += theirs;
        }
        // It tells of an answer when its body is there.
        web += count(method) + count(status);
    }
    let ours: usize =
        said.iter().filter(|((_, protocol), _)| *protocol == "http").map(|(_, all)| all.len()).sum();
    assert_eq!(ours, web);
    assert!(compared >= 40, "{compared}");
}

fn said(port: u16, messages: &[(bool, Vec<u8>)]) -> Capture {
    let mut capture = Capture::new();
    capture.connection(5, 7, port, messages);
    capture
}

fn sent(port: u16, messages: &[Vec<u8>]) -> Capture {
    let mut capture = Capture::new();
    messages.iter().for_each(|message| capture.datagram((5, 50_000), (7, port), message));
    capture
}

fn mqtt_cases() -> Vec<(&'static str, Capture)> {
    let connect = |flags: u8, rest: &[u8]| {
        let body = [&[0, 4][..], b"MQTT", &[4, flags, 0, 60, 0, 2, b'c', b'1'], rest].concat();
        [&[0x10, u8::try_from(body.len()).unwrap()][..], &body].concat()
    };
    let with_password = connect(0xC2, &[0, 1, b'u', 0, 1, b'p']);
    let refused: Vec<_> =
        (0..6).flat_map(|_| [(true, connect(2, &[])), (false, vec![0x20, 2, 0, 5])]).collect();
    vec![
        ("IB-NET-013", said(1_883, &[(true, with_password.clone())])),
        ("IB-NET-014", said(1_883, &refused)),
        ("IB-MQ-001", said(1_883, &[(true, connect(2, &[]))])),
        (
            "IB-MQ-002",
            said(1_883, &[(true, with_password.clone()), (true, vec![0x82, 6, 0, 1, 0, 1, b'#', 0])]),
        ),
        ("IB-MQ-090", said(1_883, &[(true, with_password), (true, vec![0x30, 2, 0, 9])])),
    ]
}

/// A connection over TLS: the hellos of both sides, and the certificate.
fn tls(version: u16, until: &[u8; 13]) -> Capture {
    let [v0, v1] = version.to_be_bytes();
    let handshake = |kind: u8, content: &[u8]| {
        let [l0, l1] = u16::try_from(content.len()).unwrap().to_be_bytes();
        let [r0, r1] = u16::try_from(content.len() + 4).unwrap().to_be_bytes();
        [&[22, 3, 1, r0, r1, kind, 0, l0, l1][..], content].concat()
    };
    let hello = [&[v0, v1][..], &[7; 32], &[0, 0, 4, 0xC0, 0x2F, 0, 0x2F, 1, 0]].concat();
    let answer = [&[v0, v1][..], &[7; 32], &[0, 0xC0, 0x2F, 0]].concat();
    let der = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()][..], content].concat();
    let name = der(0x30, &der(0x31, &der(0x30, &[der(6, &[0x55, 4, 3]), der(12, b"press")].concat())));
    let validity = der(0x30, &[der(0x17, b"200101000000Z"), der(0x17, until)].concat());
    let signed = der(0x30, &[der(2, &[1]), der(0x30, &[]), name.clone(), validity, name].concat());
    let certificate = der(0x30, &signed);
    let length = u8::try_from(certificate.len()).unwrap();
    let chain = [&[0, 0, length + 3, 0, 0, length][..], &certificate].concat();
    said(443, &[(true, handshake(1, &hello)), (false, handshake(2, &answer)), (false, handshake(11, &chain))])
}

fn smb(command: u8, words: &[u16], rest: &[u8]) -> Vec<u8> {
    let mut message = [&[0xFF][..], b"SMB", &[command], &[0; 27]].concat();
    message.push(u8::try_from(words.len()).unwrap());
    words.iter().for_each(|word| message.extend(word.to_le_bytes()));
    message.extend(u16::try_from(rest.len()).unwrap().to_le_bytes());
    message.extend_from_slice(rest);
    [&[0, 0, 0, u8::try_from(message.len()).unwrap()][..], &message].concat()
}

/// A message of SNMP v2c.
fn snmp(community: &[u8], kind: u8) -> Vec<u8> {
    let ber = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()][..], content].concat();
    let variable = ber(0x30, &[ber(6, &[0x2B, 6, 1, 2, 1, 1, 5, 0]), ber(4, b"x")].concat());
    let pdu = [ber(2, &[1]), ber(2, &[0]), ber(2, &[0]), ber(0x30, &variable)].concat();
    ber(0x30, &[ber(2, &[1]), ber(4, community), ber(0xA0 | kind, &pdu)].concat())
}

fn web_cases() -> Vec<(&'static str, Capture)> {
    let get = |rest: &str| format!("GET /x HTTP/1.1\r\nHost: plc\r\n{rest}\r\n").into_bytes();
    let answer = |status: u16| format!("HTTP/1.1 {status} no\r\nContent-Length: 0\r\n\r\n").into_bytes();
    let many = |status, count| -> Vec<_> {
        (0..count).flat_map(|_| [(true, get("")), (false, answer(status))]).collect()
    };
    vec![
        ("IB-NET-013", said(80, &[(true, get("Authorization: Basic YTpi\r\n"))])),
        ("IB-NET-014", said(80, &many(401, 6))),
        ("IB-WEB-001", said(80, &many(404, 21))),
        (
            "IB-NET-090",
            said(80, &[(true, b"GET /x HTTP/1.1\r\n\r\n".to_vec()), (true, b"GET /x\r\n\r\n".to_vec())]),
        ),
        ("IB-TLS-001", tls(0x0301, b"300101000000Z")),
        ("IB-TLS-002", tls(0x0303, b"200201000000Z")),
    ]
}

fn windows_cases() -> Vec<(&'static str, Capture)> {
    let setup = [0u16; 13];
    let mut backdoor = [0u16; 15];
    backdoor[14] = 0x0E;
    let overflow = [0, 100, 0, 0, 0, 200, 0, 0, 0];
    let share = [&[0; 1][..], b"\\\\pc\\ADMIN$\0"].concat();
    let confirm = |security: u8| vec![3, 0, 0, 19, 14, 0xD0, 0, 0, 0, 0, 0, 2, 0, 8, 0, security, 0, 0, 0];
    let ask = [&[3, 0, 0, 36, 31, 0xE0, 0, 0, 0, 0, 0][..], b"Cookie: mstshash=anna\r\n\r\n"].concat();
    vec![
        ("IB-SMB-001", said(445, &[(true, smb(0x32, &backdoor, &[]))])),
        ("IB-SMB-001", said(445, &[(true, smb(0x33, &overflow, &[]))])),
        ("IB-SMB-002", said(445, &[(true, smb(0x73, &setup, &[]))])),
        ("IB-SMB-003", said(445, &[(true, smb(0x75, &[0; 4], &share))])),
        ("IB-RDP-001", said(3_389, &[(true, ask), (false, confirm(0))])),
    ]
}

fn text_cases() -> Vec<(&'static str, Capture)> {
    let line = |from_client: bool, text: &str| (from_client, format!("{text}\r\n").into_bytes());
    let mut sign_ins = vec![line(false, "220 ready")];
    for _ in 0..6 {
        sign_ins.extend([line(true, "USER anna"), line(false, "331 password"), line(true, "PASS x")]);
        sign_ins.push(line(false, "530 no"));
    }
    let telnet = [
        (false, [&[0xFF, 0xFD, 1][..], b"login: "].concat()),
        line(true, "anna"),
        (false, b"Password: ".to_vec()),
        line(true, "secret"),
    ];
    vec![
        ("IB-NET-013", said(21, &sign_ins)),
        ("IB-NET-014", said(21, &sign_ins)),
        ("IB-NET-013", said(23, &telnet)),
        ("IB-SSH-001", said(22, &[line(false, "SSH-1.5-old"), line(true, "SSH-2.0-new")])),
    ]
}

fn datagram_cases() -> Vec<(&'static str, Capture)> {
    let mut question = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 60];
    question.extend([b'a'; 60]);
    question.extend([3, b'c', b'o', b'm', 0, 0, 16, 0, 1]);
    let mut offers = Capture::new();
    for server in [1, 2] {
        let mut offer = vec![2, 1, 6, 0];
        offer.resize(236, 0);
        offer[28..34].copy_from_slice(&mac(5));
        offer.extend([99, 130, 83, 99, 53, 1, 2, 255]);
        offers.datagram((server, 67), (5, 68), &offer);
    }
    let mut cyclic = Capture::new();
    cyclic_frame(&mut cyclic, 8, 0x25);
    vec![
        ("IB-DNS-001", sent(53, &vec![question; 12])),
        ("IB-NET-015", offers),
        ("IB-NTP-001", sent(123, &[[&[0x16, 2][..], &[0; 10]].concat()])),
        ("IB-SNM-001", sent(161, &[snmp(b"public", 0)])),
        ("IB-SNM-002", sent(161, &[snmp(b"plant-7", 3)])),
        ("IB-SNM-090", sent(161, &[snmp(b"plant-7", 0), vec![0x30, 3, 2, 1, 1]])),
        ("IB-PN-004", cyclic),
    ]
}

/// A frame of cyclic data of PROFINET with a data status.
fn cyclic_frame(capture: &mut Capture, from: Host, status: u8) {
    let mut frame = [mac(7), mac(from), [0x88, 0x92, 0xC0, 0, 0, 0]].concat();
    frame.resize(56, 0);
    frame.extend([1, 0, status, 0]);
    capture.push(frame);
}

/// Traffic for each detection of this file.
pub fn cases() -> Vec<(&'static str, Capture)> {
    [mqtt_cases(), web_cases(), windows_cases(), text_cases(), datagram_cases()].concat()
}

#[test]
fn ordinary_work_fires_none() {
    let mut capture = tls(0x0303, b"300101000000Z");
    capture.datagram((5, 50_000), (7, 161), &snmp(b"plant-7", 0));
    capture.datagram((7, 161), (5, 50_000), &snmp(b"plant-7", 2));
    capture.datagram((5, 50_000), (7, 123), &[&[0x23][..], &[0; 47]].concat());
    capture.datagram((5, 50_001), (7, 53), b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x03plc\x05plant\0\0\x01\0\x01");
    (0..3).for_each(|_| cyclic_frame(&mut capture, 8, 0x35));
    capture.connection(
        5,
        7,
        80,
        &[
            (true, b"GET / HTTP/1.1\r\nHost: plc\r\nUser-Agent: browser\r\n\r\n".to_vec()),
            (false, b"HTTP/1.1 200 OK\r\nServer: plc-web\r\nContent-Length: 5\r\n\r\nhello".to_vec()),
        ],
    );
    capture.connection(
        5,
        7,
        22,
        &[(false, b"SSH-2.0-new\r\n".to_vec()), (true, b"SSH-2.0-new\r\n".to_vec())],
    );
    assert_eq!(capture.found(), Vec::<&str>::new());
    let report = capture.report();
    let functions: BTreeMap<_, _> = report
        .links
        .iter()
        .filter(|link| !link.functions.is_empty())
        .map(|link| (link.protocol, link.functions[0].requests))
        .collect();
    for protocol in
        [Protocol::Tls, Protocol::Snmp, Protocol::Ntp, Protocol::Dns, Protocol::Http, Protocol::Ssh]
    {
        assert_eq!(functions.get(&protocol), Some(&1), "{protocol:?}");
    }
}
