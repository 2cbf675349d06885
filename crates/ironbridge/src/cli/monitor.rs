//! `monitor ...`: what the monitor of a running Ironbridge sees and found.

use super::Running;
use super::ask::{list, stamp, text, write};
use super::client::{Client, ClientError, encode};
use super::normal::{self, NormalCommand};
use super::table::Table;
use clap::Subcommand;
use serde_json::{Value as Json, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// `monitor ...`
#[derive(Debug, Subcommand)]
pub enum MonitorCommand {
    /// What it listens to, what it sees and what not
    #[command(after_help = "Example: ironbridge monitor show")]
    Show {
        #[command(flatten)]
        running: Running,
    },
    /// Machines that were seen
    #[command(after_help = "Example: ironbridge monitor assets")]
    Assets {
        #[command(flatten)]
        running: Running,
    },
    /// Findings that are not closed, the worst first
    #[command(after_help = "Example: ironbridge monitor findings")]
    Findings {
        #[command(flatten)]
        running: Running,
    },
    /// Say that you have seen a finding
    #[command(
        after_help = "Example: ironbridge monitor acknowledge IB-S7-001-3b1ef0155c --note \"asked shift B\""
    )]
    Acknowledge {
        /// Its id
        id: String,
        /// For those after you
        #[arg(long, default_value = "")]
        note: String,
        #[command(flatten)]
        running: Running,
    },
    /// Say that a finding is done; it opens again when it happens again
    #[command(
        after_help = "Example: ironbridge monitor close IB-S7-001-3b1ef0155c --note \"planned download\""
    )]
    Close {
        /// Its id
        id: String,
        /// Why
        #[arg(long)]
        note: String,
        #[command(flatten)]
        running: Running,
    },
    /// Write the packets that show a finding to a file, for Wireshark
    #[command(after_help = "Example: ironbridge monitor packets IB-S7-001-3b1ef0155c stop.pcap")]
    Packets {
        /// Its id
        id: String,
        /// Where to
        file: PathBuf,
        #[command(flatten)]
        running: Running,
    },
    /// What is normal, and what work is expected
    #[command(flatten)]
    Normal(NormalCommand),
}

/// Does it.
pub async fn run(command: &MonitorCommand, out: &mut impl Write) -> Result<(), ClientError> {
    match command {
        MonitorCommand::Show { running } => show(running, out).await,
        MonitorCommand::Assets { running } => assets(running, out).await,
        MonitorCommand::Findings { running } => findings(running, out).await,
        MonitorCommand::Acknowledge { id, note, running } => act(id, "acknowledge", note, running, out).await,
        MonitorCommand::Close { id, note, running } => act(id, "close", note, running, out).await,
        MonitorCommand::Packets { id, file, running } => packets(id, file, running, out).await,
        MonitorCommand::Normal(command) => normal::run(command, out).await,
    }
}

async fn show(running: &Running, out: &mut impl Write) -> Result<(), ClientError> {
    let state = Client::new(&running.data).get("/api/monitor").await?;
    let mut words = String::new();
    for key in ["sentence", "why", "next"] {
        let line = text(&state, key);
        if !line.is_empty() {
            words += &format!("{line}\n");
        }
    }
    let not_seen = list(&state, "not_seen");
    if !not_seen.is_empty() {
        words += "\nNOT SEEN\n";
        words.extend(not_seen.iter().filter_map(Json::as_str).map(|line| format!("  {line}\n")));
    }
    if let Some(since) = state.get("counted_since").and_then(Json::as_f64) {
        words += &format!("\nLinks, data touched and assets are counted since {}.\n", stamp(since));
    }
    let mut table = Table::new(&["connection", "other side", "seen", "asset"]);
    for one in list(&state, "connections") {
        table.push(vec![text(one, "name"), text(one, "endpoint"), text(one, "seen"), text(one, "asset")]);
    }
    words += &format!("\nCONNECTIONS\n{}", table.render("none"));
    write(out, &words)
}

async fn assets(running: &Running, out: &mut impl Write) -> Result<(), ClientError> {
    let answer = Client::new(&running.data).get("/api/monitor/assets").await?;
    let mut table = Table::new(&[
        "address",
        "name",
        "looks like",
        "maker",
        "model",
        "connection",
        "approved",
        "last seen",
    ]);
    for one in list(&answer, "assets") {
        let maker = Some(text(one, "vendor")).filter(|maker| !maker.is_empty());
        table.push(vec![
            text(one, "id"),
            text(one, "name"),
            text(one, "role_words"),
            maker.unwrap_or_else(|| text(one, "card")),
            text(one, "model"),
            text(one, "connection"),
            if one.get("approved") == Some(&Json::Bool(true)) { "yes".into() } else { "no".into() },
            one.get("last").and_then(Json::as_f64).map(stamp).unwrap_or_default(),
        ]);
    }
    write(out, &table.render("no assets: nothing was seen so far (`ironbridge monitor show` says why)"))
}

async fn findings(running: &Running, out: &mut impl Write) -> Result<(), ClientError> {
    let answer = Client::new(&running.data).get("/api/monitor/findings").await?;
    let mut table = Table::new(&["id", "severity", "state", "what", "who", "to whom", "times", "last"]);
    for one in list(&answer, "findings") {
        table.push(vec![
            text(one, "id"),
            format!("{} {}", text(one, "severity"), text(one, "level")),
            text(one, "state"),
            text(one, "title"),
            text(one, "source"),
            text(one, "target"),
            text(one, "count"),
            one.get("last").and_then(Json::as_f64).map(stamp).unwrap_or_default(),
        ]);
    }
    let mut words = table.render("no findings in what was seen");
    words += "\nNOT SEEN\n";
    let coverage = list(&answer, "coverage");
    words.extend(coverage.iter().filter_map(Json::as_str).map(|line| format!("  {line}\n")));
    if coverage.is_empty() {
        words += "  everything: no interface is listened to (`ironbridge monitor show` says what to do)\n";
    }
    write(out, &words)
}

async fn act(
    id: &str,
    what: &str,
    note: &str,
    running: &Running,
    out: &mut impl Write,
) -> Result<(), ClientError> {
    let path = format!("/api/monitor/findings/{}/{what}", encode(id));
    let done = Client::new(&running.data).post(&path, &json!({"note": note})).await?;
    write(out, &format!("{}: {}\n", text(&done, "id"), text(&done, "state")))
}

async fn packets(id: &str, file: &Path, running: &Running, out: &mut impl Write) -> Result<(), ClientError> {
    let path = format!("/api/monitor/findings/{}/packets.pcap", encode(id));
    let bytes = Client::new(&running.data).bytes(&path).await?;
    std::fs::write(file, &bytes).map_err(|why| ClientError::Refused {
        title: format!("{} cannot be written: {why}", file.display()),
        meaning: String::new(),
        next: "Name a file in a folder that you may write to.".into(),
    })?;
    write(out, &format!("{} bytes in {}\n", bytes.len(), file.display()))
}
