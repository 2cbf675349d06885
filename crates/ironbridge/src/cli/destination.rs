//! `destination ...`: how far destinations are, what they refused, and sending again.

use super::Running;
use super::ask::{list, stamp, text, write};
use super::client::{Client, ClientError, encode};
use super::table::Table;
use clap::Subcommand;
use model::config::Period;
use model::{SystemClock, Time};
use serde_json::{Value as Json, json};
use std::io::Write;

/// `destination ...`
#[derive(Debug, Subcommand)]
pub enum DestinationCommand {
    /// How far each destination is
    #[command(after_help = "Example: ironbridge destination list")]
    List {
        #[command(flatten)]
        running: Running,
    },
    /// Send again what history holds of a stretch of time, beside what is new
    #[command(
        after_help = "The far side knows what it has already by the key (point, time, seq). It goes on after a restart.\n\n\
                      Example: ironbridge destination replay hq --from 2026-11-20T06:00:00Z --to 2026-11-20T14:00:00Z\n         \
                      ironbridge destination replay hq --from 2h"
    )]
    Replay {
        /// Name of its file
        name: String,
        /// From when on: a time (RFC 3339), or how long ago, e.g. `90min`, `2h`, `3d`
        #[arg(long, value_parser = time)]
        from: Time,
        /// Before when, likewise [default: now]
        #[arg(long, value_parser = time)]
        to: Option<Time>,
        #[command(flatten)]
        running: Running,
    },
    /// End sending again
    #[command(after_help = "Example: ironbridge destination stop-replay hq")]
    StopReplay {
        /// Name of its file
        name: String,
        #[command(flatten)]
        running: Running,
    },
    /// Exactly what it sends: place, key and schema of each message
    #[command(
        after_help = "Not to be mixed up with `ironbridge schema KIND`, which is about the file that configures it.\n\n\
                      Example: ironbridge destination schema hq\n         \
                      ironbridge destination schema hq --of sample > sample.avsc"
    )]
    Schema {
        /// Name of its file
        name: String,
        /// Only the schema of these messages, e.g. `sample`, `samples` or `event`, to be read by a program
        #[arg(long)]
        of: Option<String>,
        /// An earlier version [default: the one that holds now]
        #[arg(long)]
        version: Option<u32>,
        /// As JSON
        #[arg(long, conflicts_with = "of")]
        json: bool,
        #[command(flatten)]
        running: Running,
    },
    /// What it refused for good, newest first
    #[command(after_help = "Example: ironbridge destination rejects hq")]
    Rejects {
        /// Name of its file
        name: String,
        #[command(flatten)]
        running: Running,
    },
    /// Send again what it refused, after the cause is mended
    #[command(after_help = "Example: ironbridge destination resend hq 17 18")]
    Resend {
        /// Name of its file
        name: String,
        /// Numbers as `rejects` shows them [default: all]
        ids: Vec<u64>,
        #[command(flatten)]
        running: Running,
    },
    /// Drop what it refused, for good
    #[command(after_help = "Example: ironbridge destination drop hq 17")]
    Drop {
        /// Name of its file
        name: String,
        /// Numbers as `rejects` shows them
        ids: Vec<u64>,
        /// All of them
        #[arg(long, conflicts_with = "ids", required_unless_present = "ids")]
        all: bool,
        #[command(flatten)]
        running: Running,
    },
    /// Send nothing there until it is resumed; what comes is kept
    #[command(after_help = "Example: ironbridge destination pause hq")]
    Pause {
        /// Name of its file
        name: String,
        #[command(flatten)]
        running: Running,
    },
    /// Go on where it was paused
    #[command(after_help = "Example: ironbridge destination resume hq")]
    Resume {
        /// Name of its file
        name: String,
        #[command(flatten)]
        running: Running,
    },
}

/// A time, or how long ago.
fn time(words: &str) -> Result<Time, String> {
    let ago = || Some(SystemClock::shared().now().before(Period::parse(words)?.0));
    Time::parse_rfc3339(words)
        .or_else(ago)
        .ok_or_else(|| "write a time like 2026-11-20T06:00:00Z, or how long ago: 90min, 2h, 3d".to_owned())
}

/// Does it.
pub async fn run(command: &DestinationCommand, out: &mut impl Write) -> Result<(), ClientError> {
    use DestinationCommand as Do;
    match command {
        Do::List { running } => all(running, out).await,
        Do::Replay { name, from, to, running } => {
            let ask = json!({ "from": from.millis_f64(), "to": to.map(Time::millis_f64) });
            let answer = act(name, "replay", &ask, running).await?;
            let (from, to) = (time_of(&answer, "from"), time_of(&answer, "to"));
            write(
                out,
                &format!("{from} to {to} is sent again; `ironbridge destination list` shows how far it is\n"),
            )
        }
        Do::StopReplay { name, running } => {
            let answer = act(name, "replay/stop", &json!({}), running).await?;
            write(out, &format!("stopped; everything before {} is there again\n", time_of(&answer, "done")))
        }
        Do::Schema { name, of, version, json, running } => {
            let which = version.map_or_else(String::new, |version| format!("?version={version}"));
            let path = format!("/api/destinations/{}/schema{which}", encode(name));
            let answer = Client::new(&running.data).get(&path).await?;
            match of {
                Some(of) => write(out, &only(&answer, of)?),
                None if *json => write(out, &format!("{answer:#}\n")),
                None => write(out, &described(&answer)),
            }
        }
        Do::Rejects { name, running } => rejects(name, running, out).await,
        Do::Resend { name, ids, running } => {
            let ids = Some(ids).filter(|ids| !ids.is_empty());
            let answer = act(name, "rejects/resend", &json!({ "ids": ids }), running).await?;
            write(
                out,
                &format!(
                    "{} are sent again; what is refused once more comes back\n",
                    text(&answer, "letters")
                ),
            )
        }
        Do::Drop { name, ids, all: _, running } => {
            let ids = Some(ids).filter(|ids| !ids.is_empty());
            let answer = act(name, "rejects/drop", &json!({ "ids": ids }), running).await?;
            write(out, &format!("{} dropped\n", text(&answer, "letters")))
        }
        Do::Pause { name, running } => {
            act(name, "pause", &json!({}), running).await?;
            write(out, "paused; what comes is kept until it is resumed\n")
        }
        Do::Resume { name, running } => {
            act(name, "resume", &json!({}), running).await?;
            write(out, "resumed\n")
        }
    }
}

/// The schema of the messages that `of` names.
fn only(answer: &Json, of: &str) -> Result<String, ClientError> {
    let messages = list(answer, "messages");
    let mut found = messages.iter().filter(|one| text(one, "of") == of);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(format!("{}\n", text(one, "schema").trim_end())),
        (first, _) => {
            let known: Vec<String> =
                messages.iter().map(|one| format!("{} ({})", text(one, "of"), text(one, "place"))).collect();
            let why = if first.is_some() {
                "there are several such messages"
            } else {
                "there are no such messages"
            };
            Err(ClientError::Refused {
                title: format!("{why} as \"{of}\""),
                meaning: format!("It sends: {}.", known.join(", ")),
                next: "Take one of them, or --json for all.".into(),
            })
        }
    }
}

/// All of it, for people.
fn described(answer: &Json) -> String {
    let number = |key: &str| answer.get(key).and_then(Json::as_u64).unwrap_or_default();
    let (version, since) = (number("version"), time_of(answer, "since"));
    let until = answer.get("until").and_then(Json::as_f64).map(|until| format!(" until {}", stamp(until)));
    let mut out = format!(
        "{} ({}) sends {}; version {version}, since {since}{}\n",
        text(answer, "destination"),
        text(answer, "kind"),
        text(answer, "format"),
        until.unwrap_or_default()
    );
    for one in list(answer, "messages") {
        out.push_str(&format!("\n{}: {}, {}\n", text(one, "of"), text(one, "place"), text(one, "media")));
        for (word, key) in [("key", "key"), ("note", "note")] {
            let said = text(one, key);
            if !said.is_empty() {
                out.push_str(&format!("{word}: {said}\n"));
            }
        }
        out.push_str(&format!("schema ({}):\n{}\n", text(one, "language"), text(one, "schema").trim_end()));
    }
    let others: Vec<String> = list(answer, "versions")
        .iter()
        .map(|one| format!("{} since {}", text(one, "version"), time_of(one, "since")))
        .collect();
    out.push_str(&format!("\nversions: {}\n", others.join(", ")));
    out
}

async fn act(name: &str, what: &str, ask: &Json, running: &Running) -> Result<Json, ClientError> {
    let path = format!("/api/destinations/{}/{what}", encode(name));
    Client::new(&running.data).post(&path, ask).await
}

fn time_of(answer: &Json, key: &str) -> String {
    answer.get(key).and_then(Json::as_f64).map(stamp).unwrap_or_default()
}

async fn all(running: &Running, out: &mut impl Write) -> Result<(), ClientError> {
    let answer = Client::new(&running.data).get("/api/destinations").await?;
    let mut table = Table::new(&[
        "name",
        "kind",
        "state",
        "lag s",
        "waiting",
        "sent",
        "last ack",
        "rejects",
        "sent again",
    ]);
    for one in list(&answer, "destinations") {
        let lag = one.get("lag_s").and_then(Json::as_f64).map(|lag| format!("{lag:.1}"));
        let again = one.get("replay").filter(|replay| replay.is_object()).map(|replay| {
            let over = if replay.get("finished").is_some_and(Json::is_number) { "over" } else { "up to" };
            format!("{over} {}, {}", time_of(replay, "done"), text(replay, "sent"))
        });
        table.push(vec![
            text(one, "name"),
            text(one, "kind"),
            text(one, "state"),
            lag.unwrap_or_default(),
            text(one, "lag_samples"),
            text(one, "sent"),
            time_of(one, "last_ack"),
            one.get("letters").map(|letters| text(letters, "waiting")).unwrap_or_default(),
            again.unwrap_or_default(),
        ]);
    }
    write(
        out,
        &table.render("no destinations; add a file under destinations/ (ironbridge schema lists the kinds)"),
    )
}

async fn rejects(name: &str, running: &Running, out: &mut impl Write) -> Result<(), ClientError> {
    let answer =
        Client::new(&running.data).get(&format!("/api/destinations/{}/rejects", encode(name))).await?;
    let mut table = Table::new(&["id", "time", "what", "reason", "trouble"]);
    for one in list(&answer, "rejects") {
        table.push(vec![
            text(one, "id"),
            time_of(one, "time"),
            text(one, "path"),
            text(one, "reason"),
            text(one, "trouble"),
        ]);
    }
    write(out, &table.render("nothing was refused"))
}
