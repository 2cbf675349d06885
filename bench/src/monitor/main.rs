//! How fast the monitor is: full decoding, inventory and detections of captures in memory, repeated to N packets on one
//! thread, beside `tshark -T fields` and `tshark -z io,phs` over the same packets in the same run.
//!
//! `bench-monitor PACKETS FILE...`; without files the captures of the project's own tests. Rates are packets per second of
//! processor time: the machine may do other work meanwhile.

#![allow(clippy::print_stdout)]

use bench::process;
use capture::{Source, inputs, write::Writer};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use watch::{Limits, Monitor, Packet};

type Failure = Box<dyn std::error::Error>;

/// Packets that the other analyser reads at least.
const ENOUGH: u64 = 100_000;

/// A packet in memory.
struct Held {
    file: u32,
    frame: u64,
    time_ns: i64,
    link: u16,
    original: u32,
    data: Vec<u8>,
}

fn load(paths: &[PathBuf]) -> Result<Vec<Held>, Failure> {
    let mut packets = Vec::new();
    for (file, input) in (0u32..).zip(&inputs(paths)?) {
        let Ok(mut source) = Source::open(input.open()?) else { continue };
        while let Ok(Some(packet)) = source.next_packet() {
            packets.push(Held {
                file,
                frame: packet.number,
                time_ns: packet.time_ns,
                link: packet.link,
                original: packet.original,
                data: packet.data.to_vec(),
            });
        }
    }
    Ok(packets)
}

/// Moves the numbers of a TCP segment, so that the next round carries new data, not repetitions that cost nothing.
fn renumber(link: u16, data: &mut [u8]) {
    let Some(([.., 8, 0], [version, ..])) = data.split_at_checked(14).filter(|_| link == 1) else { return };
    let header = 14 + usize::from(version & 15) * 4;
    if data.get(23) != Some(&6) {
        return;
    }
    for at in [header + 4, header + 8] {
        if let Some(number) = data.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<4>()) {
            *number = u32::from_be_bytes(*number).wrapping_add(0x0A00_0000).to_be_bytes();
        }
    }
}

fn ours(packets: &mut [Held], wanted: u64) -> f64 {
    let (busy, memory) = process::cost_of(std::process::id());
    let start = Instant::now();
    let mut monitor = Monitor::new(Limits::STANDARD);
    let (mut done, mut middle) = (0, 0);
    'all: loop {
        for held in packets.iter_mut() {
            let Held { file, frame, time_ns, link, original, ref data } = *held;
            monitor.packet(&Packet { file, frame, time_ns, link, original, data });
            renumber(link, &mut held.data);
            done += 1;
            if done == wanted / 2 {
                middle = process::cost_of(std::process::id()).1;
            }
            if done >= wanted {
                break 'all;
            }
        }
    }
    monitor.end();
    let (after, end) = process::cost_of(std::process::id());
    let rate = rate(done, after.saturating_sub(busy));
    let report = monitor.report();
    println!(
        "Ironbridge: {done} packets, {rate:.0} packets/s of processor time ({:.2} s on the clock); {} assets, {} messages, \
         {} findings; memory {} kB more than before, {} kB of it in the second half",
        start.elapsed().as_secs_f64(),
        report.assets.len(),
        report.coverage.messages,
        report.findings.len(),
        end.saturating_sub(memory) / 1_024,
        end.saturating_sub(middle) / 1_024,
    );
    rate
}

fn rate(packets: u64, busy: Duration) -> f64 {
    packets as f64 / busy.as_secs_f64().max(0.01)
}

/// Packets per second of processor time of another analyser; `None` if it is not installed.
fn theirs(name: &str, arguments: &[&str], path: &Path, packets: u64) -> Option<f64> {
    let before = process::children();
    let mut command = Command::new("tshark");
    command.args(["-n", "-r"]).arg(path).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().ok()?;
    let rate = rate(packets, process::children().saturating_sub(before));
    println!("{name}: {rate:.0} packets/s of processor time");
    Some(rate)
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let wanted: u64 = arguments.next().ok_or("usage: bench-monitor PACKETS [FILE...]")?.parse()?;
    let mut paths: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    if paths.is_empty() {
        paths = vec!["crates/watch/tests/captures".into(), "docs/watch-example.pcap".into()];
    }
    let mut packets = load(&paths)?;
    println!(
        "{} packets, {} kB",
        packets.len(),
        packets.iter().map(|held| held.data.len()).sum::<usize>() / 1_024
    );
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("mix.pcap");
    let mut writer = Writer::new(std::io::BufWriter::new(std::fs::File::create(&path)?), 1)?;
    let mut written = 0;
    // Enough of them that its start does not count.
    while written < ENOUGH {
        for held in packets.iter_mut().filter(|held| held.link == 1) {
            writer.packet(held.time_ns, &held.data)?;
            renumber(held.link, &mut held.data);
            written += 1;
        }
        if written == 0 {
            return Err("no packet of Ethernet".into());
        }
    }
    drop(writer.finish()?);
    let own = ours(&mut packets, wanted);
    let fields =
        ["-T", "fields", "-e", "frame.number", "-e", "ip.src", "-e", "ip.dst", "-e", "frame.protocols"];
    for (name, arguments) in
        [("tshark -T fields", &fields[..]), ("tshark -z io,phs", &["-q", "-z", "io,phs"])]
    {
        match theirs(name, arguments, &path, written) {
            Some(rate) => println!("  Ironbridge is {:.1} times as fast", own / rate),
            None => println!("{name}: tshark is not installed"),
        }
    }
    Ok(())
}
