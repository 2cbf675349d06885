//! What a destination reads: the journal behind one durable cursor, selected, thinned, and in the right order.
//!
//! ```text
//!           ┌─ live reader ── filter ──┐
//! journal ──┤                          ├─▶ next() ─▶ sink ─▶ far side
//!           └─ backlog reader ─ filter ┘                        │
//!              (live_first only,        cursor ◀── ack(position)┘
//!               rate-limited)
//! ```
//! Rationale: the journal is the only queue. A sink holds what is under way and nothing more; whatever it did not
//! acknowledge when its session ends is read again.

use super::filter::{Filter, Memory, Rows};
use super::keep::Keep;
use super::progress::Progress;
use super::rejects::Reject;
use super::settings::{CatchUp, Settings, Switch};
use super::status::{Backlog, Shared, Skipped, State};
use model::event::severity;
use model::point::Last;
use model::{
    Batch, Command, Declaration, Event, EventKind, Fault, Outcome, PointId, Position, Principal, Role, Time,
    Value,
};
use namespace::Namespace;
use namespace::journal::{Cursor, Item, Reader, Record};
use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot, watch};

/// Most records that are skipped before other tasks get their turn.
const MAX_SKIPS: u32 = 256;
/// Most commands of one destination that run at the same time.
const MAX_COMMANDS: usize = 16;
/// How often the ranges are written down while they shrink.
const KEEP_INTERVAL: Duration = Duration::from_secs(1);

/// What a sink gets.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// Points of the selection were declared, perhaps anew.
    Declare {
        /// Position of the record.
        position: Position,
        /// The selected ones.
        points: Vec<(PointId, Arc<Declaration>)>,
        /// From the backlog: what is in force now may be something else.
        historical: bool,
    },
    /// Samples worth sending.
    Samples(Samples),
    /// An event of a kind that the configuration names.
    Event {
        /// Position of the record.
        position: Position,
        /// The event.
        event: Arc<Event>,
        /// From the backlog.
        historical: bool,
    },
    /// End the session properly and return [`Fault::Stopped`].
    Stop,
}

/// Rows of a batch.
#[derive(Clone, Debug)]
pub struct Samples {
    /// Position of the record.
    pub position: Position,
    /// The whole batch.
    pub batch: Arc<Batch>,
    /// Which rows are meant.
    pub rows: Rows,
    /// Not live: backfilled by the source, or replayed after an outage. Never to be retained by a broker.
    pub historical: bool,
}

impl Samples {
    /// Number of samples meant.
    pub fn len(&self) -> usize {
        self.rows.len(self.batch.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Point, time, quality and value of the `n`-th sample meant.
    pub fn get(&self, n: usize) -> Option<(PointId, Time, model::Status, &Value)> {
        let row = self.rows.nth(n, self.batch.len())?;
        let batch = &self.batch;
        let point = *batch.shape.points().get(row)?;
        let time = batch.time.get(row).unwrap_or(batch.received);
        Some((point, time, batch.status.get(row).unwrap_or(model::Status::BAD), batch.values.get(row)?))
    }
}

/// A point as it is now, for births.
#[derive(Clone, Debug)]
pub struct Current {
    /// Its number.
    pub point: PointId,
    /// What is declared.
    pub declaration: Arc<Declaration>,
    /// Its newest sample.
    pub last: Last,
}

/// What the runner wants of a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Run.
    Run,
    /// Pause until told otherwise.
    Pause,
    /// Stop for good.
    Stop,
}

struct Outstanding {
    position: Position,
    samples: u64,
    received: Time,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Live,
    Back,
}

/// See the module.
pub struct Feed {
    name: String,
    namespace: Namespace,
    settings: Settings,
    live_first: bool,
    filter: Filter,
    cursor: Cursor,
    progress: Progress,
    live: Option<Reader>,
    back: Option<Reader>,
    live_memory: Memory,
    back_memory: Memory,
    /// Records up to here were there before the session.
    live_from: Position,
    budget: Budget,
    under_way: VecDeque<Outstanding>,
    back_under_way: VecDeque<Outstanding>,
    /// Samples of the backlog's range that were acknowledged, and the receive time up to which it is done.
    confirmed: Option<Time>,
    keep: Keep,
    kept_at: Duration,
    trouble: Option<Event>,
    occurrence: u64,
    pub(super) shared: Arc<Shared>,
    control: watch::Receiver<Wanted>,
    commands: Arc<Semaphore>,
}

/// Everything a feed is made of.
pub(super) struct Parts {
    pub name: String,
    pub namespace: Namespace,
    pub settings: Settings,
    pub catch_up: CatchUp,
    pub filter: Filter,
    pub cursor: Cursor,
    pub keep: Keep,
    pub shared: Arc<Shared>,
    pub control: watch::Receiver<Wanted>,
}

impl Feed {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { name, namespace, settings, catch_up, filter, cursor, keep, shared, control } = parts;
        let saved = keep.progress().filter(|_| catch_up == CatchUp::LiveFirst);
        let progress = Progress::restore(cursor.position(), saved);
        let budget = Budget::new(settings.catch_up_rate, namespace.clock().monotonic());
        Self {
            live_first: catch_up == CatchUp::LiveFirst,
            live_from: cursor.position(),
            live: None,
            back: None,
            live_memory: Memory::default(),
            back_memory: Memory::default(),
            under_way: VecDeque::new(),
            back_under_way: VecDeque::new(),
            confirmed: None,
            kept_at: Duration::ZERO,
            trouble: None,
            occurrence: u64::from(namespace.journal().head().epoch()) << 32,
            commands: Arc::new(Semaphore::new(MAX_COMMANDS)),
            name,
            namespace,
            settings,
            filter,
            cursor,
            progress,
            budget,
            keep,
            shared,
            control,
        }
    }

    /// Name of the destination.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The gateway's wall clock.
    pub fn now(&self) -> Time {
        self.namespace.clock().now()
    }

    /// The journal's position before which nothing of this session's live stream lies.
    pub fn live_from(&self) -> Position {
        self.live_from
    }

    /// The session is up: data may be sent. Whatever was not acknowledged before is read again; call it once a session,
    /// before the first [`Feed::next`].
    pub async fn connected(&mut self) {
        let now = self.now();
        let head = self.namespace.journal().head();
        self.under_way.clear();
        self.back_under_way.clear();
        (self.live_memory, self.back_memory) = (Memory::default(), Memory::default());
        let changed = self.progress.begin(head, self.live_first, now.0);
        self.live_from = head;
        self.live = Some(self.namespace.journal().reader(self.progress.live().settled()));
        self.open_range();
        if changed {
            self.write_down().await;
        }
        if let Some(event) = self.trouble.take() {
            self.namespace.event(event.cleared(now));
        }
        let mut live = self.shared.lock();
        live.status.sessions += 1;
        live.become_state(State::Connected, now);
        drop(live);
        self.settle();
    }

    /// The far side is there but not ready; nothing is sent until [`Feed::connected`].
    pub fn waiting(&mut self, why: &str) {
        let now = self.now();
        let mut live = self.shared.lock();
        live.become_state(State::Waiting, now);
        live.status.last_error = Some(super::status::LastError {
            time: now,
            title: why.into(),
            meaning: "Nothing is lost: the journal keeps it and it is sent when the far side is ready."
                .into(),
            next: "Start the far side, or check its name in the configuration.".into(),
        });
    }

    /// How the session turned out to be protected.
    pub fn secured(&mut self, security: crate::kind::Security) {
        self.shared.lock().status.security = security;
    }

    /// Whether an outage left something that is still to be sent.
    pub fn has_backlog(&self) -> bool {
        self.progress.range().is_some()
    }

    /// The next thing to send. Cancel-safe. Live goes before backlog.
    pub async fn next(&mut self) -> Delivery {
        let mut skips = 0;
        loop {
            if *self.control.borrow() != Wanted::Run {
                return Delivery::Stop;
            }
            match self.step() {
                Step::Deliver(delivery) => return delivery,
                Step::Skipped if skips < MAX_SKIPS => skips += 1,
                Step::Skipped => {
                    skips = 0;
                    tokio::task::yield_now().await;
                }
                Step::Idle(pause) => {
                    self.settle();
                    if let Some(delivery) = self.wait(pause).await {
                        return delivery;
                    }
                }
            }
        }
    }

    /// As [`Feed::next`] if `ready`; else only [`Delivery::Stop`], when it is time. Cancel-safe.
    pub async fn next_when(&mut self, ready: bool) -> Delivery {
        if ready {
            return self.next().await;
        }
        self.stopping().await;
        Delivery::Stop
    }

    /// Completes when the session has to end; for sinks that wait for something else than [`Feed::next`].
    pub async fn stopping(&mut self) {
        while *self.control.borrow_and_update() == Wanted::Run {
            if self.control.changed().await.is_err() {
                return;
            }
        }
    }

    fn step(&mut self) -> Step {
        if let Some(item) = self.live.as_mut().and_then(Reader::try_next) {
            return self.take(Stream::Live, item).map_or(Step::Skipped, Step::Deliver);
        }
        if self.back.is_none() {
            return Step::Idle(None);
        }
        if let Some(pause) = self.budget.pause(self.namespace.clock().monotonic()) {
            return Step::Idle(Some(pause));
        }
        match self.back.as_mut().and_then(Reader::try_next) {
            Some(item) => self.take(Stream::Back, item).map_or(Step::Skipped, Step::Deliver),
            None => Step::Idle(None),
        }
    }

    async fn wait(&mut self, pause: Option<Duration>) -> Option<Delivery> {
        let (live, back) = (self.live.as_mut(), self.back.as_mut());
        let (stream, item) = tokio::select! {
            biased;
            _ = self.control.changed() => return None,
            item = next_of(live) => (Stream::Live, item),
            item = next_of(back), if pause.is_none() => (Stream::Back, item),
            () = tokio::time::sleep(pause.unwrap_or(Duration::MAX)), if pause.is_some() => return None,
        };
        self.take(stream, item)
    }

    /// Takes what a reader gave. `None` if it is not for the sink.
    fn take(&mut self, stream: Stream, item: Item) -> Option<Delivery> {
        let position = item.position();
        if stream == Stream::Back && self.progress.range().is_none_or(|range| position > range.to) {
            // The range is read to its end; it is over when its last record is acknowledged.
            if let Some(range) = self.progress.range() {
                self.progress.back().skip(range.to);
            }
            self.back = None;
            self.settle();
            return None;
        }
        let delivery = match item {
            Item::Gap { from, to, samples } => {
                self.gap(from, to, samples);
                None
            }
            Item::Record { record, .. } => self.judge(stream, position, record),
        };
        let track = if stream == Stream::Live { self.progress.live() } else { self.progress.back() };
        let Some((delivery, samples, received)) = delivery else {
            track.skip(position);
            return None;
        };
        track.deliver(position);
        let outstanding = Outstanding { position, samples, received };
        match stream {
            Stream::Live => self.under_way.push_back(outstanding),
            Stream::Back => {
                self.budget.charge(samples.max(1));
                self.back_under_way.push_back(outstanding);
            }
        }
        Some(delivery)
    }

    fn judge(&mut self, stream: Stream, position: Position, record: Record) -> Option<(Delivery, u64, Time)> {
        let replayed = stream == Stream::Back || position <= self.live_from;
        match record {
            Record::Samples(batch) => {
                let memory =
                    if stream == Stream::Live { &mut self.live_memory } else { &mut self.back_memory };
                let namespace = &self.namespace;
                let rows = self.filter.pass(memory, &batch, &|id| namespace.meta(id))?;
                let (samples, received) = (rows.len(batch.len()) as u64, batch.received);
                let historical = replayed || batch.flags.historical;
                Some((Delivery::Samples(Samples { position, batch, rows, historical }), samples, received))
            }
            Record::Declare(points) => {
                let namespace = &self.namespace;
                let mut mine = Vec::new();
                for (id, declaration) in points.iter() {
                    // What is in force now decides about the selection; the record may be an old one.
                    let now = namespace.meta(*id).unwrap_or_else(|| Arc::new(declaration.clone()));
                    if self.filter.declared(*id, &now) {
                        mine.push((*id, Arc::new(declaration.clone())));
                    }
                }
                let delivery = Delivery::Declare { position, points: mine, historical: replayed };
                matches!(&delivery, Delivery::Declare { points, .. } if !points.is_empty())
                    .then(|| (delivery, 0, self.now()))
            }
            Record::Event(event) if self.settings.events.contains(&event.kind) => {
                let received = event.end.unwrap_or(event.start);
                Some((Delivery::Event { position, event, historical: replayed }, 1, received))
            }
            _ => None,
        }
    }

    fn gap(&mut self, from: Position, to: Position, samples: Option<u64>) {
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
        event.refs = vec![self.name.clone()];
        self.namespace.event(event);
        self.shared.lock().skipped(Skipped { range, count: samples, time: now });
    }

    /// The far side has everything that was handed out up to and with `position` of the stream that `position` belongs
    /// to, except `rejects`, which it will never take.
    pub fn ack(&mut self, position: Position, rejects: Vec<Reject>) {
        let live = self.progress.acknowledge(position);
        let under_way = if live { &mut self.under_way } else { &mut self.back_under_way };
        let mut samples = 0;
        let of_range = !live || self.progress.range().is_none();
        while let Some(done) = under_way.pop_front_if(|one| one.position <= position) {
            samples += done.samples;
            if of_range {
                self.confirmed = Some(done.received);
            }
        }
        let clock = self.namespace.clock();
        let mut shared = self.shared.lock();
        shared.acknowledged(samples, clock.now(), clock.monotonic());
        if !rejects.is_empty() {
            shared.rejects.add(rejects);
        }
        drop(shared);
        self.settle();
    }

    /// Moves the durable cursor and ends ranges that are done.
    fn settle(&mut self) {
        while self.progress.finish_range() {
            self.open_range();
        }
        let low = self.progress.low_water();
        self.cursor.acknowledge(low);
        let range = self.progress.range();
        let monotonic = self.namespace.clock().monotonic();
        let mut shared = self.shared.lock();
        if low >= self.namespace.journal().head() {
            self.confirmed = Some(self.namespace.clock().now());
        }
        (shared.low_water, shared.confirmed) = (low, self.confirmed);
        shared.status.backlog =
            range.map(|range| Backlog { from: self.confirmed, to: Time(range.until), remaining: None });
        drop(shared);
        if self.live_first && monotonic.saturating_sub(self.kept_at) >= KEEP_INTERVAL {
            self.kept_at = monotonic;
            if self.keep.set_progress(self.progress.to_save()) {
                let keep = self.keep.clone();
                tokio::task::spawn_blocking(move || warn(keep.write()));
            }
        }
    }

    fn open_range(&mut self) {
        self.back = self.progress.range().map(|_| self.namespace.journal().reader(self.progress.back_from()));
        self.back_memory = Memory::default();
        self.back_under_way.clear();
    }

    async fn write_down(&mut self) {
        self.keep.set_progress(self.progress.to_save());
        self.kept_at = self.namespace.clock().monotonic();
        let keep = self.keep.clone();
        let written = tokio::task::spawn_blocking(move || keep.write()).await;
        warn(written.unwrap_or_else(|panic| Err(std::io::Error::other(panic))));
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

    /// Live samples go on after this position; right after [`Feed::connected`], nothing newer was sent yet.
    pub fn resumes_after(&mut self) -> Position {
        self.progress.live().settled()
    }

    /// All live points of the selection as they are now, in path order.
    pub fn snapshot(&mut self) -> Vec<Current> {
        let tree = self.namespace.points();
        let namespace = self.namespace.clone();
        let ids: Vec<PointId> = tree
            .ids()
            .iter()
            .copied()
            .filter(|id| self.filter.holds(*id, &|id| namespace.meta(id)))
            .collect();
        let mut all = Vec::with_capacity(ids.len());
        namespace.visit(&ids, |index, declaration, last| {
            if let Some(point) = ids.get(index) {
                all.push(Current { point: *point, declaration: declaration.clone(), last: last.clone() });
            }
        });
        all
    }

    /// What is declared of a point now.
    pub fn meta(&self, point: PointId) -> Option<Arc<Declaration>> {
        self.namespace.meta(point)
    }

    /// The newest sample of a point.
    pub fn last(&self, point: PointId) -> Option<Last> {
        self.namespace.last(point)
    }

    /// The point of a path, if it is selected.
    pub fn find(&mut self, path: &str) -> Option<PointId> {
        let namespace = self.namespace.clone();
        namespace.find(path).filter(|id| self.filter.holds(*id, &|id| namespace.meta(id)))
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
    pub(super) fn failed(&mut self, fault: &Fault) {
        let now = self.now();
        let mut shared = self.shared.lock();
        shared.failed(fault, now);
        shared.become_state(State::Lost, now);
        drop(shared);
        if self.trouble.is_none() {
            self.occurrence += 1;
            let (_, _, next) = fault.words();
            let id = format!("destination/{}/lost/{:x}", self.name, self.occurrence);
            let source = format!("destination/{}", self.name);
            let title = format!("{} cannot be reached: {fault}", self.name);
            let mut event = Event::active(EventKind::Fault, id, source, now, severity::MEDIUM, title)
                .explained(
                    "Nothing is lost: the journal keeps it and it is sent when the far side is back.",
                    next,
                );
            event.refs = vec![self.name.clone()];
            self.namespace.event(event.clone());
            self.trouble = Some(event);
        }
    }

    /// Waits out a pause between sessions; ends early when something else is wanted.
    pub(super) async fn pause(&mut self, pause: Duration) -> Wanted {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.stopping() => {}
        }
        *self.control.borrow()
    }

    pub(super) fn control(&mut self) -> &mut watch::Receiver<Wanted> {
        &mut self.control
    }

    /// The last words: ranges and cursor are written down.
    pub(super) async fn close(&mut self) {
        self.settle();
        if let Some(event) = self.trouble.take() {
            self.namespace.event(event.cleared(self.now()));
        }
        self.write_down().await;
    }
}

enum Step {
    Deliver(Delivery),
    Skipped,
    Idle(Option<Duration>),
}

async fn next_of(reader: Option<&mut Reader>) -> Item {
    match reader {
        Some(reader) => reader.next().await,
        None => std::future::pending().await,
    }
}

fn warn(written: std::io::Result<()>) {
    if let Err(why) = written {
        tracing::warn!(%why, "what a destination still has to send could not be written down; more may be sent again");
    }
}

/// A token bucket with debts: a batch is handed out whole, then paid off.
struct Budget {
    rate: f64,
    tokens: f64,
    at: Duration,
}

impl Budget {
    fn new(rate: u32, now: Duration) -> Self {
        Self { rate: f64::from(rate.max(1)), tokens: 0.0, at: now }
    }

    /// How long to wait before the next batch; `None` if it may go.
    fn pause(&mut self, now: Duration) -> Option<Duration> {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = now;
        // At most a quarter of a second is saved up, so that the backlog never comes in a burst.
        self.tokens = (self.tokens + passed * self.rate).min(self.rate / 4.0 + 1.0);
        let missing = 1.0 - self.tokens;
        (missing > 0.0).then(|| Duration::from_secs_f64((missing / self.rate).clamp(0.001, 60.0)))
    }

    fn charge(&mut self, samples: u64) {
        self.tokens -= samples as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_holds_the_rate() {
        let mut budget = Budget::new(1_000, Duration::ZERO);
        let (mut sent, mut ms) = (0_u64, 0);
        while ms < 10_000 {
            match budget.pause(Duration::from_millis(ms)) {
                None => {
                    budget.charge(37);
                    sent += 37;
                }
                Some(pause) => ms += u64::try_from(pause.as_millis()).unwrap().max(1),
            }
        }
        assert!((9_800..=10_100).contains(&sent), "{sent}");
    }
}
