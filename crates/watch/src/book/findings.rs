//! What is kept of findings.
//!
//! ```text
//!   open ─ acknowledge ─▶ acknowledged        it goes on: stays so; again after a day of quiet: open
//!     │  ─ close ───────▶ closed              again: open
//!     └─ mute until ────▶ muted ─▶ closed     until then silent, but counted
//! ```

use super::{Refusal, VERSION, text};
use crate::report::{FindingRow, Report};
use model::event::severity;
use model::{Event, EventKind, EventState, Time};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Most findings that are kept; above that the oldest closed ones go, then the oldest.
pub const MAX_FINDINGS: usize = 8_192;
/// Steps of its history that a finding keeps.
const MAX_STEPS: usize = 50;
/// At most one revision of a finding's event in this time, but for what a person does.
const BETWEEN: Duration = Duration::from_secs(5);
/// After so much quiet an acknowledged finding that happens again is open again.
const QUIET: Duration = Duration::from_secs(24 * 3_600);
/// Longest mute.
const LONGEST_MUTE: Duration = Duration::from_secs(366 * 86_400);
/// Different cases that are kept.
const MAX_DETAILS: usize = 5;

/// Where a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Somebody should look.
    Open,
    /// Somebody has seen it.
    Acknowledged,
    /// Silent for a while, by somebody's decision.
    Muted,
    /// Done, until it happens again.
    Closed,
}

/// Who did something, when, and what they said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: Time,
    /// Who; `monitor` for the monitor itself.
    pub by: String,
    /// What: `opened`, `acknowledged`, `muted`, `unmuted`, `closed`, `reopened`.
    pub what: String,
    /// In their words.
    pub note: String,
    /// Until when, for a mute.
    #[serde(default)]
    pub until: Option<Time>,
}

/// A finding as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFinding {
    /// Id of the detection.
    pub rule: String,
    /// What happened.
    pub title: String,
    /// What it means.
    pub meaning: String,
    /// What to check next.
    pub next: String,
    /// 1 to 1000.
    pub severity: u16,
    /// Ids and names of techniques.
    pub techniques: Vec<(String, String)>,
    /// Who did it: id of the asset.
    pub source: String,
    /// To whom.
    pub target: String,
    /// How often in runs before this one.
    #[serde(default)]
    before: u64,
    /// How often in all.
    pub count: u64,
    /// First time.
    pub first: Time,
    /// Last time.
    pub last: Time,
    /// The first different cases.
    pub details: Vec<String>,
    /// The window of expected work in which it happened: then it is for the record.
    #[serde(default)]
    pub window: Option<String>,
    /// The point that it is about.
    #[serde(default)]
    pub path: Option<String>,
    /// Where it stands.
    pub standing: Standing,
    /// What was done with it, the newest last; the last [`MAX_STEPS`].
    pub history: Vec<Step>,
    /// Revision of its event.
    pub revision: u32,
    /// The event says less than is known.
    #[serde(default)]
    untold: bool,
    /// When the event was told last.
    #[serde(default)]
    pub told: Option<Time>,
}

impl KeptFinding {
    /// The last step of this kind, as long as the finding stands where that brought it.
    #[must_use]
    pub fn step(&self, standing: Standing) -> Option<&Step> {
        let word = match standing {
            Standing::Open => return None,
            Standing::Acknowledged => "acknowledged",
            Standing::Muted => "muted",
            Standing::Closed => "closed",
        };
        (self.standing == standing)
            .then(|| self.history.iter().rev().find(|step| step.what == word))
            .flatten()
    }

    fn stand(&mut self, standing: Standing, step: Step) {
        self.standing = standing;
        self.untold = true;
        self.told = None;
        self.history.push(step);
        if self.history.len() > MAX_STEPS {
            self.history.remove(0);
        }
    }

    /// It happened again.
    fn again(&mut self, quiet_since: Time, now: Time) {
        let opens = match self.standing {
            _ if self.window.is_some() => false,
            Standing::Open => false,
            Standing::Closed => true,
            Standing::Acknowledged => now.since(quiet_since) >= QUIET,
            Standing::Muted => {
                self.step(Standing::Muted).and_then(|step| step.until).is_none_or(|until| until <= now)
            }
        };
        if opens {
            self.stand(Standing::Open, Step::new(now, "monitor", "reopened", String::new()));
        }
        // A muted one is counted in silence.
        self.untold |= self.standing != Standing::Muted;
    }

    fn event(&self, id: &str) -> Event {
        let title = match self.source == self.target {
            // One machine, towards nobody alone.
            true => format!("{}: {}", self.title, self.source),
            false => format!("{}: {} to {}", self.title, self.source, self.target),
        };
        let mut event = Event::active(EventKind::Finding, id, "monitor", self.first, self.severity, title);
        event.revision = self.revision;
        let times =
            if self.count == 1 { "Once".to_owned() } else { format!("{} times, the last", self.count) };
        let detail =
            self.details.first().map_or_else(String::new, |detail| format!(" First case: {detail}."));
        let last = Time(self.last.0 - self.last.0.rem_euclid(1_000_000_000));
        event = event.explained(format!("{times} at {last}. {}{detail}", self.meaning), self.next.clone());
        event.refs = vec![self.rule.clone(), self.source.clone(), self.target.clone()];
        event.refs.extend(self.window.iter().chain(&self.path).cloned());
        event.refs.extend(self.techniques.iter().map(|(id, _)| id.clone()));
        event.state = match self.standing {
            Standing::Open => EventState::Active,
            Standing::Acknowledged | Standing::Muted => EventState::Acknowledged,
            Standing::Closed => EventState::Cleared,
        };
        if self.standing == Standing::Closed {
            event.end = self.step(Standing::Closed).map(|step| step.at);
        }
        event
    }
}

impl Step {
    fn new(at: Time, by: &str, what: &str, note: String) -> Self {
        Self { at, by: by.to_owned(), what: what.to_owned(), note, until: None }
    }
}

/// What a person does with a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Has seen it.
    Acknowledge {
        /// May be empty.
        note: String,
    },
    /// Is done with it.
    Close {
        /// Why.
        note: String,
    },
    /// Does not want to hear of it for a while.
    Mute {
        /// Why.
        reason: String,
        /// Until when.
        until: Time,
    },
    /// Wants to hear of it again.
    Unmute,
}

/// Everything that is kept of findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingBook {
    /// Version of the format.
    pub version: u32,
    /// Findings by id.
    pub findings: BTreeMap<String, KeptFinding>,
    /// Reports of findings for which there was no room, since ever.
    #[serde(default)]
    pub no_room: u64,
}

impl Default for FindingBook {
    fn default() -> Self {
        Self { version: VERSION, findings: BTreeMap::new(), no_room: 0 }
    }
}

impl FindingBook {
    /// A run begins: what it counts is added to what was counted before.
    pub fn begin(&mut self) {
        self.findings.values_mut().for_each(|kept| kept.before = kept.count);
    }

    /// Takes the findings of a report. Ids of those that are new or happened again.
    pub fn take(&mut self, report: &Report, now: Time) -> Vec<String> {
        let mut news = Vec::new();
        for row in &report.findings {
            let known = self.findings.get(&row.id);
            if known.is_some_and(|known| known.count >= known.before.saturating_add(row.count)) {
                continue;
            }
            if known.is_none() && !self.has_room() {
                self.no_room += 1;
                continue;
            }
            self.finding(row, now);
            news.push(row.id.clone());
        }
        news
    }

    fn finding(&mut self, row: &FindingRow, now: Time) {
        let kept = self.findings.entry(row.id.clone()).or_insert_with(|| KeptFinding {
            rule: row.rule.to_owned(),
            title: String::new(),
            meaning: String::new(),
            next: String::new(),
            severity: row.severity,
            techniques: Vec::new(),
            source: String::new(),
            target: String::new(),
            before: 0,
            count: 0,
            first: row.first,
            last: row.first,
            details: Vec::new(),
            window: row.window.clone(),
            path: None,
            standing: if row.window.is_some() { Standing::Closed } else { Standing::Open },
            history: vec![match &row.window {
                Some(window) => Step::new(now, "monitor", "closed", format!("expected work {window}")),
                None => Step::new(now, "monitor", "opened", String::new()),
            }],
            revision: 0,
            untold: true,
            told: None,
        });
        let quiet_since = kept.last;
        (kept.title, kept.meaning, kept.next) = (row.title.into(), row.meaning.into(), row.next.into());
        (kept.source, kept.target) = (row.source.clone(), row.target.clone());
        kept.severity = row.severity;
        kept.techniques = row.techniques.iter().map(|one| (one.id.to_owned(), one.name.to_owned())).collect();
        kept.path = row.path.clone().or(kept.path.take());
        kept.count = kept.before.saturating_add(row.count);
        kept.last = kept.last.max(row.last);
        for detail in &row.details {
            if !kept.details.contains(detail) && kept.details.len() < MAX_DETAILS {
                kept.details.push(detail.clone());
            }
        }
        kept.again(quiet_since, now);
    }

    fn has_room(&mut self) -> bool {
        if self.findings.len() < MAX_FINDINGS {
            return true;
        }
        let closed = self.findings.iter().filter(|(_, kept)| kept.standing == Standing::Closed);
        let Some(oldest) = closed.min_by_key(|(_, kept)| kept.last).map(|(id, _)| id.clone()) else {
            return false;
        };
        self.findings.remove(&oldest);
        true
    }

    /// Closes what was muted for a time that is over: it opens when it happens again.
    pub fn expire(&mut self, now: Time) {
        for kept in self.findings.values_mut() {
            let over =
                kept.step(Standing::Muted).and_then(|step| step.until).is_some_and(|until| until <= now);
            if over {
                kept.stand(Standing::Closed, Step::new(now, "monitor", "closed", "the mute is over".into()));
            }
        }
    }

    /// The events that are due: at most one revision of each finding in a few seconds.
    pub fn events(&mut self, now: Time) -> Vec<Event> {
        let due = |kept: &KeptFinding| kept.untold && kept.told.is_none_or(|told| now.since(told) >= BETWEEN);
        let mut events = Vec::new();
        for (id, kept) in self.findings.iter_mut().filter(|(_, kept)| due(kept)) {
            kept.revision += 1;
            (kept.untold, kept.told) = (false, Some(now));
            events.push(kept.event(id));
        }
        events
    }

    /// Does what a person wants with a finding.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn act(&mut self, id: &str, by: &str, act: Act, now: Time) -> Result<&KeptFinding, Refusal> {
        let kept = self.findings.get_mut(id).ok_or(Refusal::Unknown("finding"))?;
        let closed = Refusal::Standing("the finding is closed", "it opens by itself when it happens again");
        let step = |what: &str, note: String| Step::new(now, by, what, note);
        match act {
            Act::Acknowledge { .. } | Act::Mute { .. } if kept.standing == Standing::Closed => {
                return Err(closed);
            }
            Act::Acknowledge { note } => {
                kept.stand(Standing::Acknowledged, step("acknowledged", text(&note, "note", false)?));
            }
            Act::Close { .. } if kept.standing == Standing::Closed => return Err(closed),
            Act::Close { note } => kept.stand(Standing::Closed, step("closed", text(&note, "note", true)?)),
            Act::Mute { reason, until } => {
                let reason = text(&reason, "reason", true)?;
                if until <= now || until.since(now) > LONGEST_MUTE {
                    return Err(Refusal::Invalid(
                        format!("{until} is no time to be silent until"),
                        "give a time in the future, at most one year ahead",
                    ));
                }
                kept.stand(Standing::Muted, Step { until: Some(until), ..step("muted", reason) });
            }
            Act::Unmute if kept.standing == Standing::Muted => {
                kept.stand(Standing::Open, step("unmuted", String::new()));
            }
            Act::Unmute => {
                return Err(Refusal::Standing("the finding is not muted", "nothing has to be done"));
            }
        }
        Ok(kept)
    }

    /// Findings that are open, by asset: how many, and the worst.
    #[must_use]
    pub fn open_by_asset(&self) -> HashMap<&str, (usize, u16)> {
        let mut out: HashMap<&str, (usize, u16)> = HashMap::new();
        for kept in self.findings.values().filter(|kept| kept.standing == Standing::Open) {
            let ends = [kept.source.as_str(), kept.target.as_str()];
            for end in ends.iter().take(if ends[0] == ends[1] { 1 } else { 2 }) {
                let sum = out.entry(end).or_default();
                *sum = (sum.0 + 1, sum.1.max(kept.severity));
            }
        }
        out
    }

    /// Open findings by the word for their severity.
    #[must_use]
    pub fn open_by_level(&self) -> BTreeMap<&'static str, usize> {
        let mut out = BTreeMap::new();
        for kept in self.findings.values().filter(|kept| kept.standing == Standing::Open) {
            *out.entry(severity::word(kept.severity)).or_default() += 1;
        }
        out
    }
}

#[cfg(test)]
mod tests;
