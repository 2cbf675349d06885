//! The one command path: authority, limits, ledger, owner of the point, outcome.

use crate::Namespace;
use model::{
    Access, Command, Declaration, Event, EventKind, Outcome, Path, PointId, Principal, Value, ValueType, WriteRule, event::severity,
};
use parking_lot::{Mutex, RwLock};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Orders waiting at one connection; more are rejected, not queued.
const QUEUE: usize = 64;
/// Command ids remembered, so that none is executed twice.
const REMEMBERED: usize = 10_000;
/// Longest time-to-live: a wish older than this is no wish any more.
const MAX_TTL: Duration = Duration::from_secs(300);
/// How long after its expiry a command that was sent may still get its answer (read-back included).
const GRACE: Duration = Duration::from_secs(30);

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
    /// What: `command`, `sign-in`, `apply`, ...
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

pub(crate) struct Commands {
    writes_on: AtomicBool,
    authority: Arc<dyn Authority>,
    ledger: Arc<dyn Ledger>,
    owners: RwLock<HashMap<PointId, mpsc::Sender<Order>>>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    outcomes: HashMap<String, Option<Outcome>>,
    order: VecDeque<String>,
}

impl Commands {
    pub(crate) fn new(writes_on: bool, authority: Arc<dyn Authority>, ledger: Arc<dyn Ledger>) -> Self {
        Self {
            writes_on: AtomicBool::new(writes_on),
            authority,
            ledger,
            owners: RwLock::default(),
            seen: Mutex::default(),
        }
    }

    /// Takes the id; the earlier outcome if it was seen before.
    fn first_time(&self, id: &str) -> Result<(), Outcome> {
        let mut seen = self.seen.lock();
        if let Some(earlier) = seen.outcomes.get(id) {
            return Err(earlier.clone().unwrap_or_else(|| Outcome::rejected("this command is already being executed")));
        }
        seen.outcomes.insert(id.to_owned(), None);
        seen.order.push_back(id.to_owned());
        if seen.order.len() > REMEMBERED
            && let Some(oldest) = seen.order.pop_front()
        {
            seen.outcomes.remove(&oldest);
        }
        Ok(())
    }

    fn remember(&self, id: &str, outcome: &Outcome) {
        if let Some(slot) = self.seen.lock().outcomes.get_mut(id) {
            *slot = Some(outcome.clone());
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
        let (sender, receiver) = mpsc::channel(QUEUE);
        let mut owners = self.0.commands.owners.write();
        owners.extend(points.iter().map(|point| (*point, sender.clone())));
        CommandQueue(receiver)
    }

    /// Whether `principal` could write the point now; the reason if not. For pages.
    ///
    /// # Errors
    /// The reason in words.
    pub fn may_write(&self, principal: &Principal, path: &Path) -> Result<(), String> {
        if !self.writes_on() {
            return Err("this plant is READ-ONLY: writes are off (`writes = \"off\"` in ironbridge.toml)".into());
        }
        let declaration = self.find(path.as_str()).and_then(|id| self.meta(id)).ok_or("no such point")?;
        if declaration.access == Access::Read {
            return Err("this point is not writable by configuration".into());
        }
        self.0.commands.authority.may_write(principal, path)
    }

    /// Executes one command, or says why not. Goes on to its end even if the caller stops waiting.
    pub async fn command(&self, principal: &Principal, command: Command) -> Outcome {
        let (namespace, principal) = (self.clone(), principal.clone());
        let run = tokio::spawn(async move { namespace.execute(&principal, command).await });
        run.await.unwrap_or_else(|_| Outcome::Unknown { why: "the command path failed inside Ironbridge".into() })
    }

    async fn execute(&self, principal: &Principal, command: Command) -> Outcome {
        let commands = &self.0.commands;
        if let Err(earlier) = commands.first_time(&command.id) {
            return earlier;
        }
        let before = self.find(command.path.as_str()).and_then(|id| self.last(id)).map(|last| last.value);
        let detail = format!(
            "value {} (was {}), reason: {}",
            command.value,
            before.unwrap_or_default(),
            if command.reason.is_empty() { "none given" } else { &command.reason }
        );
        let entry = |outcome: &str, detail: String| Entry {
            actor: principal.name.clone(),
            action: "command".into(),
            object: command.path.to_string(),
            outcome: outcome.into(),
            detail,
        };
        let outcome = match self.admit(principal, &command) {
            Err(why) => Outcome::Rejected { why },
            Ok(admitted) => match commands.write_down(entry("requested", detail.clone())).await {
                Err(why) => Outcome::rejected(format!("the audit ledger cannot be written, so nothing is sent: {why}")),
                Ok(()) => self.send(admitted, &command).await,
            },
        };
        let text = if outcome.why().is_empty() { detail } else { format!("{detail}; {}", outcome.why()) };
        if let Err(why) = commands.write_down(entry(outcome.word(), text.clone())).await {
            tracing::error!(%why, "the outcome of a command could not be written to the audit ledger");
        }
        commands.remember(&command.id, &outcome);
        self.tell(principal, &command, &outcome, text);
        outcome
    }

    fn tell(&self, principal: &Principal, command: &Command, outcome: &Outcome, text: String) {
        let title = format!("{} set {} to {}: {}", principal.name, command.path, command.value, outcome.word());
        let id = format!("command/{}", command.id);
        let mut event = Event::info(EventKind::Change, id, command.path.as_str(), self.0.clock.now(), title);
        event.severity = match outcome {
            Outcome::Confirmed { .. } | Outcome::Accepted => severity::INFO,
            Outcome::Rejected { .. } => severity::LOW,
            Outcome::Failed { .. } | Outcome::Unknown { .. } => severity::HIGH,
        };
        event.text = text;
        event.refs = vec![command.path.to_string()];
        self.event(event);
    }

    /// Every check that needs no device.
    fn admit(&self, principal: &Principal, command: &Command) -> Result<Admitted, String> {
        self.may_write(principal, &command.path)?;
        let point = self.find(command.path.as_str()).ok_or("no such point")?;
        let declaration = self.meta(point).ok_or("no such point")?;
        let Access::Write(rule) = &declaration.access else { return Err("this point is not writable".into()) };
        let now = self.0.clock.now();
        if command.expires <= now {
            return Err("its time-to-live is over".into());
        }
        if command.expires.since(now) > MAX_TTL {
            return Err(format!("its time-to-live is longer than {} s", MAX_TTL.as_secs()));
        }
        let value = coerce(&command.value, declaration.value_type)?;
        let last = self.last(point).ok_or("no such point")?;
        check_limits(rule, &value, &last, &declaration.unit)?;
        let owner = self.0.commands.owners.read().get(&point).cloned();
        let owner = owner.filter(|owner| !owner.is_closed()).ok_or("no running connection feeds this point")?;
        Ok(Admitted { point, declaration, value, owner })
    }

    async fn send(&self, admitted: Admitted, command: &Command) -> Outcome {
        // The ledger's sync took time: look at the clock again.
        let now = self.0.clock.now();
        if command.expires <= now {
            return Outcome::rejected("its time-to-live passed while it was written to the audit ledger");
        }
        let (respond, answer) = oneshot::channel();
        let command = Command { value: admitted.value, ..command.clone() };
        let patience = command.expires.since(now) + GRACE;
        let order = Order { command, point: admitted.point, declaration: admitted.declaration, respond };
        if admitted.owner.try_send(order).is_err() {
            return Outcome::rejected("the connection is busy or stopping; nothing was sent");
        }
        match tokio::time::timeout(patience, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Outcome::Unknown { why: "the connection stopped before it could say what happened".into() },
            Err(_) => Outcome::Unknown { why: "no outcome within the time-to-live".into() },
        }
    }
}

struct Admitted {
    point: PointId,
    declaration: Arc<Declaration>,
    value: Value,
    owner: mpsc::Sender<Order>,
}

/// The value in the point's type, if that is possible without loss.
fn coerce(value: &Value, wanted: ValueType) -> Result<Value, String> {
    let fits = match (wanted, value) {
        (ValueType::F64, _) => value.as_f64().filter(|v| v.is_finite()).map(Value::F64),
        (ValueType::I64, _) => value.as_i64().map(Value::I64),
        (ValueType::U64, Value::U64(v)) => Some(Value::U64(*v)),
        (ValueType::U64, _) => value.as_i64().and_then(|v| u64::try_from(v).ok()).map(Value::U64),
        (ValueType::Bool, Value::Bool(v)) => Some(Value::Bool(*v)),
        (ValueType::Bool, _) => match value.as_i64() {
            Some(0) => Some(Value::Bool(false)),
            Some(1) => Some(Value::Bool(true)),
            _ => None,
        },
        (ValueType::Text, Value::Text(_)) | (ValueType::Bytes, Value::Bytes(_)) => Some(value.clone()),
        _ => None,
    };
    fits.ok_or_else(|| format!("{value:?} is not a {} value", wanted.name()))
}

fn check_limits(rule: &WriteRule, value: &Value, last: &model::Last, unit: &str) -> Result<(), String> {
    let Some(number) = value.as_f64() else { return Ok(()) };
    if let Some(min) = rule.min.filter(|min| number < *min) {
        return Err(format!("{number} {unit} is below the lowest allowed value, {min} {unit}"));
    }
    if let Some(max) = rule.max.filter(|max| number > *max) {
        return Err(format!("{number} {unit} is above the highest allowed value, {max} {unit}"));
    }
    if let Some(step) = rule.step {
        let Some(present) = last.value.as_f64().filter(|_| last.status.is_good()) else {
            return Err("the present value is not Good, so the allowed step cannot be checked".into());
        };
        if (number - present).abs() > step {
            return Err(format!("from {present} to {number} {unit} is more than the allowed step of {step} {unit}"));
        }
    }
    Ok(())
}
