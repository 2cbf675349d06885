//! Who is there, what it is, who talks to whom about what.

use crate::talk::{Capture, dnp3_frame, enip, modbus};
use watch::report::Role;
use watch::{Field, Protocol};
use wire::enip::Identity;

fn conversation() -> Capture {
    let mut capture = Capture::new();
    let identity = [&[43, 14, 1, 1, 0, 0, 2, 0, 4][..], b"Acme", &[1, 3], b"X-1"].concat();
    let said = [
        (true, modbus(1, &[3, 0, 100, 0, 10])),
        (false, modbus(1, &[&[3, 20][..], &[0; 20]].concat())),
        (true, modbus(2, &[6, 0, 5, 0, 42])),
        (false, modbus(2, &[6, 0, 5, 0, 42])),
        (true, modbus(3, &[43, 14, 1, 0])),
        (false, modbus(3, &identity)),
        (true, modbus(4, &[3, 1, 0, 0, 1])),
        (false, modbus(4, &[0x83, 2])),
    ];
    capture.connection(5, 9, 502, &said);
    capture
}

#[test]
fn assets_links_and_points() {
    let report = conversation().report();
    let ids: Vec<_> = report.assets.iter().map(|asset| (asset.id.as_str(), asset.role)).collect();
    assert_eq!(ids, [("10.0.0.5", Role::Supervisor), ("10.0.0.9", Role::Controller)]);
    let device = &report.assets[1];
    assert_eq!((device.fact(Field::Vendor), device.fact(Field::Model)), (Some("Acme"), Some("X-1")));
    assert_eq!((device.card, device.macs.len()), (Some("Rockwell Automation"), 1));
    let link = report.links.iter().find(|link| link.protocol == Protocol::Modbus).unwrap();
    assert_eq!((link.client.as_str(), link.server.as_str(), link.port), ("10.0.0.5", "10.0.0.9", 502));
    assert_eq!((link.connections, link.changes), (1, 1));
    let functions: Vec<_> =
        link.functions.iter().map(|f| (f.function, f.requests, f.answers, f.refused)).collect();
    assert_eq!(functions, [(3, 2, 1, 1), (6, 1, 1, 0), (43, 1, 1, 0)]);
    let points: Vec<_> = report
        .points
        .iter()
        .map(|point| (point.name.as_str(), point.reads, point.writes, point.last_value))
        .collect();
    assert_eq!(
        points,
        [("holding 5", 0, 1, Some(42)), ("holding 100..109", 1, 0, None), ("holding 256", 1, 0, None)]
    );
    assert_eq!(report.points[0].writers, ["10.0.0.5"]);
}

/// A conversation of which only the middle is seen: what the client (5) and the server (9) say in turn.
fn joined_late((client_port, port): (u16, u16), said: &[(bool, Vec<u8>)]) -> Capture {
    let mut capture = Capture::new();
    let (client, server) = ((5, client_port), (9, port));
    let (mut c, mut s) = (1_000_u32, 9_000_u32);
    for (from_client, data) in said {
        let length = u32::try_from(data.len()).unwrap();
        if *from_client {
            capture.segment((client, server), (c, s), 0x18, data);
            c += length;
        } else {
            capture.segment((server, client), (s, c), 0x18, data);
            s += length;
        }
    }
    capture
}

/// Who asks whom is as it is, and nothing else is said of the two.
fn is_right(report: &watch::Report, port: u16, frames: usize, what: &str) {
    let links: Vec<_> = report
        .links
        .iter()
        .map(|link| (link.client.as_str(), link.server.as_str(), link.protocol, link.port))
        .collect();
    assert_eq!(links, [("10.0.0.5", "10.0.0.9", Protocol::Modbus, port)], "{what}");
    let link = &report.links[0];
    let packets = link.packets_to_server + link.packets_to_client;
    assert_eq!((packets, link.connections), (frames as u64, 1), "{what}");
    for asset in &report.assets {
        let (asks, serves) = if asset.id == "10.0.0.5" { (1, 0) } else { (0, 1) };
        assert_eq!((asset.asks.len(), asset.serves.len()), (asks, serves), "{what}: {asset:?}");
    }
    let coverage = &report.coverage;
    assert_eq!((coverage.unknown_flows, coverage.one_way_flows), (0, 0), "{what}");
}

#[test]
fn who_asks_is_known_by_what_is_said_where_the_beginning_was_not_seen() {
    let poll = |number: u16| {
        let answer = [&[3, 4][..], &number.to_be_bytes(), &[0, 7]].concat();
        [(true, modbus(number, &[3, 0, 100, 0, 2])), (false, modbus(number, &answer))]
    };
    let write = |number: u16| {
        let same = modbus(number, &[6, 0, 5, 0, 42]);
        [(true, same.clone()), (false, same)]
    };
    let polls: Vec<_> = (1..4).flat_map(poll).collect();
    let writes: Vec<_> = (1..4).flat_map(write).collect();
    // The port that a system gave to the client may be smaller than the server's, or one that servers are known to have.
    for ports in [(35_096, 38_000), (38_000, 35_096), (44_818, 38_000), (35_096, 502)] {
        for (what, said) in [("polls", &polls), ("writes", &writes)] {
            // From a request, and from an answer.
            for from in [0, 1] {
                let capture = joined_late(ports, &said[from..]);
                let what = format!("{what} {ports:?} from {from}");
                let mut monitor = watch::Monitor::new(watch::Limits::STANDARD);
                let mut live = watch::Monitor::new(watch::Limits::STANDARD);
                capture.feed(&mut monitor);
                for frame in &capture.frames {
                    let mut one = capture.clone();
                    one.frames = vec![frame.clone()];
                    one.feed(&mut live);
                    let _ = live.report();
                }
                for report in [monitor.report(), live.report()] {
                    is_right(&report, ports.1, said.len() - from, &what);
                    let points: Vec<_> =
                        report.points.iter().map(|point| (point.name.as_str(), point.writes)).collect();
                    let whole = said.len() as u64 / 2 - from as u64;
                    let expected =
                        if what.starts_with('p') { ("holding 100..101", 0) } else { ("holding 5", whole) };
                    assert_eq!(points, [expected], "{what}");
                }
            }
        }
    }
}

#[test]
fn messages_cut_across_segments_and_mixed_up_are_read_all_the_same() {
    let said: Vec<u8> = (0..20u16).flat_map(|number| modbus(number, &[3, 0, 0, 0, 2])).collect();
    for size in [1, 2, 5, 7, 11, 100] {
        let mut capture = Capture::new();
        let ends = ((5, 50_000), (9, 502));
        capture.segment(ends, (99, 0), 2, &[]);
        let mut pieces: Vec<_> = (0u32..).zip(said.chunks(size)).collect();
        pieces.chunks_mut(3).for_each(<[_]>::reverse);
        for (index, piece) in pieces {
            capture.segment(ends, (100 + index * u32::try_from(size).unwrap(), 0), 0x18, piece);
        }
        let report = capture.report();
        let link = report.links.iter().find(|link| link.protocol == Protocol::Modbus).unwrap();
        assert_eq!(link.functions[0].requests, 20, "segments of {size}");
        assert_eq!((report.coverage.gaps, report.coverage.malformed_messages), (0, 0));
    }
}

#[test]
fn identity_of_an_ethernet_ip_device_and_of_what_is_only_on_ethernet() {
    let mut capture = Capture::new();
    let identity = Identity {
        vendor: 1,
        revision: (20, 11),
        serial: 0xAB,
        name: "1756-L61\u{1b}[31m".into(),
        ..Default::default()
    };
    let mut payload = Vec::new();
    identity.emit_list(([10, 0, 0, 9], 44_818), 3, &mut payload);
    capture.connection(5, 9, 44_818, &[(true, enip(0x63, 1, &[])), (false, enip(0x63, 1, &payload))]);
    // A switch says its name by LLDP.
    let mut lldp = vec![1, 0x80, 0xC2, 0, 0, 0x0E, 0, 0xA0, 0x45, 1, 2, 3, 0x88, 0xCC];
    lldp.extend_from_slice(&[2, 3, 4, 1, 2, 10, 3, b's', b'w', b'1', 14, 4, 0, 4, 0, 4, 0, 0]);
    capture.push(lldp);
    let report = capture.report();
    let device = report.assets.iter().find(|asset| asset.id == "10.0.0.9").unwrap();
    // What a device says cannot reach a terminal as anything but text.
    assert_eq!(device.fact(Field::Model), Some("1756-L61·[31m"));
    assert_eq!(
        (device.fact(Field::Firmware), device.fact(Field::Serial)),
        (Some("20.011"), Some("000000AB"))
    );
    let switch = report.assets.iter().find(|asset| asset.id == "00:a0:45:01:02:03").unwrap();
    assert_eq!((switch.role, switch.fact(Field::Name)), (Role::Network, Some("sw1")));
}

#[test]
fn points_of_an_outstation_belong_to_the_master_that_reads_them() {
    let mut capture = Capture::new();
    // The outstation calls the master.
    let answer = dnp3_frame(false, 4, &[0xC1, 129, 0, 0, 30, 2, 0, 1, 2, 1, 5, 0, 1, 6, 0]);
    capture.connection(
        9,
        5,
        20_000,
        &[(false, dnp3_frame(true, 4, &[0xC1, 1, 30, 2, 0, 1, 2])), (true, answer)],
    );
    let report = capture.report();
    let point = &report.points[0];
    assert_eq!(
        (point.server.as_str(), point.name.as_str(), point.unit),
        ("10.0.0.9", "analog input 1..2", 4)
    );
    assert_eq!(point.readers, ["10.0.0.5"]);
}

#[test]
fn the_slot_that_a_cpu_accepted_is_known() {
    let connect = |kind: u8, called: [u8; 2]| {
        let mut out = vec![3, 0, 0, 22, 17, kind, 0, 0, 0, 1, 0, 0xC0, 1, 10, 0xC1, 2, 1, 0, 0xC2, 2];
        out.extend(called);
        out
    };
    let mut capture = Capture::new();
    // Refused for slot 1, taken for rack 1, slot 3.
    capture.connection(5, 8, 102, &[(true, connect(0xE0, [3, 1]))]);
    capture.connection(5, 8, 102, &[(true, connect(0xE0, [3, 0x23])), (false, connect(0xD0, [3, 0x23]))]);
    let report = capture.report();
    let called: Vec<_> = report.links.iter().map(|link| (link.protocol, link.called)).collect();
    assert_eq!(called, [(Protocol::S7, Some(0x0323))]);
}

#[test]
fn what_was_not_seen_is_always_said() {
    let whole = conversation();
    assert_eq!(whole.report().limits(), ["everything that was captured was read"]);
    let mut half = whole;
    half.frames.retain(|(_, frame)| frame[29] == 9 || frame[33] == 9);
    half.frames.retain(|(_, frame)| frame[33] == 9);
    let limits = half.report().limits();
    assert!(limits.iter().any(|line| line.contains("one direction only")), "{limits:?}");
}

#[test]
fn the_page_needs_nothing_else_and_escapes_everything() {
    let mut capture = conversation();
    let evil = [&[43, 14, 1, 1, 0, 0, 1, 0, 25][..], b"<script>alert(1)</script>"].concat();
    capture.connection(5, 8, 502, &[(true, modbus(1, &[43, 14, 1, 0])), (false, modbus(1, &evil))]);
    let page = capture.report().html();
    assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script"));
    assert!(!page.contains("src=") && !page.contains("href="));
    assert!(page.contains("holding 100..109") && page.contains("IB-MB-006"));
}

/// The capture of docs/watch.md: an HMI polls two controllers, then a newcomer writes to one and stops the other.
fn example() -> Capture {
    let mut capture = Capture::new();
    let order = crate::talk::s7_ask(4, 1, &[0, 0x11, 0, 0]);
    let mut list = vec![0xFF, 9, 0, 36, 0, 0x11, 0, 0, 0, 28, 0, 1, 0, 1];
    list.extend_from_slice(b"6ES7 315-2EH14-0AB0 \0\xC0\0\x03\0\x01");
    let [l0, l1] = u16::try_from(list.len()).unwrap().to_be_bytes();
    let head = [0x32, 7, 0, 0, 0, 9, 0, 12, l0, l1, 0, 1, 0x12, 8, 0x12, 0x84, 1, 1, 0, 0, 0, 0];
    let answer = crate::talk::tpkt(&[&head[..], &list].concat());
    capture.connection(5, 8, 102, &[(true, order), (false, answer)]);
    for number in 0..30u16 {
        let request = (true, modbus(number, &[3, 0, 100, 0, 2]));
        let answer = (false, modbus(number, &[3, 4, 0, 1, 0, u8::try_from(number).unwrap()]));
        capture.connection(5, 9, 502, &[request, answer]);
        capture.wait(4);
    }
    let write = modbus(1, &[6, 0, 100, 2, 88]);
    capture.connection(66, 9, 502, &[(true, write.clone()), (false, write)]);
    let stop = [0x29, 0, 0, 0, 0, 0, 9, b'P', b'_', b'P', b'R', b'O', b'G', b'R', b'A', b'M'];
    capture.connection(66, 8, 102, &[(true, crate::talk::s7_job(2, &stop))]);
    capture
}

#[test]
fn the_example_of_the_manual_is_this_traffic() {
    let capture = example();
    capture.is_file("watch-example.pcap");
    assert_eq!(capture.found(), ["IB-NET-003", "IB-S7-001", "IB-S7-006"]);
    let device = capture.report().assets.into_iter().find(|asset| asset.id == "10.0.0.8").unwrap();
    assert_eq!(device.fact(Field::Model), Some("6ES7 315-2EH14-0AB0"));
}
