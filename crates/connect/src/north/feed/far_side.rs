//! What a feed says about its far side, and what the far side asks for.

use super::Feed;
use crate::north::rejects::Reject;
use crate::north::settings::Switch;
use crate::north::status::{LastError, MEANING, Skipped, State, next_step};
use model::event::severity;
use model::{Command, Event, EventKind, Fault, Outcome, Position, Principal, Role};
use std::future::Future;
use tokio::sync::oneshot;

impl Feed {
    /// The far side is there but not ready; nothing is sent until [`Feed::connected`].
    pub fn waiting(&mut self, why: &str) {
        let now = self.now();
        let mut live = self.shared.lock();
        live.become_state(State::Waiting, now);
        live.status.last_error = Some(LastError {
            time: now,
            title: why.into(),
            meaning: MEANING.into(),
            next: "Start the far side, or check its name in the configuration.".into(),
        });
    }

    /// How the session turned out to be protected.
    pub fn secured(&mut self, security: crate::kind::Security) {
        self.shared.lock().status.security = security;
    }

    /// Samples are gone for this destination.
    pub(super) fn gap(&mut self, from: Position, to: Position, samples: Option<u64>) {
        let now = self.now();
        let count = samples.map_or_else(|| "An unknown number of".into(), |count| count.to_string());
        let range = format!("{from} to {to}");
        let title = format!("{count} samples were dropped before {} got them", self.name);
        let text = format!(
            "The journal reached its bound, or its disk failed; positions {range} are gone for this destination."
        );
        let id = format!("destination/{}/gap/{from}", self.name);
        let mut event = Event::info(EventKind::Fault, id, format!("destination/{}", self.name), now, title)
            .explained(text, "Give the journal more room, or bring the destination back sooner.");
        event.severity = severity::HIGH;
        self.tell(event);
        self.shared.lock().skipped(Skipped { range, count: samples, time: now });
    }

    /// Something that everybody should know.
    pub fn tell(&self, mut event: Event) {
        event.refs = vec![self.name.clone()];
        self.namespace.event(event);
    }

    /// The far side lost what it had acknowledged after `to`: from there on everything is sent again, as far as the
    /// journal has it. Call it before [`Feed::connected`].
    pub fn rewind(&mut self, to: Position) {
        let oldest = Position(self.namespace.journal().oldest().0.saturating_sub(1));
        self.progress.rewind(to.max(oldest));
    }

    /// As [`Feed::rewind`], and everybody is told: `what` was lost (`data`, `12 messages`), what it means, what to do next.
    pub(in crate::north) fn forgot(&mut self, what: &str, text: &str, next: &str, to: Position) {
        let title = format!("{} has lost {what} that it had acknowledged", self.name);
        let id = format!("destination/{}/forgot/{}", self.name, self.now().millis());
        let source = format!("destination/{}", self.name);
        let mut event = Event::info(EventKind::Fault, id, source, self.now(), title).explained(text, next);
        event.severity = severity::HIGH;
        self.tell(event);
        self.rewind(to);
    }

    /// A message will never be taken; its record is acknowledged all the same. For sinks whose acknowledgements do not
    /// name messages.
    pub fn reject(&self, reject: Reject) {
        let of = |one: &&super::Outstanding| one.position == reject.position;
        let journal = self.under_way.iter().chain(&self.back_under_way).find(of).map(|one| one.span);
        let span = journal.or_else(|| self.past.span_of(reject.position));
        self.shared.lock().rejects.add(vec![reject], |_| span);
    }

    /// Whether this position was handed out beside the journal's streams: sent again, or of an interval.
    pub fn is_past(&self, position: Position) -> bool {
        self.past.owns(position)
    }

    /// A number that a protocol must not forget, as it was last remembered.
    pub fn recall(&self, name: &str) -> Option<u64> {
        self.keep.number(name)
    }

    /// Remembers a number; it is on disk when this returns.
    ///
    /// # Errors
    /// [`Fault::Config`] when the disk does not take it: the protocol must not go on without.
    pub async fn remember(&mut self, name: &str, value: u64) -> Result<(), Fault> {
        self.keep.set_number(name, value);
        let keep = self.keep.clone();
        match tokio::task::spawn_blocking(move || keep.write()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(Fault::Connect(format!("`{name}` could not be written down: {why}").into())),
            Err(panic) => Err(Fault::Connect(panic.to_string().into())),
        }
    }

    /// Whether the configuration lets the far side write.
    pub fn takes_commands(&self) -> bool {
        self.settings.commands == Switch::On
    }

    /// Asks for a write on behalf of the far side. It goes on if the session ends meanwhile; the outcome also stands in
    /// ledger and events.
    pub fn request(&mut self, command: Command) -> impl Future<Output = Outcome> + Send + use<> {
        let (respond, answer) = oneshot::channel();
        let permit = self.commands.clone().try_acquire_owned();
        let mut shared = self.shared.lock();
        match permit {
            _ if self.settings.commands == Switch::Off => {
                shared.status.commands_refused += 1;
                let _ = respond.send(Outcome::rejected("commands are off for this destination"));
            }
            Err(_) => {
                shared.status.commands_refused += 1;
                let _ = respond.send(Outcome::rejected("too many commands at the same time"));
            }
            Ok(permit) => {
                shared.status.commands_taken += 1;
                let name = format!("destination:{}", self.name);
                let principal = Principal { name, role: Role::Operator, prefix: None };
                let namespace = self.namespace.clone();
                tokio::spawn(async move {
                    let outcome = namespace.command(&principal, command).await;
                    let _ = respond.send(outcome);
                    drop(permit);
                });
            }
        }
        async move { answer.await.unwrap_or_else(|_| Outcome::Unknown { why: "the request was dropped".into() }) }
    }

    /// A session ended with a fault: what pages and events say about it.
    pub(in crate::north) fn failed(&mut self, fault: &Fault) {
        let now = self.now();
        let mut shared = self.shared.lock();
        shared.failed(fault, now);
        shared.out_since = None;
        shared.become_state(State::Lost, now);
        drop(shared);
        self.lost.begin(format!("{} cannot be reached: {fault}", self.name), MEANING, next_step(fault));
    }
}
