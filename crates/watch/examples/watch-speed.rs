//! How fast the monitor is: reads captures into memory, repeats them to N packets, prints packets per second.
//!
//! `cargo run --release -p watch --example watch-speed -- 4000000 FILE...`

#![allow(clippy::print_stdout, clippy::print_stderr)]

use capture::{Source, inputs};
use std::time::Instant;
use watch::{Limits, Monitor, Packet};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let wanted: u64 = arguments.next().ok_or("usage: speed PACKETS FILE...")?.parse()?;
    let paths: Vec<std::path::PathBuf> = arguments.map(Into::into).collect();
    let mut packets = Vec::new();
    for (file, input) in (0u32..).zip(&inputs(&paths)?) {
        let Ok(mut source) = Source::open(input.open()?) else { continue };
        while let Ok(Some(packet)) = source.next_packet() {
            packets.push((
                file,
                packet.number,
                packet.time_ns,
                packet.link,
                packet.original,
                packet.data.to_vec(),
            ));
        }
    }
    let bytes: usize = packets.iter().map(|packet| packet.5.len()).sum();
    println!("{} packets, {:.1} MB in memory", packets.len(), bytes as f64 / 1e6);
    let before = memory_kib();
    let mut monitor = Monitor::new(Limits::STANDARD);
    let start = Instant::now();
    let mut done = 0;
    'all: loop {
        for (file, frame, time_ns, link, original, data) in &mut packets {
            let (file, frame, time_ns, link, original) = (*file, *frame, *time_ns, *link, *original);
            monitor.packet(&Packet { file, frame, time_ns, link, original, data });
            renumber(link, data);
            done += 1;
            if done >= wanted {
                break 'all;
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let report = monitor.report();
    println!(
        "{done} packets in {seconds:.2} s: {:.0} packets/s; {} assets, {} messages, {} findings; {} KiB more memory",
        done as f64 / seconds,
        report.assets.len(),
        report.coverage.messages,
        report.findings.len(),
        memory_kib().saturating_sub(before)
    );
    Ok(())
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

/// Resident memory of this process.
fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or_default()
}
