//! Attacks whose place in a capture is known: are they found where they are, and is little else found?

use crate::conformance::captures;
use crate::mutate::{Mutation, NONE, OTHERS};
use capture::Source;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use watch::{Limits, Monitor, Packet, Report};

const SECOND_NS: i64 = 1_000_000_000;

/// How often each finding was raised until now.
type Raised = BTreeMap<(&'static str, String, String), u64>;

fn raised(report: &Report) -> Raised {
    let key = |row: &watch::report::FindingRow| (row.rule, row.source.clone(), row.target.clone());
    report.findings.iter().map(|row| (key(row), row.count)).collect()
}

/// A file of a zip archive, unpacked by a tool that every system has.
fn unpacked(path: &Path) -> Option<impl Read + use<>> {
    let mut command = Command::new("unzip");
    let child = command.arg("-p").arg(path).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    match child {
        Ok(child) => child.stdout,
        Err(_) => {
            println!("skipped: unzip is not installed");
            None
        }
    }
}

/// One labelled attack: its name, from when to when.
struct Window {
    label: String,
    from_ns: i64,
    to_ns: i64,
}

/// The attacker's own log: local time of UTC+10, while the capture is in UTC.
fn windows(log: &str, mutation: &Mutation) -> Vec<Window> {
    let mut out: Vec<Window> = Vec::new();
    for line in log.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [date, time, label, .., end] = words[..] else { continue };
        let at = model::Time::parse_rfc3339(&format!("{date}T{time}+10:00")).unwrap();
        let at = mutation.time(at.0);
        match end {
            "START" => out.push(Window { label: label.into(), from_ns: at, to_ns: i64::MAX }),
            _ => out.last_mut().unwrap().to_ns = at,
        }
    }
    out
}

/// The frames of a capture.
fn frames<R: Read>(mut source: Source<R>) -> impl Iterator<Item = (i64, Vec<u8>)> {
    std::iter::from_fn(move || {
        source.next_packet().unwrap().map(|packet| (packet.time_ns, packet.data.to_vec()))
    })
}

fn take(monitor: &mut Monitor, frame: u64, time_ns: i64, data: &[u8]) {
    let original = u32::try_from(data.len()).unwrap();
    monitor.packet(&Packet { file: 0, frame, time_ns, link: 1, original, data });
}

/// What each window raised.
type Day = Vec<(Window, Vec<(String, u64)>)>;

fn day(folder: &Path, mutation: &Mutation) -> Option<(Day, Report)> {
    let mut log = String::new();
    unpacked(&folder.join("Attack_script_log.log.zip"))?.read_to_string(&mut log).unwrap();
    let source = Source::open(unpacked(&folder.join("attacker.pcap.zip"))?).unwrap();
    let mut monitor = Monitor::new(Limits::STANDARD);
    let (mut out, mut waiting) = (Vec::new(), windows(&log, mutation).into_iter().peekable());
    let mut before: Option<Raised> = None;
    let mut number = 0;
    mutation.capture(frames(source), |time_ns, data| {
        while let Some(window) = waiting.peek() {
            // Clocks of two programs: a second on both sides.
            if before.is_none() && time_ns >= window.from_ns - SECOND_NS {
                before = Some(raised(&monitor.report()));
            }
            if time_ns < window.to_ns.saturating_add(SECOND_NS) {
                break;
            }
            // Time goes on, whether packets come or not.
            monitor.tick(window.to_ns.saturating_add(SECOND_NS));
            let after = raised(&monitor.report());
            let was = before.take().unwrap_or_default();
            let new = |(key, count): (&(&'static str, String, String), &u64)| {
                let more = count - was.get(key).copied().unwrap_or(0);
                (more > 0).then(|| (format!("{} {} {}", key.0, key.1, key.2), more))
            };
            out.push((waiting.next().unwrap(), after.iter().filter_map(new).collect()));
        }
        number += 1;
        take(&mut monitor, number, time_ns, data);
    });
    Some((out, monitor.report()))
}

/// Which detections name the class of an attack rightly, by a part of its name.
const CLASSES: [(&str, &[&str]); 9] = [
    ("nmap", &["IB-NET-001", "IB-NET-009"]),
    ("reconnaissance", &["IB-DNP-016"]),
    ("MITM", &["IB-NET-002", "IB-NET-005", "IB-NET-006"]),
    ("slave_masquerading", &["IB-NET-008"]),
    ("master_masquerading", &["IB-DNP-015"]),
    ("hijacking", &["IB-DNP-014", "IB-DNP-015"]),
    ("master_replay", &["IB-DNP-014", "IB-DNP-015"]),
    ("master_flooding", &["IB-DNP-013"]),
    ("injection", &["IB-NET-007", "IB-NET-008", "IB-DNP-014"]),
];

fn judge(name: &str, windows: &Day) {
    let (mut found, mut right, mut most) = (0, 0, 0);
    for (window, new) in windows {
        let class = CLASSES.iter().find(|(part, _)| window.label.contains(part)).map_or(&[][..], |c| c.1);
        let is_right = new.iter().any(|(text, _)| class.iter().any(|rule| text.starts_with(rule)));
        found += usize::from(!new.is_empty());
        right += usize::from(is_right);
        most = most.max(new.len());
        if !is_right || new.len() > 3 {
            println!("{name} {}: {new:?}", window.label);
        }
    }
    let all = windows.len();
    println!(
        "{name}: {found} of {all} windows found, {right} of the right class, {most} findings in one at most"
    );
    assert!(all > 50 && found * 100 >= all * 95 && right * 100 >= all * 85 && most <= 3, "{name}");
}

#[test]
fn attacks_on_a_substation_are_found_in_their_windows() {
    let Some(captures) = captures() else { return };
    for name in ["attacks", "injection", "mitm", "replay"] {
        let Some((windows, _)) = day(&captures.join("qut-dnp3").join(name), &NONE) else { return };
        judge(name, &windows);
    }
}

#[test]
fn they_are_found_in_another_plant_too() {
    let Some(captures) = captures() else { return };
    // Each change on one day; all of them on all days on demand.
    let all = std::env::var_os("WATCH_ALL").is_some();
    for (number, mutation) in OTHERS.iter().enumerate() {
        for (at, name) in ["attacks", "injection", "mitm", "replay"].into_iter().enumerate() {
            if !all && at != number % 4 {
                continue;
            }
            let Some((windows, _)) = day(&captures.join("qut-dnp3").join(name), mutation) else { return };
            judge(&format!("{name}, change {number}"), &windows);
        }
    }
}

#[test]
fn a_quiet_day_is_quiet() {
    let Some(captures) = captures() else { return };
    for mutation in [NONE, OTHERS[5]] {
        let Some((_, report)) = day(&captures.join("qut-dnp3/control"), &mutation) else { return };
        let found: Vec<_> = report.findings.iter().map(|row| (row.rule, &row.source, &row.details)).collect();
        assert!(report.coverage.packets > 250_000 && found.len() <= 1, "{found:?}");
    }
}

#[test]
fn a_fake_command_is_found_within_a_second_and_little_else() {
    let Some(captures) = captures() else { return };
    let path = captures.join("lemay/send_a_fake_command_modbus_6RTU_with_operate.pcap");
    for mutation in &[[NONE].as_slice(), OTHERS.as_slice()].concat() {
        let source = Source::open(std::fs::File::open(&path).unwrap()).unwrap();
        // The frame of the command, by the labels that came with the capture.
        let at_ns = mutation.time(frames(source).nth(4_784).unwrap().0);
        let source = Source::open(std::fs::File::open(&path).unwrap()).unwrap();
        let (mut monitor, mut number) = (Monitor::new(Limits::STANDARD), 0);
        let is_it = |row: &watch::report::FindingRow| row.rule == "IB-NET-003";
        let mut found_ns = None;
        mutation.capture(frames(source), |time_ns, data| {
            number += 1;
            take(&mut monitor, number, time_ns, data);
            let near = (at_ns - SECOND_NS..=at_ns + SECOND_NS).contains(&time_ns);
            if near && found_ns.is_none() && monitor.report().findings.iter().any(is_it) {
                found_ns = Some(time_ns);
            }
        });
        let report = monitor.report();
        let rules: Vec<_> = report.findings.iter().map(|row| row.rule).collect();
        assert!(found_ns.is_some_and(|found| found >= at_ns), "{mutation:?}: {rules:?}");
        let needle = report.findings.iter().find(|row| is_it(row)).unwrap();
        assert_eq!(needle.count, 1, "{mutation:?}");
        if *mutation == NONE {
            let ends = (needle.source.as_str(), needle.target.as_str(), needle.evidence[0].frame);
            assert_eq!(ends, ("192.168.1.101", "192.168.1.102", 4785));
        }
        assert!(rules.len() <= 4, "{mutation:?}: {rules:?}");
    }
}

#[test]
fn files_that_move_between_controllers_are_seen() {
    let Some(captures) = captures() else { return };
    let report = crate::conformance::report(&captures.join("lemay/moving_two_files_modbus_6RTU.pcap"));
    let found: Vec<_> =
        report.findings.iter().map(|row| (row.rule, row.source.as_str(), row.target.as_str())).collect();
    for source in ["192.168.1.103", "192.168.1.105"] {
        assert!(found.contains(&("IB-NET-016", source, "192.168.1.101")), "{found:?}");
    }
    assert!(found.len() <= 3, "{found:?}");
}
