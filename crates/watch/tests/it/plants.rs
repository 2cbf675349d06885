//! Plants unlike those at hand: other makers' habits, other ports, gateways, redundancy, days on which much is off. What happens in
//! them every day raises nothing, and who asks whom is told rightly.

use crate::talk::{Capture, dnp3_frame, modbus, opcua, opcua_answer, s7_job, tpkt};
use std::collections::BTreeSet;
use watch::{Protocol, Report};

/// Findings by rule, each once.
fn rules(report: &Report) -> BTreeSet<&'static str> {
    report.findings.iter().map(|row| row.rule).collect()
}

fn is_quiet(capture: &Capture) -> Report {
    let report = capture.report();
    let found: Vec<_> =
        report.findings.iter().map(|row| (row.rule, &row.source, &row.target, &row.details)).collect();
    assert!(found.is_empty(), "{found:?}");
    report
}

/// A Modbus message to a unit.
fn unit(transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let mut adu = modbus(transaction, pdu);
    adu[6] = unit;
    adu
}

fn answer(values: &[u8]) -> Vec<u8> {
    [&[3, u8::try_from(values.len()).unwrap()][..], values].concat()
}

#[test]
fn most_of_what_hangs_behind_a_gateway_is_off() {
    let mut capture = Capture::new();
    let mut said = Vec::new();
    for round in 0..6u16 {
        for device in 1..=31u8 {
            let number = round * 31 + u16::from(device);
            let request = unit(number, device, &[3, 0, 0, 0, 2]);
            // Asked twice, as programs do; the gateway of one maker is silent, that of the other says so.
            said.extend([(true, request.clone()), (true, request)]);
            match device {
                1..=4 => said.extend([(false, unit(number, device, &answer(&[0, 1, 0, 2])))]),
                5..=20 => said.extend([(false, unit(number, device, &[0x83, 11]))]),
                _ => {}
            }
        }
    }
    capture.connection(5, 9, 1_502, &said);
    let report = is_quiet(&capture);
    assert_eq!(report.points.len(), 31);
}

#[test]
fn a_busy_device_is_not_searched() {
    let mut capture = Capture::new();
    let busy = (0..40u16).flat_map(|n| [(true, modbus(n, &[3, 0, 0, 0, 2])), (false, modbus(n, &[0x83, 6]))]);
    capture.connection(5, 9, 502, &busy.collect::<Vec<_>>());
    is_quiet(&capture);
}

#[test]
fn a_simple_program_reads_one_register_after_the_other() {
    let mut capture = Capture::new();
    let mut said = Vec::new();
    for round in 0..5u16 {
        for at in 0..80u8 {
            let number = round * 80 + u16::from(at);
            said.push((true, modbus(number, &[3, 0, at, 0, 1])));
            said.push((false, modbus(number, &answer(&[0, at]))));
        }
    }
    capture.connection(5, 9, 502, &said);
    is_quiet(&capture);
}

#[test]
fn serial_frames_come_through_a_socket() {
    let rtu = |bytes: &[u8]| {
        let crc = wire::modbus::rtu::crc16(bytes);
        [bytes, &crc.to_le_bytes()].concat()
    };
    for port in [502, 4_001, 10_001] {
        let mut capture = Capture::new();
        let mut said = Vec::new();
        for round in 0..20u8 {
            for device in [1, 7] {
                said.push((true, rtu(&[device, 3, 0, 0, 0, 2])));
                said.push((false, rtu(&[device, 3, 4, 0, round, 0, 9])));
            }
        }
        said.push((true, rtu(&[7, 6, 0, 5, 0, 1])));
        said.push((false, rtu(&[7, 6, 0, 5, 0, 1])));
        capture.connection(5, 9, port, &said);
        let report = is_quiet(&capture);
        let links: Vec<_> = report.links.iter().map(|link| (link.protocol, link.port)).collect();
        assert_eq!(links, [(Protocol::Modbus, port)]);
        let functions: Vec<_> =
            report.links[0].functions.iter().map(|f| (f.function, f.requests, f.answers)).collect();
        assert_eq!(functions, [(3, 40, 40), (6, 1, 1)]);
        assert_eq!(report.points.len(), 3);
    }
}

#[test]
fn several_requests_are_under_way_at_once() {
    let mut capture = Capture::new();
    let mut said = Vec::new();
    for round in 0..10u16 {
        // Some clients number nothing.
        let number = |at: u16| if round % 2 == 0 { 0 } else { round * 8 + at };
        let requests: Vec<u8> =
            (0..8u8).flat_map(|at| modbus(number(at.into()), &[3, 0, at * 10, 0, 2])).collect();
        let answers: Vec<u8> = (0..8u16).flat_map(|at| modbus(number(at), &answer(&[0, 1, 0, 2]))).collect();
        said.extend([(true, requests), (false, answers[..50].to_vec()), (false, answers[50..].to_vec())]);
    }
    capture.connection(5, 9, 1_502, &said);
    let report = is_quiet(&capture);
    let f = &report.links[0].functions[0];
    assert_eq!((report.links[0].protocol, f.requests, f.answers), (Protocol::Modbus, 80, 80));
}

/// COTP connect request or confirm.
fn connect(kind: u8, called: [u8; 2]) -> Vec<u8> {
    let mut out = vec![3, 0, 0, 22, 17, kind, 0, 0, 0, 1, 0, 0xC0, 1, 10, 0xC1, 2, 1, 0, 0xC2, 2];
    out.extend(called);
    out
}

#[test]
fn an_iec_61850_client_is_no_s7_client() {
    let mut capture = Capture::new();
    let initiate = tpkt(&[0x0D, 0x0A, 5, 6, 0x13, 1, 0, 0x16, 1, 2, 0x14, 2]);
    let accept = tpkt(&[0x0E, 0x0A, 5, 6, 0x13, 1, 0, 0x16, 1, 2, 0x14, 2]);
    let data =
        tpkt(&[1, 0, 1, 0, 0x61, 0x10, 0x30, 0x0E, 2, 1, 3, 0xA0, 9, 0xA0, 7, 2, 1, 1, 0xA1, 2, 0x80, 0]);
    let mut said = vec![
        (true, connect(0xE0, [0, 1])),
        (false, connect(0xD0, [0, 1])),
        (true, initiate),
        (false, accept),
    ];
    said.extend((0..10).flat_map(|_| [(true, data.clone()), (false, data.clone())]));
    capture.connection(5, 9, 102, &said);
    let report = is_quiet(&capture);
    let links: Vec<_> = report.links.iter().map(|link| (link.protocol, link.port)).collect();
    assert_eq!(links, [(Protocol::Mms, 102)]);
    let server = report.assets.iter().find(|asset| asset.id == "10.0.0.9").unwrap();
    assert_eq!(server.serves, [Protocol::Mms]);
}

#[test]
fn a_cpu_behind_a_mapped_port_is_read() {
    let mut capture = Capture::new();
    let read = |n| s7_job(n, &[4, 1, 0x12, 10, 0x10, 2, 0, 4, 0, 1, 0x84, 0, 0, 0]);
    let setup = s7_job(0, &[0xF0, 0, 0, 1, 0, 1, 1, 0xE0]);
    let done = tpkt(&[0x32, 3, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0xF0, 0, 0, 1, 0, 1, 0, 0xF0]);
    let value = |n: u16| {
        let [a, b] = n.to_be_bytes();
        tpkt(&[0x32, 3, 0, 0, a, b, 0, 2, 0, 8, 0, 0, 4, 1, 0xFF, 4, 0, 32, 0, 0, 0, 1])
    };
    let mut said =
        vec![(true, connect(0xE0, [3, 2])), (false, connect(0xD0, [3, 2])), (true, setup), (false, done)];
    // Three jobs under way at once.
    for n in (1..60).step_by(3) {
        said.extend((n..n + 3).map(|n| (true, read(n))));
        said.extend((n..n + 3).map(|n| (false, value(n))));
    }
    capture.connection(5, 8, 1_102, &said);
    let report = is_quiet(&capture);
    let link = &report.links[0];
    assert_eq!((link.protocol, link.port, link.called), (Protocol::S7, 1_102, Some(0x0302)));
    let reads = link.functions.iter().find(|f| f.function == 4).unwrap();
    assert_eq!((reads.requests, reads.answers), (60, 60));
}

#[test]
fn a_meter_is_read_every_quarter_of_an_hour_over_one_old_connection() {
    let mut capture = Capture::new();
    // The capture runs, and others talk.
    let poll = |n: u16| [(true, modbus(n, &[3, 0, 0, 0, 2])), (false, modbus(n, &answer(&[0, 1, 0, 2])))];
    let (mut c, mut s) = (7_000u32, 9_000u32);
    for quarter in 0..8u16 {
        for _ in 0..15 {
            capture.connection(6, 8, 502, &poll(quarter));
            capture.wait(60);
        }
        for (from_client, data) in poll(quarter) {
            let ends = if from_client { ((5, 51_000), (9, 502)) } else { ((9, 502), (5, 51_000)) };
            let length = u32::try_from(data.len()).unwrap();
            if from_client {
                capture.segment(ends, (c, s), 0x18, &data);
                c += length;
            } else {
                capture.segment(ends, (s, c), 0x18, &data);
                s += length;
            }
        }
        capture.segment(((5, 51_000), (9, 502)), (c, s), 0x10, &[]);
    }
    is_quiet(&capture);
}

#[test]
fn two_machines_share_an_address_behind_a_router() {
    let mut capture = Capture::new();
    for round in 0..30u16 {
        for hops in [63, 127] {
            let before = capture.frames.len();
            let said =
                [(true, modbus(round, &[3, 0, 0, 0, 2])), (false, modbus(round, &answer(&[0, 1, 0, 2])))];
            capture.connection(5, 9, 502, &said);
            for (_, frame) in &mut capture.frames[before..] {
                if frame[29] == 5 {
                    frame[22] = hops;
                }
            }
            capture.wait(5);
        }
    }
    is_quiet(&capture);
}

#[test]
fn a_standby_takes_over_the_address_of_its_partner() {
    let mut capture = Capture::new();
    let poll = |n: u16| [(true, modbus(n, &[3, 0, 0, 0, 2])), (false, modbus(n, &answer(&[0, 1, 0, 2])))];
    capture.arp(9, 9, None);
    capture.arp(10, 10, None);
    for n in 0..60 {
        capture.connection(5, 9, 502, &poll(n));
        capture.wait(2);
    }
    // Both say who they are now, three times; from here on the partner's card answers.
    for _ in 0..3 {
        capture.arp(10, 9, None);
        capture.arp(9, 10, None);
        capture.wait(1);
    }
    for n in 0..60 {
        let before = capture.frames.len();
        capture.connection(5, 9, 502, &poll(n));
        for (_, frame) in &mut capture.frames[before..] {
            for at in [5, 11] {
                if frame[at] == 9 {
                    frame[at - 5..=at].copy_from_slice(&crate::talk::mac(10));
                }
            }
        }
        capture.wait(2);
    }
    let report = capture.report();
    let bad: Vec<_> = report
        .findings
        .iter()
        .filter(|row| row.severity >= 500)
        .map(|row| (row.rule, &row.details))
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
    assert_eq!(rules(&report), BTreeSet::from(["IB-NET-017"]));
}

#[test]
fn a_concentrator_asks_many_stations_and_some_are_off() {
    let mut capture = Capture::new();
    let mut said = Vec::new();
    for round in 0..20u8 {
        let control = 0xC0 | (round % 16);
        for station in 1..=60u16 {
            said.push((true, dnp3_frame(true, station, &[control, 1, 60, 2, 6])));
            if station <= 45 {
                said.push((false, dnp3_frame(false, station, &[control, 129, 0, 0])));
            }
        }
    }
    capture.connection(5, 9, 20_000, &said);
    is_quiet(&capture);
}

#[test]
fn dnp3_over_udp_from_port_to_port() {
    let mut capture = Capture::new();
    for round in 0..100u8 {
        let number = round % 16;
        capture.datagram((5, 20_000), (9, 20_000), &dnp3_frame(true, 4, &[0xC0 | number, 1, 60, 2, 6]));
        capture.datagram((9, 20_000), (5, 20_000), &dnp3_frame(false, 4, &[0xC0 | number, 129, 0, 0]));
        // It reports by itself, and is confirmed.
        capture.datagram((9, 20_000), (5, 20_000), &dnp3_frame(false, 4, &[0xF0 | number, 130, 0, 0]));
        capture.datagram((5, 20_000), (9, 20_000), &dnp3_frame(true, 4, &[0xD0 | number, 0]));
        capture.wait(2);
    }
    let report = is_quiet(&capture);
    let links: Vec<_> =
        report.links.iter().map(|link| (link.client.as_str(), link.server.as_str(), link.protocol)).collect();
    assert_eq!(links, [("10.0.0.5", "10.0.0.9", Protocol::Dnp3)]);
}

#[test]
fn an_operator_station_that_was_always_there_writes_over_another_port() {
    let mut capture = Capture::new();
    let poll = |n: u16| [(true, modbus(n, &[3, 0, 0, 0, 2])), (false, modbus(n, &answer(&[0, 1, 0, 2])))];
    for n in 0..40 {
        for station in [5, 6, 7] {
            capture.connection(station, 9, 502, &poll(n));
        }
        capture.wait(4);
    }
    let write = modbus(1, &[6, 0, 100, 2, 88]);
    capture.connection(6, 9, 503, &[(true, write.clone()), (false, write)]);
    is_quiet(&capture);
}

#[test]
fn connections_that_only_stay_alive_are_no_scan() {
    let mut capture = Capture::new();
    for round in 0..4u32 {
        for port in 50_000..50_030u16 {
            let (to, back) = (((5, port), (9, 62_541)), ((9, 62_541), (5, port)));
            capture.segment(to, (100, 200), 0x10, &[]);
            capture.segment(back, (200, 101), 0x10, &[]);
        }
        capture.wait(i64::from(round) + 30);
    }
    // At its end the client lets them go.
    for port in 50_000..50_030u16 {
        capture.segment(((5, port), (9, 62_541)), (101, 200), 0x11, &[]);
    }
    is_quiet(&capture);
}

#[test]
fn an_opc_ua_client_looks_around_now_and_then() {
    let mut capture = Capture::new();
    let mut said = Vec::new();
    for number in 0..300u32 {
        said.push((true, opcua(number, 527, &[])));
        said.push((false, opcua_answer(number, 530, 0)));
    }
    let mut slow = Capture::new();
    for pair in said.chunks(2) {
        slow.connection(5, 9, 4_840, pair);
        slow.wait(60);
    }
    assert!(!rules(&slow.report()).contains("IB-UA-003"));
    capture.connection(5, 9, 4_840, &said);
    assert!(rules(&capture.report()).contains("IB-UA-003"));
}

#[test]
fn a_small_controller_always_calls_from_the_same_port_with_the_same_numbers() {
    let mut capture = Capture::new();
    let ends = (((5, 2_000), (9, 502)), ((9, 502), (5, 2_000)));
    for n in 0..30u16 {
        let (request, reply) = (modbus(n, &[3, 0, 0, 0, 2]), modbus(n, &answer(&[0, 1, 0, 2])));
        capture.segment(ends.0, (0, 0), 2, &[]);
        capture.segment(ends.1, (77, 1), 0x12, &[]);
        capture.segment(ends.0, (1, 78), 0x18, &request);
        capture.segment(ends.1, (78, 13), 0x18, &reply);
        // It never closes.
        capture.wait(3);
    }
    let report = is_quiet(&capture);
    let f = &report.links[0].functions[0];
    assert_eq!((f.requests, f.answers), (30, 30));
}
