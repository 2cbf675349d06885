//! What the ledger remembers of commands and leases of earlier runs.
//!
//! Every line of a command begins with its id: `ID; value 120 (was 80), ...`. A command without an outcome was under way
//! when Ironbridge ended; what became of it is written down now.

use super::lease::Lease;
use super::{Entry, entry};
use crate::Namespace;
use model::event::severity;
use model::{Event, EventKind, Outcome, Path, Principal, Time, Value};
use std::collections::HashMap;
use std::time::Duration;

struct Seen {
    who: String,
    path: Path,
    at: Time,
    /// `requested` was written: it may have been sent.
    sent: bool,
    outcome: Option<Outcome>,
}

impl Namespace {
    /// Takes up where the last run ended. Blocks for the ledger.
    pub(crate) fn recall_commands(&self) {
        let mut seen: HashMap<String, Seen> = HashMap::new();
        let mut order = Vec::new();
        for (at, entry) in self.0.commands.ledger.recall() {
            let Ok(path) = Path::new(&entry.object) else { continue };
            match entry.action.as_str() {
                "lease" => self.recall_lease(&entry, path, at),
                "command" => {
                    let Some((id, rest)) = entry.detail.split_once("; ") else { continue };
                    if entry.outcome == "requested" {
                        self.recall_sent(&path, at);
                    }
                    let known = seen.entry(id.to_owned()).or_insert_with(|| {
                        order.push(id.to_owned());
                        Seen { who: entry.actor.clone(), path, at, sent: false, outcome: None }
                    });
                    known.sent |= entry.outcome == "requested";
                    known.outcome = outcome(&entry.outcome, rest).or(known.outcome.take());
                }
                _ => {}
            }
        }
        for id in order {
            let Some(known) = seen.remove(&id) else { continue };
            let outcome = known.outcome.clone().unwrap_or_else(|| self.conclude(&id, &known));
            self.0.commands.register.lock().recall(&id, &known.who, &known.path, outcome);
        }
    }

    fn recall_sent(&self, path: &Path, at: Time) {
        if let Some(point) = self.find(path.as_str()) {
            self.0.commands.written.lock().entry(point).or_default().sent_at(at);
        }
    }

    fn recall_lease(&self, entry: &Entry, path: Path, since: Time) {
        let span = entry.detail.strip_prefix("for ").and_then(|rest| rest.split_once(" s; "));
        let span = span.and_then(|(seconds, reason)| Some((seconds.parse().ok()?, reason)));
        match (entry.outcome.as_str(), span) {
            ("taken", Some((seconds, reason))) => {
                let until = since.after(Duration::from_secs(seconds));
                let lease =
                    Lease { path, holder: entry.actor.clone(), since, until, reason: reason.to_owned() };
                if until > self.0.clock.now()
                    && let Err(why) = self.put_lease(lease)
                {
                    tracing::warn!(%why, "a lease of an earlier run was not taken up again");
                }
            }
            ("released", _) => self.drop_lease(&path),
            _ => {}
        }
    }

    /// A command that was under way when the last run ended.
    fn conclude(&self, id: &str, known: &Seen) -> Outcome {
        let outcome = if known.sent {
            Outcome::Unknown { why: "Ironbridge ended while it was being sent; look at the machine".into() }
        } else {
            Outcome::rejected("Ironbridge ended before it was sent")
        };
        let who = Principal { name: known.who.clone(), ..Principal::system() };
        let detail = format!("{id}; {}", outcome.why());
        if let Err(why) =
            self.0.commands.ledger.record(entry(&who, "command", &known.path, outcome.word(), detail))
        {
            tracing::error!(%why, "the outcome of a command could not be written to the audit ledger");
        }
        let title = format!("The command of {} to {}: {}", known.who, known.path, outcome.word());
        let now = self.0.clock.now();
        let mut event =
            Event::info(EventKind::Change, format!("command/{id}"), known.path.as_str(), known.at, title);
        event.end = Some(now);
        // After whatever revisions the last run has given it.
        event.revision = u32::from(u8::MAX);
        event.severity = if known.sent { severity::HIGH } else { severity::LOW };
        event.text = outcome.why().to_owned();
        event.refs = vec![known.path.to_string()];
        self.event(event);
        outcome
    }
}

/// The outcome that a line of the ledger tells, if it is the last of its command.
fn outcome(word: &str, rest: &str) -> Option<Outcome> {
    let why = || rest.rsplit_once("; ").map_or(rest, |(_, why)| why).to_owned();
    Some(match word {
        // What was read back stands in the ledger as text only.
        "Confirmed" => Outcome::Confirmed { readback: Value::None },
        "Accepted" => Outcome::Accepted,
        "Rejected" => Outcome::Rejected { why: why() },
        "Failed" => Outcome::Failed { why: why() },
        "Unknown" => Outcome::Unknown { why: why() },
        _ => return None,
    })
}
