//! The life of one command, from the wish to its outcome.

use super::check::Admitted;
use super::register::{Decision, Phase, Progress, Step, Tracked};
use super::{Approval, Order, entry};
use crate::Namespace;
use model::event::severity;
use model::{Command, Event, EventKind, EventState, Outcome, Principal, Role, Time};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// How long after its expiry a command that was sent may still get its answer (read-back included).
const GRACE: Duration = Duration::from_secs(30);

pub(super) struct Life {
    namespace: Namespace,
    who: Principal,
    command: Command,
    decisions: mpsc::Receiver<Decision>,
    asked: Time,
    /// The time-to-live by a clock that nobody can set.
    deadline: Instant,
    detail: String,
}

impl Life {
    pub(super) fn new(
        namespace: Namespace,
        who: Principal,
        tracked: Tracked,
        decisions: mpsc::Receiver<Decision>,
    ) -> Self {
        let Tracked { command, asked, before, .. } = tracked;
        let reason = if command.reason.is_empty() { "none given" } else { &command.reason };
        let detail = format!("{}; value {} (was {before}), reason: {reason}", command.id, command.value);
        let deadline = Instant::now() + command.expires.since(asked);
        Self { namespace, who, command, decisions, asked, deadline, detail }
    }

    /// Leads it to its end, also if something inside fails.
    pub(super) async fn lead(self, progress: Arc<watch::Sender<Progress>>) {
        let (namespace, who, command) = (self.namespace.clone(), self.who.clone(), self.command.clone());
        let detail = self.detail.clone();
        let telling = progress.clone();
        let outcome = tokio::spawn(async move { self.live(&telling).await }).await;
        let outcome = outcome
            .unwrap_or_else(|_| Outcome::Unknown { why: "the command path failed inside Ironbridge".into() });
        let text = if outcome.why().is_empty() { detail } else { format!("{detail}; {}", outcome.why()) };
        let written = namespace
            .0
            .commands
            .write_down(entry(&who, "command", &command.path, outcome.word(), text))
            .await;
        if let Err(why) = written {
            tracing::error!(%why, "the outcome of a command could not be written to the audit ledger");
        }
        let step = Step::new(namespace.clock().now(), &who.name, outcome.word(), outcome.why());
        let tracked = namespace.0.commands.register.lock().end(&command.id, step, &outcome);
        tracked.into_iter().for_each(|tracked| tell(&namespace, &tracked));
        progress.send_replace(Progress::Done(outcome));
    }

    async fn live(mut self, progress: &watch::Sender<Progress>) -> Outcome {
        let role = match self.check() {
            Ok(admitted) => admitted.rule().and_then(|rule| rule.approval),
            Err(why) => return Outcome::Rejected { why },
        };
        if let Some(role) = role
            && let Err(why) = self.second_person(role, progress).await
        {
            return Outcome::Rejected { why };
        }
        let _turn = match self.turn().await {
            Ok(turn) => turn,
            Err(why) => return Outcome::Rejected { why },
        };
        // The plant may have changed while it waited.
        match self.check() {
            Ok(admitted) => self.send(admitted).await,
            Err(why) => Outcome::Rejected { why },
        }
    }

    fn check(&self) -> Result<Admitted, String> {
        self.namespace.admit(&self.who, &self.command, self.asked)
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.deadline || self.command.expires <= self.namespace.clock().now()
    }

    fn note(&self, who: &str, what: &str, text: &str, change: impl FnOnce(&mut Tracked)) {
        let step = Step::new(self.namespace.clock().now(), who, what, text);
        let tracked = self.namespace.0.commands.register.lock().note(&self.command.id, step, change);
        tracked.into_iter().for_each(|tracked| tell(&self.namespace, &tracked));
    }

    /// Waits until a second person has approved it.
    async fn second_person(&mut self, role: Role, progress: &watch::Sender<Progress>) -> Result<(), String> {
        let waiting = entry(
            &self.who,
            "command",
            &self.command.path,
            "waiting",
            format!("{}; for the approval of an {role}", self.detail),
        );
        let written = self.namespace.0.commands.write_down(waiting).await;
        written.map_err(|why| format!("the audit ledger cannot be written, so nothing is sent: {why}"))?;
        let text = format!("for the approval of a second person ({role} or higher)");
        self.note(&self.who.name, "waiting", &text, |tracked| {
            tracked.phase = Phase::Waiting;
            tracked.approval = Some(Approval { role, by: None });
        });
        progress.send_replace(Progress::Waiting(role));
        match tokio::time::timeout_at(self.deadline, self.decisions.recv()).await {
            Ok(Some(Decision::Approved(by, reason))) => {
                self.note(&by.name, "approved", &reason, |tracked| {
                    tracked.phase = Phase::Queued;
                    tracked.approval = Some(Approval { role, by: Some(by.name.clone()) });
                });
                Ok(())
            }
            Ok(Some(other)) => Err(self.decided(&other)),
            Ok(None) | Err(_) => Err("nobody approved it within its time-to-live".into()),
        }
    }

    /// In words: not sent, because somebody decided so.
    fn decided(&self, decision: &Decision) -> String {
        let (by, word, reason) = match decision {
            Decision::Approved(by, reason) => (by, "approved", reason.as_str()),
            Decision::Denied(by, reason) => (by, "denied", reason.as_str()),
            Decision::Cancelled(by) => (by, "cancelled", ""),
        };
        self.note(&by.name, word, reason, |_| ());
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        format!("{} {word} it{reason}", by.name)
    }

    /// Commands to one point go one after the other.
    async fn turn(&mut self) -> Result<tokio::sync::OwnedMutexGuard<()>, String> {
        let point = self.namespace.find(self.command.path.as_str()).ok_or("no such point")?;
        let turn = self.namespace.0.commands.written.lock().entry(point).or_default().turn.clone();
        let turn = turn.lock_owned();
        tokio::select! {
            biased;
            turn = turn => Ok(turn),
            Some(decision) = self.decisions.recv() => Err(self.decided(&decision)),
            () = tokio::time::sleep_until(self.deadline) => {
                Err("its time-to-live passed while another command to this point was under way".into())
            }
        }
    }

    async fn send(mut self, admitted: Admitted) -> Outcome {
        // From here on nobody can take it back; what was decided until now still counts.
        self.note(&self.who.name, "sending", "", |tracked| tracked.phase = Phase::Sending);
        if let Ok(decision) = self.decisions.try_recv() {
            return Outcome::Rejected { why: self.decided(&decision) };
        }
        let requested = entry(&self.who, "command", &self.command.path, "requested", self.detail.clone());
        if let Err(why) = self.namespace.0.commands.write_down(requested).await {
            return Outcome::rejected(format!(
                "the audit ledger cannot be written, so nothing is sent: {why}"
            ));
        }
        // The ledger's sync took time: look at the clocks again.
        if self.is_over() {
            return Outcome::rejected("its time-to-live passed while it was written to the audit ledger");
        }
        let now = self.namespace.clock().now();
        let (respond, answer) = oneshot::channel();
        let command = Command { value: admitted.value, ..self.command.clone() };
        let patience = command.expires.since(now) + GRACE;
        let order = Order { command, point: admitted.point, declaration: admitted.declaration, respond };
        self.written(&admitted.point, |written| written.sent_at(now));
        if admitted.owner.try_send(order).is_err() {
            return Outcome::rejected("the connection is busy or stopping; nothing was sent");
        }
        let outcome = match tokio::time::timeout(patience, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => {
                Outcome::Unknown { why: "the connection stopped before it could say what happened".into() }
            }
            Err(_) => Outcome::Unknown { why: "no outcome within the time-to-live".into() },
        };
        if let Outcome::Confirmed { readback } = &outcome {
            let at = self.namespace.clock().now();
            self.written(&admitted.point, |written| written.confirmed_at(at, readback.clone()));
        }
        outcome
    }

    fn written(&self, point: &model::PointId, change: impl FnOnce(&mut super::check::Written)) {
        change(self.namespace.0.commands.written.lock().entry(*point).or_default());
    }
}

/// The event of a command: one, with a revision for each step.
fn tell(namespace: &Namespace, tracked: &Tracked) {
    let Tracked { command, who, .. } = tracked;
    let (path, value) = (&command.path, &command.value);
    let title = match (&tracked.outcome, tracked.phase) {
        (Some(outcome), _) => format!("{who} set {path} to {value}: {}", outcome.word()),
        (None, Phase::Waiting) => format!("{who} asks to set {path} to {value}"),
        (None, _) => format!("{who} sets {path} to {value}"),
    };
    let mut event = Event::info(
        EventKind::Change,
        format!("command/{}", command.id),
        path.as_str(),
        tracked.asked,
        title,
    );
    event.revision = u32::try_from(tracked.steps.len()).unwrap_or(u32::MAX);
    event.end = tracked.ended;
    event.refs = vec![path.to_string()];
    let reason = if command.reason.is_empty() { "none given" } else { &command.reason };
    event.text = format!("The value was {}, the reason: {reason}.", tracked.before);
    match &tracked.outcome {
        None => {
            event.state = EventState::Active;
            if let (Phase::Waiting, Some(approval)) = (tracked.phase, &tracked.approval) {
                event.severity = severity::LOW;
                event.text.push_str(&format!(
                    " It waits for the approval of a second person ({} or higher).",
                    approval.role
                ));
                event.next = "Approve or deny it on the Commands page.".into();
            }
        }
        Some(outcome) => {
            event.severity = match outcome {
                Outcome::Confirmed { .. } | Outcome::Accepted => severity::INFO,
                Outcome::Rejected { .. } => severity::LOW,
                Outcome::Failed { .. } | Outcome::Unknown { .. } => severity::HIGH,
            };
            if !outcome.why().is_empty() {
                event.text.push_str(&format!(" {}: {}.", outcome.word(), outcome.why()));
            }
        }
    }
    namespace.event(event);
}
