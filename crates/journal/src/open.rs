//! Start: what is on the disk is looked through, damage is set aside and named, a new epoch opens.

use crate::cursor::Cursors;
use crate::disk::{Disk, DiskFile, Open};
use crate::files::{Catalogue, FileInfo, Header, Kind, parse_name, read_up_to};
use crate::frame::ShapePool;
use crate::linelog::{replace, with_suffix};
use crate::mirror::{Mirror, Tail, apply, push_event};
use crate::numbers::Numbers;
use crate::reader::Reader;
use crate::ring::Ring;
use crate::shared::Shared;
use crate::snapshot::{self, DECLARED, LAST, Stored, Unusable};
use crate::source::{Survey, survey_raw, survey_sealed};
use crate::types::{Item, JournalError, Notice, Options, Record, Recovered};
use model::{Clock, PointId, Position};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use tokio::sync::Notify;

const NUMBERS: &str = "numbers.log";
const CURSORS: &str = "cursors.log";
const LOCK: &str = "lock";

/// Name of the file that witnesses the newest epoch: renamed at each start, which needs no space on a full disk.
const EPOCH: &str = "epoch-";

/// Everything found, ready for the threads.
pub(crate) struct Opened {
    pub shared: Arc<Shared>,
    pub recovered: Recovered,
    pub mirror: Mirror,
    pub lock: Box<dyn Send + Sync>,
    pub snapshot: Position,
    pub declared_at: Position,
}

/// A file before its neighbours are known.
struct Found {
    header: Header,
    salt: u32,
    name: String,
    sealed: bool,
    file: Arc<dyn DiskFile>,
    size: u64,
}

struct Scan<'a> {
    disk: &'a Arc<dyn Disk>,
    dir: &'a Path,
    notices: Vec<Notice>,
    /// Highest file number seen in any name.
    highest: u64,
    /// Highest epoch seen, and files whose epoch cannot be read.
    epoch: u32,
    unreadable: u32,
    /// Files that witness epochs; one, unless a start was cut short.
    witnesses: Vec<PathBuf>,
}

pub(crate) fn open(
    options: Options,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
) -> Result<Opened, JournalError> {
    let dir = options.dir.clone();
    disk.create_dir(&dir).map_err(|e| JournalError::io("create", &dir, &e))?;
    let lock = disk.lock(&dir.join(LOCK)).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => JournalError::Locked { dir: dir.display().to_string() },
        _ => JournalError::io("lock", &dir, &error),
    })?;
    let mut scan = Scan {
        disk: &disk,
        dir: &dir,
        notices: Vec::new(),
        highest: 0,
        epoch: 0,
        unreadable: 0,
        witnesses: Vec::new(),
    };
    let files = scan.files()?;
    let (stored, snapshot) = scan.snapshots()?;
    let (numbers, notices) = Numbers::open(&disk, dir.join(NUMBERS))?;
    scan.notices.extend(notices);
    let (cursors, notices) = Cursors::open(&disk, dir.join(CURSORS))?;
    scan.notices.extend(notices);
    let on_disk = files.last().map_or(Position::START, |f| f.last);
    let end = on_disk.max(stored.position).max(cursors.newest());
    let samples = files.last().map_or(0, |f| f.samples_before + f.samples).max(stored.samples);
    let epoch = scan.epoch.max(end.epoch()) + scan.unreadable + 1;
    scan.witness(epoch).map_err(|e| JournalError::io("open a new epoch in", &dir, &e))?;
    let (notices, highest) = (scan.notices, scan.highest);
    let catalogue = Catalogue { files, next_number: highest, compressed: (0, 0) };
    let ring = Ring::new(Position::new(epoch, 0), samples, options.ring_bytes);
    let shared =
        Arc::new(assemble(options, disk, clock, Parts { catalogue, cursors, numbers, ring, end, samples }));
    let declared_at = stored.declared_at;
    let mut recovered = replay(&shared, stored, on_disk);
    let highest = recovered
        .last
        .iter()
        .map(|(id, _)| *id)
        .chain(recovered.declarations.iter().map(|(id, _)| *id))
        .max();
    let adopted = shared.numbers.adopt(&recovered.declarations, highest.unwrap_or(PointId(0)))?;
    recovered.notices.splice(0..0, notices);
    if adopted > 0 {
        let detail =
            format!("{adopted} point numbers were missing in {NUMBERS} and were restored from the journal");
        recovered.notices.push(Notice::Trouble { detail });
    }
    recovered.epoch = epoch;
    recovered.end = end;
    let mirror = Mirror::new(recovered.events.clone());
    Ok(Opened { shared, recovered, mirror, lock, snapshot, declared_at })
}

/// What a start has found, for [`assemble`].
struct Parts {
    catalogue: Catalogue,
    cursors: Cursors,
    numbers: Numbers,
    ring: Ring,
    end: Position,
    samples: u64,
}

fn assemble(options: Options, disk: Arc<dyn Disk>, clock: Arc<dyn Clock>, parts: Parts) -> Shared {
    Shared {
        options,
        disk,
        clock,
        ring: Mutex::new(parts.ring),
        work: Condvar::new(),
        appended_blocking: Condvar::new(),
        blocked_readers: AtomicUsize::new(0),
        appended: Notify::new(),
        synced_moved: Notify::new(),
        synced_blocking: Condvar::new(),
        head: AtomicU64::new(parts.end.0),
        synced: AtomicU64::new(parts.end.0),
        records: AtomicU64::new(0),
        catalogue: Mutex::new(parts.catalogue),
        cursors: parts.cursors,
        numbers: parts.numbers,
        shapes: ShapePool::default(),
        notices: Mutex::default(),
        health: Mutex::default(),
        keeper: Mutex::default(),
        keeper_work: Condvar::new(),
        samples_at_start: parts.samples,
    }
}

impl Scan<'_> {
    /// The journal's files, oldest first, damage dealt with.
    fn files(&mut self) -> Result<Vec<FileInfo>, JournalError> {
        let mut found = self.headers()?;
        found.sort_by_key(|f| f.header.number);
        let bounds: Vec<Position> =
            found.iter().skip(1).map(|f| f.header.previous.next()).chain([Position::END]).collect();
        let mut files: Vec<FileInfo> = Vec::with_capacity(found.len());
        for (file, bound) in found.into_iter().zip(bounds) {
            files.push(self.survey(&file, bound)?);
        }
        // A file's end is known from the next one's beginning where it could not be read.
        let nexts: Vec<(Position, u64)> =
            files.iter().skip(1).map(|f| (f.previous, f.samples_before)).collect();
        for (file, (previous, samples_before)) in files.iter_mut().zip(nexts) {
            file.last = file.last.max(previous);
            file.samples = file.samples.max(samples_before.saturating_sub(file.samples_before));
        }
        Ok(files)
    }

    fn headers(&mut self) -> Result<Vec<Found>, JournalError> {
        let list = self.disk.list(self.dir).map_err(|e| JournalError::io("list", self.dir, &e))?;
        let mut found: Vec<Found> = Vec::new();
        for (name, size) in list {
            if let Some(number) = name.get(..16).and_then(|n| n.parse::<u64>().ok()) {
                self.highest = self.highest.max(number);
                self.unreadable += u32::from(name.ends_with(".corrupt"));
            }
            let path = self.dir.join(&name);
            if let Some(epoch) = name.strip_prefix(EPOCH).and_then(|n| n.parse().ok()) {
                self.epoch = self.epoch.max(epoch);
                self.witnesses.push(path);
                continue;
            }
            if name.ends_with(".new") {
                // Never put in place, so nobody relied on it.
                self.disk.remove(&path).map_err(|e| JournalError::io("remove", &path, &e))?;
                continue;
            }
            let Some((_, sealed)) = parse_name(&name) else { continue };
            let how = if sealed { Open::Read } else { Open::Write };
            let file = self.disk.open(&path, how).map_err(|e| JournalError::io("open", &path, &e))?;
            match Header::read(&*file, &path)? {
                Ok((header, salt)) => {
                    self.epoch = self.epoch.max(header.epoch);
                    found.push(Found { header, salt, name, sealed, file, size });
                }
                Err(why) => self.set_aside(&name, why)?,
            }
        }
        self.drop_doubles(&mut found)?;
        Ok(found)
    }

    /// Makes it durable that the epoch is used, before anything is appended in it.
    fn witness(&mut self, epoch: u32) -> io::Result<()> {
        let path = self.dir.join(format!("{EPOCH}{epoch:08}"));
        match self.witnesses.pop() {
            Some(before) => self.disk.rename(&before, &path)?,
            None => drop(self.disk.open(&path, Open::Create)?),
        }
        for other in self.witnesses.drain(..) {
            self.disk.remove(&other)?;
        }
        self.disk.sync_dir(self.dir)
    }

    /// A compressed file is put in place when it is complete: the raw one beside it is done with.
    fn drop_doubles(&self, found: &mut Vec<Found>) -> Result<(), JournalError> {
        let sealed: Vec<u64> = found.iter().filter(|f| f.sealed).map(|f| f.header.number).collect();
        for raw in found.iter().filter(|f| !f.sealed && sealed.contains(&f.header.number)) {
            let path = self.dir.join(&raw.name);
            self.disk.remove(&path).map_err(|e| JournalError::io("remove", &path, &e))?;
        }
        found.retain(|f| f.sealed || !sealed.contains(&f.header.number));
        Ok(())
    }

    fn set_aside(&mut self, name: &str, why: &str) -> Result<(), JournalError> {
        let path = self.dir.join(name);
        let kept = with_suffix(&path, "corrupt");
        self.disk.rename(&path, &kept).map_err(|e| JournalError::io("set aside", &path, &e))?;
        self.unreadable += 1;
        let kept_as = format!("{name}.corrupt");
        self.notices.push(Notice::CorruptFile { file: name.into(), kept_as, detail: why.into() });
        Ok(())
    }

    fn survey(&mut self, found: &Found, bound: Position) -> Result<FileInfo, JournalError> {
        let path = self.dir.join(&found.name);
        let fail = |e| JournalError::io("read", &path, &e);
        let header = &found.header;
        let survey = if found.sealed {
            survey_sealed(&found.file)
        } else {
            survey_raw(&found.file, found.salt, bound)
        };
        let survey = survey.map_err(fail)?;
        let damaged = !survey.damage.is_empty();
        self.report(found, &survey)?;
        let samples_end = survey.samples.unwrap_or(header.samples_before);
        let (last, samples) = if found.sealed {
            (header.last, u64::from(header.samples))
        } else {
            (survey.last.unwrap_or(header.previous), samples_end.saturating_sub(header.samples_before))
        };
        Ok(FileInfo {
            number: header.number,
            epoch: header.epoch,
            path,
            sealed: found.sealed,
            salt: found.salt,
            previous: header.previous,
            last: last.max(header.previous),
            len: survey.good_end,
            samples_before: header.samples_before,
            samples,
            created: header.created,
            blocks: Arc::new(survey.blocks),
            live: false,
            damaged,
        })
    }

    fn report(&mut self, found: &Found, survey: &Survey) -> Result<(), JournalError> {
        for (after, why) in &survey.damage {
            let file = found.name.clone();
            self.notices.push(Notice::CorruptRange { file, after: *after, detail: (*why).into() });
        }
        let Some(why) = survey.tail else { return Ok(()) };
        let path = self.dir.join(&found.name);
        if found.sealed {
            let after = survey.blocks.last().map_or(found.header.previous, |b| b.previous);
            self.notices.push(Notice::CorruptRange { file: found.name.clone(), after, detail: why.into() });
            return Ok(());
        }
        let fail = |e| JournalError::io("cut", &path, &e);
        if survey.tail_has_frames {
            self.keep_tail(found, survey.good_end, why).map_err(fail)?;
        }
        found.file.set_len(survey.good_end).map_err(fail)?;
        found.file.sync().map_err(fail)?;
        if survey.tail_has_frames {
            return Ok(());
        }
        let bytes = found.size.saturating_sub(survey.good_end);
        self.notices.push(Notice::TornTail { file: found.name.clone(), bytes });
        Ok(())
    }

    /// Copies the unreadable end of a file beside it.
    fn keep_tail(&mut self, found: &Found, from: u64, why: &str) -> io::Result<()> {
        let kept_as = format!("{}.tail.corrupt", found.name);
        let len = usize::try_from(found.size.saturating_sub(from)).unwrap_or(usize::MAX);
        let bytes = read_up_to(&*found.file, from, len)?;
        replace(&**self.disk, &self.dir.join(&kept_as), &bytes)?;
        let detail = format!("{why}; the {len} bytes from there on were set aside");
        self.notices.push(Notice::CorruptFile { file: found.name.clone(), kept_as, detail });
        Ok(())
    }

    /// The snapshot to begin from, and its position (START if there is none).
    fn snapshots(&mut self) -> Result<(Stored, Position), JournalError> {
        let last = self.snapshot(LAST, Kind::Last)?;
        let declared = self.snapshot(DECLARED, Kind::Declared)?;
        let declared = declared.unwrap_or_default();
        Ok(match last {
            // Declarations newer than the values do no harm: what lies between is replayed in order.
            Some(last) if declared.position >= last.declared_at => {
                let position = last.position;
                (Stored { declared: declared.declared, ..last }, position)
            }
            _ => (Stored { declared: declared.declared, ..Stored::default() }, Position::START),
        })
    }

    fn snapshot(&mut self, name: &str, kind: Kind) -> Result<Option<Stored>, JournalError> {
        match snapshot::read(self.disk, &self.dir.join(name), kind) {
            Ok(stored) => Ok(Some(stored)),
            Err(Unusable::Missing) => Ok(None),
            Err(Unusable::Fatal(error)) => Err(error),
            Err(Unusable::Damaged(why)) => {
                self.set_aside(name, &why)?;
                Ok(None)
            }
        }
    }
}

/// Takes in what was recorded after the snapshot.
fn replay(shared: &Arc<Shared>, mut stored: Stored, end: Position) -> Recovered {
    let mut recovered = Recovered::default();
    let mut events: VecDeque<_> = std::mem::take(&mut stored.events).into();
    let start = stored.position.max(shared.catalogue.lock().oldest());
    let mut reader = Reader::new(shared.clone(), start);
    while reader.position() < end
        && let Some(item) = reader.try_next()
    {
        let Item::Record { position, record } = item else { continue };
        recovered.replayed += 1;
        match record {
            Record::Samples(batch) => apply(&mut stored.table, &Tail { position, batch, stands_for: 1 }),
            Record::Declare(list) => stored.declared.extend(list.iter().cloned()),
            Record::Event(event) => push_event(&mut events, event),
            Record::Mark(_) => {}
        }
    }
    recovered.last = stored.table.into_iter().collect();
    recovered.declarations = stored.declared.into_iter().collect();
    recovered.events = events.into();
    recovered
}
