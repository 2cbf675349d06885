//! Every detection fires at its own traffic, and ordinary polling fires none.

use crate::talk::{Capture, cip, dnp3_frame, enip, modbus, opcua, opcua_answer, opcua_open, s7_ask, s7_job};
use std::collections::BTreeSet;
use watch::detect;

/// One connection in which the client says all of it and the server nothing.
fn said(port: u16, messages: &[Vec<u8>]) -> Capture {
    let mut capture = Capture::new();
    let said: Vec<_> = messages.iter().map(|message| (true, message.clone())).collect();
    capture.connection(5, 9, port, &said);
    capture
}

/// Modbus requests, each refused with a code.
fn refused(functions: impl Iterator<Item = u8>, code: u8) -> Capture {
    let mut capture = Capture::new();
    let mut said = Vec::new();
    for (number, function) in (0u16..).zip(functions) {
        said.push((true, modbus(number, &[function, 0, 0, 0, 1])));
        said.push((false, modbus(number, &[function | 0x80, code])));
    }
    capture.connection(5, 9, 502, &said);
    capture
}

fn modbus_cases() -> Vec<(&'static str, Capture)> {
    let one = |pdu: &[u8]| said(502, &[modbus(1, pdu)]);
    let mut units = Capture::new();
    let to = |unit: u8| {
        let mut request = modbus(1, &[3, 0, 0, 0, 1]);
        request[6] = unit;
        (true, request)
    };
    let first = [to(1), (false, modbus(1, &[3, 2, 0, 1]))];
    units.connection(5, 9, 502, &[&first[..], &(2..40).map(to).collect::<Vec<_>>()].concat());
    let walk: Vec<_> = (0..130).map(|at| modbus(1, &[3, 0, at, 0, 1])).collect();
    vec![
        ("IB-MB-016", units),
        ("IB-MB-017", said(502, &walk)),
        ("IB-MB-001", one(&[8, 0, 1, 0, 0])),
        ("IB-MB-002", one(&[8, 0, 4, 0, 0])),
        ("IB-MB-003", one(&[8, 0, 10, 0, 0])),
        ("IB-MB-004", refused(9..19, 1)),
        ("IB-MB-005", refused(std::iter::repeat_n(3, 12), 2)),
        ("IB-MB-006", one(&[43, 14, 1, 0])),
        ("IB-MB-010", one(&[90, 0, 0x33, 0, 1])),
        ("IB-MB-011", one(&[90, 0, 0x30, 0, 1])),
        ("IB-MB-012", one(&[90, 0, 0x41, 0xFF, 0])),
        ("IB-MB-013", one(&[90, 0, 0x02])),
        ("IB-MB-014", one(&[21, 9, 6, 0, 4, 0, 7, 0, 1, 0, 5])),
        ("IB-MB-015", one(&[66, 0, 0])),
        ("IB-MB-090", one(&[3, 0, 0, 0, 0])),
    ]
}

fn s7_cases() -> Vec<(&'static str, Capture)> {
    let job = |parameters: &[u8]| said(102, &[s7_job(1, parameters)]);
    let ask = |group, sub| said(102, &[s7_ask(group, sub, &[0; 4])]);
    let service = |name: &[u8]| {
        let mut parameters = vec![0x28, 0, 0, 0, 0, 0, 0, 0xFD, 0, 0, u8::try_from(name.len()).unwrap()];
        parameters.extend_from_slice(name);
        job(&parameters)
    };
    let mut rejected = Capture::new();
    let read = s7_job(1, &[4, 1, 0x12, 10, 0x10, 2, 0, 1, 0, 1, 0x84, 0, 0, 0]);
    let answer = crate::talk::tpkt(&[0x32, 3, 0, 0, 0, 1, 0, 2, 0, 4, 0, 0, 4, 1, 0x0A, 0, 0, 0]);
    let pair = [(true, read), (false, answer)];
    rejected.connection(5, 9, 102, &pair.iter().cycle().take(24).cloned().collect::<Vec<_>>());
    vec![
        ("IB-S7-001", job(&[0x29, 0, 0, 0, 0, 0, 9, b'P', b'_', b'P', b'R', b'O', b'G', b'R', b'A', b'M'])),
        ("IB-S7-002", service(b"P_PROGRAM")),
        (
            "IB-S7-003",
            job(&[0x1A, 0, 1, 0, 0, 0, 0, 0, 9, b'_', b'0', b'A', b'0', b'0', b'0', b'0', b'1', b'P']),
        ),
        (
            "IB-S7-004",
            job(&[0x1D, 0, 0, 0, 0, 0, 0, 0, 9, b'_', b'0', b'A', b'0', b'0', b'0', b'0', b'1', b'A']),
        ),
        ("IB-S7-005", ask(5, 1)),
        ("IB-S7-006", ask(4, 1)),
        ("IB-S7-007", ask(1, 9)),
        ("IB-S7-008", ask(7, 2)),
        ("IB-S7-009", service(b"_DELE")),
        ("IB-S7-010", ask(1, 0x16)),
        ("IB-S7-011", ask(3, 1)),
        ("IB-S7-012", rejected),
        ("IB-S7-090", job(&[0x04, 3])),
    ]
}

fn cip_cases() -> Vec<(&'static str, Capture)> {
    let one = |message: &[u8]| said(44_818, &[cip(1, message)]);
    let mut rejected = Capture::new();
    let pair = [(true, cip(3, &[0x4C, 2, 0x91, 1, b'x', 0, 1, 0])), (false, cip(3, &[0xCC, 0, 4, 0]))];
    rejected.connection(5, 9, 44_818, &pair.iter().cycle().take(48).cloned().collect::<Vec<_>>());
    vec![
        ("IB-CIP-001", one(&[0x07, 2, 0x20, 0x8E, 0x24, 1])),
        ("IB-CIP-002", one(&[0x06, 2, 0x20, 0x8E, 0x24, 1])),
        ("IB-CIP-003", one(&[0x05, 2, 0x20, 0x01, 0x24, 1])),
        ("IB-CIP-004", one(&[0x4D, 2, 0x20, 0xA1, 0x24, 1, 7])),
        ("IB-CIP-005", one(&[0x4C, 2, 0x20, 0x37, 0x24, 1])),
        ("IB-CIP-006", one(&[0x4B, 2, 0x20, 0x37, 0x24, 1])),
        ("IB-CIP-007", one(&[0x10, 3, 0x20, 0xF5, 0x24, 1, 0x30, 5, 1, 2])),
        ("IB-CIP-008", one(&[0x04, 2, 0x20, 0x8B, 0x24, 1, 1, 0, 6, 0])),
        ("IB-CIP-009", said(44_818, &[enip(0x63, 1, &[])])),
        ("IB-CIP-010", one(&[0x4B, 2, 0x20, 0x8E, 0x24, 1])),
        ("IB-CIP-011", rejected),
        ("IB-CIP-090", said(44_818, &[cip(1, &[0x0E, 200, 1])])),
    ]
}

fn dnp3_cases() -> Vec<(&'static str, Capture)> {
    let one = |fragment: &[u8]| said(20_000, &[dnp3_frame(true, 4, fragment)]);
    let crob = |function: u8| {
        one(&[0xC1, function, 12, 1, 0x28, 1, 0, 3, 0, 0x41, 1, 100, 0, 0, 0, 100, 0, 0, 0, 0])
    };
    let asked = |numbers: std::ops::Range<u8>, indications: u8| -> Vec<_> {
        let pair = |number| {
            let request = dnp3_frame(true, 4, &[0xC0 | number & 15, 1, 30, 0, 6]);
            [(true, request), (false, dnp3_frame(false, 4, &[0xC0 | number & 15, 129, 0, indications]))]
        };
        numbers.flat_map(pair).collect()
    };
    let mut rejected = Capture::new();
    rejected.connection(5, 9, 20_000, &asked(0..8, 2));
    let mut once = Capture::new();
    once.connection(5, 9, 20_000, &[asked(0..3, 0), asked(3..4, 4), asked(4..6, 0)].concat());
    let mut flood = Capture::new();
    flood.connection(5, 9, 20_000, &asked(0..60, 0));
    let mut again = Capture::new();
    again.connection(5, 9, 20_000, &[asked(1..2, 0), asked(1..2, 0), asked(1..2, 0)].concat());
    let mut second = Capture::new();
    for number in 0..30 {
        second.connection(5, 9, 20_000, &asked(number..number + 1, 0));
        second.wait(5);
    }
    second.connection(66, 9, 20_000, &asked(0..1, 0));
    let mut stations = Capture::new();
    let ask = |station| (true, dnp3_frame(true, station, &[0xC1, 1, 60, 2, 6]));
    stations.connection(5, 9, 20_000, &[asked(0..1, 0), (5..20).map(ask).collect()].concat());
    vec![
        ("IB-DNP-001", one(&[0xC1, 13])),
        ("IB-DNP-002", one(&[0xC1, 14])),
        ("IB-DNP-003", one(&[0xC1, 18])),
        ("IB-DNP-004", one(&[0xC1, 21, 60, 2, 6])),
        ("IB-DNP-005", one(&[0xC1, 27])),
        ("IB-DNP-006", one(&[0xC1, 25])),
        ("IB-DNP-007", crob(4)),
        ("IB-DNP-008", crob(6)),
        ("IB-DNP-009", one(&[0xC1, 19])),
        ("IB-DNP-010", one(&[0xC1, 22, 60, 2, 6])),
        ("IB-DNP-011", said(20_000, &[dnp3_frame(true, 0xFFFF, &[0xC1, 13])])),
        ("IB-DNP-012", rejected),
        ("IB-DNP-013", flood),
        ("IB-DNP-014", again),
        ("IB-DNP-015", second),
        ("IB-DNP-016", stations),
        ("IB-DNP-017", once),
        ("IB-DNP-090", one(&[0xC1, 1, 37, 9, 6])),
    ]
}

fn bacnet_cases() -> Vec<(&'static str, Capture)> {
    let one = |bytes: &[u8]| {
        let mut capture = Capture::new();
        capture.datagram((5, 47_808), (9, 47_808), bytes);
        capture
    };
    let npdu = |apdu: &[u8]| {
        let length = u8::try_from(6 + apdu.len()).unwrap();
        one(&[&[0x81, 0x0A, 0, length, 1, 4][..], apdu].concat())
    };
    vec![
        ("IB-BAC-001", npdu(&[0, 5, 1, 17, 0x19, 1])),
        ("IB-BAC-002", npdu(&[0, 5, 1, 20, 0x09, 0])),
        ("IB-BAC-003", npdu(&[0, 5, 1, 7, 0xC4, 2, 0x80, 0, 1])),
        ("IB-BAC-004", npdu(&[0, 5, 1, 11, 0xC4, 0, 0x80, 0, 1])),
        ("IB-BAC-005", one(&[0x81, 5, 0, 6, 0, 60])),
        ("IB-BAC-006", npdu(&[0x10, 6, 0xA4, 120, 1, 1, 1, 0xB4, 1, 1, 1, 1])),
        ("IB-BAC-007", npdu(&[0x10, 8])),
        ("IB-BAC-090", one(&[0x81, 0x0A, 0, 40, 1, 4, 0])),
    ]
}

/// An APDU of IEC 104 with one ASDU.
fn iec104(kind: u8, cause: u8, station: u16, objects: &[u8]) -> Vec<u8> {
    let mut out = vec![0x68, u8::try_from(10 + objects.len()).unwrap(), 0, 0, 0, 0, kind, 1, cause, 0];
    out.extend_from_slice(&station.to_le_bytes());
    out.extend_from_slice(objects);
    out
}

fn iec104_cases() -> Vec<(&'static str, Capture)> {
    let one = |message: Vec<u8>| said(2_404, &[message]);
    let mut rejected = Capture::new();
    let command = |cause| iec104(45, cause, 3, &[9, 0, 0, 1]);
    let pair = [(true, command(6)), (false, command(0x40 | 47))];
    rejected.connection(5, 9, 2_404, &pair.iter().cycle().take(16).cloned().collect::<Vec<_>>());
    let mut second = Capture::new();
    let interrogation =
        |_| [(true, iec104(100, 6, 3, &[0, 0, 0, 20])), (false, iec104(100, 7, 3, &[0, 0, 0, 20]))];
    for _ in 0..4 {
        second.connection(5, 9, 2_404, &(0..6).flat_map(interrogation).collect::<Vec<_>>());
        second.wait(30);
    }
    second.connection(66, 9, 2_404, &interrogation(0));
    let sweep: Vec<_> = (0..20).map(|object| iec104(45, 6, 3, &[object, 0, 0, 1])).collect();
    vec![
        ("IB-104-007", second),
        ("IB-104-008", said(2_404, &sweep)),
        ("IB-104-001", one(iec104(105, 6, 3, &[0, 0, 0, 1]))),
        ("IB-104-002", one(vec![0x68, 4, 0x13, 0, 0, 0])),
        ("IB-104-003", one(iec104(113, 6, 3, &[9, 0, 0, 1]))),
        ("IB-104-004", one(iec104(120, 13, 3, &[9, 0, 0, 1, 0, 16, 0, 0, 0]))),
        ("IB-104-005", one(iec104(45, 6, 0xFFFF, &[9, 0, 0, 1]))),
        ("IB-104-006", rejected),
        ("IB-104-090", one(iec104(45, 6, 3, &[9, 0]))),
    ]
}

/// Who signs in: behind the signature, no certificates and locales.
fn activate(request: u32, token: u16) -> Vec<u8> {
    let [low, high] = token.to_le_bytes();
    opcua(request, 467, &[&[0xFF; 16][..], &[1, 0, low, high, 1, 0, 0, 0, 0]].concat())
}

fn opcua_cases() -> Vec<(&'static str, Capture)> {
    let mut rejected = Capture::new();
    let pair = [(true, activate(3, 324)), (false, opcua_answer(3, 470, 0x801F_0000))];
    rejected.connection(5, 9, 4_840, &pair.iter().cycle().take(16).cloned().collect::<Vec<_>>());
    let browse: Vec<_> = (0..220).map(|number| opcua(number, 527, &[])).collect();
    vec![
        ("IB-UA-001", said(4_840, &[opcua_open("None"), activate(2, 324)])),
        ("IB-UA-002", said(4_840, &[activate(2, 321)])),
        ("IB-UA-003", said(4_840, &browse)),
        ("IB-UA-004", said(4_840, &[opcua(2, 488, &[])])),
        ("IB-UA-005", rejected),
        ("IB-UA-090", said(4_840, &[opcua_open("None"), b"MSGF\x0C\0\0\0\0\0\0\0".to_vec()])),
    ]
}

/// A frame of GOOSE from a device: state, sequence, whether it is a simulation.
fn goose(sender: u8, state: u8, sequence: u8, simulation: u8) -> Vec<u8> {
    let pdu = [&[0x80, 3, b'b', b'/', b'g'][..], &[0x85, 1, state, 0x86, 1, sequence, 0x87, 1, simulation]]
        .concat();
    let length = u8::try_from(pdu.len()).unwrap();
    let ethernet = [1, 0x0C, 0xCD, 1, 0, 1, 0, 0x1B, 0x1B, 0, 0, sender, 0x88, 0xB8];
    [&ethernet[..], &[0, 3, 0, length + 10, 0, 0, 0, 0, 0x61, length], &pdu].concat()
}

fn goose_cases() -> Vec<(&'static str, Capture)> {
    let sent = |frames: &[Vec<u8>]| {
        let mut capture = Capture::new();
        frames.iter().for_each(|frame| capture.push(frame.clone()));
        capture
    };
    vec![
        ("IB-GOO-001", sent(&[goose(7, 9, 4, 0), goose(7, 5, 1, 0), goose(7, 9, 5, 0)])),
        ("IB-GOO-001", sent(&[goose(7, 9, 4, 0), goose(7, 9, 2, 0), goose(7, 9, 5, 0)])),
        ("IB-GOO-004", sent(&[goose(7, 9, 4, 0), goose(7, 5, 1, 0), goose(7, 5, 2, 0)])),
        ("IB-GOO-002", sent(&[goose(7, 9, 4, 0), goose(8, 10, 0, 0)])),
        ("IB-GOO-003", sent(&[goose(7, 9, 4, 1)])),
        ("IB-GOO-090", sent(&[goose(7, 9, 4, 0)[..28].to_vec()])),
    ]
}

fn profinet_cases() -> Vec<(&'static str, Capture)> {
    let one = |service: u8, blocks: &[u8]| {
        let mut capture = Capture::new();
        let mut frame = vec![0, 0x1B, 0x1B, 0, 0, 9, 0, 0x0C, 0x29, 0, 0, 5, 0x88, 0x92];
        frame.extend_from_slice(&[
            0xFE,
            if service == 5 { 0xFE } else { 0xFD },
            service,
            0,
            0,
            0,
            0,
            1,
            0,
            0,
        ]);
        frame.extend_from_slice(&u16::try_from(blocks.len()).unwrap().to_be_bytes());
        frame.extend_from_slice(blocks);
        capture.push(frame);
        capture
    };
    vec![
        ("IB-PN-001", one(4, &[1, 2, 0, 14, 0, 1, 10, 0, 0, 7, 255, 255, 255, 0, 0, 0, 0, 0])),
        ("IB-PN-002", one(4, &[5, 6, 0, 2, 0, 4])),
        ("IB-PN-003", one(5, &[0xFF, 0xFF, 0, 0])),
    ]
}

/// A client polls a controller for two minutes.
fn polled() -> Capture {
    let mut capture = Capture::new();
    for number in 0..30 {
        let request = (true, modbus(number, &[3, 0, 0, 0, 2]));
        let answer = (false, modbus(number, &[3, 4, 0, 1, 0, 2]));
        capture.connection(5, 9, 502, &[request, answer]);
        capture.wait(4);
    }
    capture
}

/// Packets to a controller go to the card of somebody who announced himself for it.
fn diverted() -> Capture {
    let mut capture = polled();
    [9, 66, 9].into_iter().for_each(|card| capture.arp(card, 9, None));
    capture.segment(((5, 40_000), (9, 502)), (1, 1), 0x18, &modbus(1, &[3, 0, 0, 0, 2]));
    capture.retouch(0, &crate::talk::mac(66));
    capture
}

/// A write comes again with another value.
fn changed() -> Capture {
    let mut capture = Capture::new();
    let ends = ((5, 40_000), (9, 502));
    for value in [7, 99] {
        capture.segment(ends, (1, 1), 0x18, &modbus(1, &[6, 0, 5, 0, value]));
    }
    capture
}

/// After minutes of polling a command of a connection that nobody opened.
fn unopened() -> Capture {
    let mut capture = polled();
    capture.wait(200);
    capture.segment(((5, 40_000), (9, 502)), (1, 1), 0x18, &modbus(1, &[6, 0, 5, 0, 99]));
    // Nobody takes it.
    capture.segment(((9, 502), (5, 40_000)), (77, 4_000_000), 0x10, &[]);
    capture
}

/// The client's packets have 64 hops to go; one has 128.
fn impostor() -> Capture {
    let mut capture = polled();
    capture.segment(((5, 40_000), (9, 502)), (1, 1), 0x18, &modbus(1, &[6, 0, 5, 0, 99]));
    capture.retouch(22, &[128]);
    capture
}

/// Two controllers that are polled exchange something at a port that nothing has.
fn side_talk() -> Capture {
    let mut capture = Capture::new();
    for device in [8, 9] {
        let poll = [(true, modbus(1, &[3, 0, 0, 0, 1])), (false, modbus(1, &[3, 2, 0, 1]))];
        capture.connection(5, device, 502, &poll);
    }
    capture.connection(8, 9, 31_337, &[(true, vec![0x77; 64]), (false, vec![0x2A; 64])]);
    capture
}

/// Who has 10.0.0.100, 10.0.0.101, ...?
fn sweep() -> Capture {
    let mut capture = Capture::new();
    for _ in 0..2 {
        (100..140).for_each(|target| capture.arp(5, 5, Some(target)));
        capture.wait(1);
    }
    capture
}

fn network_cases() -> Vec<(&'static str, Capture)> {
    let mut scan = Capture::new();
    for port in 1..40 {
        scan.segment(((5, 40_000), (9, port)), (1, 0), 2, &[]);
        scan.segment(((9, port), (5, 40_000)), (0, 2), 0x14, &[]);
    }
    let mut spoofed = Capture::new();
    [9, 66, 9].into_iter().for_each(|card| spoofed.arp(card, 9, None));
    let mut moved = Capture::new();
    for card in [9, 66, 66] {
        moved.arp(card, 9, None);
        moved.wait(6);
    }
    let mut newcomer = polled();
    newcomer.connection(
        66,
        9,
        502,
        &[(true, modbus(1, &[6, 0, 4, 0, 1])), (false, modbus(1, &[6, 0, 4, 0, 1]))],
    );
    let mut peer = polled();
    peer.connection(9, 7, 502, &[(true, modbus(1, &[6, 0, 4, 0, 1])), (false, modbus(1, &[6, 0, 4, 0, 1]))]);
    let hello = |port: u16, text: &[u8]| said(port, &[text.to_vec()]);
    vec![
        ("IB-NET-001", scan),
        ("IB-NET-002", spoofed),
        ("IB-NET-017", moved),
        ("IB-NET-003", newcomer),
        ("IB-NET-004", peer),
        ("IB-NET-005", diverted()),
        ("IB-NET-006", changed()),
        ("IB-NET-007", unopened()),
        ("IB-NET-008", impostor()),
        ("IB-NET-009", sweep()),
        ("IB-NET-016", side_talk()),
        ("IB-NET-010", hello(23, &[0xFF, 0xFB, 1])),
        ("IB-NET-011", hello(21, b"USER anna\r\n")),
        ("IB-NET-012", hello(5_900, b"RFB 003.008\n")),
        ("IB-NET-020", hello(1_911, b"fox a 0 -1 fox hello\n{\n};;\n")),
        ("IB-NET-021", hello(9_600, b"FINS\0\0\0\x0c\0\0\0\0\0\0\0\0\0\0\0\0")),
    ]
}

#[test]
fn every_detection_fires_at_its_own_traffic() {
    let mut covered = BTreeSet::new();
    let ot = [
        modbus_cases(),
        s7_cases(),
        cip_cases(),
        dnp3_cases(),
        bacnet_cases(),
        iec104_cases(),
        opcua_cases(),
        crate::office::cases(),
    ];
    for (id, capture) in [ot.concat(), goose_cases(), profinet_cases(), network_cases()].concat() {
        let found = capture.found();
        assert!(found.contains(&id), "{id} is not among {found:?}");
        covered.insert(id);
    }
    for (id, report) in crate::guard::cases() {
        let found: Vec<_> = report.findings.iter().map(|finding| finding.rule).collect();
        assert!(found.contains(&id), "{id} is not among {found:?}");
        covered.insert(id);
    }
    let all: BTreeSet<_> = detect::all().iter().map(|rule| rule.id).collect();
    assert_eq!(covered, all, "a detection without traffic that shows it");
}

#[test]
fn ordinary_work_fires_none() {
    let mut capture = polled();
    // An HMI that wrote from the beginning goes on writing.
    for number in 0..10 {
        let write = modbus(number, &[16, 0, 10, 0, 1, 2, 0, 7]);
        capture.connection(5, 8, 502, &[(true, write), (false, modbus(number, &[16, 0, 10, 0, 1]))]);
    }
    let read = s7_job(1, &[4, 1, 0x12, 10, 0x10, 2, 0, 1, 0, 1, 0x84, 0, 0, 0]);
    let answer = crate::talk::tpkt(&[0x32, 3, 0, 0, 0, 1, 0, 2, 0, 5, 0, 0, 4, 1, 0xFF, 4, 0, 8, 1]);
    capture.connection(5, 9, 102, &[(true, read), (false, answer)]);
    let read = cip(3, &[0x4C, 2, 0x91, 1, b'x', 0, 1, 0]);
    capture.connection(5, 9, 44_818, &[(true, read), (false, cip(3, &[0xCC, 0, 0, 0, 0xC4, 0, 1, 0, 0, 0]))]);
    let poll = dnp3_frame(true, 4, &[0xC1, 1, 60, 2, 6, 60, 3, 6]);
    let answer = dnp3_frame(false, 4, &[0xC1, 129, 0, 0, 30, 2, 0, 1, 1, 1, 5, 0]);
    capture.connection(5, 9, 20_000, &[(true, poll), (false, answer)]);
    let control = |code: u8| vec![0x68, 4, code, 0, 0, 0];
    let talk = [
        (true, control(0x07)),
        (false, control(0x0B)),
        (true, iec104(100, 6, 3, &[0, 0, 0, 20])),
        (false, iec104(100, 7, 3, &[0, 0, 0, 20])),
        (false, iec104(13, 20, 3, &[9, 0, 0, 0, 0, 0, 0, 0])),
        (false, iec104(100, 10, 3, &[0, 0, 0, 20])),
        (true, iec104(45, 6, 3, &[9, 0, 0, 0x81])),
        (false, iec104(45, 7, 3, &[9, 0, 0, 0x81])),
        (true, iec104(45, 6, 3, &[9, 0, 0, 1])),
        (false, iec104(45, 7, 3, &[9, 0, 0, 1])),
        (true, iec104(103, 6, 0xFFFF, &[0, 0, 0, 0, 0, 0, 0, 1, 1, 26])),
        (true, vec![0x68, 4, 1, 0, 6, 0]),
    ];
    capture.connection(5, 9, 2_404, &talk);
    // Repetitions, a change, a copy from the mirror port, a restart.
    for (state, sequence) in [(4, 0), (4, 1), (4, 1), (4, 3), (5, 0), (1, 1), (1, 2)] {
        capture.push(goose(7, state, sequence, 0));
    }
    // Endpoints are asked for without security; the session is signed, of a user, and then opaque.
    capture.connection(5, 9, 4_840, &[(true, opcua_open("None")), (true, opcua(2, 428, &[]))]);
    let session = [
        (true, opcua_open("Basic256Sha256")),
        (true, activate(2, 324)),
        (false, opcua_answer(2, 470, 0)),
        (true, opcua(3, 0x7777, &[0xAA; 60])),
    ];
    capture.connection(5, 9, 4_840, &session);
    assert_eq!(capture.found(), Vec::<&str>::new());
}

#[test]
fn findings_are_counted_not_repeated_and_name_their_packets() {
    let messages: Vec<_> = (0..500).map(|number| modbus(number, &[8, 0, 4, 0, 0])).collect();
    let report = said(502, &messages).report();
    assert_eq!(report.findings.len(), 1);
    let finding = &report.findings[0];
    assert_eq!(
        (finding.count, finding.source.as_str(), finding.target.as_str()),
        (500, "10.0.0.5", "10.0.0.9")
    );
    assert_eq!(finding.evidence[0].frame, 4);
    assert_eq!(finding.details, ["Diagnostics: Force Listen Only Mode (unit 1)"]);
}
