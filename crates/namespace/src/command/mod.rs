//! The one command path: whoever asks, every write goes this way.
//!
//! ```text
//! start ─▶ id known? ─▶ check ─▶ second person ─▶ turn of the point ─▶ check again ─▶ ledger ─▶ owner ─▶ outcome
//!            │ yes        │ no        │ no, too late, cancelled            │ no                      │
//!            ▼            ▼           ▼                                    ▼                         ▼
//!       the same      Rejected     Rejected                            Rejected          ledger, event, requester
//!       outcome
//! ```
//! Rationale: the audit ledger is also the memory of which ids were used, so a restart forgets neither an id nor a
//! lease, and there is no second file that could disagree with it.

mod check;
mod lease;
mod life;
mod recall;
mod register;
#[cfg(test)]
mod tests;

pub use lease::Lease;
pub use register::{Approval, Phase, Progress, Step, Ticket, Tracked};

use crate::Namespace;
use model::{Access, Command, Declaration, Outcome, Path, PointId, Principal, Role, Time};
use parking_lot::{Mutex, RwLock};
use register::{Decision, Entered, Register};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{mpsc, oneshot};

/// Orders waiting at one connection; more are rejected, not queued.
const QUEUE: usize = 64;

/// Who may write what. Implemented by `access`.
pub trait Authority: Send + Sync {
    /// Whether `who` may write `path` at all.
    ///
    /// # Errors
    /// The reason in words. A failing policy is a reason, too.
    fn may_write(&self, who: &Principal, path: &Path) -> Result<(), String>;
}

/// One line of the audit ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Who: [`Principal::name`].
    pub actor: String,
    /// What: `command`, `lease`, `sign-in`, `apply`, ...
    pub action: String,
    /// On what: a path, a user, a file.
    pub object: String,
    /// What became of it; `requested` before, the outcome after.
    pub outcome: String,
    /// Anything else worth knowing; never a secret.
    pub detail: String,
}

/// Where accesses and commands are written down. Implemented by `access`.
pub trait Ledger: Send + Sync {
    /// Appends; durable when it returns. Blocks for a disk sync.
    ///
    /// # Errors
    /// Why it could not be made durable. Then nothing is written to the plant.
    fn record(&self, entry: Entry) -> Result<(), String>;

    /// What was written down of commands and leases lately (a day, within a bound), oldest first. Asked once, at start.
    fn recall(&self) -> Vec<(Time, Entry)> {
        Vec::new()
    }
}

/// A command on its way to the owner of its point. Dropping it answers Unknown.
pub struct Order {
    /// The command; `command.expires` is to be checked right before sending.
    pub command: Command,
    /// The point.
    pub point: PointId,
    /// What is declared of it.
    pub declaration: Arc<Declaration>,
    /// Where the outcome goes.
    pub respond: oneshot::Sender<Outcome>,
}

/// The orders of one connection.
pub struct CommandQueue(mpsc::Receiver<Order>);

impl CommandQueue {
    /// Waits for the next order. Cancel-safe. `None` when the points have a new owner.
    pub async fn next(&mut self) -> Option<Order> {
        self.0.recv().await
    }

    /// The next order, if one waits.
    pub fn try_next(&mut self) -> Option<Order> {
        self.0.try_recv().ok()
    }
}

/// Where the orders of one connection are handed in. Kept by who may want the points back after somebody else had them.
pub struct CommandDesk {
    points: Box<[PointId]>,
    sender: mpsc::Sender<Order>,
}

impl CommandDesk {
    /// A desk for these points, and the queue behind it. Nothing comes before [`Namespace::give_to`].
    pub fn open(points: &[PointId]) -> (CommandQueue, Self) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (CommandQueue(receiver), Self { points: points.into(), sender })
    }
}

/// Why something about a command or a lease cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// There is no such command or lease (any more), or the asker may not see it.
    #[error("{0}")]
    NotFound(String),
    /// Not by this person, or not now.
    #[error("{0}")]
    Refused(String),
}

pub(crate) struct Commands {
    writes_on: AtomicBool,
    authority: Arc<dyn Authority>,
    ledger: Arc<dyn Ledger>,
    owners: RwLock<HashMap<PointId, mpsc::Sender<Order>>>,
    register: Mutex<Register>,
    written: Mutex<HashMap<PointId, check::Written>>,
    leases: Mutex<Vec<Lease>>,
}

impl Commands {
    pub(crate) fn new(writes_on: bool, authority: Arc<dyn Authority>, ledger: Arc<dyn Ledger>) -> Self {
        Self {
            writes_on: AtomicBool::new(writes_on),
            authority,
            ledger,
            owners: RwLock::default(),
            register: Mutex::default(),
            written: Mutex::default(),
            leases: Mutex::default(),
        }
    }

    async fn write_down(&self, entry: Entry) -> Result<(), String> {
        let ledger = self.ledger.clone();
        match tokio::task::spawn_blocking(move || ledger.record(entry)).await {
            Ok(result) => result,
            Err(_) => Err("the audit ledger failed".into()),
        }
    }
}

fn entry(who: &Principal, action: &str, path: &Path, outcome: &str, detail: String) -> Entry {
    Entry {
        actor: who.name.clone(),
        action: action.into(),
        object: path.to_string(),
        outcome: outcome.into(),
        detail,
    }
}

/// Whether `who` stands for a person: a user who signed in, or the machine's owner.
fn is_person(who: &Principal) -> bool {
    matches!(who.name.split_once(':'), Some(("user" | "local", _)))
}

impl Namespace {
    /// Whether commands are executed (LIVE) or all rejected (READ-ONLY).
    pub fn writes_on(&self) -> bool {
        self.0.commands.writes_on.load(Ordering::Acquire)
    }

    /// Turns commands on or off. The caller has written down who did it.
    pub fn set_writes(&self, on: bool) {
        self.0.commands.writes_on.store(on, Ordering::Release);
    }

    /// The connection that feeds these points takes their commands from now on.
    pub fn own(&self, points: &[PointId]) -> CommandQueue {
        let (queue, desk) = CommandDesk::open(points);
        self.give_to(&desk);
        queue
    }

    /// The points' commands go to this desk from now on.
    pub fn give_to(&self, desk: &CommandDesk) {
        let mut owners = self.0.commands.owners.write();
        owners.extend(desk.points.iter().map(|point| (*point, desk.sender.clone())));
    }

    /// Whether `principal` could write the point now; the reason if not. For pages.
    ///
    /// # Errors
    /// The reason in words.
    pub fn may_write(&self, principal: &Principal, path: &Path) -> Result<(), String> {
        if !self.writes_on() {
            return Err(
                "this plant is READ-ONLY: writes are off (`writes = \"off\"` in ironbridge.toml)".into()
            );
        }
        let declaration = self.find(path.as_str()).and_then(|id| self.live(id)).ok_or("no such point")?;
        let Access::Write(rule) = &declaration.access else {
            return Err("this point is not writable: to change that, give its tag `write = { min = .., max = .. }` in its connection file and apply that".into());
        };
        let needed = rule.role.unwrap_or(Role::Operator);
        if principal.role < needed {
            return Err(format!(
                "writing this point needs the role {needed}; `{}` is {}",
                principal.name, principal.role
            ));
        }
        self.0.commands.authority.may_write(principal, path)?;
        self.not_leased_to_another(principal, path)
    }

    /// Whether the interlock of a point lets a write through now; the reason if not. For pages.
    ///
    /// # Errors
    /// The reason in words.
    pub fn interlock_allows(&self, interlock: &model::Interlock) -> Result<(), String> {
        check::interlock(self, interlock)
    }

    /// Executes one command to its end, or says why not. Goes on to its end even if the caller stops waiting.
    pub async fn command(&self, principal: &Principal, command: Command) -> Outcome {
        self.start_command(principal, command).end().await
    }

    /// Starts a command; it goes on to its end by itself. The same id again gives the same outcome again.
    pub fn start_command(&self, principal: &Principal, command: Command) -> Ticket {
        let before = self.find(command.path.as_str()).and_then(|id| self.last(id)).map(|last| last.value);
        let asked = self.0.clock.now();
        let entered =
            self.0.commands.register.lock().enter(principal, command, before.unwrap_or_default(), asked);
        match entered {
            Entered::Known(ticket) => ticket,
            Entered::New { ticket, progress, decisions, tracked } => {
                let life = life::Life::new(self.clone(), principal.clone(), *tracked, decisions);
                tokio::spawn(life.lead(progress));
                ticket
            }
        }
    }

    /// Commands under way, newest first, and then those that ended, newest first: at most `most` that `wanted` takes.
    pub fn commands(&self, most: usize, wanted: impl Fn(&Tracked) -> bool) -> Vec<Tracked> {
        self.0.commands.register.lock().list(most, wanted)
    }

    /// One command by its id.
    pub fn tracked(&self, id: &str) -> Option<Tracked> {
        self.0.commands.register.lock().find(id)
    }

    /// A second person approves a command that waits for it.
    ///
    /// # Errors
    /// [`CommandError`]: it does not wait, or this person may not approve it.
    pub async fn approve_command(&self, who: &Principal, id: &str, reason: &str) -> Result<(), CommandError> {
        self.decide(who, id, reason, true).await
    }

    /// A second person denies a command that waits for approval.
    ///
    /// # Errors
    /// As [`Namespace::approve_command`].
    pub async fn deny_command(&self, who: &Principal, id: &str, reason: &str) -> Result<(), CommandError> {
        self.decide(who, id, reason, false).await
    }

    /// Whether `who` may approve or deny this command; the reason if not.
    ///
    /// # Errors
    /// The reason in words.
    pub fn may_approve(&self, who: &Principal, tracked: &Tracked) -> Result<(), String> {
        let Some(approval) = tracked.approval.as_ref().filter(|_| tracked.phase == Phase::Waiting) else {
            return Err("this command does not wait for approval".into());
        };
        if who.name == tracked.who {
            return Err("a second person has to approve it, not the one who asked".into());
        }
        if !is_person(who) {
            return Err(format!("a person has to approve it; `{}` is none", who.name));
        }
        if who.role < approval.role {
            return Err(format!(
                "approving it needs the role {}; `{}` is {}",
                approval.role, who.name, who.role
            ));
        }
        self.0.commands.authority.may_write(who, &tracked.command.path)
    }

    /// Whether `who` may cancel this command; the reason if not.
    ///
    /// # Errors
    /// The reason in words.
    pub fn may_cancel(&self, who: &Principal, tracked: &Tracked) -> Result<(), String> {
        match tracked.phase {
            Phase::Sending => return Err("it is being sent; what was sent cannot be called back".into()),
            Phase::Done => return Err("it has ended already".into()),
            Phase::Waiting | Phase::Queued => {}
        }
        if who.name != tracked.who && who.role < Role::Engineer {
            return Err("only the one who asked, or an engineer, may cancel it".into());
        }
        Ok(())
    }

    async fn decide(&self, who: &Principal, id: &str, reason: &str, yes: bool) -> Result<(), CommandError> {
        let tracked = self.visible(who, id)?;
        self.may_approve(who, &tracked).map_err(CommandError::Refused)?;
        let word = if yes { "approved" } else { "denied" };
        self.note_decision(who, &tracked, word, reason).await?;
        let (who, reason) = (who.clone(), reason.to_owned());
        let decision = if yes { Decision::Approved(who, reason) } else { Decision::Denied(who, reason) };
        self.hand_over(id, decision)
    }

    /// Takes a command back before it is sent.
    ///
    /// # Errors
    /// [`CommandError`]: it has been sent, has ended, or is not this person's to cancel.
    pub async fn cancel_command(&self, who: &Principal, id: &str) -> Result<(), CommandError> {
        let tracked = self.visible(who, id)?;
        self.may_cancel(who, &tracked).map_err(CommandError::Refused)?;
        self.note_decision(who, &tracked, "cancelled", "").await?;
        self.hand_over(id, Decision::Cancelled(who.clone()))
    }

    fn visible(&self, who: &Principal, id: &str) -> Result<Tracked, CommandError> {
        let found = self.tracked(id).filter(|tracked| who.sees(&tracked.command.path));
        found.ok_or_else(|| CommandError::NotFound("there is no such command".into()))
    }

    async fn note_decision(
        &self,
        who: &Principal,
        tracked: &Tracked,
        word: &str,
        reason: &str,
    ) -> Result<(), CommandError> {
        let reason = if reason.is_empty() { String::new() } else { format!(", reason: {reason}") };
        let detail = format!(
            "{}; value {} asked for by {}{reason}",
            tracked.command.id, tracked.command.value, tracked.who
        );
        let entry = entry(who, "command", &tracked.command.path, word, detail);
        let written = self.0.commands.write_down(entry).await;
        written.map_err(|why| {
            CommandError::Refused(format!("the audit ledger cannot be written, so nothing is done: {why}"))
        })
    }

    fn hand_over(&self, id: &str, decision: Decision) -> Result<(), CommandError> {
        let taken = self.0.commands.register.lock().decide(id, decision);
        if taken {
            Ok(())
        } else {
            Err(CommandError::Refused("somebody else was faster: it does not wait any more".into()))
        }
    }
}
