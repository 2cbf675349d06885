//! Bytes that nobody sends by accident.

use crate::conformance::{captures, files};
use crate::talk::{Capture, cip, dnp3_frame, enip, modbus, s7_ask, s7_job};
use capture::Source;
use std::path::Path;
use watch::{Limits, Monitor, Packet};

/// A small generator of numbers: the same seed, the same test.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 11).unwrap() % limit.max(1)
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let mut capture = Capture::new();
    let read = (true, modbus(1, &[3, 0, 0, 0, 9]));
    capture.connection(
        5,
        9,
        502,
        &[read, (false, modbus(1, &[3, 2, 0, 1])), (true, modbus(2, &[43, 14, 1, 0]))],
    );
    capture.connection(
        5,
        9,
        102,
        &[(true, s7_job(1, &[0x29, 0, 0, 0, 0, 0, 1, b'P'])), (true, s7_ask(4, 1, &[0, 0x11, 0, 1]))],
    );
    let service = cip(1, &[0x0A, 2, 0x20, 2, 0x24, 1, 2, 0, 6, 0, 10, 0, 0x4C, 1, 0x91, 1, 0x4D, 1, 0x91, 1]);
    capture.connection(5, 9, 44_818, &[(true, service), (true, enip(0x63, 1, &[]))]);
    let operate =
        dnp3_frame(true, 4, &[0xC1, 5, 12, 1, 0x28, 1, 0, 3, 0, 0x41, 1, 100, 0, 0, 0, 100, 0, 0, 0, 0]);
    capture.connection(5, 9, 20_000, &[(true, operate.clone())]);
    capture.datagram((5, 20_000), (9, 20_000), &operate);
    capture.datagram(
        (5, 68),
        (9, 67),
        &[&[1, 1, 6, 0][..], &[0; 232], &[99, 130, 83, 99, 12, 2, b'h', b'i', 255]].concat(),
    );
    let mut frames: Vec<_> = capture.frames.into_iter().map(|(_, frame)| frame).collect();
    frames.extend(captured(Path::new(crate::office::PATH), 1));
    // Of each capture of real plants a few, where they are at hand.
    if let Some(captures) = captures() {
        files(&captures).iter().for_each(|path| frames.extend(captured(path, 97).into_iter().take(40)));
    }
    frames
}

/// Every so many-th frame of a capture.
fn captured(path: &Path, every: usize) -> Vec<Vec<u8>> {
    let Ok(mut source) = Source::open(std::fs::File::open(path).unwrap()) else { return Vec::new() };
    let mut frames = Vec::new();
    while let Ok(Some(packet)) = source.next_packet() {
        frames.extend(
            ((packet.number as usize).is_multiple_of(every) && packet.link == 1)
                .then(|| packet.data.to_vec()),
        );
    }
    frames.retain(|frame| !frame.is_empty());
    frames
}

/// How many frames: `WATCH_HOSTILE_FRAMES` for a longer run.
fn wanted() -> usize {
    std::env::var("WATCH_HOSTILE_FRAMES").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000)
}

#[test]
fn a_million_hostile_frames_are_only_counted() {
    let seeds = seeds();
    let mut rng = Rng(0x9E37_79B9_7F4A_7C15);
    let limits =
        Limits { hosts: 200, links: 200, points: 500, findings: 100, flows: 300, ..Limits::STANDARD };
    let mut monitor = Monitor::new(limits);
    let mut frame = Vec::new();
    for number in 0..wanted() {
        frame.clear();
        frame.extend_from_slice(&seeds[rng.below(seeds.len())]);
        for _ in 0..rng.below(6) {
            let at = rng.below(frame.len());
            frame[at] = u8::try_from(rng.next() & 0xFF).unwrap();
        }
        match rng.below(8) {
            0 => frame.truncate(rng.below(frame.len())),
            1 => frame.extend((0..rng.below(64)).map(|_| 0xFF)),
            _ => {}
        }
        let (time_ns, original) =
            (i64::try_from(number).unwrap() * 1_000, u32::try_from(frame.len()).unwrap());
        let link = if rng.below(50) == 0 { 101 } else { 1 };
        monitor.packet(&Packet { file: 0, frame: number as u64, time_ns, link, original, data: &frame });
    }
    let report = monitor.report();
    assert_eq!(report.coverage.packets, wanted() as u64);
    assert!(report.assets.len() <= 201 && report.links.len() <= 200 && report.points.len() <= 500);
    assert!(report.findings.len() <= 100 && report.coverage.no_room > 0 && report.coverage.evicted_flows > 0);
    assert!(report.coverage.malformed_headers > 0 && report.coverage.malformed_messages > 0);
    println!("{} frames: {:?}", wanted(), report.coverage);
}
