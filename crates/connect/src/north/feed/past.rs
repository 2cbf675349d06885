//! What a feed sends from history, beside the journal: dead letters that are tried again, intervals, what somebody asked
//! to have sent again. One stretch at a time: it is read, handed out, and done when all of it is acknowledged.
//!
//! ```text
//!  letters ─┐                                                       ┌─▶ ack: letters gone, intervals done, replay done
//!  intervals├─▶ plan ─▶ read history (a thread) ─▶ filter ─▶ next() ─┤
//!  replay  ─┘                                                       └─▶ session lost: the stretch is read again
//! ```
//! Records up to the cursor alone come from here: what lies behind it is sent by the journal's streams anyway. That parts
//! the streams: an acknowledged position up to `limit` belongs to this one.

use super::ask::{Ask, Loaded, Ready, load};
use super::delivery::{Delivery, Samples};
use super::{Feed, Outstanding};
use crate::north::filter::{Memory, Rows};
use crate::north::history::{Batches, History};
use crate::north::intervals::floor;
use crate::north::rejects::{Letter, Reject};
use crate::north::settings::Of;
use crate::north::status::Replay;
use model::{Batch, Event, EventKind, PointId, Position, Time, ValueType};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The first stretch of a replay, ns; it grows and shrinks with what is found.
const FIRST_SPAN: i64 = 60_000_000_000;
/// Dead letters that are looked up at once.
const LETTERS: usize = 50;
/// How long after an interval its samples are waited for.
const SETTLE: Duration = Duration::from_secs(5);
/// Pause before history is asked again that did not answer, or that has not come far enough.
const AGAIN: Duration = Duration::from_secs(10);
const SOON: Duration = Duration::from_millis(100);

/// What is under way of it.
pub(super) struct Past {
    history: Arc<dyn History>,
    batches: Option<Batches>,
    work: Option<Work>,
    loading: Option<JoinHandle<Loaded>>,
    ready: VecDeque<Ready>,
    out: VecDeque<Outstanding>,
    /// Positions up to here belong to this stream while something is out.
    limit: Position,
    memory: Memory,
    span: i64,
    /// Samples and events that the stretch was made of.
    sent: u64,
    /// History has to have come so far before it is asked.
    need: Option<Position>,
    /// Not before this monotonic time.
    not_before: Duration,
    /// Where history was when the newest interval was made.
    made_at: Option<Position>,
    written_at: Duration,
}

#[derive(Clone, Debug, PartialEq)]
enum Work {
    Letters(BTreeSet<u64>),
    /// The end of the interval.
    Interval(Time),
    /// The end of the stretch.
    Replay(Time),
}

impl Past {
    pub(super) fn new(history: Arc<dyn History>) -> Self {
        Self {
            history,
            batches: Some(Batches::default()),
            work: None,
            loading: None,
            ready: VecDeque::new(),
            out: VecDeque::new(),
            limit: Position::START,
            memory: Memory::default(),
            span: FIRST_SPAN,
            sent: 0,
            need: None,
            not_before: Duration::ZERO,
            made_at: None,
            written_at: Duration::ZERO,
        }
    }

    /// A session begins: what is not acknowledged is read again.
    pub(super) fn reset(&mut self) {
        if let Some(loading) = self.loading.take() {
            loading.abort();
            self.batches = None;
        }
        self.batches.get_or_insert_default();
        self.ready.clear();
        self.out.clear();
        self.work = None;
        self.limit = Position::START;
    }

    /// Whether something can be handed out.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether the position was handed out by this stream.
    pub(super) fn owns(&self, position: Position) -> bool {
        position <= self.limit && !self.out.is_empty()
    }

    /// The times of what was handed out at a position.
    pub(super) fn span_of(&self, position: Position) -> Option<(Time, Time)> {
        self.out.iter().find(|one| one.position == position).map(|one| one.span)
    }

    /// When the oldest of what is under way was handed out.
    pub(super) fn out_since(&self) -> Option<Duration> {
        self.out.front().map(|one| one.at)
    }

    fn is_idle(&self) -> bool {
        self.loading.is_none() && self.ready.is_empty() && self.out.is_empty()
    }

    /// Completes when a thread brings something, or it is time to look again.
    pub(super) async fn wait(&mut self, until: Option<Duration>) -> Option<Loaded> {
        let pause = until.unwrap_or(Duration::MAX);
        match &mut self.loading {
            Some(loading) => {
                let loaded = loading.await;
                self.loading = None;
                let failed = |why: tokio::task::JoinError| Loaded {
                    batches: Batches::default(),
                    found: Err(format!("reading history broke off: {why}")),
                };
                Some(loaded.unwrap_or_else(failed))
            }
            None => {
                tokio::time::sleep(pause).await;
                None
            }
        }
    }
}

impl Feed {
    /// Whether samples are sent as they are, not as values of intervals.
    pub(super) fn sends_samples(&self) -> bool {
        self.wants_samples && self.settings.send.every.is_none()
    }

    /// How long until there may be something to plan; `None` if only somebody's asking brings something.
    pub(super) fn past_pause(&self) -> Option<Duration> {
        let clock = self.namespace.clock();
        let wait = self.past.not_before.saturating_sub(clock.monotonic());
        if !wait.is_zero() {
            return Some(wait);
        }
        let (every, done) = (self.settings.send.every?, self.keep.intervals()?);
        Some(done.after(every.0).after(SETTLE).since(clock.now()).max(Duration::from_millis(1)))
    }

    /// Begins the next stretch if nothing is under way.
    pub(super) fn past_plan(&mut self) {
        if self.past.work.as_ref().is_some_and(|work| matches!(work, Work::Replay(_)))
            && self.keep.replay().is_none_or(|replay| replay.finished.is_some())
        {
            // Somebody stopped it; what is under way is waited for.
            self.past.ready.clear();
        }
        self.past_settle();
        let now = self.namespace.clock().monotonic();
        if !self.past.is_idle() || now < self.past.not_before {
            return;
        }
        let letters = self.letters();
        let interval = self.interval_due();
        let replay = self.keep.replay().filter(|replay| replay.finished.is_none());
        if letters.is_empty() && interval.is_none() && replay.is_none() {
            return;
        }
        // Of what was appended by now, history must know.
        let need = *self.past.need.get_or_insert(self.namespace.journal().head());
        if self.past.history.taken() < need {
            self.past.not_before = now + SOON;
            return;
        }
        self.past.need = None;
        self.past.limit = self.progress.low_water();
        let ask = self.ask();
        let batches = self.past.batches.take().unwrap_or_default();
        let span = self.past.span;
        self.past.memory = Memory::default();
        let task = if !letters.is_empty() {
            self.past.work = Some(Work::Letters(letters.iter().map(|letter| letter.id).collect()));
            let wanted: Vec<_> = letters.into_iter().map(|letter| (self.place_of(&letter), letter)).collect();
            tokio::task::spawn_blocking(move || load(batches, |batches| ask.letters(batches, &wanted)))
        } else if let Some((from, to, of)) = interval {
            self.past.work = Some(Work::Interval(to));
            self.past.made_at = Some(self.past.history.taken());
            tokio::task::spawn_blocking(move || {
                load(batches, |batches| ask.interval(batches, (from, to), of))
            })
        } else {
            let (from, to) = replay.map_or((Time::ZERO, Time::ZERO), |replay| (replay.done, replay.to));
            self.past.work = Some(Work::Replay(to));
            tokio::task::spawn_blocking(move || {
                load(batches, |batches| ask.stretch(batches, (from, to), span))
            })
        };
        self.past.loading = Some(task);
    }

    fn ask(&mut self) -> Ask {
        let namespace = self.namespace.clone();
        let tree = namespace.points();
        let lookup = |id: PointId| namespace.meta(id);
        let mut points = Vec::new();
        for id in tree.ids() {
            if self.filter.holds(*id, &lookup)
                && let Some(meta) = namespace.meta(*id)
            {
                points.push((*id, meta.value_type));
            }
        }
        Ask {
            history: self.past.history.clone(),
            points,
            samples: self.wants_samples,
            events: !self.settings.events.is_empty(),
            limit: self.past.limit,
            every: self.settings.send.every.map(|every| (every.0, self.settings.send.of)),
        }
    }

    /// Letters that somebody wants to have sent again; those that lie behind the cursor have to wait.
    fn letters(&mut self) -> Vec<Letter> {
        let low = self.progress.low_water();
        let mut shared = self.shared.lock();
        if shared.resend.is_empty() {
            return Vec::new();
        }
        let most = shared.resend.len().min(LETTERS);
        let ids: BTreeSet<u64> = shared.resend.drain(..most).collect();
        let (now, later): (Vec<Letter>, Vec<Letter>) =
            shared.rejects.pick(Some(&ids)).into_iter().partition(|letter| letter.reject.position <= low);
        for letter in later {
            shared
                .rejects
                .trouble(letter.id, "what is older is still being sent; try again when that is done");
        }
        now
    }

    /// The point that a letter is about, if it names one.
    fn place_of(&mut self, letter: &Letter) -> Option<(PointId, ValueType)> {
        let point = self.find(&letter.reject.path)?;
        Some((point, self.meta(point)?.value_type))
    }

    /// The next interval whose samples are complete.
    fn interval_due(&mut self) -> Option<(Time, Time, Of)> {
        let every = self.settings.send.every.filter(|_| self.wants_samples)?.0;
        let now = self.now();
        let begin = || match self.settings.start {
            crate::north::settings::Start::Now => now,
            crate::north::settings::Start::Oldest => self.past.history.oldest().unwrap_or(now),
        };
        let kept = self.keep.intervals();
        let from = floor(kept.unwrap_or_else(begin), every);
        if kept.is_none() {
            self.keep.set_intervals(from);
            let keep = self.keep.clone();
            tokio::task::spawn_blocking(move || super::warn(keep.write()));
        }
        let to = from.after(every);
        let due = now >= to.after(SETTLE);
        self.shared.lock().intervals_due = due.then_some(from);
        due.then_some((from, to, self.settings.send.of))
    }

    /// A thread brought something.
    pub(super) fn past_loaded(&mut self, loaded: Loaded) {
        self.past.batches = Some(loaded.batches);
        let now = self.namespace.clock().monotonic();
        match (loaded.found, &mut self.past.work) {
            (Ok(found), Some(work)) => {
                self.past.sent = 0;
                self.past.ready = found.ready;
                match work {
                    Work::Replay(to) => (*to, self.past.span) = (found.to, found.span),
                    Work::Letters(ids) => {
                        let mut shared = self.shared.lock();
                        for (id, why) in found.missing {
                            ids.remove(&id);
                            shared.rejects.trouble(id, why);
                        }
                    }
                    Work::Interval(_) => {}
                }
            }
            (Err(why), work) => {
                tracing::warn!(destination = self.name, why, "history could not be read for a destination");
                if let Some(Work::Letters(ids)) = work {
                    self.shared.lock().resend.extend(ids.iter());
                }
                self.past.work = None;
                self.past.not_before = now + AGAIN;
                self.note_replay(|replay| replay.trouble = why);
            }
            (Ok(_), None) => {}
        }
    }

    /// The next delivery of the stretch.
    pub(super) fn past_next(&mut self) -> Option<Delivery> {
        loop {
            let delivery = match self.past.ready.pop_front()? {
                Ready::Samples(position, batch) => self.past_samples(position, batch),
                Ready::Event(position, event) => {
                    self.wants_event(&event).then_some(Delivery::Event { position, event, historical: true })
                }
            };
            let Some(delivery) = delivery else { continue };
            let out = Outstanding::of(&delivery, self.both_times())?;
            self.handed_out(out.at);
            self.past.sent += out.samples;
            self.budget.charge(out.samples.max(1));
            self.past.out.push_back(out);
            return Some(delivery);
        }
    }

    fn past_samples(&mut self, position: Position, batch: Arc<Batch>) -> Option<Delivery> {
        let namespace = &self.namespace;
        let rows = match self.past.work {
            // A person wants exactly these.
            Some(Work::Letters(_)) => Rows::All,
            _ => self.filter.pass(&mut self.past.memory, &batch, &|id| namespace.meta(id))?,
        };
        // An interval that is sent when it is due is news; everything else is history.
        let due = match (&self.past.work, self.settings.send.every) {
            (Some(Work::Interval(to)), Some(every)) => self.now() < to.after(every.0).after(SETTLE),
            _ => false,
        };
        Some(Delivery::Samples(Samples { position, batch, rows, historical: !due }))
    }

    /// The far side has what was handed out at this position, and before it, except `rejects`.
    pub(super) fn past_ack(&mut self, position: Position, rejects: Vec<Reject>) {
        if !self.past.out.iter().any(|one| one.position == position) {
            return;
        }
        let mut samples = 0;
        let span = self.past.span_of(position);
        while let Some(done) = self.past.out.pop_front() {
            samples += done.samples;
            if done.position == position {
                break;
            }
        }
        let (clock, out_since) = (self.namespace.clock(), self.out_since());
        let mut shared = self.shared.lock();
        shared.out_since = out_since;
        shared.acknowledged(samples, clock.now(), clock.monotonic());
        if !rejects.is_empty() {
            shared.rejects.add(rejects, |_| span);
        }
        drop(shared);
        self.past_settle();
    }

    /// Writes down what is done when all of a stretch is acknowledged.
    fn past_settle(&mut self) {
        if !self.past.is_idle() {
            return;
        }
        let Some(work) = self.past.work.take() else { return };
        let sent = self.past.sent;
        let mut finished = false;
        match work {
            Work::Letters(ids) => {
                self.shared.lock().rejects.remove(&ids, true);
                return;
            }
            Work::Interval(to) => self.keep.set_intervals(to),
            Work::Replay(to) => finished = self.replayed(to, sent),
        }
        let now = self.namespace.clock().monotonic();
        if finished || now.saturating_sub(self.past.written_at) >= super::KEEP_INTERVAL {
            self.past.written_at = now;
            let keep = self.keep.clone();
            tokio::task::spawn_blocking(move || super::warn(keep.write()));
        }
    }

    /// A stretch of the replay is done. Returns whether all of it is.
    fn replayed(&mut self, to: Time, sent: u64) -> bool {
        let now = self.now();
        let mut over = None;
        self.note_replay(|replay| {
            replay.done = to.min(replay.to);
            replay.sent += sent;
            replay.trouble.clear();
            if replay.done >= replay.to {
                replay.finished = Some(now);
                over = Some(replay.clone());
            }
        });
        let Some(done) = over else { return false };
        let id = format!("destination/{}/replay/{}", self.name, now.0);
        let title = format!("{} has got {} samples and events once more", self.name, done.sent);
        let text = format!("From {} to {}.", done.from.rfc3339(), done.to.rfc3339());
        let source = format!("destination/{}", self.name);
        self.tell(Event::info(EventKind::Change, id, source, now, title).explained(text, ""));
        true
    }

    /// Changes the replay that goes on, if one does.
    fn note_replay(&mut self, change: impl FnOnce(&mut Replay)) {
        let Some(mut replay) = self.keep.replay().filter(|replay| replay.finished.is_none()) else { return };
        change(&mut replay);
        self.keep.set_replay(Some(replay.clone()));
        self.shared.lock().status.replay = Some(replay);
    }

    /// Down-sampling: counts samples that came after their interval was made.
    pub(super) fn count_late(&mut self, position: Position, batch: &Batch) {
        let (Some(done), Some(made_at)) = (self.keep.intervals(), self.past.made_at) else { return };
        if position <= made_at || self.settings.send.every.is_none() {
            return;
        }
        let namespace = &self.namespace;
        let late = batch
            .rows()
            .filter(|(point, time, ..)| *time < done && self.filter.holds(*point, &|id| namespace.meta(id)))
            .count() as u64;
        if late > 0 {
            self.shared.lock().status.late += late;
        }
    }
}
