//! What a destination reads: the journal behind one durable cursor, selected, thinned, and in the right order.
//!
//! ```text
//!           ┌─ live reader ── filter ──┐
//! journal ──┤                          ├─▶ next() ─▶ sink ─▶ far side
//!           ├─ backlog reader ─ filter ┤                        │
//!           │  (live_first only,       │cursor ◀── ack(position)┘
//! history ──┴─ past ─── (rate-limited)─┘
//! ```
//! Rationale: the journal is the only queue. A sink holds what is under way and nothing more; whatever it did not
//! acknowledge when its session ends is read again.

mod ask;
mod budget;
mod delivery;
mod far_side;
mod gather;
mod outstanding;
mod past;
mod points;
mod prove;

pub use delivery::{Current, Delivery, Samples, Wanted};
pub use gather::Gathered;
pub use prove::{Asks, Found, Proof, Proofs, USUAL};

use super::filter::{Filter, Memory};
use super::history::History;
use super::keep::Keep;
use super::progress::Progress;
use super::rejects::Reject;
use super::settings::{CatchUp, Settings};
use super::status::{Backlog, Shared, State};
use super::trouble::Trouble;
use budget::Budget;
use model::event::severity;
use model::{Event, Position, Time};
use namespace::Namespace;
use namespace::journal::{Cursor, Item, Reader, Record};
use outstanding::Outstanding;
use past::Past;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Most records that are skipped before other tasks get their turn.
const MAX_SKIPS: u32 = 256;
/// Most commands of one destination that run at the same time.
const MAX_COMMANDS: usize = 16;
/// How often the ranges are written down while they shrink.
const KEEP_INTERVAL: Duration = Duration::from_secs(1);

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
    wants_samples: bool,
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
    past: Past,
    keep: Keep,
    kept_at: Duration,
    /// Its session ended with a fault.
    lost: Trouble,
    /// How often the far side is asked whether it has what it acknowledged.
    prove: Option<Duration>,
    /// It does not have what it acknowledged.
    gone: Trouble,
    /// How many in a row it had.
    sound: u32,
    pub(in crate::north) shared: Arc<Shared>,
    control: watch::Receiver<Wanted>,
    commands: Arc<Semaphore>,
}

/// Everything a feed is made of.
pub(in crate::north) struct Parts {
    pub name: String,
    pub namespace: Namespace,
    pub settings: Settings,
    pub catch_up: CatchUp,
    pub prove: Option<Duration>,
    pub wants_samples: bool,
    pub filter: Filter,
    pub cursor: Cursor,
    pub history: Arc<dyn History>,
    pub keep: Keep,
    pub shared: Arc<Shared>,
    pub control: watch::Receiver<Wanted>,
}

impl Feed {
    pub(in crate::north) fn new(parts: Parts) -> Self {
        let Parts {
            name,
            namespace,
            settings,
            catch_up,
            prove,
            wants_samples,
            filter,
            cursor,
            history,
            keep,
            shared,
            control,
        } = parts;
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
            lost: Trouble::new(&namespace, &name, "lost", severity::MEDIUM),
            prove,
            gone: Trouble::new(&namespace, &name, "gone", severity::HIGH),
            sound: 0,
            commands: Arc::new(Semaphore::new(MAX_COMMANDS)),
            name,
            namespace,
            settings,
            wants_samples,
            filter,
            cursor,
            progress,
            budget,
            past: Past::new(history),
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
        self.past.reset();
        (self.live_memory, self.back_memory) = (Memory::default(), Memory::default());
        let changed = self.progress.begin(head, self.live_first, now.0);
        self.live_from = head;
        self.live = Some(self.namespace.journal().reader(self.progress.live().settled()));
        self.open_range();
        if changed {
            self.write_down().await;
        }
        self.lost.end();
        let mut live = self.shared.lock();
        live.status.sessions += 1;
        live.out_since = None;
        live.become_state(State::Connected, now);
        drop(live);
        self.settle();
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
                    self.past_plan();
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
        if self.back.is_none() && !self.past.has_ready() {
            return Step::Idle(None);
        }
        if let Some(pause) = self.budget.pause(self.namespace.clock().monotonic()) {
            return Step::Idle(Some(pause));
        }
        match self.back.as_mut().and_then(Reader::try_next) {
            Some(item) => self.take(Stream::Back, item).map_or(Step::Skipped, Step::Deliver),
            None => self.past_next().map_or(Step::Idle(None), Step::Deliver),
        }
    }

    async fn wait(&mut self, pause: Option<Duration>) -> Option<Delivery> {
        let until = self.past_pause();
        let (live, back, shared) = (self.live.as_mut(), self.back.as_mut(), self.shared.clone());
        let (stream, item) = tokio::select! {
            biased;
            _ = self.control.changed() => return None,
            loaded = self.past.wait(until) => {
                if let Some(loaded) = loaded {
                    self.past_loaded(loaded);
                }
                return None;
            }
            () = shared.asked.notified() => return None,
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
        if stream == Stream::Back && self.progress.range().is_none_or(|range| position >= range.to) {
            self.back = None; // read to its end
        }
        let track = if stream == Stream::Live { self.progress.live() } else { self.progress.back() };
        let Some(delivery) = delivery else {
            track.skip(position);
            return None;
        };
        track.deliver(position);
        let outstanding = Outstanding::of(&delivery, self.both_times())?;
        self.handed_out(outstanding.at);
        match stream {
            Stream::Live => self.under_way.push_back(outstanding),
            Stream::Back => {
                self.budget.charge(outstanding.samples.max(1));
                self.back_under_way.push_back(outstanding);
            }
        }
        Some(delivery)
    }

    fn judge(&mut self, stream: Stream, position: Position, record: Record) -> Option<Delivery> {
        let replayed = stream == Stream::Back || position <= self.live_from;
        match record {
            Record::Samples(batch) if self.sends_samples() => {
                let memory =
                    if stream == Stream::Live { &mut self.live_memory } else { &mut self.back_memory };
                let namespace = &self.namespace;
                let rows = self.filter.pass(memory, &batch, &|id| namespace.meta(id))?;
                let historical = replayed || batch.flags.historical;
                Some(Delivery::Samples(Samples { position, batch, rows, historical }))
            }
            Record::Samples(batch) => {
                self.count_late(position, &batch);
                None
            }
            Record::Declare(points) => {
                let namespace = &self.namespace;
                let mut mine = Vec::new();
                for (id, declaration) in points.iter() {
                    // What is in force now decides about the selection; the record may be an old one.
                    let now = namespace.meta(*id).unwrap_or_else(|| declaration.clone());
                    if self.filter.declared(*id, &now) {
                        mine.push((*id, declaration.clone()));
                    }
                }
                let any = !mine.is_empty();
                any.then_some(Delivery::Declare { position, points: mine, historical: replayed })
            }
            Record::Event(event) if self.wants_event(&event) => {
                Some(Delivery::Event { position, event, historical: replayed })
            }
            _ => None,
        }
    }

    fn wants_event(&self, event: &Event) -> bool {
        self.settings.events.contains(&event.kind) && event.severity >= self.settings.events_from.lowest()
    }

    /// The far side has everything that was handed out up to and with `position` of the stream that `position` belongs
    /// to, except `rejects`, which it will never take.
    pub fn ack(&mut self, position: Position, rejects: Vec<Reject>) {
        if self.past.owns(position) {
            return self.past_ack(position, rejects);
        }
        let live = self.progress.acknowledge(position);
        let under_way = if live { &mut self.under_way } else { &mut self.back_under_way };
        let mut samples = 0;
        let of_range = !live || self.progress.range().is_none();
        let mut spans = Vec::new();
        while let Some(done) = under_way.pop_front_if(|one| one.position <= position) {
            samples += done.samples;
            if !rejects.is_empty() {
                spans.push((done.position, done.span));
            }
            if of_range {
                self.confirmed = Some(done.received);
            }
        }
        let (clock, out_since) = (self.namespace.clock(), self.out_since());
        let mut shared = self.shared.lock();
        shared.out_since = out_since;
        shared.acknowledged(samples, clock.now(), clock.monotonic());
        if !rejects.is_empty() {
            let span = |position| spans.iter().find(|(at, _)| *at == position).map(|(_, span)| *span);
            shared.rejects.add(rejects, span);
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

    /// Live samples go on after this position; right after [`Feed::connected`], nothing newer was sent yet.
    pub fn resumes_after(&mut self) -> Position {
        self.progress.live().settled()
    }

    /// Waits out a pause between sessions; ends early when something else is wanted.
    pub(in crate::north) async fn pause(&mut self, pause: Duration) -> Wanted {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.stopping() => {}
        }
        *self.control.borrow()
    }

    pub(in crate::north) fn control(&mut self) -> &mut watch::Receiver<Wanted> {
        &mut self.control
    }

    /// The last words: ranges and cursor are written down.
    pub(in crate::north) async fn close(&mut self) {
        self.settle();
        self.lost.end();
        self.gone.end();
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
