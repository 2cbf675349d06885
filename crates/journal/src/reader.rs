//! Readers: from memory while they keep up, from files when they have fallen behind, and they say what is missing.

use crate::disk::Open;
use crate::files::{Catalogue, FileInfo};
use crate::frame::{Decoded, Decoder};
use crate::linelog::name_of;
use crate::ring::Lost;
use crate::shared::Shared;
use crate::source::{Source, Step};
use crate::types::{Item, Notice, Record};
use model::Position;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Records fetched at once.
const FETCH: usize = 64;

/// Reads records in order, each once. Independent of all other readers; holds up nobody.
///
/// [`Reader::next`] and [`Reader::try_next`] read files in small pieces on the calling thread when the reader is
/// behind: a few milliseconds at a time from the page cache.
pub struct Reader {
    shared: Arc<Shared>,
    /// Last position given out.
    position: Position,
    /// Last position fetched into `pending`.
    at: Position,
    /// Lifetime samples up to `at`, where known: tells the size of a gap.
    samples: Option<u64>,
    pending: VecDeque<Item>,
    scan: Option<Scan>,
}

/// A walk through one file.
struct Scan {
    info: FileInfo,
    source: Source,
    decoder: Decoder,
    limit: u64,
}

enum Filled {
    /// Something was read or skipped.
    More,
    /// The files hold nothing behind `at`.
    Nothing,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>, after: Position) -> Self {
        Self { shared, position: after, at: after, samples: None, pending: VecDeque::new(), scan: None }
    }

    /// The next item; waits for it. Cancel-safe: nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Item {
        loop {
            if let Some(item) = self.try_next() {
                return item;
            }
            let shared = self.shared.clone();
            let mut appended = pin!(shared.appended.notified());
            appended.as_mut().enable();
            if let Some(item) = self.try_next() {
                return item;
            }
            appended.await;
        }
    }

    /// The next item, if there is one.
    pub fn try_next(&mut self) -> Option<Item> {
        if self.pending.is_empty() {
            self.fill();
        }
        let item = self.pending.pop_front()?;
        self.position = item.position();
        Some(item)
    }

    /// The next item; waits for it about `timeout` at most. For threads; never call it from an async task.
    pub fn next_blocking(&mut self, timeout: Duration) -> Option<Item> {
        loop {
            if let Some(item) = self.try_next() {
                return Some(item);
            }
            let mut ring = self.shared.ring.lock();
            self.shared.blocked_readers.fetch_add(1, Ordering::AcqRel);
            let behind = ring.next() > self.at.next() && self.at >= ring.first();
            let timed_out = !behind && self.shared.appended_blocking.wait_for(&mut ring, timeout).timed_out();
            self.shared.blocked_readers.fetch_sub(1, Ordering::AcqRel);
            drop(ring);
            if timed_out {
                return self.try_next();
            }
        }
    }

    /// Last position given out; what lies behind it comes next.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Records appended and not given out yet.
    pub fn lag(&self) -> u64 {
        self.shared.catalogue.lock().between(self.position, self.shared.head())
    }

    fn fill(&mut self) {
        loop {
            let mut fetched = VecDeque::new();
            let (hit, first, lost) = {
                let ring = self.shared.ring.lock();
                let hit = ring.read(self.at, FETCH, &mut fetched);
                (hit, ring.first(), ring.lost_at(self.at.next()))
            };
            if hit {
                self.scan = None;
                fetched.into_iter().for_each(|(position, record)| self.push(position, record, None));
                return;
            }
            match self.fill_from_files() {
                Filled::More if self.pending.is_empty() => continue,
                Filled::More => return,
                Filled::Nothing => {}
            }
            let epoch = Position::new(first.epoch(), 0);
            if self.at < epoch {
                // The epochs before are read to their end; this one begins.
                self.at = epoch;
            } else if let Some(lost) = lost {
                let whole = lost.from > self.at;
                self.gap(lost.from.max(self.at.next()), lost.to, whole.then_some(lost.samples));
                return;
            } else if self.shared.ring.lock().first() == first {
                // Taken by the writer, not in the file yet: the writer wakes us.
                return;
            }
        }
    }

    /// Queues a record and, before it, what is missing between it and the one before.
    fn push(&mut self, position: Position, record: Record, samples_after: Option<u64>) {
        let expected = if position.epoch() == self.at.epoch() {
            self.at.next()
        } else {
            Position::new(position.epoch(), 1)
        };
        if position > expected {
            let missing = samples_after
                .zip(self.samples)
                .map(|(a, b)| a.saturating_sub(record.samples()).saturating_sub(b));
            self.gap(expected, Position(position.0 - 1), missing);
        }
        self.at = position;
        self.samples = samples_after.or_else(|| self.samples.map(|n| n + record.samples()));
        self.pending.push_back(Item::Record { position, record });
    }

    fn gap(&mut self, from: Position, to: Position, samples: Option<u64>) {
        self.samples = self.samples.zip(samples).map(|(a, b)| a + b);
        self.at = to;
        self.pending.push_back(Item::Gap { from, to, samples });
    }

    fn fill_from_files(&mut self) -> Filled {
        let Some(mut scan) = self.scan.take() else { return self.open_file() };
        for _ in 0..FETCH {
            match scan.source.next() {
                Ok(Step::Frame(range)) => {
                    match scan.decoder.frame(scan.source.body(range), &self.shared.shapes) {
                        Ok(decoded) => self.take(decoded, scan.decoder.samples),
                        Err(why) => self.damaged(&mut scan, why.0),
                    }
                }
                Ok(Step::End) => {
                    if let Some(done) = self.end_of_file(&mut scan) {
                        if matches!(done, Filled::Nothing) {
                            self.scan = Some(scan);
                            return if self.pending.is_empty() { Filled::Nothing } else { Filled::More };
                        }
                        return done;
                    }
                }
                Ok(Step::Bad(why)) => self.damaged(&mut scan, why),
                Err(error) => self.damaged(&mut scan, &error.to_string()),
            }
        }
        self.scan = Some(scan);
        Filled::More
    }

    fn take(&mut self, decoded: Decoded, samples_after: u64) {
        match decoded {
            Decoded::Inner => {}
            Decoded::Block(position, samples) => {
                if position == self.at {
                    self.samples = Some(samples);
                }
            }
            Decoded::Record(position, record) if position > self.at => {
                self.push(position, record, Some(samples_after))
            }
            Decoded::Gap(Lost { from, to, samples }) if to > self.at => {
                let whole = from > self.at;
                self.gap(from.max(self.at.next()), to, whole.then_some(samples));
                self.samples = Some(samples_after);
            }
            Decoded::Record(position, _) | Decoded::Gap(Lost { to: position, .. }) => {
                if position == self.at {
                    self.samples = Some(samples_after);
                }
            }
        }
    }

    /// `None`: the file has grown, go on. Otherwise whether there is more behind it.
    fn end_of_file(&mut self, scan: &mut Scan) -> Option<Filled> {
        let (grown, live, last, next) = {
            let catalogue = self.shared.catalogue.lock();
            let same = |f: &&FileInfo| f.sealed == scan.info.sealed;
            let next = catalogue.files.iter().find(|f| f.number > scan.info.number);
            let next = next.filter(|f| f.previous == scan.info.last).map(|f| f.samples_before);
            match catalogue.get(scan.info.number).filter(same) {
                Some(file) => (Some(file.len).filter(|len| *len > scan.limit), file.live, file.last, next),
                None => (None, false, scan.info.last, next),
            }
        };
        if let Some(len) = grown {
            scan.limit = len;
            scan.source.extend(len);
            return None;
        }
        if live {
            return Some(Filled::Nothing);
        }
        if last > self.at {
            let from =
                if last.epoch() == self.at.epoch() { self.at.next() } else { Position::new(last.epoch(), 1) };
            self.gap(from, last, next.zip(self.samples).map(|(end, at)| end.saturating_sub(at)));
        }
        Some(Filled::More)
    }

    fn open_file(&mut self) -> Filled {
        let Some(info) = self.shared.catalogue.lock().after(self.at) else { return Filled::Nothing };
        if info.previous > self.at {
            let missing = self.samples.map(|n| info.samples_before.saturating_sub(n));
            self.gap(self.at.next(), info.previous, missing);
            self.samples = Some(info.samples_before);
        }
        match self.shared.disk.open(&info.path, Open::Read) {
            Ok(file) => {
                let offset = info.block_for(self.at);
                let source = Source::new(file, info.sealed, info.salt, offset, info.len);
                let limit = info.len;
                self.scan = Some(Scan { info, source, decoder: Decoder::default(), limit });
            }
            Err(error) => {
                // Compressed or cleared away between the look and the opening? Then look again.
                let still =
                    self.shared.catalogue.lock().get(info.number).is_some_and(|f| f.path == info.path);
                if still {
                    self.say_damaged(&info, &error.to_string());
                    self.gap(self.at.next(), info.last, None);
                }
            }
        }
        Filled::More
    }

    fn damaged(&mut self, scan: &mut Scan, why: &str) {
        scan.decoder.lose();
        let shortened = {
            let catalogue = self.shared.catalogue.lock();
            catalogue
                .get(scan.info.number)
                .is_some_and(|f| f.sealed == scan.info.sealed && f.len <= scan.source.offset())
        };
        // A file that failed to sync ends at its last good sync; what stood behind is in the next file.
        if !shortened {
            self.say_damaged(&scan.info, why);
        }
        if !matches!(scan.source.resync(), Ok(true)) {
            tracing::debug!(target: "journal", file = %scan.info.path.display(), "nothing readable behind the damage");
        }
    }

    fn say_damaged(&self, info: &FileInfo, why: &str) {
        let first = {
            let mut catalogue = self.shared.catalogue.lock();
            catalogue.get_mut(info.number).is_some_and(|f| !std::mem::replace(&mut f.damaged, true))
        };
        if first {
            let file = name_of(&info.path);
            self.shared.notice(Notice::CorruptRange { file, after: self.at, detail: why.to_owned() });
        }
    }
}

/// The position from which everything kept can be read.
pub(crate) fn oldest(catalogue: &Catalogue) -> Position {
    catalogue.oldest()
}
