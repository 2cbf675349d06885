//! `monitor mode|differences|approve|window|windows|end-window`: what is normal, and what work is expected.

use super::Running;
use super::ask::{list, stamp, text, write};
use super::client::{Client, ClientError, encode};
use super::table::Table;
use clap::{Subcommand, ValueEnum};
use hyper::Method;
use serde_json::{Value as Json, json};
use std::io::Write;

/// What is done with what is new.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Mode {
    /// It becomes normal
    Learning,
    /// It is a finding
    Guarding,
}

/// `monitor ...`
#[derive(Debug, Subcommand)]
pub enum NormalCommand {
    /// Learn what is normal, or guard it; without a mode: what is done now
    #[command(after_help = "Example: ironbridge monitor mode guarding --zone line-1")]
    Mode {
        /// What is done with what is new
        mode: Option<Mode>,
        /// Only in this zone; without it everywhere that has no mode of its own
        #[arg(long, default_value = "")]
        zone: String,
        #[command(flatten)]
        running: Running,
    },
    /// What was seen and is not normal
    #[command(after_help = "Example: ironbridge monitor differences")]
    Differences {
        #[command(flatten)]
        running: Running,
    },
    /// Say of differences that they are normal
    #[command(after_help = "Example: ironbridge monitor approve \"asset/10.20.1.66\"")]
    Approve {
        /// Their ids, as `monitor differences` shows them
        #[arg(required = true)]
        ids: Vec<String>,
        #[command(flatten)]
        running: Running,
    },
    /// Say that somebody works on devices from now on: what they do there is recorded quietly
    #[command(
        after_help = "Example: ironbridge monitor window 10.20.1.11 --who \"Muster GmbH\" --ticket CHG-7 --hours 4"
    )]
    Window {
        /// The devices, by address
        #[arg(required = true)]
        assets: Vec<String>,
        /// The person or firm who works
        #[arg(long)]
        who: String,
        /// The order it is done by
        #[arg(long)]
        ticket: String,
        /// For how long, at most 168
        #[arg(long)]
        hours: f64,
        /// More, in words
        #[arg(long, default_value = "")]
        note: String,
        #[command(flatten)]
        running: Running,
    },
    /// Windows of expected work
    #[command(after_help = "Example: ironbridge monitor windows")]
    Windows {
        #[command(flatten)]
        running: Running,
    },
    /// The work is done before its time
    #[command(after_help = "Example: ironbridge monitor end-window W-7")]
    EndWindow {
        /// Its id
        id: String,
        #[command(flatten)]
        running: Running,
    },
}

/// Does it.
pub async fn run(command: &NormalCommand, out: &mut impl Write) -> Result<(), ClientError> {
    match command {
        NormalCommand::Mode { mode, zone, running } => set_mode(*mode, zone, running, out).await,
        NormalCommand::Differences { running } => differences(running, out).await,
        NormalCommand::Approve { ids, running } => {
            let path = "/api/monitor/differences/approve";
            let done = Client::new(&running.data).post(path, &json!({"ids": ids})).await?;
            write(out, &format!("approved: {} of {}\n", text(&done, "approved"), ids.len()))
        }
        NormalCommand::Window { assets, who, ticket, hours, note, running } => {
            let client = Client::new(&running.data);
            let now = client.get("/api/monitor").await?.get("now").and_then(Json::as_f64).unwrap_or_default();
            let until = now + hours * 3_600_000.0;
            let ask = json!({"assets": assets, "who": who, "ticket": ticket, "until": until, "note": note});
            let window = client.post("/api/monitor/windows", &ask).await?;
            write(
                out,
                &format!("{}: {} until {}\n", text(&window, "id"), text(&window, "state"), stamp(until)),
            )
        }
        NormalCommand::Windows { running } => windows(running, out).await,
        NormalCommand::EndWindow { id, running } => {
            let path = format!("/api/monitor/windows/{}/end", encode(id));
            let window = Client::new(&running.data).post(&path, &json!({})).await?;
            write(out, &format!("{}: {}\n", text(&window, "id"), text(&window, "state")))
        }
    }
}

async fn set_mode(
    mode: Option<Mode>,
    zone: &str,
    running: &Running,
    out: &mut impl Write,
) -> Result<(), ClientError> {
    let client = Client::new(&running.data);
    let answer = match mode {
        None => client.get("/api/monitor/modes").await?,
        Some(mode) => {
            let word = match mode {
                Mode::Learning => "learning",
                Mode::Guarding => "guarding",
            };
            let ask = json!({"zone": zone, "mode": word});
            client.json(Method::PUT, "/api/monitor/modes", Some(&ask)).await?
        }
    };
    let mut table = Table::new(&["zone", "mode", "since", "by", "nothing new for"]);
    for one in list(&answer, "modes") {
        let zone = Some(text(one, "zone")).filter(|zone| !zone.is_empty());
        let quiet = one.get("quiet_s").and_then(Json::as_f64);
        table.push(vec![
            zone.unwrap_or_else(|| "(all others)".into()),
            text(one, "mode"),
            one.get("since").and_then(Json::as_f64).map(stamp).unwrap_or_default(),
            text(one, "by"),
            quiet.map_or_else(String::new, |seconds| format!("{:.0} min", seconds / 60.0)),
        ]);
    }
    write(out, &table.render("no interface is listened to (`ironbridge monitor show` says what to do)"))
}

async fn differences(running: &Running, out: &mut impl Write) -> Result<(), ClientError> {
    let answer = Client::new(&running.data).get("/api/monitor/differences").await?;
    let mut table = Table::new(&["id", "what", "who", "with whom", "first seen"]);
    for one in list(&answer, "differences") {
        table.push(vec![
            text(one, "id"),
            text(one, "title"),
            text(one, "source"),
            text(one, "target"),
            one.get("first").and_then(Json::as_f64).map(stamp).unwrap_or_default(),
        ]);
    }
    write(out, &table.render("nothing was seen that is not normal"))
}

async fn windows(running: &Running, out: &mut impl Write) -> Result<(), ClientError> {
    let answer = Client::new(&running.data).get("/api/monitor/windows?past=true").await?;
    let mut table = Table::new(&["id", "state", "who", "on", "until", "ticket", "findings"]);
    for one in list(&answer, "windows") {
        let assets = list(one, "assets").iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" ");
        table.push(vec![
            text(one, "id"),
            text(one, "state"),
            text(one, "who"),
            assets,
            one.get("until").and_then(Json::as_f64).map(stamp).unwrap_or_default(),
            text(one, "ticket"),
            text(one, "findings"),
        ]);
    }
    write(out, &table.render("no work was announced"))
}
