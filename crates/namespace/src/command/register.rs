//! Which commands are under way, which have ended, and which ids were used.

use model::{Command, Outcome, Path, Principal, Role, Time, Value};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Command ids remembered, so that none is executed twice.
const REMEMBERED: usize = 10_000;
/// Commands under way at the same time; more are rejected.
const UNDER_WAY: usize = 256;
/// Commands that ended and are shown with all their steps.
const SHOWN: usize = 1_000;
/// Longest id, in characters.
const LONGEST_ID: usize = 128;
/// Decisions that wait to be taken up by one command.
const DECISIONS: usize = 2;

/// Where a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// For a second person.
    Waiting,
    /// Being checked, or behind another command to the same point.
    Queued,
    /// On its way to the device; cannot be taken back.
    Sending,
    /// Has its outcome.
    Done,
}

impl Phase {
    /// The name in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Done => "done",
        }
    }
}

/// One thing that happened to a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// When.
    pub at: Time,
    /// Who did it.
    pub who: String,
    /// One word: `asked`, `waiting`, `approved`, `denied`, `cancelled`, `sent`, or the outcome.
    pub what: String,
    /// More, in words.
    pub text: String,
}

impl Step {
    pub(super) fn new(at: Time, who: &str, what: &str, text: impl Into<String>) -> Self {
        Self { at, who: who.to_owned(), what: what.to_owned(), text: text.into() }
    }
}

/// The second person.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    /// Lowest role that may approve.
    pub role: Role,
    /// Who approved, once somebody did.
    pub by: Option<String>,
}

/// A command with everything that happened to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracked {
    /// What was asked.
    pub command: Command,
    /// Who asked: [`Principal::name`].
    pub who: String,
    /// When it was asked.
    pub asked: Time,
    /// The value of the point at that time.
    pub before: Value,
    /// Where it stands.
    pub phase: Phase,
    /// If a second person is needed.
    pub approval: Option<Approval>,
    /// What became of it.
    pub outcome: Option<Outcome>,
    /// When it ended.
    pub ended: Option<Time>,
    /// What happened, in order.
    pub steps: Vec<Step>,
}

/// How far a command is, for the one who waits for it.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// Under way.
    Running,
    /// Waits for a second person of this role or higher.
    Waiting(Role),
    /// Ended.
    Done(Outcome),
}

/// A started command, for whoever waits for its outcome. Dropping it changes nothing.
pub struct Ticket(watch::Receiver<Progress>);

impl Ticket {
    fn ended(outcome: Outcome) -> Self {
        Self(watch::channel(Progress::Done(outcome)).1)
    }

    /// Waits for the outcome.
    pub async fn end(mut self) -> Outcome {
        let done = self.0.wait_for(|progress| matches!(progress, Progress::Done(_))).await;
        match done.as_deref() {
            Ok(Progress::Done(outcome)) => outcome.clone(),
            _ => Outcome::Unknown { why: "the command path failed inside Ironbridge".into() },
        }
    }

    /// Waits for the outcome, or until it needs a second person: that may take long.
    pub async fn end_or_waiting(&mut self) -> Progress {
        match self.0.wait_for(|progress| *progress != Progress::Running).await.as_deref() {
            Ok(progress) => progress.clone(),
            Err(_) => {
                Progress::Done(Outcome::Unknown { why: "the command path failed inside Ironbridge".into() })
            }
        }
    }
}

/// What people may decide about a command.
pub(super) enum Decision {
    Approved(Principal, String),
    Denied(Principal, String),
    Cancelled(Principal),
}

pub(super) enum Entered {
    New {
        ticket: Ticket,
        progress: Arc<watch::Sender<Progress>>,
        decisions: mpsc::Receiver<Decision>,
        tracked: Box<Tracked>,
    },
    Known(Ticket),
}

struct Known {
    who: String,
    path: Path,
    /// `None` of a command that was recalled from the ledger.
    value: Option<Value>,
    progress: watch::Receiver<Progress>,
}

struct Open {
    tracked: Tracked,
    progress: Arc<watch::Sender<Progress>>,
    decide: mpsc::Sender<Decision>,
}

#[derive(Default)]
pub(super) struct Register {
    known: HashMap<String, Known>,
    /// Ids of `known`, oldest first.
    order: VecDeque<String>,
    open: HashMap<String, Open>,
    /// Newest first.
    past: VecDeque<Tracked>,
}

impl Register {
    /// Takes a command with a new id, or says what is known of the id.
    pub(super) fn enter(&mut self, who: &Principal, command: Command, before: Value, asked: Time) -> Entered {
        let id = &command.id;
        let reject = |why: &str| Entered::Known(Ticket::ended(Outcome::rejected(why)));
        if id.is_empty() || id.len() > LONGEST_ID || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return reject("the id of a command has 1 to 128 visible ASCII characters; a UUID is a good one");
        }
        if let Some(known) = self.known.get(id) {
            let same = known.who == who.name
                && known.path == command.path
                && known.value.as_ref().is_none_or(|value| value.same(&command.value));
            return if same {
                Entered::Known(Ticket(known.progress.clone()))
            } else {
                reject("this id was already used for another command; choose a new one for each, e.g. a UUID")
            };
        }
        if self.open.len() >= UNDER_WAY {
            return reject("too many commands are under way; try again when some have ended");
        }
        let (progress, receiver) = watch::channel(Progress::Running);
        let progress = Arc::new(progress);
        let (decide, decisions) = mpsc::channel(DECISIONS);
        self.remember(id, &who.name, &command.path, Some(command.value.clone()), receiver.clone());
        let id = command.id.clone();
        let steps = vec![Step::new(asked, &who.name, "asked", command.reason.clone())];
        let tracked = Box::new(Tracked {
            command,
            who: who.name.clone(),
            asked,
            before,
            phase: Phase::Queued,
            approval: None,
            outcome: None,
            ended: None,
            steps,
        });
        self.open.insert(id, Open { tracked: Tracked::clone(&tracked), progress: progress.clone(), decide });
        Entered::New { ticket: Ticket(receiver), progress, decisions, tracked }
    }

    /// An id of an earlier run, with its outcome.
    pub(super) fn recall(&mut self, id: &str, who: &str, path: &Path, outcome: Outcome) {
        let (_, receiver) = watch::channel(Progress::Done(outcome));
        if !self.known.contains_key(id) {
            self.remember(id, who, path, None, receiver);
        }
    }

    fn remember(
        &mut self,
        id: &str,
        who: &str,
        path: &Path,
        value: Option<Value>,
        progress: watch::Receiver<Progress>,
    ) {
        self.known.insert(id.to_owned(), Known { who: who.to_owned(), path: path.clone(), value, progress });
        self.order.push_back(id.to_owned());
        // One that is under way is never forgotten; there are far fewer of those than places.
        while self.order.len() > REMEMBERED {
            let Some(oldest) = self.order.pop_front() else { return };
            if self.open.contains_key(&oldest) {
                self.order.push_back(oldest);
            } else {
                self.known.remove(&oldest);
            }
        }
    }

    /// Something happened to a command under way; what it looks like now.
    pub(super) fn note(
        &mut self,
        id: &str,
        step: Step,
        change: impl FnOnce(&mut Tracked),
    ) -> Option<Tracked> {
        let tracked = &mut self.open.get_mut(id)?.tracked;
        tracked.steps.push(step);
        change(tracked);
        Some(tracked.clone())
    }

    /// A command ended.
    pub(super) fn end(&mut self, id: &str, step: Step, outcome: &Outcome) -> Option<Tracked> {
        let mut tracked = self.open.remove(id)?.tracked;
        tracked.phase = Phase::Done;
        tracked.ended = Some(step.at);
        tracked.outcome = Some(outcome.clone());
        tracked.steps.push(step);
        self.past.push_front(tracked.clone());
        self.past.truncate(SHOWN);
        Some(tracked)
    }

    /// Hands a decision to a command under way; false if it takes none any more.
    pub(super) fn decide(&mut self, id: &str, decision: Decision) -> bool {
        let Some(open) = self.open.get_mut(id) else { return false };
        let takes = match decision {
            Decision::Approved(..) | Decision::Denied(..) => open.tracked.phase == Phase::Waiting,
            Decision::Cancelled(_) => matches!(open.tracked.phase, Phase::Waiting | Phase::Queued),
        };
        let taken = takes && open.decide.try_send(decision).is_ok();
        if taken {
            // From now on nobody is waited for, although the command has not taken it up yet.
            open.tracked.phase = Phase::Queued;
            open.progress.send_replace(Progress::Running);
        }
        taken
    }

    pub(super) fn find(&self, id: &str) -> Option<Tracked> {
        let open = self.open.get(id).map(|open| &open.tracked);
        open.or_else(|| self.past.iter().find(|tracked| tracked.command.id == id)).cloned()
    }

    pub(super) fn list(&self, most: usize, wanted: impl Fn(&Tracked) -> bool) -> Vec<Tracked> {
        let mut open: Vec<&Tracked> = self.open.values().map(|open| &open.tracked).collect();
        open.sort_by(|a, b| b.asked.cmp(&a.asked).then_with(|| a.command.id.cmp(&b.command.id)));
        open.into_iter().chain(&self.past).filter(|tracked| wanted(tracked)).take(most).cloned().collect()
    }
}
