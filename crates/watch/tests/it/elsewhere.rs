//! The same plant, seen in another way: on other ports, by a mirror that doubles, cuts, loses or comes too late, behind a router,
//! with IPv6, through a tunnel. What is found may become less, where less is seen, but never anything else.

use crate::conformance::{captures, files};
use crate::sameness::{CAPTURES, frames};
use std::collections::BTreeSet;
use watch::{Limits, Monitor, Packet, Report};

/// Time, bytes on the wire, what was captured of them.
type Seen = Vec<(i64, u32, Vec<u8>)>;

/// How a report must stand to that of the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Must {
    /// The same findings and links.
    Equal,
    /// No other kinds of findings, no other links.
    Less,
    /// No other findings; who asks whom may be unknown.
    FewerFindings,
}

struct View {
    name: &'static str,
    must: Must,
    change: fn(&mut Seen),
    /// What an address of the changed capture was called before.
    called: fn(&str) -> String,
}

fn same(name: &str) -> String {
    name.to_owned()
}

fn report(seen: &Seen) -> Report {
    let mut monitor = Monitor::new(Limits::STANDARD);
    for (frame, (time_ns, original, data)) in (1u64..).zip(seen) {
        monitor.packet(&Packet { file: 0, frame, time_ns: *time_ns, link: 1, original: *original, data });
    }
    monitor.end();
    monitor.report()
}

/// Ports on which servers of control protocols are known, and others on which they are here.
const PORTS: [(u16, u16); 6] =
    [(502, 1502), (102, 1102), (20_000, 20_102), (44_818, 44_900), (2_404, 12_404), (4_840, 48_400)];

fn other_port(bytes: &mut [u8]) {
    let port = u16::from_be_bytes([bytes[0], bytes[1]]);
    if let Some((_, other)) = PORTS.iter().find(|(known, _)| *known == port) {
        bytes.copy_from_slice(&other.to_be_bytes());
    }
}

fn known_port(port: u16) -> u16 {
    PORTS.iter().find(|(_, other)| *other == port).map_or(port, |(known, _)| *known)
}

/// Where the header of TCP (true) or UDP begins in a frame of IPv4 that is not a later fragment.
fn transport(frame: &[u8]) -> Option<(usize, bool)> {
    let is_ip = frame.get(12..14)? == [8, 0];
    let header = 14 + usize::from(frame.get(14)? & 15) * 4;
    let is_first = u16::from_be_bytes([frame.get(20)? & 0x1F, *frame.get(21)?]) == 0;
    let protocol = *frame.get(23)?;
    (is_ip && is_first && matches!(protocol, 6 | 17) && frame.len() >= header + 8)
        .then_some((header, protocol == 6))
}

fn ports(seen: &mut Seen) {
    for (.., frame) in seen {
        if let Some((at, true)) = transport(frame) {
            other_port(&mut frame[at..at + 2]);
            other_port(&mut frame[at + 2..at + 4]);
        }
    }
}

/// Each frame and what comes of it.
fn each(seen: &mut Seen, change: impl Fn(usize, (i64, u32, Vec<u8>)) -> Seen) {
    *seen = std::mem::take(seen).into_iter().enumerate().flat_map(|(at, frame)| change(at, frame)).collect();
}

fn tagged(frame: &[u8], vlan: u8) -> Vec<u8> {
    [&frame[..12], &[0x81, 0, 0, vlan], &frame[12..]].concat()
}

/// Two ports of a switch are mirrored: what goes in at one and out at the other comes twice.
fn doubled(seen: &mut Seen) {
    each(seen, |_, (at, length, frame)| vec![(at, length, frame.clone()), (at + 900, length, frame)]);
}

/// A router's two networks are mirrored: TCP comes again with a hop less, from the router's card, on another VLAN.
fn routed(seen: &mut Seen) {
    each(seen, |_, (at, length, frame)| {
        let mut out = vec![(at, length + 4, tagged(&frame, 10))];
        if let Some((_, true)) = transport(&frame) {
            let mut second = frame;
            second[..12].copy_from_slice(&[0, 0, 0x0C, 9, 9, 1, 0, 0, 0x0C, 9, 9, 2]);
            second[22] -= 1;
            out.push((at + 20_000, length + 4, tagged(&second, 20)));
        }
        out
    });
}

/// One direction comes on one VLAN, the other on another.
fn two_vlans(seen: &mut Seen) {
    each(seen, |_, (at, length, frame)| {
        let vlan = if frame[..6] < frame[6..12] { 10 } else { 20 };
        vec![(at, length + 4, tagged(&frame, vlan))]
    });
}

fn stacked(seen: &mut Seen) {
    each(seen, |_, (at, length, frame)| {
        let mut frame = tagged(&tagged(&frame, 7), 100);
        frame[12..14].copy_from_slice(&[0x88, 0xA8]);
        vec![(at, length + 8, frame)]
    });
}

/// The capture keeps the first bytes of each packet.
fn snapped(seen: &mut Seen, length: usize) {
    seen.iter_mut().for_each(|(.., frame)| frame.truncate(length));
}

fn late(seen: &mut Seen, part: usize) {
    drop(seen.drain(..seen.len() / part));
}

fn lossy(seen: &mut Seen) {
    each(seen, |at, frame| if at % 13 == 7 { Vec::new() } else { vec![frame] });
}

fn one_way(seen: &mut Seen, low: bool) {
    seen.retain(|(.., frame)| transport(frame).is_none() || (frame[26..30] < frame[30..34]) == low);
}

/// Segments overtake others of the same conversation.
fn overtaken(seen: &mut Seen) {
    let mut at = 3;
    while at + 1 < seen.len() {
        let (left, right) = seen.split_at_mut(at + 1);
        let ((.., before), (.., now)) = (&mut left[at], &mut right[0]);
        if matches!(transport(before), Some((_, true))) && before.get(26..38) == now.get(26..38) {
            std::mem::swap(before, now);
        }
        at += 4;
    }
}

/// IPv4 as IPv6 (2001:db8::a.b.c.d), which has no header checksum; data longer than `most` in fragments.
fn six(seen: &mut Seen, most: usize) {
    let mut number = 0u32;
    let mut out = Seen::new();
    for (at, original, frame) in std::mem::take(seen) {
        let Some((header, _)) = transport(&frame).filter(|_| frame[20] & 0x3F == 0 && frame[21] == 0) else {
            // What is in fragments, or none of both, stays as it is.
            out.push((at, original, frame));
            continue;
        };
        let end = (14 + usize::from(u16::from_be_bytes([frame[16], frame[17]]))).clamp(header, frame.len());
        let (payload, next) = (&frame[header..end], frame[23]);
        let mut head = frame[..12].to_vec();
        head.extend([0x86, 0xDD, 0x60, 0, 0, 0]);
        let address = |octets: &[u8]| [&[0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0][..], octets].concat();
        let addresses = [address(&frame[26..30]), address(&frame[30..34])].concat();
        let packet = |next: u8, payload: &[u8]| {
            let [l0, l1] = u16::try_from(payload.len()).unwrap().to_be_bytes();
            [&head[..], &[l0, l1, next, frame[22]], &addresses, payload].concat()
        };
        if payload.len() <= most {
            let whole = packet(next, payload);
            out.push((at, u32::try_from(whole.len()).unwrap(), whole));
            continue;
        }
        number += 1;
        let count = payload.len().div_ceil(most);
        for (index, piece) in payload.chunks(most).enumerate() {
            let offset = u16::try_from(index * most).unwrap() | u16::from(index + 1 < count);
            let [o0, o1] = offset.to_be_bytes();
            let fragment = [&[next, 0, o0, o1][..], &number.to_be_bytes(), piece].concat();
            let whole = packet(44, &fragment);
            out.push((at, u32::try_from(whole.len()).unwrap(), whole));
        }
    }
    *seen = out;
}

fn four(name: &str) -> String {
    match name.parse::<std::net::Ipv6Addr>().map(|ip| ip.octets()) {
        Ok([0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]) => format!("{a}.{b}.{c}.{d}"),
        _ => name.to_owned(),
    }
}

const VIEWS: [View; 15] = [
    View { name: "other ports", must: Must::Equal, change: ports, called: same },
    View { name: "two mirrored ports", must: Must::Equal, change: doubled, called: same },
    View { name: "both sides of a router", must: Must::FewerFindings, change: routed, called: same },
    View { name: "a VLAN for each direction", must: Must::Equal, change: two_vlans, called: same },
    View { name: "QinQ", must: Must::Equal, change: stacked, called: same },
    View {
        name: "the first 64 bytes",
        must: Must::FewerFindings,
        change: |seen| snapped(seen, 64),
        called: same,
    },
    View {
        name: "the first 128 bytes",
        must: Must::FewerFindings,
        change: |seen| snapped(seen, 128),
        called: same,
    },
    View { name: "the second half", must: Must::Less, change: |seen| late(seen, 2), called: same },
    View { name: "all but a fifth", must: Must::Less, change: |seen| late(seen, 5), called: same },
    View { name: "with losses", must: Must::Less, change: lossy, called: same },
    View { name: "one way", must: Must::FewerFindings, change: |seen| one_way(seen, true), called: same },
    View {
        name: "the other way",
        must: Must::FewerFindings,
        change: |seen| one_way(seen, false),
        called: same,
    },
    View { name: "in another order", must: Must::Equal, change: overtaken, called: same },
    View { name: "IPv6", must: Must::Equal, change: |seen| six(seen, 60_000), called: four },
    View { name: "IPv6 in fragments", must: Must::Equal, change: |seen| six(seen, 24), called: four },
];

/// What is compared: findings, and who asks whom in protocols of machines.
fn told(report: &Report, must: Must, called: fn(&str) -> String) -> [BTreeSet<String>; 2] {
    // Who is meant by an address may not be known yet.
    let bare = |name: &str| called(name.strip_suffix(" (everybody)").unwrap_or(name));
    let findings = report.findings.iter().map(|row| match must {
        Must::Less => row.rule.to_owned(),
        _ => format!("{} {} to {}", row.rule, bare(&row.source), bare(&row.target)),
    });
    let links = report.links.iter().filter(|link| link.protocol.realm() == watch::Realm::Ot).map(|link| {
        let port = known_port(link.port);
        format!("{} to {} {:?} {port}", bare(&link.client), bare(&link.server), link.protocol)
    });
    [findings.collect(), links.collect()]
}

/// What differs rightly: a part of the capture's name, what is said, why.
const KNOWN: [(&str, &str, &str); 7] = [
    ("modbus_test_data_part1.pcap", "other ports", NO_MARK),
    ("suricata-verify/modbus/modbus.pcap", "other ports", NO_MARK),
    ("bro/modbus/fuzz-72.pcap", "other ports", NO_MARK),
    (
        "bro/modbus/fuzz-72.pcap",
        "two mirrored ports",
        "Its bits are flipped, also those of sequence numbers.",
    ),
    (
        "bro/modbus/fuzz-72.pcap",
        "+ IB-MB-090",
        "Its bits are flipped, also those of lengths: who does not see all of it reads other messages, malformed as they are.",
    ),
    ("C37118/c37118_1100_unclean.pcap", "+ IB-NET-002", POISONED),
    ("MELSEC/melsoft_UDP_unclean_1.pcap", "+ IB-NET-002", POISONED),
];

const NO_MARK: &str = "Conversations that begin with requests whose lengths are wrong: at another port than Modbus' own \
                       nothing says what they are.";
const POISONED: &str = "Somebody poisons ARP. The false card is announced before the true one speaks, and only who joins \
                        later sees both in their order.";

#[test]
fn the_same_plant_seen_in_another_way_is_the_same_plant() {
    let Some(captures) = captures() else { return };
    let all = std::env::var_os("WATCH_ALL").is_some();
    let only = std::env::var("WATCH_VIEW").unwrap_or_default();
    let paths =
        if all { files(&captures) } else { CAPTURES.iter().map(|name| captures.join(name)).collect() };
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for path in &paths {
        let Some(frames) = frames(path) else { continue };
        let whole: Seen = frames
            .into_iter()
            .filter(|(_, frame)| frame.len() >= 14)
            .map(|(at, frame)| (at, u32::try_from(frame.len()).unwrap(), frame))
            .collect();
        let original = report(&whole);
        for view in VIEWS.iter().filter(|view| view.name.contains(&only)) {
            let mut seen = whole.clone();
            (view.change)(&mut seen);
            let before = told(&original, view.must, same);
            let after = told(&report(&seen), view.must, view.called);
            compared += 1;
            let parts = if view.must == Must::FewerFindings { 1 } else { 2 };
            for (was, is) in before.iter().zip(&after).take(parts) {
                let new = is.difference(was).map(|line| format!("+ {line}"));
                let gone =
                    was.difference(is).filter(|_| view.must == Must::Equal).map(|line| format!("- {line}"));
                let place = format!("{}, {}: ", path.strip_prefix(&captures).unwrap().display(), view.name);
                let lines = new.chain(gone).take(8).map(|line| place.clone() + &line);
                let is_known = |line: &String| {
                    KNOWN.iter().any(|(at, what, _)| line.contains(at) && line.contains(what))
                };
                wrong.extend(lines.filter(|line| !is_known(line)));
            }
        }
    }
    println!("{compared} views compared");
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}
