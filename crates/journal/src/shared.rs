//! What the handles and the two threads share.

use crate::cursor::Cursors;
use crate::disk::Disk;
use crate::files::Catalogue;
use crate::frame::ShapePool;
use crate::mirror::Snapshot;
use crate::numbers::Numbers;
use crate::ring::{Ring, cost_of};
use crate::types::{Notice, Options, Record, State};
use model::{Clock, Position};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// Most notices kept for [`crate::Journal::take_notices`].
const MAX_NOTICES: usize = 1000;

/// How the writer is doing.
#[derive(Default)]
pub(crate) struct Health {
    pub state: State,
    pub text: String,
    pub bytes_per_second: f64,
    pub sync_latency: Duration,
    pub sync_latency_max: Duration,
    pub syncs: u64,
    /// A sync is under way since (monotonic): a disk that hangs never reports back.
    pub syncing_since: Option<Duration>,
}

/// Orders for the keeper thread.
#[derive(Default)]
pub(crate) struct KeeperOrders {
    pub snapshot: Option<Snapshot>,
    /// A round is wanted now.
    pub kick: bool,
    /// Rounds finished, for whoever waits for one.
    pub rounds: u64,
    /// The writer is done: one last round, then end.
    pub stop: bool,
}

#[derive(Default)]
pub(crate) struct Notices {
    pub list: VecDeque<Notice>,
    pub dropped: u64,
}

pub(crate) struct Shared {
    pub options: Options,
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<dyn Clock>,
    pub ring: Mutex<Ring>,
    /// The writer waits here, with the ring's lock.
    pub work: Condvar,
    /// Blocking readers wait here, with the ring's lock.
    pub appended_blocking: Condvar,
    pub blocked_readers: AtomicUsize,
    pub appended: Notify,
    pub synced_moved: Notify,
    /// `flush` waits here, with the ring's lock.
    pub synced_blocking: Condvar,
    pub head: AtomicU64,
    pub synced: AtomicU64,
    pub records: AtomicU64,
    pub catalogue: Mutex<Catalogue>,
    pub cursors: Cursors,
    pub numbers: Numbers,
    pub shapes: ShapePool,
    pub notices: Mutex<Notices>,
    pub health: Mutex<Health>,
    pub keeper: Mutex<KeeperOrders>,
    pub keeper_work: Condvar,
    pub samples_at_start: u64,
}

impl Shared {
    pub fn head(&self) -> Position {
        Position(self.head.load(Ordering::Acquire))
    }

    pub fn synced(&self) -> Position {
        Position(self.synced.load(Ordering::Acquire))
    }

    pub fn notice(&self, notice: Notice) {
        tracing::warn!(target: "journal", "{notice}");
        let mut notices = self.notices.lock();
        if notices.list.len() >= MAX_NOTICES {
            notices.list.pop_front();
            notices.dropped += 1;
        }
        notices.list.push_back(notice);
    }

    pub fn append_with<R>(&self, record: Record, under_lock: impl FnOnce(Position) -> R) -> R {
        let cost = cost_of(&record);
        // Freed after the lock is given back: giving memory back is the dearest part of an append.
        let mut evicted = Vec::new();
        let mut ring = self.ring.lock();
        let result = under_lock(ring.next());
        let before = ring.waiting_disk_bytes();
        let idle = !ring.has_waiting();
        let lost = ring.lost_records;
        let position = ring.push(record, cost, &mut evicted);
        let lost = ring.lost_records > lost;
        let full = self.options.sync_bytes;
        let wake = idle || (before < full && ring.waiting_disk_bytes() >= full);
        self.head.store(position.0, Ordering::Release);
        drop(ring);
        self.records.fetch_add(1, Ordering::Relaxed);
        if wake {
            self.work.notify_one();
        }
        if lost {
            // Whoever waits for one of the lost ones hears it now.
            self.synced_moved.notify_waiters();
        }
        self.appended.notify_waiters();
        if self.blocked_readers.load(Ordering::Acquire) > 0 {
            self.appended_blocking.notify_all();
        }
        result
    }

    /// Called by the writer when everything up to `position` is on disk or lost.
    pub fn set_synced(&self, position: Position) {
        {
            let _ring = self.ring.lock();
            self.synced.fetch_max(position.0, Ordering::AcqRel);
        }
        self.synced_moved.notify_waiters();
        self.synced_blocking.notify_all();
    }

    /// The writer has ended, in good order or not: nobody waits in vain.
    pub fn writer_ended(&self, panicked: bool) {
        self.ring.lock().closed = true;
        if panicked {
            let mut health = self.health.lock();
            health.state = State::Failing;
            health.text = "the journal's writer ended in a panic; restart Ironbridge".into();
            tracing::error!(target: "journal", "{}", health.text);
        }
        self.synced_moved.notify_waiters();
        self.synced_blocking.notify_all();
        self.keeper.lock().stop = true;
        self.keeper_work.notify_all();
    }

    /// Has the keeper do a round soon.
    pub fn kick_keeper(&self) {
        self.keeper.lock().kick = true;
        self.keeper_work.notify_all();
    }
}
