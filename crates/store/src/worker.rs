//! The thread that takes in the journal and writes first-level segments.

use crate::error::StoreError;
use crate::flush;
use crate::options::{StoreNotice, StoreState};
use crate::store::Inner;
use journal::{Cursor, Item, Journal, Reader, Record};
use model::Position;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

/// Records taken in under one lock.
const BURST: usize = 256;
/// How long the thread sleeps when nothing comes.
const IDLE: Duration = Duration::from_millis(100);
/// A flush that takes longer makes the store slow.
const SLOW: Duration = Duration::from_secs(10);

struct Worker {
    inner: Arc<Inner>,
    journal: Journal,
    cursor: Cursor,
    reader: Reader,
    /// Last position taken in.
    seen: Position,
    /// Last position acknowledged.
    acknowledged: Position,
    /// When the head got its first sample, and when the last flush failed; monotonic.
    since: Option<Duration>,
    failed: Option<Duration>,
}

pub(crate) fn spawn(
    inner: &Arc<Inner>,
    journal: Journal,
    cursor: Cursor,
    reader: Reader,
) -> Result<JoinHandle<()>, StoreError> {
    let seen = reader.position();
    inner.taken.store(seen.0, Ordering::Release);
    let worker = Worker {
        inner: Arc::clone(inner),
        journal,
        cursor,
        reader,
        seen,
        acknowledged: seen,
        since: None,
        failed: None,
    };
    std::thread::Builder::new()
        .name("store".into())
        .spawn(move || worker.run())
        .map_err(StoreError::io("thread"))
}

impl Worker {
    fn run(mut self) {
        loop {
            let (stop, wanted) = {
                let asked = self.inner.asked.lock();
                (asked.stop, (asked.flush > asked.flushed).then_some(asked.flush))
            };
            if let Some(ticket) = wanted {
                // Everything appended before the call belongs to it.
                let until = self.journal.head();
                let mut patience = 100;
                while self.seen < until && patience > 0 {
                    patience = if self.take(IDLE) { 100 } else { patience - 1 };
                    if self.due() {
                        self.flush();
                    }
                    if self.full() {
                        break;
                    }
                }
                self.flush();
                let mut asked = self.inner.asked.lock();
                asked.flushed = ticket;
                self.inner.asked_changed.notify_all();
                continue;
            }
            if stop {
                return;
            }
            if self.full() {
                // Nothing more fits until the disk takes something: the journal keeps what comes.
                let mut asked = self.inner.asked.lock();
                if asked.flush == asked.flushed && !asked.stop {
                    self.inner.asked_changed.wait_for(&mut asked, IDLE);
                }
            } else {
                self.take(IDLE);
            }
            if self.due() {
                self.flush();
            }
        }
    }

    fn full(&self) -> bool {
        self.failed.is_some() && self.inner.head.lock().bytes > self.inner.options.head_bytes
    }

    /// Takes in what there is, at most a burst; whether there was anything.
    fn take(&mut self, wait: Duration) -> bool {
        let first = match self.reader.try_next() {
            Some(item) => item,
            None => match self.reader.next_blocking(wait) {
                Some(item) => item,
                None => return false,
            },
        };
        let inner = Arc::clone(&self.inner);
        let mut samples = 0;
        let mut head = inner.head.lock();
        let (mut next, mut taken) = (Some(first), 0);
        while let Some(item) = next {
            self.seen = item.position();
            match item {
                Item::Record { position, record: Record::Samples(batch) } => {
                    samples += batch.len() as u64;
                    head.push(position, &batch);
                }
                other => self.other(other, head.received),
            }
            taken += 1;
            next = if taken < BURST { self.reader.try_next() } else { None };
        }
        if head.rows > 0 && self.since.is_none() {
            self.since = Some(inner.clock.monotonic());
        }
        drop(head);
        inner.taken.store(self.seen.0, Ordering::Release);
        inner.counters.lock().samples += samples;
        true
    }

    fn other(&self, item: Item, received: model::Time) {
        let done = match item {
            Item::Record { position, record: Record::Declare(all) } => {
                let since = if received.0 == 0 { self.inner.clock.now() } else { received };
                self.inner.metadata.lock().declare(position, since, &all)
            }
            Item::Record { position, record: Record::Event(event) } => {
                self.inner.events.lock().push(position, &event)
            }
            Item::Gap { from, to, samples } => {
                self.inner.counters.lock().gaps += samples.unwrap_or(0);
                self.inner.notice(StoreNotice::Gap { range: format!("{from} to {to}"), rows: samples });
                Ok(())
            }
            Item::Record { .. } => Ok(()),
        };
        if let Err(e) = done {
            self.inner.notice(StoreNotice::WriteFailed { detail: e.to_string() });
        }
    }

    fn due(&self) -> bool {
        let now = self.inner.clock.monotonic();
        if let Some(failed) = self.failed {
            return now.saturating_sub(failed) >= self.inner.options.retry;
        }
        let old = self.since.is_some_and(|s| now.saturating_sub(s) >= self.inner.options.head_age);
        old || self.inner.head.lock().bytes >= self.inner.options.head_bytes
    }

    fn flush(&mut self) {
        let start = self.inner.clock.monotonic();
        let done = self.try_flush();
        let now = self.inner.clock.monotonic();
        let mut counters = self.inner.counters.lock();
        match done {
            Ok(()) => {
                let slow = now.saturating_sub(start) > SLOW;
                if self.failed.take().is_some() {
                    counters.notice(StoreNotice::WriteRecovered);
                }
                counters.state = if slow { StoreState::Slow } else { StoreState::Ok };
                counters.text = if slow {
                    format!("the last segment took {:?} to write", now - start)
                } else {
                    String::new()
                };
            }
            Err(e) => {
                if self.failed.is_none() {
                    counters.notice(StoreNotice::WriteFailed { detail: e.to_string() });
                }
                tracing::error!(error = %e, "history cannot be written; it is tried again");
                self.failed = Some(now);
                counters.state = StoreState::Failing;
                counters.text = format!("{e}; samples wait in memory and in the journal");
            }
        }
    }

    fn try_flush(&mut self) -> Result<(), StoreError> {
        let inner = Arc::clone(&self.inner);
        {
            let mut head = inner.head.lock();
            let waiting = !inner.live.read().frozen.is_empty();
            if head.rows > 0 && !waiting {
                let frozen = Arc::new(head.freeze());
                inner.live.write().frozen.push(frozen);
                self.since = None;
            }
        }
        self.wait_synced(self.seen)?;
        inner.events.lock().sync()?;
        inner.metadata.lock().sync()?;
        let frozen = inner.live.read().frozen.first().cloned();
        let mut done = self.seen;
        if let Some(frozen) = frozen {
            self.write(&frozen)?;
            // What is still in the head is not in a segment yet.
            done = match inner.head.lock().first {
                Some(_) => frozen.last,
                None => self.seen,
            };
            inner.merge_wake.notify_all();
        }
        if done > self.acknowledged {
            self.cursor.acknowledge(done);
            self.acknowledged = done;
        }
        Ok(())
    }

    fn write(&self, frozen: &Arc<crate::head::Frozen>) -> Result<(), StoreError> {
        let inner = &self.inner;
        let dir = inner.segments_dir();
        // As many numbers as a flush can make files.
        let id = inner.next_id.fetch_add(8, Ordering::SeqCst);
        let entries = flush::write(&dir, frozen, id, &|step| inner.reached(step))?;
        self.wait_synced(frozen.last)?;
        inner.reached("before commit")?;
        let _guard = inner.commit.lock();
        let mut catalogue = (*inner.live.read().catalogue).clone();
        flush::commit(&dir, &mut catalogue, entries, frozen.last.0)?;
        {
            let mut live = inner.live.write();
            live.catalogue = Arc::new(catalogue);
            live.frozen.retain(|f| !Arc::ptr_eq(f, frozen));
        }
        inner.counters.lock().flushes += 1;
        inner.reached("committed")
    }

    /// History takes only what is on disk in the journal too: otherwise a crash could leave a position in history
    /// that nobody else ever saw.
    fn wait_synced(&self, last: Position) -> Result<(), StoreError> {
        while self.journal.synced() < last {
            let mut asked = self.inner.asked.lock();
            if asked.stop {
                return Err(StoreError::Journal("stopped before the journal was synced".into()));
            }
            self.inner.asked_changed.wait_for(&mut asked, Duration::from_millis(2));
        }
        Ok(())
    }
}
