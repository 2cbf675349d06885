//! Whether a live interface is watched without loss: sends captures through a veth pair at a rate, reads them at its other
//! end as the running monitor does, and counts.
//!
//! In a network namespace with a veth pair from `ours` to `theirs`:
//! `cargo run --release -p watch --example watch-live -- PACKETS_PER_SECOND SECONDS FILE...`

#![allow(clippy::print_stdout)]

use capture::live::{Live, Options};
use capture::{Source, inputs};
use pnet_datalink::{Channel, Config};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use watch::fair::Fair;
use watch::recent::{Pairs, Recent};
use watch::{Limits, Monitor, Packet};

type Failed = Box<dyn std::error::Error>;

/// Frames of Ethernet captures that fit a cable.
fn frames(paths: &[std::path::PathBuf]) -> Result<Vec<Vec<u8>>, Failed> {
    let mut frames = Vec::new();
    for input in inputs(paths)? {
        let Ok(mut source) = Source::open(input.open()?) else { continue };
        while let Ok(Some(packet)) = source.next_packet() {
            if packet.link == 1 && (14..=1514).contains(&packet.data.len()) {
                frames.push(packet.data.to_vec());
            }
        }
    }
    if frames.is_empty() { Err("no Ethernet packets in these captures".into()) } else { Ok(frames) }
}

/// Sends at a rate until the time is over. How many went out.
fn send(frames: &[Vec<u8>], rate: f64, time: Duration) -> Result<u64, String> {
    let interface = pnet_datalink::interfaces().into_iter().find(|it| it.name == "ours");
    let interface = interface.ok_or("no interface `ours`")?;
    let config = Config { write_buffer_size: 1 << 20, ..Config::default() };
    let Ok(Channel::Ethernet(mut out, _)) = pnet_datalink::channel(&interface, config) else {
        return Err("`ours` cannot be opened".into());
    };
    let (begun, mut sent) = (Instant::now(), 0u64);
    for frame in frames.iter().cycle() {
        let at = Duration::from_secs_f64(sent as f64 / rate);
        if at >= time {
            break;
        }
        // In portions of a millisecond, as a switch would not.
        if sent % 100 == 0
            && let Some(wait) = at.checked_sub(begun.elapsed())
        {
            std::thread::sleep(wait);
        }
        sent += u64::from(out.send_to(frame, None).is_some_and(|done| done.is_ok()));
    }
    Ok(sent)
}

fn main() -> Result<(), Failed> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: watch-live PACKETS_PER_SECOND SECONDS FILE...";
    let rate: f64 = arguments.next().ok_or(usage)?.parse()?;
    let time = Duration::from_secs(arguments.next().ok_or(usage)?.parse()?);
    let frames = frames(&arguments.map(Into::into).collect::<Vec<_>>())?;
    let (done, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut live = Live::open("theirs", &Options::default(), 0)?;
    let sender = {
        let (done, sent) = (done.clone(), sent.clone());
        std::thread::spawn(move || -> Result<(), String> {
            let outcome = send(&frames, rate, time);
            done.store(true, Ordering::Release);
            sent.store(outcome?, Ordering::Release);
            Ok(())
        })
    };
    let (mut monitor, pairs, mut recent, mut fair) =
        (Monitor::new(Limits::STANDARD), Pairs::default(), Recent::new(32 << 20), Fair::default());
    let (begun, mut busy, mut fullest) = (Instant::now(), Duration::ZERO, 0.0f64);
    let (mut read, mut lost) = (0, 0);
    loop {
        let mut first = None;
        let came = live.packets(Duration::from_millis(200), |packet| {
            first.get_or_insert_with(Instant::now);
            let packet = Packet {
                file: 0,
                frame: packet.number,
                time_ns: packet.time_ns,
                link: packet.link,
                original: packet.original,
                data: packet.data,
            };
            let pair = pairs.of(packet.link, packet.data);
            recent.push(pair, &packet);
            if fair.admits(pair, packet.time_ns) {
                monitor.packet(&packet);
            }
        })?;
        busy += first.map_or(Duration::ZERO, |first| first.elapsed());
        read += came;
        let fill = live.fill();
        fullest = fullest.max(fill);
        let dropped = live.counts().dropped;
        fair.pressure(fill, dropped > lost, i64::try_from(begun.elapsed().as_nanos())?);
        lost = dropped;
        if came == 0 && done.load(Ordering::Acquire) {
            break;
        }
    }
    sender.join().map_err(|_| "the sender failed")??;
    let (counts, sent, seconds) = (live.counts(), sent.load(Ordering::Acquire), time.as_secs_f64());
    let report = monitor.report();
    println!(
        "{sent} packets sent in {seconds:.0} s: {:.0}/s; {read} read, {} dropped, {} not decoded; the ring was {:.0} % full at most, \
         the reader busy {:.0} % of the time; {} assets, {} messages, {} findings",
        sent as f64 / seconds,
        counts.dropped,
        fair.left_out(),
        fullest * 100.0,
        busy.as_secs_f64() / seconds * 100.0,
        report.assets.len(),
        report.coverage.messages,
        report.findings.len(),
    );
    if counts.dropped > 0 { Err("packets were lost".into()) } else { Ok(()) }
}
