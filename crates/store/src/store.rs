//! The handle, and how the store opens.

use crate::cache::Cache;
use crate::catalogue::{Catalogue, Found, rollup_name, set_aside, sync_dir};
use crate::error::StoreError;
use crate::events::{EventFilter, Events};
use crate::head::{Frozen, Head};
use crate::metadata::{Effective, Metadata};
use crate::options::{Counters, Options, SegmentInfo, StoreNotice, StoreStats};
use crate::segment::read::Segment;
use crate::worker;
use journal::{Cursor, Journal, Start};
use model::{Clock, Event, PointId, Position, Time};
use parking_lot::{Condvar, Mutex, RwLock};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// What readers see at once.
#[derive(Clone, Default)]
pub(crate) struct Live {
    pub catalogue: Arc<Catalogue>,
    pub frozen: Vec<Arc<Frozen>>,
}

/// Who asks the worker for what.
#[derive(Default)]
pub(crate) struct Asked {
    pub flush: u64,
    pub flushed: u64,
    pub stop: bool,
}

/// Says whether a test stops the store at a step.
type Hook = Box<dyn FnMut(&'static str) -> bool + Send>;

pub(crate) struct Inner {
    pub dir: PathBuf,
    pub options: Options,
    pub clock: Arc<dyn Clock>,
    pub head: Mutex<Head>,
    pub live: RwLock<Live>,
    /// Held while the catalogue changes.
    pub commit: Mutex<()>,
    pub next_id: AtomicU64,
    pub cache: Mutex<Cache>,
    pub metadata: Mutex<Metadata>,
    pub events: Mutex<Events>,
    pub counters: Mutex<Counters>,
    /// Last position taken in.
    pub taken: AtomicU64,
    pub asked: Mutex<Asked>,
    pub asked_changed: Condvar,
    pub merge_wake: Condvar,
    pub stopping: AtomicBool,
    /// A crash test stops here.
    pub step: Mutex<Option<Hook>>,
}

/// The historian. A cheap handle; [`Store::close`] writes what is in memory and stops its threads.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Inner {
    pub fn segments_dir(&self) -> PathBuf {
        self.dir.join("segments")
    }

    pub fn notice(&self, notice: StoreNotice) {
        tracing::warn!(title = notice.title(), detail = notice.detail(), "history");
        self.counters.lock().notice(notice);
    }

    pub fn snapshot(&self) -> Live {
        self.live.read().clone()
    }

    /// An open segment, from the cache or from disk. A damaged one is set aside and answers `None`.
    pub fn segment(&self, entry: &crate::catalogue::Entry) -> Result<Option<Arc<Segment>>, StoreError> {
        if let Some(found) = self.cache.lock().segments.get(&entry.id) {
            return Ok(Some(found));
        }
        match Segment::open(&self.segments_dir().join(entry.name())) {
            Ok(segment) => {
                let segment = Arc::new(segment);
                self.cache.lock().segments.put(entry.id, Arc::clone(&segment), segment.bytes());
                Ok(Some(segment))
            }
            Err(e) => self.unreadable(entry, e).map(|()| None),
        }
    }

    /// What to do about a segment that cannot be read: damaged ones are set aside; one that a merge has replaced
    /// meanwhile is simply gone; other errors go to the caller.
    pub fn unreadable(&self, entry: &crate::catalogue::Entry, error: StoreError) -> Result<(), StoreError> {
        self.counters.lock().unreadable += 1;
        match error {
            StoreError::Damaged { why, .. } => self.quarantine(entry, &why),
            other => Err(other),
        }
    }

    fn quarantine(&self, entry: &crate::catalogue::Entry, why: &str) -> Result<(), StoreError> {
        let _guard = self.commit.lock();
        let live = self.snapshot();
        if !live.catalogue.segments.iter().any(|s| s.id == entry.id) {
            return Ok(());
        }
        let dir = self.segments_dir();
        let mut catalogue = (*live.catalogue).clone();
        catalogue.segments.retain(|s| s.id != entry.id);
        // Even when the disk refuses the renaming, answers go on without the file.
        let done =
            set_aside(&dir, &entry.name()).and_then(|()| catalogue.save(&dir)).and_then(|()| sync_dir(&dir));
        self.live.write().catalogue = Arc::new(catalogue);
        self.cache.lock().forget(entry.id);
        self.counters.lock().corrupt += 1;
        let detail = done.err().map_or_else(|| why.to_string(), |e| format!("{why}; {e}"));
        self.notice(StoreNotice::Corrupt {
            file: format!("{}.corrupt", entry.name()),
            detail,
            rows: entry.rows,
        });
        Ok(())
    }

    /// Replaces segments in the catalogue and removes their files.
    pub fn exchange(
        &self,
        gone: &[u64],
        new: Option<crate::catalogue::Entry>,
        expired: u64,
    ) -> Result<(), StoreError> {
        let _guard = self.commit.lock();
        let dir = self.segments_dir();
        let mut catalogue = (*self.live.read().catalogue).clone();
        let old: Vec<_> = catalogue.segments.iter().filter(|s| gone.contains(&s.id)).cloned().collect();
        catalogue.segments.retain(|s| !gone.contains(&s.id));
        catalogue.segments.extend(new.map(Arc::new));
        catalogue.expired += expired;
        catalogue.next = self.next_id.load(Ordering::SeqCst);
        catalogue.save(&dir)?;
        self.live.write().catalogue = Arc::new(catalogue);
        for entry in old {
            for name in [entry.name(), rollup_name(&entry.name())] {
                match std::fs::remove_file(dir.join(&name)) {
                    Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                        tracing::warn!(file = name, error = %e, "a replaced history file could not be removed; the next start removes it");
                    }
                    _ => {}
                }
            }
            self.cache.lock().forget(entry.id);
        }
        Ok(())
    }

    pub fn reached(&self, step: &'static str) -> Result<(), StoreError> {
        let stop = self.step.lock().as_mut().is_some_and(|hook| hook(step));
        if stop { Err(StoreError::Journal(format!("stopped by a test at {step}"))) } else { Ok(()) }
    }
}

fn report(inner: &Inner, found: Found, bad_lines: u64) {
    inner.counters.lock().bad_lines = bad_lines;
    if let Some(detail) = found.rebuilt {
        inner.notice(StoreNotice::Repaired {
            detail: format!("the list of segments was made anew ({detail})"),
        });
    }
    if !found.missing.is_empty() {
        let detail = format!("segments are missing from the folder: {}", found.missing.join(", "));
        inner.notice(StoreNotice::Repaired { detail });
    }
    if !found.unfinished.is_empty() {
        tracing::info!(
            files = found.unfinished.join(", "),
            "unfinished history files of the last run were removed; the journal still has their samples"
        );
    }
    if bad_lines > 0 {
        let detail = format!("{bad_lines} lines of the event and declaration logs could not be read");
        inner.notice(StoreNotice::Repaired { detail });
    }
}

impl Store {
    /// Opens the history in `dir` and begins to take in what the journal has from the store's cursor on.
    ///
    /// # Errors
    /// The folder cannot be used, or was written by a newer Ironbridge.
    pub fn open(
        dir: impl Into<PathBuf>,
        journal: &Journal,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<Self, StoreError> {
        let dir: PathBuf = dir.into();
        let segments = dir.join("segments");
        std::fs::create_dir_all(&segments).map_err(StoreError::io(&segments))?;
        let cursor: Cursor =
            journal.cursor("store", Start::Oldest).map_err(|e| StoreError::Journal(e.to_string()))?;
        let inner = Self::load(dir, clock, options, false)?;
        let mut consumed = Position(inner.live.read().catalogue.consumed);
        if consumed > journal.head() {
            let detail = format!(
                "the journal is younger than history (which ends at {consumed}): all of it is taken in"
            );
            inner.notice(StoreNotice::Repaired { detail });
            consumed = Position::START;
        }
        let reader = journal.reader(consumed.max(cursor.saved()));
        let store = Self { inner, threads: Arc::default() };
        let mut threads = Vec::new();
        threads.push(worker::spawn(&store.inner, journal.clone(), cursor, reader)?);
        if store.inner.options.background {
            threads.push(crate::keeper::spawn(&store.inner)?);
        }
        *store.threads.lock() = threads;
        Ok(store)
    }

    /// Opens the history in `dir` for reading alone, without a journal; changes nothing on disk.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn offline(dir: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let inner = Self::load(dir.into(), clock, Options { background: false, ..Options::default() }, true)?;
        inner.stopping.store(true, Ordering::SeqCst);
        Ok(Self { inner, threads: Arc::default() })
    }

    fn load(
        dir: PathBuf,
        clock: Arc<dyn Clock>,
        options: Options,
        offline: bool,
    ) -> Result<Arc<Inner>, StoreError> {
        let (catalogue, found) = Catalogue::open(&dir.join("segments"), !offline)?;
        let (metadata, bad_declarations) = Metadata::open(&dir, offline)?;
        let (events, bad_events) = Events::open(&dir.join("events"), offline)?;
        let inner = Arc::new(Inner {
            next_id: AtomicU64::new(catalogue.next.max(1)),
            cache: Mutex::new(Cache::new(options.cache_bytes)),
            dir,
            options,
            clock,
            head: Mutex::default(),
            live: RwLock::new(Live { catalogue: Arc::new(catalogue), frozen: Vec::new() }),
            commit: Mutex::new(()),
            metadata: Mutex::new(metadata),
            events: Mutex::new(events),
            counters: Mutex::default(),
            taken: AtomicU64::new(0),
            asked: Mutex::default(),
            asked_changed: Condvar::new(),
            merge_wake: Condvar::new(),
            stopping: AtomicBool::new(false),
            step: Mutex::new(None),
        });
        report(&inner, found, bad_declarations + bad_events);
        Ok(inner)
    }

    /// Writes everything taken in so far into segments. Returns when it is done, or after a failed attempt.
    pub fn flush(&self) {
        if self.inner.stopping.load(Ordering::SeqCst) {
            return;
        }
        let mut asked = self.inner.asked.lock();
        asked.flush += 1;
        let ticket = asked.flush;
        self.inner.asked_changed.notify_all();
        while asked.flushed < ticket && !asked.stop {
            self.inner.asked_changed.wait(&mut asked);
        }
    }

    /// Merges everything that can be merged as if every day were over, and applies retention. For tests, benchmarks
    /// and maintenance by hand.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn compact(&self) -> Result<(), StoreError> {
        while crate::keeper::merge_one(&self.inner, &|_| true)? {}
        crate::keeper::expire(&self.inner)
    }

    /// Writes what is in memory and stops the threads.
    pub fn close(&self) {
        self.flush();
        self.inner.stopping.store(true, Ordering::SeqCst);
        {
            let mut asked = self.inner.asked.lock();
            asked.stop = true;
            self.inner.asked_changed.notify_all();
            self.inner.merge_wake.notify_all();
        }
        for thread in std::mem::take(&mut *self.threads.lock()) {
            if thread.join().is_err() {
                tracing::error!("a thread of the historian panicked");
            }
        }
    }

    /// The segments, oldest first.
    pub fn segments(&self) -> Vec<SegmentInfo> {
        let dir = self.inner.segments_dir();
        let mut all: Vec<_> = self.inner.snapshot().catalogue.segments.clone();
        all.sort_by_key(|s| (s.from, s.id));
        all.into_iter().map(|entry| SegmentInfo { path: dir.join(entry.name()), entry }).collect()
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// The declaration of a point that was in force at `time`.
    pub fn metadata_at(&self, point: PointId, time: Time) -> Option<Effective> {
        self.inner.metadata.lock().at(point.0, time).cloned()
    }

    /// All declarations of a point, oldest first.
    pub fn metadata_history(&self, point: PointId) -> Vec<Effective> {
        self.inner.metadata.lock().history(point.0)
    }

    /// The newest declaration of every point that history knows, by number.
    pub fn points(&self) -> Vec<Effective> {
        self.inner.metadata.lock().newest()
    }

    /// Number of a path, case ignored.
    pub fn find(&self, path: &str) -> Option<PointId> {
        self.inner.metadata.lock().find(path).map(PointId)
    }

    /// Events, newest first; of each the newest revision.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn events(&self, filter: &EventFilter, limit: usize) -> Result<Vec<Arc<Event>>, StoreError> {
        self.inner.events.lock().query(filter, limit)
    }

    /// Events that began at `from <= start < to`, all their revisions with their positions, oldest first; at most `most` + 1.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn told(&self, from: Time, to: Time, most: usize) -> Result<Vec<(Position, Arc<Event>)>, StoreError> {
        self.inner.events.lock().told(from, to, most)
    }

    /// Everything up to this position is found by reads.
    pub fn taken(&self) -> Position {
        Position(self.inner.taken.load(Ordering::Acquire))
    }

    /// The oldest time of any sample; `None` while there is none.
    pub fn oldest(&self) -> Option<Time> {
        let live = self.inner.snapshot();
        let stored = live.catalogue.segments.iter().map(|entry| entry.from).min();
        if let Some(stored) = stored {
            return Some(Time(stored));
        }
        let head = self.inner.head.lock();
        let points: Vec<u32> = head.points().into_iter().collect();
        drop(head);
        let (_, memory) = self.inner.memory(&points, Time(i64::MIN), Time(i64::MAX));
        let first = memory.values().flatten().filter_map(|run| run.stamps.time.first().copied()).min();
        first.map(Time)
    }

    /// What happened since the last call.
    pub fn take_notices(&self) -> Vec<StoreNotice> {
        self.inner.counters.lock().notices.drain(..).collect()
    }

    /// Figures.
    pub fn stats(&self) -> StoreStats {
        let live = self.inner.snapshot();
        let head = self.inner.head.lock();
        let counters = self.inner.counters.lock();
        let frozen: usize = live.frozen.iter().map(|f| f.rows).sum();
        StoreStats {
            state: counters.state,
            text: counters.text.clone(),
            segments: live.catalogue.segments.len(),
            bytes: live.catalogue.segments.iter().map(|s| s.bytes + s.rollup).sum(),
            rows: live.catalogue.segments.iter().map(|s| s.rows).sum(),
            head_rows: head.rows + frozen,
            head_bytes: head.bytes,
            cache_bytes: self.inner.cache.lock().bytes(),
            samples: counters.samples,
            flushes: counters.flushes,
            merges: counters.merges,
            merge_failures: counters.merge_failures,
            corrupt: counters.corrupt,
            unreadable: counters.unreadable,
            expired: live.catalogue.expired,
            gaps: counters.gaps,
            bad_lines: counters.bad_lines,
            notices_dropped: counters.notices_dropped,
        }
    }

    /// Stops a flush or merge at the step for which `hook` says so, as a crash would: for tests.
    #[doc(hidden)]
    pub fn stop_at(&self, hook: impl FnMut(&'static str) -> bool + Send + 'static) {
        *self.inner.step.lock() = Some(Box::new(hook));
    }
}
