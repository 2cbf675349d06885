//! What a capture tells does not depend on its addresses, its time, how its TCP data are cut, a VLAN, the order of packets of
//! different machines, or what else is said on the same cable: report of a capture == report of the changed one, but for names.

use crate::conformance::captures;
use crate::mutate::{Mutation, NONE};
use capture::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use watch::{Limits, Monitor, Packet, Report};

type Frames = Vec<(i64, Vec<u8>)>;

/// What a report says, but for times, numbers of packets and words that name addresses.
type Said = BTreeSet<String>;

pub fn frames(path: &Path) -> Option<Frames> {
    let mut source = Source::open(File::open(path).ok()?).ok()?;
    let mut frames = Vec::new();
    while let Ok(Some(packet)) = source.next_packet() {
        // Only frames of Ethernet can be changed here, and only whole ones.
        if packet.link != 1 || packet.data.len() < packet.original as usize {
            return None;
        }
        frames.push((packet.time_ns, packet.data.to_vec()));
    }
    Some(frames)
}

fn report(frames: impl IntoIterator<Item = (i64, Vec<u8>)>) -> Report {
    let mut monitor = Monitor::new(Limits::STANDARD);
    for (frame, (time_ns, data)) in (1u64..).zip(frames) {
        let original = u32::try_from(data.len()).unwrap();
        monitor.packet(&Packet { file: 0, frame, time_ns, link: 1, original, data: &data });
    }
    monitor.end();
    monitor.report()
}

/// Whether addresses stand in its messages as well, where they are not changed: LLDP, PROFINET.
fn names_addresses(frames: &Frames) -> bool {
    frames.iter().any(|(_, frame)| matches!(frame.get(12..14), Some([0x88, 0xCC | 0x92])))
}

fn changed(frames: &Frames, mutation: &Mutation) -> Frames {
    let mut out = Frames::new();
    mutation.capture(frames.iter().cloned(), |time_ns, frame| out.push((time_ns, frame.to_vec())));
    out
}

/// In the names of the capture as it was: the change of addresses undone.
fn said(report: &Report, mutation: &Mutation, words: bool) -> Said {
    // An asset is called by its smallest address, which may be another one now.
    let called: BTreeMap<&str, String> = report
        .assets
        .iter()
        .map(|asset| {
            let addresses = asset.addresses.iter().map(ToString::to_string);
            let names = addresses.chain(asset.macs.iter().cloned()).map(|id| mutation.name(&id));
            (asset.id.as_str(), names.min().unwrap_or_default())
        })
        .collect();
    let name = |id: &str| called.get(id).cloned().unwrap_or_else(|| mutation.name(id));
    let mut said = Said::new();
    for row in &report.findings {
        said.insert(format!(
            "finding {} {} to {} x {} {:?}",
            row.rule,
            name(&row.source),
            name(&row.target),
            row.count,
            if words { row.details.as_slice() } else { &[] }
        ));
    }
    for asset in &report.assets {
        let facts: Vec<_> = asset.facts.iter().map(|fact| (fact.field, &fact.value, fact.source)).collect();
        said.insert(format!(
            "asset {} {:?} serves {:?} asks {:?} {facts:?}",
            name(&asset.id),
            asset.role,
            asset.serves,
            asset.asks
        ));
    }
    for link in &report.links {
        let mut functions: Vec<_> =
            link.functions.iter().map(|row| (row.function, row.requests, row.answers, row.refused)).collect();
        functions.sort_unstable();
        said.insert(format!(
            "link {} to {} {:?} {} {functions:?} {} malformed",
            name(&link.client),
            name(&link.server),
            link.protocol,
            link.port,
            link.malformed
        ));
    }
    for point in &report.points {
        let names = |list: &[String]| list.iter().map(|id| name(id)).collect::<BTreeSet<_>>();
        said.insert(format!(
            "point {} {:?} {} {} {} {} {:?} {:?} {:?}",
            name(&point.server),
            point.protocol,
            point.unit,
            point.name,
            point.reads,
            point.writes,
            names(&point.readers),
            names(&point.writers),
            point.last_value
        ));
    }
    said
}

/// The needles, attacks one by one, malformed messages, and plants of many makers.
pub const CAPTURES: [&str; 26] = [
    "lemay/moving_two_files_modbus_6RTU.pcap",
    "lemay/send_a_fake_command_modbus_6RTU_with_operate.pcap",
    "quickdraw/bacnet_test.pcap",
    "quickdraw/dnp3_test_data_part1.pcap",
    "quickdraw/dnp3_test_data_part2.pcap",
    "quickdraw/enip_test.pcap",
    "quickdraw/fox_info.pcap",
    "quickdraw/modbus_test_data_part1.pcap",
    "quickdraw/modbus_test_data_part2.pcap",
    "quickdraw/modicon_test.pcap",
    "quickdraw/omron_test.pcap",
    "quickdraw/s7_test.pcap",
    "iti/pcaps/openics/DNP3-Malformed.pcap",
    "iti/pcaps/openics/EIP-IPAddressChangeAttempt.pcap",
    "iti/pcaps/openics/EIP-ChangePortConfigurationAttempt.pcap",
    "iti/pcaps/openics/EIP-RemoteModeChangeAttempt.pcap",
    "iti/pcaps/C37.118/C37118/c37118_1100_unclean.pcap",
    "iti/pcaps/ModbusTCP/mb2.pcap",
    "iti/pcaps/profinet/PROFINET-RT-DCP/ChangeIPUsingDCP.pcap",
    "iti/pcaps/IEC61850/Sample_File_MMS_and_GOOSE.pcap",
    "iti/pcaps/dnp3/cold_restart_and_response.pcap",
    "iti/pcaps/dnp3/file_write.pcap",
    "iti/pcaps/dnp3/direct_operate_no_ack_crob.pcap",
    "icsnpp-enip/tests/traces/enip_cip_example.pcap",
    "icsnpp-s7comm/tests/traces/s7comm.pcap",
    "icsnpp-bacnet/testing/traces/bacnet_services.pcap",
];

const DAY_NS: i64 = 86_400_000_000_000;

/// One thing at a time, and all of them.
const CHANGES: [(&str, Mutation); 6] = [
    ("addresses", Mutation { addresses: [0x15, 0x2A], ..NONE }),
    ("time", Mutation { shift_ns: 1_234 * DAY_NS + 5_678_901_234, ..NONE }),
    ("VLAN", Mutation { vlan: Some(77), ..NONE }),
    ("pieces", Mutation { cut: 3, ..NONE }),
    ("order", Mutation { swap: 5, ..NONE }),
    (
        "all",
        Mutation { addresses: [0x6B, 0x05], shift_ns: -321 * DAY_NS, vlan: Some(9), cut: 5, swap: 7, ..NONE },
    ),
];

/// What one says and the other does not, in words.
fn difference(before: &Said, after: &Said) -> Vec<String> {
    let lost = before.difference(after).map(|line| format!("  - {line}"));
    lost.chain(after.difference(before).map(|line| format!("  + {line}"))).take(12).collect()
}

fn chosen() -> Option<Vec<(&'static str, Frames)>> {
    let captures = captures()?;
    let found: Vec<_> =
        CAPTURES.iter().filter_map(|name| Some((*name, frames(&captures.join(name))?))).collect();
    println!("{} of {} captures are whole frames of Ethernet", found.len(), CAPTURES.len());
    assert!(found.len() >= 20);
    Some(found)
}

#[test]
fn a_report_does_not_depend_on_what_the_plant_is_called_or_how_its_packets_are_cut() {
    let Some(chosen) = chosen() else { return };
    let mut wrong = Vec::new();
    for (capture, frames) in &chosen {
        let original = report(frames.iter().cloned());
        for (change, mutation) in &CHANGES {
            if mutation.addresses != [0, 0] && names_addresses(frames) {
                continue;
            }
            // Words that name addresses are compared only where these are the same.
            let words = mutation.addresses == [0, 0];
            let before = said(&original, &NONE, words);
            let after = said(&report(changed(frames, mutation)), mutation, words);
            if before != after {
                wrong.push(format!("{capture}, {change}:\n{}", difference(&before, &after).join("\n")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_report_does_not_depend_on_what_else_is_on_the_cable() {
    let Some(chosen) = chosen() else { return };
    let mut wrong = Vec::new();
    // Each with the next, which moves to another network and the same time.
    for ((capture, frames), (_, other)) in chosen.iter().zip(chosen.iter().cycle().skip(1)) {
        let begin = |frames: &Frames| frames.first().map_or(0, |(time_ns, _)| *time_ns);
        let elsewhere = Mutation { addresses: [0x51, 0x9D], shift_ns: begin(frames) - begin(other), ..NONE };
        let other = changed(other, &elsewhere);
        let alone = said(&report(frames.iter().cloned()), &NONE, true);
        let beside = said(&report(other.clone()), &NONE, true);
        let mut both: Frames = frames.iter().cloned().chain(other).collect();
        both.sort_by_key(|(time_ns, _)| *time_ns);
        let together = said(&report(both), &NONE, true);
        let apart: Said = alone.union(&beside).cloned().collect();
        if together != apart {
            wrong.push(format!("{capture} beside another:\n{}", difference(&apart, &together).join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
