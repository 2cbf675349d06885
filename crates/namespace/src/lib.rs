//! The unified namespace, the heart: one path for every point, one sequence for every sample.
//!
//! ```text
//! drivers ─ publish ─▶ position + last value + ring (one short lock) ─▶ journal
//! pages   ◀─ watch (newest wins) ─┘         └─▶ readers with cursors: store, destinations
//! requester ─ command ─▶ authority, limits, interlock, second person ─▶ ledger ─▶ owner of the point ─▶ outcome
//! ```
//! Rationale: last values are written under the same lock that gives the position, so live and journal cannot
//! disagree. Whoever must see every sample reads the journal; whoever only looks watches last values.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod command;
mod events;
mod gateway_clock;
mod tree;
mod watch;

pub use command::{
    Approval, Authority, CommandDesk, CommandError, CommandQueue, Entry, Lease, Ledger, Order, Phase,
    Progress, Step, Ticket, Tracked,
};
pub use tree::{Child, Tree};
pub use watch::Watch;

/// The journal beneath, for readers and cursors.
pub use journal;

use arc_swap::ArcSwap;
use events::Events;
use gateway_clock::GatewayClock;
use journal::{Journal, JournalError, Record, Recovered};
use model::{Batch, Clock, Declaration, Each, Event, Last, PointId, Position, Status, Time, Value};
use parking_lot::{Mutex, RwLock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Most points of one plant.
pub const MAX_POINTS: usize = 2_000_000;

/// Declarations in one record: what the journal, its readers and the disk handle at once stays small.
const DECLARED_AT_ONCE: usize = 1_000;

/// What the namespace is told once.
pub struct Settings {
    /// How far a source's clock may be from the gateway's before its stamps are not believed (default 5 s).
    pub max_skew: Duration,
    /// Whether commands are executed at all.
    pub writes_on: bool,
    /// Who may write what.
    pub authority: Arc<dyn Authority>,
    /// Where commands are written down before they are sent.
    pub ledger: Arc<dyn Ledger>,
}

/// Why a declaration was refused.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The journal could not keep the numbers.
    #[error("the point numbers could not be kept: {0}")]
    Journal(#[from] JournalError),
    /// More than [`MAX_POINTS`].
    #[error("a plant may have at most {MAX_POINTS} points")]
    TooMany,
    /// Two declarations in one call have the same path, ignoring case.
    #[error("`{0}` is declared twice")]
    Twice(String),
}

/// Cheap handle of the one namespace.
#[derive(Clone)]
pub struct Namespace(Arc<Inner>);

struct Inner {
    journal: Journal,
    clock: Arc<dyn Clock>,
    gateway_clock: GatewayClock,
    max_skew: Duration,
    table: RwLock<Vec<Slot>>,
    tree: ArcSwap<Tree>,
    /// The table has changed since the tree was built.
    stale_tree: AtomicBool,
    events: Events,
    commands: command::Commands,
    published: tokio::sync::Notify,
    samples: AtomicU64,
    unsound: AtomicU64,
    declaring: Mutex<()>,
}

/// One point: what is declared, and the newest sample.
struct Slot {
    declaration: Option<Arc<Declaration>>,
    /// Configured now, as opposed to known from history only.
    live: bool,
    last: Last,
}

const EMPTY: Slot = Slot { declaration: None, live: false, last: Last::WAITING };

impl Namespace {
    /// Opens it over a journal that has just recovered.
    pub fn open(journal: Journal, recovered: Recovered, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        let mut table: Vec<Slot> = Vec::new();
        let mut newest = Time::ZERO;
        for (id, declaration) in recovered.declarations {
            slot_mut(&mut table, id).declaration = Some(declaration);
        }
        for (id, last) in recovered.last {
            newest = newest.max(last.received);
            slot_mut(&mut table, id).last = last;
        }
        let namespace = Self(Arc::new(Inner {
            gateway_clock: GatewayClock::new(clock.clone(), newest),
            events: Events::new(recovered.events),
            journal,
            clock,
            max_skew: settings.max_skew,
            table: RwLock::new(table),
            tree: ArcSwap::from_pointee(Tree::default()),
            stale_tree: AtomicBool::new(true),
            commands: command::Commands::new(settings.writes_on, settings.authority, settings.ledger),
            published: tokio::sync::Notify::new(),
            samples: AtomicU64::new(0),
            unsound: AtomicU64::new(0),
            declaring: Mutex::new(()),
        }));
        namespace.recall_commands();
        namespace
    }

    /// The journal beneath.
    pub fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// The gateway's clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// Samples published since start.
    pub fn samples(&self) -> u64 {
        self.0.samples.load(Ordering::Relaxed)
    }

    /// Batches refused because their columns do not fit each other (a driver's defect).
    pub fn unsound_batches(&self) -> u64 {
        self.0.unsound.load(Ordering::Relaxed)
    }

    /// Whether the gateway's own clock counts as sound; see the clock-step rule in the contracts.
    pub fn clock_is_sound(&self) -> bool {
        self.0.gateway_clock.is_sound()
    }

    /// Makes points known and live. What is new or changed becomes declare records that precede its samples; a
    /// point that comes back keeps number and last value, with the quality it had.
    ///
    /// # Errors
    /// [`NamespaceError`]; then nothing was declared.
    pub fn declare<D: Into<Arc<Declaration>>>(
        &self,
        declarations: impl IntoIterator<Item = D>,
    ) -> Result<Vec<PointId>, NamespaceError> {
        let _one_at_a_time = self.0.declaring.lock();
        self.declare_alone(declarations.into_iter().map(Into::into).collect())
    }

    /// Makes points known that showed up while their connection runs. What is live and fed by another connection stays
    /// with it: `None`. Blocks for a disk sync.
    ///
    /// # Errors
    /// [`NamespaceError`]; then nothing was declared.
    pub fn declare_found(
        &self,
        declarations: Vec<Declaration>,
    ) -> Result<Vec<Option<PointId>>, NamespaceError> {
        let _one_at_a_time = self.0.declaring.lock();
        let known: Vec<Option<PointId>> = declarations.iter().map(|d| self.find(d.path.as_str())).collect();
        let free: Vec<bool> = {
            let table = self.0.table.read();
            let feeder = |id: Option<PointId>| {
                table
                    .get(id?.index())
                    .filter(|slot| slot.live)?
                    .declaration
                    .as_ref()
                    .map(|known| &*known.connection)
            };
            let own = |(wanted, id): (&Declaration, &Option<PointId>)| {
                feeder(*id).is_none_or(|connection| connection == wanted.connection)
            };
            declarations.iter().zip(&known).map(own).collect()
        };
        let wanted = declarations.into_iter().zip(&free).filter(|(_, free)| **free);
        let wanted = wanted.map(|(wanted, _)| Arc::new(wanted)).collect();
        let mut ids = self.declare_alone(wanted)?.into_iter();
        Ok(free.iter().map(|free| if *free { ids.next() } else { None }).collect())
    }

    /// What is remembered of points that the connection fed, live or not: those that showed up by themselves are
    /// declared by nobody after a restart.
    pub fn remembered(&self, connection: &str) -> Vec<Arc<Declaration>> {
        let table = self.0.table.read();
        let known = table.iter().filter_map(|slot| slot.declaration.as_ref());
        known.filter(|declaration| declaration.connection == connection).cloned().collect()
    }

    fn declare_alone(&self, declarations: Vec<Arc<Declaration>>) -> Result<Vec<PointId>, NamespaceError> {
        let wanted: Vec<_> = declarations.iter().map(|d| (d.path.clone(), d.was.clone())).collect();
        if let Some(twice) = first_duplicate(&wanted) {
            return Err(NamespaceError::Twice(twice));
        }
        if self.0.table.read().len() + wanted.len() > MAX_POINTS {
            return Err(NamespaceError::TooMany);
        }
        let ids = self.0.journal.numbers().assign(&wanted)?;
        let mut changed = Vec::new();
        {
            let mut table = self.0.table.write();
            for (id, declaration) in ids.iter().zip(declarations) {
                let slot = slot_mut(&mut table, *id);
                slot.live = true;
                if slot.declaration.as_ref() != Some(&declaration) {
                    slot.declaration = Some(declaration.clone());
                    changed.push((*id, declaration));
                }
            }
        }
        self.0.stale_tree.store(true, Ordering::Release);
        for some in changed.chunks(DECLARED_AT_ONCE) {
            self.0.journal.append(Record::Declare(some.into()));
        }
        Ok(ids)
    }

    /// Takes points out of the live tree; history and numbers stay.
    pub fn retire(&self, points: &[PointId]) {
        let mut table = self.0.table.write();
        for id in points {
            if let Some(slot) = table.get_mut(id.index()) {
                slot.live = false;
            }
        }
        drop(table);
        self.0.stale_tree.store(true, Ordering::Release);
    }

    /// Takes a batch: resolves its times, gives it a position, updates last values, hands it to the journal.
    /// Await `journal().wait_synced(position)` before acknowledging upstream. An unsound batch is counted and dropped.
    pub fn publish(&self, mut batch: Batch) -> Position {
        if !batch.is_sound() || batch.is_empty() {
            self.0.unsound.fetch_add(1, Ordering::Relaxed);
            return self.0.journal.head();
        }
        self.0.gateway_clock.correct(&mut batch);
        resolve_times(&mut batch, self.0.max_skew);
        let batch = Arc::new(batch);
        self.0.samples.fetch_add(batch.len() as u64, Ordering::Relaxed);
        let record = Record::Samples(batch.clone());
        let position = self.0.journal.append_with(record, |position| {
            let mut table = self.0.table.write();
            for (point, time, status, value) in batch.rows() {
                if let Some(slot) = table.get_mut(point.index()) {
                    slot.last.update(value, status, time, batch.received, position, batch.flags.historical);
                }
            }
            position
        });
        self.0.published.notify_waiters();
        position
    }

    /// Records an event and keeps it among the recent and active ones.
    pub fn event(&self, event: Event) -> Position {
        let event = Arc::new(event);
        self.0.events.take(event.clone());
        self.0.journal.append(Record::Event(event))
    }

    /// Events that last now.
    pub fn active_events(&self) -> Vec<Arc<Event>> {
        self.0.events.active()
    }

    /// The newest events, newest first, newest revision of each only.
    pub fn recent_events(&self, most: usize) -> Vec<Arc<Event>> {
        self.0.events.recent(most)
    }

    /// The number of a live or known path, ignoring case.
    pub fn find(&self, path: &str) -> Option<PointId> {
        self.0.journal.numbers().find(path)
    }

    /// What is declared of a point.
    pub fn meta(&self, id: PointId) -> Option<Arc<Declaration>> {
        self.0.table.read().get(id.index())?.declaration.clone()
    }

    /// What is declared of a point that is configured now.
    pub fn live(&self, id: PointId) -> Option<Arc<Declaration>> {
        self.0.table.read().get(id.index()).filter(|slot| slot.live)?.declaration.clone()
    }

    /// The newest sample of a known point.
    pub fn last(&self, id: PointId) -> Option<Last> {
        self.0
            .table
            .read()
            .get(id.index())
            .filter(|slot| slot.declaration.is_some())
            .map(|slot| slot.last.clone())
    }

    /// The newest samples of several points, under one lock; `None` where the point is not known.
    pub fn last_of(&self, points: &[PointId]) -> Vec<Option<Last>> {
        let table = self.0.table.read();
        points.iter().map(|id| table.get(id.index()).map(|slot| slot.last.clone())).collect()
    }

    /// Calls `each` with what is declared and the newest sample of several points, under one lock: keep it short.
    pub fn visit(&self, points: &[PointId], mut each: impl FnMut(usize, &Arc<Declaration>, &Last)) {
        let table = self.0.table.read();
        for (index, id) in points.iter().enumerate() {
            if let Some(Slot { declaration: Some(declaration), last, .. }) = table.get(id.index()) {
                each(index, declaration, last);
            }
        }
    }

    /// The last value that was not Bad, and its time.
    pub fn last_good(&self, id: PointId) -> Option<(Value, Time)> {
        self.last(id).filter(|last| last.good != Time::ZERO).map(|last| (last.value, last.good))
    }

    /// The sorted index of live points; rebuilt when first asked after a change.
    pub fn points(&self) -> Arc<Tree> {
        if self.0.stale_tree.swap(false, Ordering::AcqRel) {
            let table = self.0.table.read();
            let live = table.iter().enumerate().filter(|(_, slot)| slot.live).filter_map(|(index, slot)| {
                Some((PointId(u32::try_from(index).ok()?), slot.declaration.as_ref()?.path.clone()))
            });
            let tree = Arc::new(Tree::build(live));
            drop(table);
            self.0.tree.store(tree);
        }
        self.0.tree.load_full()
    }

    /// Good, uncertain and bad points among the live ones of `range` in [`Namespace::points`].
    pub fn count_quality(&self, points: &[PointId]) -> Quality {
        let mut count = Quality::default();
        let table = self.0.table.read();
        for slot in points.iter().filter_map(|id| table.get(id.index())) {
            match slot.last.status {
                status if status.is_good() => count.good += 1,
                status if status.is_uncertain() => count.uncertain += 1,
                _ => count.bad += 1,
            }
        }
        count
    }

    /// A conflating look at some points: newest wins.
    pub fn watch(&self, points: &[PointId]) -> Watch {
        Watch::new(self.clone(), points)
    }

    /// Completes at the first publish after this call (not after its first poll: nothing is missed in between).
    fn next_publish(&self) -> tokio::sync::futures::Notified<'_> {
        self.0.published.notified()
    }
}

/// How many points have which severity of quality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// Good.
    pub good: usize,
    /// Uncertain.
    pub uncertain: usize,
    /// Bad.
    pub bad: usize,
}

impl Quality {
    /// All of them.
    pub const fn total(self) -> usize {
        self.good + self.uncertain + self.bad
    }
}

fn slot_mut(table: &mut Vec<Slot>, id: PointId) -> &mut Slot {
    if table.len() <= id.index() {
        table.resize_with(id.index() + 1, || EMPTY);
    }
    &mut table[id.index()]
}

fn first_duplicate(wanted: &[(model::Path, Vec<model::Path>)]) -> Option<String> {
    let mut seen = std::collections::HashSet::with_capacity(wanted.len());
    wanted.iter().find(|(path, _)| !seen.insert(path.folded())).map(|(path, _)| path.to_string())
}

/// The time of a sample is its source's if that is believable, else the receive time.
fn resolve_times(batch: &mut Batch, max_skew: Duration) {
    let Some(source) = &batch.source else { return };
    let received = batch.received;
    let historical = batch.flags.historical;
    let believable = |stamp: Time| {
        // A historical stamp may be old, but never from the future: that would hide every later sample.
        let ahead = stamp.since(received) <= max_skew;
        ahead && (historical || received.since(stamp) <= max_skew)
    };
    let resolve = |stamp: Time| if believable(stamp) { stamp } else { received };
    batch.time = match source {
        Each::All(stamp) => Each::All(resolve(*stamp)),
        Each::Rows(stamps) => Each::Rows(stamps.iter().map(|stamp| resolve(*stamp)).collect()),
    };
}

/// Status of a point that is declared and was never read, when its connection is down.
pub const NEVER_READ: Status = Status::BAD_NO_COMMUNICATION;

#[cfg(test)]
mod tests;
