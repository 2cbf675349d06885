//! Agreement with an independent analyser (tshark) and with what is known of captures that are not part of the project.
//! Without them, or without tshark, these tests say "skipped" and pass.

use capture::{Input, Source, inputs};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use watch::{Body, Evidence, Limits, Monitor, Operation, Packet, Protocol, Report};

pub fn captures() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = [here.join("../../../shared/data/captures"), here.join("../../../../shared/data/captures")];
    let found = places.into_iter().find(|path| path.is_dir());
    if found.is_none() {
        println!("skipped: the captures are not at hand");
    }
    found
}

fn tshark() -> bool {
    let there = Command::new("tshark").arg("--version").output().is_ok_and(|out| out.status.success());
    if !there {
        println!("skipped: tshark is not installed");
    }
    there
}

pub fn files(dir: &Path) -> Vec<PathBuf> {
    let file = |input| if let Input::File(path) = input { Some(path) } else { None };
    inputs(&[dir.to_path_buf()]).unwrap().into_iter().filter_map(file).collect()
}

pub fn feed(path: &Path, monitor: &mut Monitor) {
    let Ok(mut source) = Source::open(std::fs::File::open(path).unwrap()) else { return };
    while let Ok(Some(packet)) = source.next_packet() {
        let (frame, time_ns, link) = (packet.number, packet.time_ns, packet.link);
        monitor.packet(&Packet {
            file: 0,
            frame,
            time_ns,
            link,
            original: packet.original,
            data: packet.data,
        });
    }
    monitor.end();
}

pub fn report(path: &Path) -> Report {
    let mut monitor = Monitor::new(Limits::STANDARD);
    feed(path, &mut monitor);
    monitor.report()
}

/// A message in a packet: protocol and what both analysers say of it.
type Said = BTreeMap<(u64, &'static str), Vec<String>>;

fn words(op: &Operation<'_>) -> Option<(&'static str, String)> {
    Some(match op.body {
        Body::Modbus(view) => {
            let exception = view.exception().map_or(String::new(), |code| code.0.to_string());
            ("modbus", format!("{} unit {} {exception}", view.function_code()?, op.unit))
        }
        Body::Dnp3(view) => ("dnp3", format!("{} station {}", view.function_code()?, op.unit)),
        Body::S7(view) if op.protocol == Protocol::S7 => match view.user_data() {
            Some(user) => ("s7", format!("user {} {}", user.group, user.sub)),
            None => ("s7", view.function_code().map_or(String::new(), |code| code.to_string())),
        },
        Body::Cip(message, _) => ("cip", format!("{}", message.bytes().first()?)),
        _ => return None,
    })
}

fn ours(path: &Path) -> Said {
    let said = Arc::new(Mutex::new(Said::new()));
    let mut monitor = Monitor::new(Limits::STANDARD);
    let shared = Arc::clone(&said);
    monitor.tap(move |evidence: Evidence, op: &Operation<'_>| {
        if let Some((protocol, text)) = words(op) {
            shared.lock().unwrap().entry((evidence.frame, protocol)).or_default().push(text);
        }
    });
    feed(path, &mut monitor);
    drop(monitor);
    Arc::try_unwrap(said).unwrap().into_inner().unwrap()
}

const FIELDS: [&str; 15] = [
    "frame.number",
    "modbus.func_code",
    "mbtcp.unit_id",
    "modbus.exception_code",
    "dnp3.al.func",
    "dnp3.src",
    "dnp3.dst",
    "dnp3.ctl.dir",
    "s7comm.header.rosctr",
    "s7comm.param.func",
    "s7comm.param.userdata.funcgroup",
    "s7comm.param.userdata.subfunc",
    "cip.service",
    "tcp.port",
    "cip.genstat",
];

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn theirs(path: &Path) -> Said {
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-E", "occurrence=a", "-E", "separator=|", "-r"]).arg(path);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let out = command.output().unwrap();
    let mut said = Said::new();
    for line in String::from_utf8_lossy(&out.stdout).lines() {
        let cells: Vec<Vec<u64>> =
            line.split('|').map(|cell| cell.split(',').filter_map(number).collect()).collect();
        let [frame, function, unit, exception, dnp3, from, to, dir, kind, job, group, sub, cip, ..] =
            &cells[..]
        else {
            continue;
        };
        let frame = frame[0];
        let mut add = |protocol, text| said.entry((frame, protocol)).or_default().push(text);
        // Several messages in a packet: only where their fields are as many can they be told apart.
        for (index, code) in function.iter().enumerate() {
            let unit = unit.get(index).copied().unwrap_or_default();
            let exception = if function.len() == 1 { exception.first() } else { exception.get(index) };
            add("modbus", format!("{code} unit {unit} {}", exception.map_or(String::new(), u64::to_string)));
        }
        for (index, code) in dnp3.iter().enumerate() {
            let at = if dnp3.len() == from.len() { index } else { 0 };
            let station = if dir.get(at) == Some(&1) { to.get(at) } else { from.get(at) };
            add("dnp3", format!("{code} station {}", station.copied().unwrap_or_default()));
        }
        job.iter().for_each(|code| add("s7", code.to_string()));
        for (group, sub) in group.iter().zip(sub) {
            add("s7", format!("user {group} {sub}"));
        }
        let _ = kind;
        cip.iter().for_each(|code| add("cip", code.to_string()));
    }
    said
}

/// Messages of a protocol, and how many of them are the same.
type Counts = BTreeMap<&'static str, (usize, usize)>;

/// What differs, by capture and protocol.
type Differences = BTreeMap<String, Vec<String>>;

/// Messages of theirs, and how many of them are ours too; the rest in words.
fn compare(path: &Path, counts: &mut Counts, differences: &mut Differences) {
    let (ours, theirs) = (ours(path), theirs(path));
    for ((frame, protocol), texts) in &theirs {
        let mut mine = ours.get(&(*frame, *protocol)).cloned().unwrap_or_default();
        let count = counts.entry(*protocol).or_default();
        for text in texts {
            count.0 += 1;
            match mine.iter().position(|own| own == text) {
                Some(at) => {
                    mine.swap_remove(at);
                    count.1 += 1;
                }
                None => {
                    let place = format!("{} {protocol}", path.display());
                    differences
                        .entry(place)
                        .or_default()
                        .push(format!("packet {frame}: {text}, not {mine:?}"));
                }
            }
        }
    }
}

#[test]
fn functions_units_and_codes_agree_with_tshark() {
    let (Some(captures), true) = (captures(), tshark()) else { return };
    let manifest = std::fs::read_to_string(captures.join("MANIFEST.tsv")).unwrap();
    let speaks = |line: &&str| {
        let protocols = line.split('\t').nth(2).unwrap_or_default();
        line.starts_with("iti/")
            && ["modbus:", "dnp3:", "s7comm:", "cip:"].iter().any(|name| protocols.contains(name))
    };
    let paths: Vec<PathBuf> =
        manifest.lines().filter(speaks).map(|line| captures.join(line.split('\t').next().unwrap())).collect();
    assert!(paths.len() > 200, "{}", paths.len());
    // Starting the other analyser takes longer than its work: of 160 small exchanges of one family every fourth is enough,
    // unless all are wanted.
    let family = |path: &Path| path.display().to_string().contains("opendnp3-3");
    let (many, mut paths): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| family(path));
    let step = if std::env::var_os("WATCH_ALL").is_some() { 1 } else { 4 };
    paths.extend(many.into_iter().step_by(step));
    // For a closer look: only captures whose path has this in it.
    let only = std::env::var("WATCH_CAPTURES").unwrap_or_default();
    let paths: Vec<_> = paths.into_iter().filter(|path| path.display().to_string().contains(&only)).collect();
    let (mut counts, mut differences): (Counts, Differences) = Default::default();
    // Most of the time goes into starting the other analyser: as many at once as there are processors.
    let at_once = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let parts: Vec<(Counts, Differences)> = std::thread::scope(|scope| {
        let part = |start: usize| {
            let (mut counts, mut differences) = Default::default();
            for path in paths.iter().skip(start).step_by(at_once) {
                compare(path, &mut counts, &mut differences);
            }
            (counts, differences)
        };
        let running: Vec<_> = (0..at_once).map(|start| scope.spawn(move || part(start))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (some, more) in parts {
        differences.extend(more);
        for (protocol, (all, same)) in some {
            let sum: &mut (usize, usize) = counts.entry(protocol).or_default();
            *sum = (sum.0 + all, sum.1 + same);
        }
    }
    for (protocol, (all, same)) in &counts {
        println!("{protocol}: {same} of {all} messages agree ({:.3} %)", 100.0 * *same as f64 / *all as f64);
    }
    for (protocol, (all, same)) in counts {
        assert!(same * 1_000 >= all * 999, "{protocol}: {same} of {all}");
    }
    for (place, texts) in differences {
        println!("{place}: {} differ, e.g. {:?}", texts.len(), texts.iter().take(3).collect::<Vec<_>>());
        let known = ADJUDICATED.iter().find(|(end, ..)| place.ends_with(end)).map_or(0, |known| known.1);
        assert!(texts.len() <= known, "{place}: {texts:?}");
    }
}

/// Where the two analysers differ, how many messages, and who is right.
const ADJUDICATED: [(&str, usize, &str); 2] = [
    (
        "ModbusTCP/mb2.pcap modbus",
        4,
        "A piece of 13 bytes is missing before packet 3008; packet 3674 brings it and all of 3008 again. tshark reads 3008 \
         out of order and 3674 not at all; here all messages are read from 3674, where the stream is whole.",
    ),
    (
        "s7/wincc_s300_setup-alarm-read_2.pcapng s7",
        1,
        "Packet 421 comes without the 7 bytes before it; packet 422 brings them and 421 again. tshark reads the job from \
         421, here it is read from 422.",
    ),
];

/// Captures in which hardware addresses differ, and who is right.
const KNOWN_CARDS: [(&str, &str); 2] = [
    (
        "icsnpp-s7comm/tests/traces/s7comm_plus.pcap",
        "Linux cooked: its senders' cards have another field in tshark.",
    ),
    (
        "iti/pcaps/bro/modbus/fuzz-72.pcap",
        "Hardware addresses with flipped bits: of one IP address the first four are kept, as the limits say.",
    ),
];

/// Addresses that tshark lists as endpoints, without those of groups.
fn endpoints(path: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-e", "eth.src", "-e", "eth.dst", "-e", "ip.src", "-e", "ip.dst"]);
    command.args(["-E", "occurrence=f", "-E", "separator=|", "-r"]).arg(path);
    let text = String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned();
    let (mut macs, mut addresses, mut broadcasts) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for line in text.lines() {
        let cells: Vec<&str> = line.split('|').collect();
        let [from, to, source, destination] = cells[..] else { continue };
        let station = |mac: &&str| {
            !mac.is_empty()
                && *mac != "00:00:00:00:00:00"
                && u8::from_str_radix(&mac[..2], 16).unwrap() & 1 == 0
        };
        macs.extend([from, to].iter().filter(|mac| station(mac)).map(ToString::to_string));
        let unicast = |ip: &&str| {
            ip.parse::<std::net::Ipv4Addr>()
                .is_ok_and(|ip| !ip.is_multicast() && !ip.is_broadcast() && !ip.is_unspecified())
        };
        addresses.extend([source, destination].iter().filter(|ip| unicast(ip)).map(ToString::to_string));
        if !to.is_empty() && !station(&to) {
            broadcasts.insert(destination.to_owned());
        }
    }
    (macs, addresses.difference(&broadcasts).cloned().collect())
}

#[test]
fn every_address_is_in_the_inventory_and_no_other() {
    let (Some(captures), true) = (captures(), tshark()) else { return };
    let chosen = [
        "iti/pcaps/openics/EIP-IPAddressChangeAttempt.pcap",
        "iti/pcaps/openics/EIP-ChangePortConfigurationAttempt.pcap",
        "iti/pcaps/openics/EIP-RemoteModeChangeAttempt.pcap",
        "iti/pcaps/C37.118/C37118/c37118_1100_unclean.pcap",
        "iti/pcaps/MELSEC/melsoft_UDP_unclean_1.pcap",
        "iti/pcaps/ModbusTCP/mb2.pcap",
        "iti/pcaps/beckoff/addroute1.pcapng",
        "iti/pcaps/profinet/Profinet_Failed.pcap",
        "iti/pcaps/profinet/PROFINET-RT-DCP/PROFINET-RT.pcap",
        "iti/pcaps/IEC61850/Sample_File_MMS_and_GOOSE.pcap",
        "lemay/moving_two_files_modbus_6RTU.pcap",
        "icsnpp-enip/tests/traces/enip_cip_example.pcap",
    ];
    // All of them on demand: starting the other analyser takes most of the time.
    let all: Vec<PathBuf> = if std::env::var_os("WATCH_ALL").is_some() {
        files(&captures)
    } else {
        chosen.iter().map(|name| captures.join(name)).collect()
    };
    let mut wrong = Vec::new();
    for path in &all {
        let (macs, addresses) = endpoints(path);
        let report = report(path);
        let is_v4 = |ip: &&std::net::IpAddr| ip.is_ipv4();
        let ours: BTreeSet<String> = report
            .assets
            .iter()
            .flat_map(|asset| asset.addresses.iter().filter(is_v4))
            .map(ToString::to_string)
            .collect();
        // Addresses that nobody sent from or to but that ARP announced are real, too.
        let missing: Vec<_> = addresses.difference(&ours).collect();
        let ours: BTreeSet<String> = report.assets.iter().flat_map(|asset| asset.macs.clone()).collect();
        let is_known = KNOWN_CARDS.iter().any(|(end, _)| path.ends_with(end));
        if !missing.is_empty() || (ours != macs && !is_known) {
            let differ: Vec<_> = ours.symmetric_difference(&macs).collect();
            wrong.push(format!("{}: {missing:?} missing, {differ:?} differ", path.display()));
        }
    }
    println!("{} captures compared", all.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_dangerous_operation_of_quickdraw_is_found() {
    let Some(captures) = captures() else { return };
    let expected: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("bacnet_test", &["IB-BAC-007"][..]),
        ("dnp3_test_data_part1", &["IB-DNP-001", "IB-DNP-002", "IB-DNP-003", "IB-DNP-004"][..]),
        ("dnp3_test_data_part2", &["IB-DNP-012"]),
        ("enip_test", &["IB-CIP-009"]),
        ("fox_info", &["IB-NET-020"]),
        ("modbus_test_data_part1", &["IB-MB-001", "IB-MB-002", "IB-MB-003", "IB-MB-006"]),
        ("modbus_test_data_part2", &["IB-MB-004"]),
        ("modicon_test", &["IB-MB-010", "IB-MB-013"]),
        ("omron_test", &["IB-NET-021"]),
        ("s7_test", &["IB-S7-006"]),
    ]);
    for (name, rules) in expected {
        let report = report(&captures.join(format!("quickdraw/{name}.pcap")));
        let found: BTreeSet<_> = report.findings.iter().map(|finding| finding.rule).collect();
        assert!(rules.iter().all(|rule| found.contains(rule)), "{name}: {found:?}");
    }
}

#[test]
fn operations_that_a_capture_is_named_after_are_found() {
    let Some(captures) = captures() else { return };
    for (name, rule) in [
        ("s7/snap7_s300_stop.pcapng", "IB-S7-001"),
        ("s7/tia_s300_downloadOb1.pcapng", "IB-S7-003"),
        ("s7/snap7_s300_everything.pcapng", "IB-S7-004"),
        ("s7/step7_s300_AuthPassword.pcapng", "IB-S7-005"),
        ("s7/step7_s300_rwVarTab.pcapng", "IB-S7-007"),
        ("s7/step7_s300_copyRamToRom.pcapng", "IB-S7-009"),
        ("s7/tia_s300_flashLed.pcapng", "IB-S7-010"),
        ("EthernetIP/cip_stop_plc.pcap", "IB-CIP-001"),
        ("EthernetIP/cip_start_plc.pcap", "IB-CIP-002"),
        ("openics/EIP-FirmwareChange.pcap", "IB-CIP-004"),
        ("openics/EIP-ChangePortConfigurationAttempt.pcap", "IB-CIP-007"),
        ("openics/EIP-ChangeTimeAttempt.pcap", "IB-CIP-008"),
        ("../../icsnpp-bacnet/testing/traces/bacnet_services.pcap", "IB-BAC-001"),
        ("../../icsnpp-bacnet/testing/traces/bacnet_services.pcap", "IB-BAC-002"),
        ("profinet/PROFINET-RT-DCP/ChangeIPUsingDCP.pcap", "IB-PN-001"),
        ("dnp3/cold_restart_and_response.pcap", "IB-DNP-001"),
        ("dnp3/warm_restart_and_response.pcap", "IB-DNP-002"),
        ("dnp3/disable_unsolcited_and_response.pcap", "IB-DNP-004"),
        ("dnp3/file_delete.pcap", "IB-DNP-005"),
        ("dnp3/file_write.pcap", "IB-DNP-006"),
        ("dnp3/direct_operate_no_ack_crob.pcap", "IB-DNP-008"),
        ("dnp3/assign_class.pcap", "IB-DNP-010"),
    ] {
        let report = report(&captures.join("iti/pcaps").join(name));
        let found: Vec<_> = report.findings.iter().map(|finding| finding.rule).collect();
        assert!(found.contains(&rule), "{name}: {found:?}");
    }
}

#[test]
fn malformed_dnp3_is_flagged() {
    let Some(captures) = captures() else { return };
    let report = report(&captures.join("iti/pcaps/openics/DNP3-Malformed.pcap"));
    let finding = report.findings.iter().find(|finding| finding.rule == "IB-DNP-090").unwrap();
    assert!((195..=197).contains(&finding.count), "{}", finding.count);
}

#[test]
fn every_capture_is_read_to_its_end() {
    let Some(captures) = captures() else { return };
    let mut monitor = Monitor::new(Limits::STANDARD);
    let files = files(&captures);
    assert!(files.len() > 340, "{}", files.len());
    files.iter().for_each(|path| feed(path, &mut monitor));
    let report = monitor.report();
    assert!(report.coverage.packets > 240_000 && report.assets.len() > 200, "{:?}", report.coverage);
}
