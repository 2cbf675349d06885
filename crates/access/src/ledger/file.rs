//! Appending: durable on return, group commit, closed for good after a failed sync.

use super::recover::{self, Head};
use super::{GENESIS, Record, verify};
use crate::open::entry;
use crate::{AccessError, Chain, Verification, files};
use model::{Clock, Time};
use namespace::Entry;
use parking_lot::Mutex;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// What the ledger asks of the disk; tests have one that fails.
pub(crate) trait Backing: Send + Sync {
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    fn sync(&self) -> io::Result<()>;
    fn truncate(&self, length: u64) -> io::Result<()>;
}

impl Backing for File {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self;
        file.write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// The backing of a ledger that could not be opened.
struct Nowhere;

impl Backing for Nowhere {
    fn append(&self, _bytes: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::NotConnected.into())
    }

    fn sync(&self) -> io::Result<()> {
        Err(io::ErrorKind::NotConnected.into())
    }

    fn truncate(&self, _length: u64) -> io::Result<()> {
        Err(io::ErrorKind::NotConnected.into())
    }
}

/// The ledger of this machine. [`LedgerFile::append`] returns once the record is on disk.
pub struct LedgerFile {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    file: Box<dyn Backing>,
    state: Mutex<State>,
    /// Held during a sync: whoever waits for it finds his record synced along.
    syncing: Mutex<()>,
    durable: AtomicU64,
    head_saved: AtomicU64,
    checked: Mutex<Option<(Time, Verification)>>,
    told: OnceLock<Told>,
}

/// Hears of each record: its number and what it says.
type Told = Box<dyn Fn(u64, &Entry) + Send + Sync>;

struct State {
    length: u64,
    seq: u64,
    last: String,
    failed: Option<String>,
}

impl LedgerFile {
    /// Opens or begins the ledger at `path`. A torn or damaged tail (power cut) is set aside in a file of its own, and
    /// that is the first thing recorded.
    ///
    /// # Errors
    /// When the file cannot be opened, or the recovery cannot be recorded.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Arc<Self>, AccessError> {
        let tail = recover::recover(path, clock.now()).map_err(AccessError::io(path))?;
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(AccessError::io(path))?;
        files::sync_parent(path).map_err(AccessError::io(path))?;
        let ledger = Self::with(path, clock, Box::new(file), tail.length, tail.seq, tail.hash);
        ledger.head_saved.store(tail.head_seq, Ordering::Release);
        let ledger = Arc::new(ledger);
        for text in tail.notices {
            tracing::warn!(ledger = %path.display(), text, "the audit ledger was recovered");
            let line = entry("system", "ledger-recovered", "ledger", "done", text);
            ledger.append(&line).map_err(AccessError::Ledger)?;
        }
        if let Err(error) = ledger.save_head() {
            tracing::warn!(%error, "the head of the audit ledger could not be saved; tried again later");
        }
        Ok(ledger)
    }

    /// A ledger that takes nothing: the file could not be opened.
    pub(crate) fn closed(path: &Path, clock: Arc<dyn Clock>, why: &AccessError) -> Arc<Self> {
        let ledger = Self::with(path, clock, Box::new(Nowhere), 0, 0, GENESIS.into());
        ledger.state.lock().failed = Some(format!("it could not be opened: {why}"));
        Arc::new(ledger)
    }

    fn with(
        path: &Path,
        clock: Arc<dyn Clock>,
        file: Box<dyn Backing>,
        length: u64,
        seq: u64,
        last: String,
    ) -> Self {
        Self {
            path: path.to_owned(),
            clock,
            file,
            state: Mutex::new(State { length, seq, last, failed: None }),
            syncing: Mutex::new(()),
            durable: AtomicU64::new(length),
            head_saved: AtomicU64::new(0),
            checked: Mutex::new(None),
            told: OnceLock::new(),
        }
    }

    /// Tells `told` of each record from now on, once it is on disk. It must not block. Only the first call counts.
    pub fn tell(&self, told: impl Fn(u64, &Entry) + Send + Sync + 'static) {
        let _ = self.told.set(Box::new(told));
    }

    /// Appends one record; it is on disk when this returns. Blocks for a disk sync.
    ///
    /// # Errors
    /// Why it could not be made durable. After a failed sync nothing is recorded until the next start: what the disk
    /// then holds is unknown, and the tail is checked when the file is opened anew.
    pub fn append(&self, entry: &Entry) -> Result<(), String> {
        let (seq, end) = self.write(entry)?;
        self.sync(end)?;
        if let Some(told) = self.told.get() {
            told(seq, entry);
        }
        Ok(())
    }

    /// Number of the record, and where it ends in the file.
    fn write(&self, entry: &Entry) -> Result<(u64, u64), String> {
        let mut state = self.state.lock();
        if let Some(why) = &state.failed {
            return Err(why.clone());
        }
        let record = Record::new(entry, state.seq + 1, self.clock.now(), state.last.clone());
        let line = format!("{}\n", record.line());
        if let Err(error) = self.file.append(line.as_bytes()) {
            // A full disk leaves half a line: take it back, so that the next record does not stand behind it.
            if let Err(worse) = self.file.truncate(state.length) {
                state.failed = Some(format!("{error}; and the half record could not be taken back: {worse}"));
            }
            return Err(error.to_string());
        }
        state.seq = record.seq;
        state.last = record.hash;
        state.length += line.len() as u64;
        Ok((state.seq, state.length))
    }

    fn sync(&self, end: u64) -> Result<(), String> {
        let _one_at_a_time = self.syncing.lock();
        if self.durable.load(Ordering::Acquire) >= end {
            return Ok(());
        }
        let written = {
            let state = self.state.lock();
            if let Some(why) = &state.failed {
                return Err(why.clone());
            }
            state.length
        };
        if let Err(error) = self.file.sync() {
            let why = format!(
                "the disk did not confirm a record ({error}); the ledger is closed until the next start"
            );
            tracing::error!(%error, ledger = %self.path.display(), "the audit ledger failed; writes to the plant stop");
            self.state.lock().failed = Some(why.clone());
            return Err(why);
        }
        self.durable.store(written, Ordering::Release);
        Ok(())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why nothing can be recorded until the next start, if so.
    pub fn failure(&self) -> Option<String> {
        self.state.lock().failed.clone()
    }

    /// Number and hash of the newest record; 0 and zeros for none.
    pub fn head(&self) -> (u64, String) {
        let state = self.state.lock();
        (state.seq, state.last.clone())
    }

    /// Bytes that are surely on disk, ending with a whole line.
    pub(super) fn readable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// Checks the whole chain from the file. Reads all of it, tens of thousands of records a
    /// second: call it on a blocking thread.
    pub fn verify(&self) -> Verification {
        let result = verify::verify_up_to(&self.path, Some(self.readable()));
        *self.checked.lock() = Some((self.clock.now(), result.clone()));
        result
    }

    /// The state of the chain as last checked.
    pub fn chain(&self) -> Chain {
        let (records, head) = self.head();
        let checked = self.checked.lock();
        Chain {
            records,
            head,
            verified: checked.as_ref().map(|(_, result)| result.problem.is_none()),
            checked_at: checked.as_ref().map(|(at, _)| *at),
            problem: checked
                .as_ref()
                .and_then(|(_, result)| result.problem.as_ref().map(ToString::to_string)),
            failure: self.failure(),
        }
    }

    /// Remembers the newest hash beside the ledger, if it changed.
    pub(crate) fn save_head(&self) -> Result<(), AccessError> {
        let (seq, hash) = self.head();
        let is_durable = self.state.lock().length <= self.readable();
        if seq == 0 || !is_durable || self.head_saved.load(Ordering::Acquire) == seq {
            return Ok(());
        }
        Head { seq, hash }.save(&self.path)?;
        self.head_saved.store(seq, Ordering::Release);
        Ok(())
    }
}

impl namespace::Ledger for LedgerFile {
    fn record(&self, entry: Entry) -> Result<(), String> {
        self.append(&entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ManualClock;
    use std::sync::atomic::AtomicBool;

    #[derive(Default)]
    struct Disk {
        bytes: Mutex<Vec<u8>>,
        room: AtomicU64,
        sync_fails: AtomicBool,
        truncate_fails: AtomicBool,
        syncs: AtomicU64,
    }

    impl Backing for Arc<Disk> {
        fn append(&self, bytes: &[u8]) -> io::Result<()> {
            let mut held = self.bytes.lock();
            let room = self.room.load(Ordering::SeqCst) as usize;
            let fits = bytes.len().min(room.saturating_sub(held.len()));
            held.extend_from_slice(&bytes[..fits]);
            if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }

        fn sync(&self) -> io::Result<()> {
            self.syncs.fetch_add(1, Ordering::SeqCst);
            if self.sync_fails.load(Ordering::SeqCst) { Err(io::Error::other("EIO")) } else { Ok(()) }
        }

        fn truncate(&self, length: u64) -> io::Result<()> {
            if self.truncate_fails.load(Ordering::SeqCst) {
                return Err(io::Error::other("EIO"));
            }
            self.bytes.lock().truncate(length as usize);
            Ok(())
        }
    }

    fn ledger(room: u64) -> (LedgerFile, Arc<Disk>) {
        let disk = Arc::new(Disk::default());
        disk.room.store(room, Ordering::SeqCst);
        let clock = ManualClock::new(Time::ZERO);
        (LedgerFile::with(Path::new("/none"), clock, Box::new(disk.clone()), 0, 0, GENESIS.into()), disk)
    }

    fn line(n: usize) -> Entry {
        entry("user:anna", "command", &format!("a/b/{n}"), "requested", "")
    }

    #[test]
    fn a_full_disk_refuses_and_recovers_without_half_lines() {
        let (ledger, disk) = ledger(1_000);
        let recorded = (0..10).take_while(|n| ledger.append(&line(*n)).is_ok()).count();
        assert!((1..10).contains(&recorded));
        assert!(disk.bytes.lock().ends_with(b"\n"), "no half line stays");
        disk.room.store(100_000, Ordering::SeqCst);
        ledger.append(&line(99)).unwrap();
        let text = String::from_utf8(disk.bytes.lock().clone()).unwrap();
        let records: Vec<_> = text.lines().map(|line| Record::parse(line.as_bytes()).unwrap()).collect();
        assert_eq!(records.len(), recorded + 1);
        assert!(records.windows(2).all(|two| two[1].prev == two[0].hash && two[1].seq == two[0].seq + 1));
    }

    #[test]
    fn after_a_failed_sync_nothing_is_recorded() {
        let (ledger, disk) = ledger(100_000);
        ledger.append(&line(1)).unwrap();
        disk.sync_fails.store(true, Ordering::SeqCst);
        assert!(ledger.append(&line(2)).unwrap_err().contains("did not confirm"));
        disk.sync_fails.store(false, Ordering::SeqCst);
        assert!(
            ledger.append(&line(3)).is_err(),
            "a sync that works again proves nothing about the one before"
        );
        assert!(ledger.failure().is_some());
    }

    #[test]
    fn a_half_line_that_stays_closes_the_ledger() {
        let (ledger, disk) = ledger(50);
        disk.truncate_fails.store(true, Ordering::SeqCst);
        assert!(ledger.append(&line(1)).is_err());
        disk.room.store(100_000, Ordering::SeqCst);
        assert!(ledger.append(&line(2)).unwrap_err().contains("half record"));
    }

    #[test]
    fn many_at_once_share_syncs_and_keep_the_chain() {
        let (ledger, disk) = ledger(u64::MAX);
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let ledger = &ledger;
                scope.spawn(move || (0..50).for_each(|n| ledger.append(&line(thread * 100 + n)).unwrap()));
            }
        });
        let text = String::from_utf8(disk.bytes.lock().clone()).unwrap();
        let mut prev = GENESIS.to_owned();
        for (at, line) in text.lines().enumerate() {
            let record = Record::parse(line.as_bytes()).unwrap();
            assert_eq!((record.seq, &record.prev), (at as u64 + 1, &prev));
            prev = record.hash;
        }
        assert_eq!(ledger.head(), (400, prev));
        assert!(disk.syncs.load(Ordering::SeqCst) <= 400);
    }
}
