//! Measuring a device gently, after a person's yes: how much it gives at once, where its holes are, how fast it answers.
//!
//! ```text
//!  connection file ─ Surveyor ─▶ Survey ─ effort ─▶ Plan ── yes ──▶ Bench ─▶ Run ─▶ lines, and text of measured/NAME.toml
//! ```
//! Rationale: what a device takes stands in no manual, and learning it in production costs refused requests. As with
//! [`discover`](crate::discover) the framework owns consent (nothing before a yes to a number of packets, one run at a
//! time, ended at any moment), and a protocol's folder only says what it asks. The outcome is text for a person: a file
//! that the planner uses once it is saved and applied, and forgets when it is removed.

use crate::discover::ScanState;
use crate::kind::Context;
use futures_util::future::BoxFuture;
use model::config::{Diagnostic, Document};
use model::{Clock, Fault, Time};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::watch;

/// Runs that are kept to look at.
const KEPT: usize = 8;
/// Most lines of one run.
const MOST_LINES: usize = 2_000;

/// Takes a connection file and sends nothing; all mistakes at once.
pub type Prepare = fn(&Document, &Context) -> Result<Box<dyn Survey>, Vec<Diagnostic>>;

/// How devices of a kind are measured; `south::surveyors` lists them.
pub struct Surveyor {
    /// The kind of connection.
    pub kind: &'static str,
    /// Schema of the file that keeps what was measured.
    pub schema: fn() -> serde_json::Value,
    /// Takes a connection file; sends nothing.
    pub prepare: Prepare,
}

/// What can be done to the devices of one endpoint.
pub trait Survey: Send {
    /// The most that it would do.
    fn effort(&self) -> Effort;

    /// Measures. What it learned so far stands in `progress` even if it ends with a fault.
    ///
    /// # Errors
    /// The device stopped answering, or never did.
    fn run<'a>(&'a mut self, progress: &'a Progress) -> BoxFuture<'a, Result<Measured, Fault>>;
}

/// What was measured, as it would be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// TOML, without a word of who and when.
    pub text: String,
}

/// A device that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Its name in the file.
    pub name: String,
    /// Its unit, in words.
    pub unit: String,
    /// What is read of it, in words.
    pub what: String,
}

/// The most that a survey does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Where.
    pub endpoint: String,
    /// Whom.
    pub devices: Vec<Touched>,
    /// Requests at most.
    pub requests: u64,
    /// Packets at most, those that open and close connections included.
    pub packets: u64,
    /// Time if every answer comes at once.
    pub least: Duration,
    /// Time if every answer comes at the last moment.
    pub most: Duration,
    /// Most requests under way at the same time, and most connections.
    pub at_once: (u32, u32),
}

impl Effort {
    /// The plan in one sentence.
    pub fn sentence(&self) -> String {
        let devices: Vec<String> =
            self.devices.iter().map(|one| format!("`{}` ({})", one.name, one.unit)).collect();
        format!(
            "Reads {} at {}, one question at a time and nothing that its tags do not need: at most {} packets in {} to {}; \
             at the end up to {} requests and {} connections at once. Nothing is written.",
            devices.join(", "),
            self.endpoint,
            self.packets,
            words(self.least),
            words(self.most),
            self.at_once.0,
            self.at_once.1,
        )
    }
}

fn words(time: Duration) -> String {
    match time.as_secs() {
        0..120 => format!("{} s", time.as_secs().max(1)),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

/// Something that was learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The device; empty for the endpoint.
    pub device: String,
    /// What, e.g. `largest block`.
    pub what: &'static str,
    /// How much, e.g. `60 registers`.
    pub value: String,
    /// What it means, in words.
    pub text: String,
}

/// What a run has done so far.
#[derive(Debug, Default)]
pub struct Progress {
    packets: AtomicU64,
    requests: AtomicU64,
    faults: AtomicU64,
    dropped: AtomicU64,
    said: Mutex<(String, Vec<Line>)>,
}

impl Progress {
    /// Packets were sent.
    pub fn packets(&self, count: u64) {
        self.packets.fetch_add(count, Relaxed);
    }

    /// A request was sent.
    pub fn request(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    /// An answer was missing, broken or none of the protocol.
    pub fn fault(&self) {
        self.faults.fetch_add(1, Relaxed);
    }

    /// What it does now.
    pub fn step(&self, text: impl Into<String>) {
        self.said.lock().0 = text.into();
    }

    /// What it learned.
    pub fn line(&self, line: Line) {
        let mut said = self.said.lock();
        if said.1.len() < MOST_LINES {
            said.1.push(line);
        } else {
            self.dropped.fetch_add(1, Relaxed);
        }
    }
}

/// One run.
#[derive(Debug)]
pub struct Run {
    /// Tells runs apart.
    pub id: String,
    /// Who said yes.
    pub who: String,
    /// The connection.
    pub connection: String,
    /// What was agreed.
    pub effort: Effort,
    /// Whether a running connection is paused meanwhile.
    pub pauses: bool,
    /// When it began.
    pub started: Time,
    progress: Progress,
    ended: Mutex<Option<(Time, Result<String, Fault>)>>,
    stop: watch::Sender<bool>,
}

/// How a run stands.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Under way, done or stopped; a run that failed is done with a fault.
    pub state: ScanState,
    /// When it ended.
    pub ended: Option<Time>,
    /// Why it failed.
    pub fault: Option<Fault>,
    /// What it does now, in words.
    pub step: String,
    /// Packets sent.
    pub packets: u64,
    /// Requests sent.
    pub requests: u64,
    /// Answers that were missing, broken or none of the protocol.
    pub faults: u64,
    /// Lines that were too many to keep.
    pub dropped: u64,
    /// What was learned.
    pub lines: Vec<Line>,
    /// The file to save; empty unless all was measured.
    pub text: String,
}

impl Run {
    /// The file that the planner looks into.
    pub fn file(&self) -> String {
        format!("measured/{}.toml", self.connection)
    }

    /// How it stands.
    pub fn snapshot(&self) -> Snapshot {
        let ended = self.ended.lock().clone();
        let (step, lines) = self.progress.said.lock().clone();
        let (state, fault, text) = match &ended {
            None => (ScanState::Running, None, String::new()),
            Some((_, Ok(text))) => (ScanState::Done, None, text.clone()),
            Some((_, Err(Fault::Stopped))) => (ScanState::Stopped, None, String::new()),
            Some((_, Err(fault))) => (ScanState::Done, Some(fault.clone()), String::new()),
        };
        Snapshot {
            state,
            ended: ended.map(|(at, _)| at),
            fault,
            step,
            packets: self.progress.packets.load(Relaxed),
            requests: self.progress.requests.load(Relaxed),
            faults: self.progress.faults.load(Relaxed),
            dropped: self.progress.dropped.load(Relaxed),
            lines,
            text,
        }
    }

    /// Ends it; its connections are closed.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Measures to the end, or until it is stopped.
    pub async fn run(&self, mut survey: Box<dyn Survey>, clock: &dyn Clock) {
        let mut stop = self.stop.subscribe();
        let outcome = tokio::select! {
            biased;
            // An error means that nobody can stop it any more, which cannot be while `self` lives.
            _ = stop.wait_for(|stop| *stop) => Err(Fault::Stopped),
            outcome = survey.run(&self.progress) => outcome,
        };
        let now = clock.now();
        let outcome = outcome.map(|measured| self.head(now) + &measured.text);
        *self.ended.lock() = Some((now, outcome));
    }

    fn head(&self, now: Time) -> String {
        format!(
            "# What `ironbridge characterise {}` measured. The planner keeps to it; remove this file and apply to forget it.\n\
             # Said yes: {}\n\
             measured = \"{}\"\n",
            self.connection,
            self.who.replace(char::is_control, " "),
            Time::from_millis(now.millis() / 1_000 * 1_000).rfc3339(),
        )
    }
}

/// Why a run does not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Busy {
    /// One is under way already.
    Running,
    /// What was agreed is not what would happen now: so many packets at most.
    Changed(u64),
}

/// Keeps the runs: one at a time, the last few to look at.
pub struct Bench {
    clock: Arc<dyn Clock>,
    runs: Mutex<VecDeque<Arc<Run>>>,
}

impl Bench {
    /// An empty one.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, runs: Mutex::default() }
    }

    /// Takes what a person has agreed to, if it is still the same: `packets` is the number they saw. The caller runs it
    /// with [`Run::run`].
    ///
    /// # Errors
    /// [`Busy`].
    pub fn begin(
        &self,
        connection: &str,
        effort: Effort,
        packets: u64,
        pauses: bool,
        who: &str,
    ) -> Result<Arc<Run>, Busy> {
        if effort.packets != packets {
            return Err(Busy::Changed(effort.packets));
        }
        let mut runs = self.runs.lock();
        if runs.front().is_some_and(|run| run.ended.lock().is_none()) {
            return Err(Busy::Running);
        }
        let started = self.clock.now();
        let run = Arc::new(Run {
            id: format!("c{:x}", started.millis()),
            who: who.to_owned(),
            connection: connection.to_owned(),
            effort,
            pauses,
            started,
            progress: Progress::default(),
            ended: Mutex::default(),
            stop: watch::channel(false).0,
        });
        runs.push_front(run.clone());
        runs.truncate(KEPT);
        Ok(run)
    }

    /// Forgets a run that was taken but must not begin.
    pub fn cancel(&self, run: &Arc<Run>) {
        self.runs.lock().retain(|known| !Arc::ptr_eq(known, run));
    }

    /// The runs, newest first.
    pub fn runs(&self) -> Vec<Arc<Run>> {
        self.runs.lock().iter().cloned().collect()
    }

    /// One run.
    pub fn find(&self, id: &str) -> Option<Arc<Run>> {
        self.runs.lock().iter().find(|run| run.id == id).cloned()
    }
}
