//! `watch`: what captured packets tell about a plant, without a running Ironbridge.

use super::baseline::{self, BaselineArgs};
use super::table::Table;
use super::{complain, exit, live, print};
use capture::{Input, Source, inputs};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use watch::report::FileNote;
use watch::{Limits, Monitor, Packet, Realm, Report};

/// Packets between two looks at the progress.
const STEP: u64 = 4_096;
/// Rows of a table on the terminal; the other reports have all.
const ROWS: usize = 40;

/// `watch ...`
#[derive(Clone, Debug, clap::Args)]
pub struct WatchArgs {
    /// Captures (pcap, pcapng), folders of them, or - for standard input
    #[arg(required_unless_present = "interface")]
    captures: Vec<PathBuf>,
    /// Listen at an interface instead, until Ctrl-C
    #[arg(long, value_name = "NAME", conflicts_with = "captures")]
    interface: Option<String>,
    /// End by itself after so many seconds
    #[arg(long, value_name = "SECONDS", requires = "interface")]
    seconds: Option<u64>,
    /// Print the whole report as JSON
    #[arg(long)]
    json: bool,
    /// Also write it as a page for a browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    normal: BaselineArgs,
}

/// Does it. The exit code.
pub fn run(arguments: &WatchArgs) -> u8 {
    let mut monitor = Monitor::new(Limits::STANDARD);
    if let Err(words) = arguments.normal.begin(&mut monitor) {
        complain(&words);
        return exit::MISTAKES;
    }
    let gathered = match &arguments.interface {
        Some(name) => {
            live::listen(name, arguments.seconds, monitor).map(|(monitor, note)| (monitor, vec![note]))
        }
        None => captures(&arguments.captures, monitor),
    };
    match gathered {
        Ok((monitor, notes)) => conclude(arguments, monitor, notes),
        Err(code) => code,
    }
}

/// Reads captures.
fn captures(paths: &[PathBuf], mut monitor: Monitor) -> Result<(Monitor, Vec<FileNote>), u8> {
    let inputs = inputs(paths).map_err(|words| {
        complain(&words);
        exit::MISTAKES
    })?;
    let bar = bar(&inputs);
    let mut notes = Vec::new();
    for (file, input) in (0u32..).zip(&inputs) {
        bar.set_message(input.name());
        notes.push(read(file, input, &mut monitor, &bar));
    }
    bar.finish_and_clear();
    Ok((monitor, notes))
}

/// Writes the reports. The exit code.
fn conclude(arguments: &WatchArgs, mut monitor: Monitor, notes: Vec<FileNote>) -> u8 {
    monitor.end();
    let learned = match arguments.normal.end(&mut monitor) {
        Ok(words) => words,
        Err(words) => {
            complain(&words);
            return exit::FAILED;
        }
    };
    let mut report = monitor.report();
    report.captures = notes;
    if let Some(path) = &arguments.html
        && let Err(error) = std::fs::write(path, report.html())
    {
        complain(&format!("{} cannot be written: {error}", path.display()));
        return exit::FAILED;
    }
    if arguments.json {
        match serde_json::to_string_pretty(&report) {
            Ok(text) => print(&(text + "\n")),
            Err(error) => {
                complain(&format!("the report cannot be written as JSON: {error}"));
                return exit::FAILED;
            }
        }
    } else {
        show(&report);
        if arguments.normal.judges() {
            print(&baseline::show(&report));
        }
        print(&learned);
    }
    let nothing = report.captures.iter().all(|note| note.packets == 0 && note.damage.is_some());
    if nothing { exit::FAILED } else { exit::OK }
}

fn bar(inputs: &[Input]) -> ProgressBar {
    let total: u64 = inputs.iter().map(Input::size).sum();
    if total == 0 || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {wide_msg}");
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Brings all packets of a capture to the monitor.
fn read(file: u32, input: &Input, monitor: &mut Monitor, bar: &ProgressBar) -> FileNote {
    let mut note = FileNote { name: input.name(), packets: 0, damage: None };
    let before = bar.position();
    let outcome =
        input.open().map_err(capture::Damage::from).and_then(Source::open).and_then(|mut source| {
            packets(&mut source, |source_at, packet| {
                if packet.number % STEP == 0 {
                    bar.set_position(before + source_at);
                }
                note.packets += 1;
                monitor.packet(&Packet {
                    file,
                    frame: packet.number,
                    time_ns: packet.time_ns,
                    link: packet.link,
                    original: packet.original,
                    data: packet.data,
                });
            })
        });
    bar.set_position(before + input.size());
    note.damage = outcome.err().map(|damage| damage.to_string());
    note
}

fn packets<R: Read>(
    source: &mut Source<R>,
    mut each: impl FnMut(u64, capture::Packet<'_>),
) -> Result<(), capture::Damage> {
    loop {
        let at = source.position();
        match source.next_packet()? {
            Some(packet) => each(at, packet),
            None => return Ok(()),
        }
    }
}

fn show(report: &Report) {
    let c = &report.coverage;
    let mut out = format!(
        "{} in {}: {}, {}, {} of control protocols, {}\n",
        some(c.packets, "packet"),
        some(report.captures.len() as u64, "capture"),
        some(report.assets.len() as u64, "asset"),
        some(report.links.len() as u64, "link"),
        some(c.messages, "message"),
        some(report.findings.len() as u64, "finding"),
    );
    if c.first_ns != 0 {
        out += &format!("from {} to {}\n", model::Time(c.first_ns), model::Time(c.last_ns));
    }
    out += "\nNOT SEEN\n";
    for line in report.limits() {
        out += &format!("  {}\n", plain(&line));
    }
    out += "\nFINDINGS\n";
    if report.findings.is_empty() {
        out += "  none in what was seen (read it together with what was not seen)\n";
    }
    for row in report.findings.iter().take(ROWS) {
        out += &finding(row, report);
    }
    out += &rest(report.findings.len(), "findings");
    out += &format!("\nASSETS\n{}", assets(report));
    out += &format!(
        "\nWHO TALKS TO WHOM (control protocols and others, without the network's own)\n{}",
        links(report)
    );
    print(&out);
}

/// "1 packet", "2 packets".
fn some(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// What came from captures does not reach the terminal as anything but text.
fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{FFFD}")
}

fn rest(count: usize, what: &str) -> String {
    match count.saturating_sub(ROWS) {
        0 => String::new(),
        more => format!("  and {more} {what} more: --json or --html shows all\n"),
    }
}

fn finding(row: &watch::report::FindingRow, report: &Report) -> String {
    let times = if row.count == 1 { String::new() } else { format!(", {} times", row.count) };
    let mut out = format!(
        "  {:<8} {:>4}  {}  {}: {} to {}{times}\n",
        row.level,
        row.severity,
        row.rule,
        row.title,
        plain(&row.source),
        plain(&row.target)
    );
    for detail in row.details.iter().take(2) {
        out += &format!("                 {}\n", plain(detail));
    }
    if let Some(first) = row.evidence.first() {
        let name = report.captures.get(first.file as usize).map_or("", |file| file.name.as_str());
        out += &format!("                 first in packet {} of {}\n", first.frame, plain(name));
    }
    out + &format!("                 next: {}\n", row.next)
}

fn assets(report: &Report) -> String {
    let mut table = Table::new(&["address", "hardware", "network card by", "looks like", "says of itself"]);
    for asset in report.assets.iter().take(ROWS) {
        let mac = asset.macs.first().filter(|mac| **mac != asset.id).cloned().unwrap_or_default();
        table.push(vec![
            asset.id.clone(),
            mac,
            asset.card.unwrap_or_default().chars().take(28).collect(),
            asset.role.words().into(),
            asset.identity(),
        ]);
    }
    table.render("no assets: nothing in these captures has an address") + &rest(report.assets.len(), "assets")
}

fn links(report: &Report) -> String {
    let mut table = Table::new(&["asks", "is asked", "protocol", "port", "packets", "most used functions"]);
    let shown: Vec<_> = report.links.iter().filter(|link| link.realm != Realm::Network).collect();
    for link in shown.iter().take(ROWS) {
        let functions: Vec<String> = link
            .functions
            .iter()
            .take(4)
            .map(|function| format!("{} ({})", function.name, function.requests.max(function.answers)))
            .collect();
        table.push(vec![
            link.client.clone(),
            link.server.clone(),
            link.protocol.name().into(),
            if link.port == 0 { String::new() } else { link.port.to_string() },
            (link.packets_to_server + link.packets_to_client).to_string(),
            functions.join(", "),
        ]);
    }
    table.render("nobody talks to anybody") + &rest(shown.len(), "links")
}
