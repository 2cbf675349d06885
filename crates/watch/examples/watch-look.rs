//! Looks at captures and prints the report as JSON, for scripts: `cargo run -p watch --example watch-look -- FILE...`

#![allow(clippy::print_stdout)]

use capture::{Source, inputs};
use watch::report::FileNote;
use watch::{Limits, Monitor, Packet};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<std::path::PathBuf> = std::env::args().skip(1).map(Into::into).collect();
    let mut monitor = Monitor::new(Limits::STANDARD);
    let mut captures = Vec::new();
    for (file, input) in (0u32..).zip(&inputs(&paths)?) {
        let mut note = FileNote { name: input.name(), packets: 0, damage: None };
        let mut source = match Source::open(input.open()?) {
            Ok(source) => source,
            Err(damage) => {
                captures.push(FileNote { damage: Some(damage.to_string()), ..note });
                continue;
            }
        };
        loop {
            match source.next_packet() {
                Ok(Some(packet)) => {
                    let (frame, time_ns, link) = (packet.number, packet.time_ns, packet.link);
                    let (original, data) = (packet.original, packet.data);
                    monitor.packet(&Packet { file, frame, time_ns, link, original, data });
                    note.packets += 1;
                }
                Ok(None) => break,
                Err(damage) => {
                    note.damage = Some(damage.to_string());
                    break;
                }
            }
        }
        captures.push(note);
    }
    let mut report = monitor.report();
    report.captures = captures;
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}
