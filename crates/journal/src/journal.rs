//! The handle that everybody holds.

use crate::cursor::Cursor;
use crate::disk::Disk;
use crate::keeper::Keeper;
use crate::numbers::Numbers;
use crate::open;
use crate::reader::{self, Reader};
use crate::shared::Shared;
use crate::types::{JournalError, Notice, Options, Record, Recovered, Start, State, Stats};
use crate::writer::Writer;
use model::{Clock, Position};
use parking_lot::Mutex;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

/// The journal. A cheap handle; when the last one is dropped everything is written and the threads end.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    owner: Arc<Owner>,
}

/// Ends the threads.
struct Owner {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    lock: Mutex<Option<Box<dyn Send + Sync>>>,
}

impl Owner {
    fn close(&self) -> Result<(), JournalError> {
        let mut threads = self.threads.lock();
        self.shared.ring.lock().stop = true;
        self.shared.work.notify_all();
        for thread in threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!(target: "journal", "a thread of the journal ended in a panic");
            }
        }
        self.lock.lock().take();
        let health = self.shared.health.lock();
        if health.state == State::Failing {
            let path = self.shared.options.dir.display().to_string();
            return Err(JournalError::Io { doing: "write", path, detail: health.text.clone() });
        }
        Ok(())
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(target: "journal", "{error}");
        }
    }
}

impl Journal {
    /// Opens the folder, looks through what is there, and opens a new epoch.
    ///
    /// # Errors
    /// If the folder is in use, a file was written by a newer version, or the disk refuses. Damaged files are no
    /// error: they are set aside and named in [`Recovered::notices`].
    pub fn open(
        options: Options,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Recovered), JournalError> {
        let opened = open::open(options, disk, clock)?;
        let shared = opened.shared;
        let (epoch, end) = (opened.recovered.epoch, opened.recovered.end);
        let dir = shared.options.dir.clone();
        let fail = |e| JournalError::io("start a thread for", &dir, &e);
        let writer = Writer::new(shared.clone(), epoch, end, opened.mirror);
        let keeper = Keeper::new(shared.clone(), opened.snapshot, opened.declared_at);
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.into()).spawn(run)
        };
        let keeper = spawn("journal-keeper", Box::new(|| keeper.run())).map_err(fail)?;
        let owner = Owner {
            shared: shared.clone(),
            threads: Mutex::new(Vec::new()),
            lock: Mutex::new(Some(opened.lock)),
        };
        let watched = shared.clone();
        let run = move || {
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| writer.run()));
            watched.writer_ended(ended.is_err());
        };
        let writer = spawn("journal-writer", Box::new(run)).map_err(fail)?;
        owner.threads.lock().extend([writer, keeper]);
        Ok((Self { shared, owner: Arc::new(owner) }, opened.recovered))
    }

    /// Appends and returns the position. Never waits for the disk. If records arrive faster than the disk takes them
    /// for so long that memory is full, the oldest that are not written yet are lost, counted and named in a notice.
    pub fn append(&self, record: Record) -> Position {
        self.shared.append_with(record, |position| position)
    }

    /// As [`Journal::append`], and runs `under_lock` with the position before anybody can read the record: last
    /// values updated there agree with the journal's order. It must be short and must not call the journal.
    pub fn append_with<R>(&self, record: Record, under_lock: impl FnOnce(Position) -> R) -> R {
        self.shared.append_with(record, under_lock)
    }

    /// Last position appended.
    pub fn head(&self) -> Position {
        self.shared.head()
    }

    /// Number of this start: that of every position from now on. [`Journal::head`] may still be of the start before.
    pub fn epoch(&self) -> u32 {
        self.shared.ring.lock().next().epoch()
    }

    /// Last position on disk.
    pub fn synced(&self) -> Position {
        self.shared.synced()
    }

    /// Waits until everything up to `p` is on disk.
    ///
    /// # Errors
    /// [`JournalError::Lost`] if that record was lost, [`JournalError::Closed`] if the journal ended before.
    pub async fn wait_synced(&self, p: Position) -> Result<(), JournalError> {
        loop {
            let mut moved = pin!(self.shared.synced_moved.notified());
            moved.as_mut().enable();
            if let Some(result) = self.check_synced(p) {
                return result;
            }
            moved.await;
        }
    }

    fn check_synced(&self, p: Position) -> Option<Result<(), JournalError>> {
        let ring = self.shared.ring.lock();
        if ring.lost_at(p).is_some() {
            return Some(Err(JournalError::Lost { position: p }));
        }
        if self.shared.synced() >= p {
            return Some(Ok(()));
        }
        ring.closed.then_some(Err(JournalError::Closed))
    }

    /// Reads what follows `after`: from memory, and from files where memory does not reach back so far.
    pub fn reader(&self, after: Position) -> Reader {
        Reader::new(self.shared.clone(), after)
    }

    /// The durable cursor of this name; `start` counts only when it is new. It pins files until
    /// [`Journal::remove_cursor`], also while nobody holds the handle.
    ///
    /// # Errors
    /// If the name cannot be kept or the disk refuses.
    pub fn cursor(&self, name: &str, start: Start) -> Result<Cursor, JournalError> {
        let state = self.shared.cursors.get(name, self.synced(), || match start {
            Start::Now => self.head(),
            Start::Oldest => self.oldest(),
        })?;
        Ok(Cursor::new(self.shared.clone(), state))
    }

    /// Forgets a cursor, so that it no longer pins files.
    pub fn remove_cursor(&self, name: &str) {
        if let Err(error) = self.shared.cursors.remove(name) {
            self.shared.notice(Notice::Trouble { detail: error.to_string() });
        }
    }

    /// Names of all cursors, those included that nobody holds.
    pub fn cursor_names(&self) -> Vec<String> {
        self.shared.cursors.names()
    }

    /// The position from which everything kept can be read: `reader(oldest())` begins with the oldest record.
    pub fn oldest(&self) -> Position {
        reader::oldest(&self.shared.catalogue.lock())
    }

    /// Figures.
    pub fn stats(&self) -> Stats {
        let shared = &self.shared;
        let (head, synced) = (shared.head(), shared.synced());
        let mut stats =
            Stats { head, synced, records: shared.records.load(Ordering::Relaxed), ..Stats::default() };
        {
            let ring = shared.ring.lock();
            stats.ring_bytes = ring.bytes();
            stats.samples = ring.samples() - shared.samples_at_start;
            stats.lost_records = ring.lost_records;
            stats.lost_samples = ring.lost_samples;
        }
        stats.cursors = shared.cursors.stats();
        let compressed = {
            let catalogue = shared.catalogue.lock();
            for cursor in &mut stats.cursors {
                cursor.lag = catalogue.between(cursor.acknowledged, head);
            }
            stats.unsynced = catalogue.between(synced, head);
            stats.bytes = catalogue.bytes();
            stats.files = catalogue.files.len();
            stats.oldest = catalogue.oldest();
            catalogue.compressed
        };
        {
            let health = shared.health.lock();
            stats.state = health.state;
            stats.text.clone_from(&health.text);
            stats.bytes_per_second = health.bytes_per_second;
            stats.sync_latency = health.sync_latency;
            stats.sync_latency_max = health.sync_latency_max;
            stats.syncs = health.syncs;
            let hanging = health.syncing_since.map(|since| shared.clock.monotonic().saturating_sub(since));
            let hanging = hanging.filter(|time| *time > shared.options.sync_interval.saturating_mul(10));
            if let (Some(time), State::Ok) = (hanging, stats.state) {
                stats.state = State::Slow;
                stats.text = format!("the disk has not finished a sync for {:.1} s", time.as_secs_f64());
            }
        }
        stats.notices_dropped = shared.notices.lock().dropped;
        stats.free_bytes = shared.disk.free_bytes(&shared.options.dir).unwrap_or(0);
        stats.sealed_ratio = if compressed.0 > 0 { compressed.1 as f64 / compressed.0 as f64 } else { 1.0 };
        let room = shared.options.max_bytes.saturating_sub(stats.bytes).min(stats.free_bytes) as f64;
        stats.outage_hours = room / (stats.bytes_per_second * stats.sealed_ratio) / 3600.0;
        stats
    }

    /// What happened since the last call; at most 1,000 are kept, older ones are counted in
    /// [`Stats::notices_dropped`].
    pub fn take_notices(&self) -> Vec<Notice> {
        self.shared.notices.lock().list.drain(..).collect()
    }

    /// The permanent point numbers.
    pub fn numbers(&self) -> &Numbers {
        &self.shared.numbers
    }

    /// Has what was appended written and synced at once instead of with the next interval; does not wait. For whoever
    /// acknowledges upstream and holds the other side up.
    pub fn hurry(&self) {
        self.shared.ring.lock().flush = true;
        self.shared.work.notify_all();
    }

    /// Writes and syncs now, and waits for it on this thread.
    ///
    /// # Errors
    /// If the disk refuses, or what was appended before the call was lost.
    pub fn flush(&self) -> Result<(), JournalError> {
        let goal = self.head();
        let mut ring = self.shared.ring.lock();
        while self.shared.synced() < goal {
            if ring.closed {
                return Err(JournalError::Closed);
            }
            ring.flush = true;
            self.shared.work.notify_all();
            self.shared.synced_blocking.wait_for(&mut ring, self.shared.options.retry_interval);
            let health = self.shared.health.lock();
            if health.state == State::Failing {
                let path = self.shared.options.dir.display().to_string();
                return Err(JournalError::Io { doing: "write", path, detail: health.text.clone() });
            }
        }
        if ring.lost_at(goal).is_some() {
            return Err(JournalError::Lost { position: goal });
        }
        Ok(())
    }

    /// Has the housekeeping done now (cursors saved, snapshot, bound, compression) and waits for it on this thread.
    pub fn keep(&self) {
        let mut orders = self.shared.keeper.lock();
        // The round that runs now may have begun before the call: wait for the one behind it.
        let goal = orders.rounds + 2;
        while orders.rounds < goal && !orders.stop {
            orders.kick = true;
            self.shared.keeper_work.notify_all();
            self.shared.keeper_work.wait_for(&mut orders, self.shared.options.keep_interval);
        }
    }

    /// Writes everything, saves the cursors and a snapshot, ends the threads and gives the folder back. Handles
    /// that are still held keep reading what is in memory; what they append is lost.
    ///
    /// # Errors
    /// If the last records could not be written.
    pub fn close(self) -> Result<(), JournalError> {
        self.owner.close()
    }
}
