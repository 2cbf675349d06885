//! The one thread that writes: ring -> file -> sync -> `synced`.

use crate::disk::{DiskFile, Open};
use crate::files::{Block, FileInfo, HEADER, Header, Kind, file_name};
use crate::frame::{Encoder, TooLong};
use crate::linelog::{name_of, with_suffix};
use crate::mirror::Mirror;
use crate::ring::{Chunk, Lost};
use crate::shared::Shared;
use crate::types::{Notice, Record, State};
use model::Position;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Memory of the records that are encoded at once.
const CHUNK_COST: usize = 8 << 20;
/// A block ends at this length, if its shapes and first frames are a small part of it.
const BLOCK_BYTES: u64 = 4 << 20;
/// A block always ends at this length.
const MAX_BLOCK_BYTES: u64 = 16 << 20;
/// Pause without records after which the writer looks at the clock.
const IDLE: Duration = Duration::from_secs(5);
/// A snapshot is taken at least so often while records come.
const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(300);

/// The file that is written now.
pub(crate) struct Live {
    number: u64,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    len: u64,
    synced_len: u64,
    block_at: u64,
    opened: Duration,
}

pub(crate) struct Writer {
    shared: Arc<Shared>,
    epoch: u32,
    live: Option<Live>,
    encoder: Encoder,
    mirror: Mirror,
    buf: Vec<u8>,
    /// Written up to here and synced.
    synced: Position,
    synced_samples: u64,
    /// Lost records and samples when the trouble began; `None` while all is well.
    failing: Option<(u64, u64)>,
    /// Lost ranges written down but not synced yet.
    lost: Vec<Lost>,
    since_snapshot: u64,
    snapshot_at: Duration,
    rate_at: Duration,
    rate_bytes: u64,
}

impl Writer {
    /// Opens the first file of the epoch; everything up to `end` is on disk in earlier files.
    /// If the disk refuses, the writer begins in trouble and tries again.
    pub fn new(shared: Arc<Shared>, epoch: u32, end: Position, mirror: Mirror) -> Self {
        let now = shared.clock.monotonic();
        let samples = shared.samples_at_start;
        let mut writer = Self {
            shared,
            epoch,
            live: None,
            encoder: Encoder::new(0, end, samples),
            mirror,
            buf: Vec::new(),
            synced: end,
            synced_samples: samples,
            failing: None,
            lost: Vec::new(),
            since_snapshot: 0,
            snapshot_at: now,
            rate_at: now,
            rate_bytes: 0,
        };
        if let Err(error) = writer.open_file() {
            writer.fail("create", &error);
        }
        writer
    }

    /// Until the journal is closed.
    pub fn run(mut self) {
        loop {
            let stop = self.wait();
            self.drain();
            if stop {
                break;
            }
        }
        if self.failing.is_some() {
            // One more try, so that a short trouble at the very end costs nothing.
            self.drain();
        }
        self.take_snapshot();
    }

    /// Sleeps until there is something to do. True when the journal is being closed.
    fn wait(&self) -> bool {
        let options = &self.shared.options;
        let mut ring = self.shared.ring.lock();
        loop {
            if ring.stop {
                return true;
            }
            if self.failing.is_some() {
                // `flush` and full buffers do not hurry a broken disk.
                ring.flush = false;
                if self.shared.work.wait_for(&mut ring, options.retry_interval).timed_out() {
                    return false;
                }
                continue;
            }
            if std::mem::take(&mut ring.flush) || ring.waiting_disk_bytes() >= options.sync_bytes {
                return false;
            }
            let (pause, busy) =
                if ring.has_waiting() { (options.sync_interval, true) } else { (IDLE, false) };
            if self.shared.work.wait_for(&mut ring, pause).timed_out() && (busy || !ring.has_waiting()) {
                return false;
            }
        }
    }

    /// Writes and syncs everything that waits.
    fn drain(&mut self) {
        loop {
            let chunk = self.shared.ring.lock().take(CHUNK_COST);
            let more = !chunk.records.is_empty();
            if (more || !chunk.lost.is_empty())
                && let Err(error) = self.write(chunk)
            {
                return self.fail("write", &error);
            }
            let unsynced = self.live.as_ref().map_or(0, |live| live.len - live.synced_len);
            if (!more || unsynced >= self.shared.options.sync_bytes as u64)
                && let Err(error) = self.sync()
            {
                return self.fail("sync", &error);
            }
            if !more {
                break;
            }
        }
        if let Some(live) = &self.live {
            let age = self.shared.clock.monotonic().saturating_sub(live.opened);
            let old = age > (self.shared.options.max_age / 8).max(Duration::from_secs(60));
            if live.len >= self.shared.options.file_bytes || (old && live.len > HEADER as u64) {
                self.roll();
            }
        }
        let due = self.shared.clock.monotonic().saturating_sub(self.snapshot_at) > SNAPSHOT_INTERVAL;
        if self.since_snapshot >= self.shared.options.snapshot_bytes || (due && self.since_snapshot > 0) {
            self.take_snapshot();
        }
    }

    fn write(&mut self, chunk: Chunk) -> io::Result<()> {
        if self.live.is_none() {
            self.open_file()?;
        }
        let Some(mut live) = self.live.take() else { return Ok(()) };
        let mut blocks = Vec::new();
        self.buf.clear();
        if live.len == HEADER as u64 {
            self.begin_block(&mut live, &mut blocks);
        }
        for lost in chunk.lost {
            self.encoder.gap(&mut self.buf, lost);
            self.lost.push(lost);
        }
        for (at, record) in (chunk.first.0..).zip(&chunk.records) {
            let block = live.len + self.buf.len() as u64 - live.block_at;
            let keys = self.encoder.key_bytes() as u64;
            if (block >= BLOCK_BYTES && block >= 8 * keys) || block >= MAX_BLOCK_BYTES {
                self.begin_block(&mut live, &mut blocks);
            }
            self.encode(Position(at), record);
        }
        let done = live.file.write_at(&self.buf, live.len);
        if done.is_ok() {
            live.len += self.buf.len() as u64;
            self.rate_bytes += self.buf.len() as u64;
            self.since_snapshot += self.buf.len() as u64;
            self.publish(&live, blocks);
        }
        self.live = Some(live);
        done
    }

    fn begin_block(&mut self, live: &mut Live, blocks: &mut Vec<Block>) {
        live.block_at = live.len + self.buf.len() as u64;
        blocks.push(Block { previous: self.encoder.position(), offset: live.block_at });
        self.encoder.begin_block(&mut self.buf);
    }

    fn encode(&mut self, position: Position, record: &Record) {
        if let Record::Samples(batch) = record
            && !self.encoder.knows(&batch.shape)
        {
            self.shared.shapes.add(&batch.shape);
        }
        match self.encoder.record(&mut self.buf, position, record) {
            Ok(full) => self.mirror.record(position, record, full),
            Err(TooLong(bytes)) => {
                let lost = Lost { from: position, to: position, samples: record.samples() };
                self.shared.ring.lock().refuse(lost);
                self.encoder.gap(&mut self.buf, lost);
                let why = format!("the record has {bytes} bytes, more than a frame may have");
                let Lost { from, to, samples } = lost;
                self.shared.notice(Notice::Lost { from, to, samples, why });
            }
        }
    }

    /// Lets readers see what was written, and wakes those that fell out of the ring.
    fn publish(&self, live: &Live, blocks: Vec<Block>) {
        let mut catalogue = self.shared.catalogue.lock();
        if let Some(file) = catalogue.get_mut(live.number) {
            file.len = live.len;
            file.last = self.encoder.position();
            file.samples = self.encoder.samples().saturating_sub(file.samples_before);
            if !blocks.is_empty() {
                Arc::make_mut(&mut file.blocks).extend(blocks);
            }
        }
        drop(catalogue);
        self.shared.appended.notify_waiters();
        self.shared.appended_blocking.notify_all();
    }

    fn sync(&mut self) -> io::Result<()> {
        let Some(live) = &mut self.live else { return Ok(()) };
        if live.len == live.synced_len {
            return Ok(());
        }
        let before = self.shared.clock.monotonic();
        self.shared.health.lock().syncing_since = Some(before);
        let done = live.file.sync();
        self.shared.health.lock().syncing_since = None;
        done?;
        let now = self.shared.clock.monotonic();
        live.synced_len = live.len;
        self.synced = self.encoder.position();
        self.synced_samples = self.encoder.samples();
        self.report(now.saturating_sub(before), now);
        self.shared.set_synced(self.synced);
        Ok(())
    }

    /// After a good sync: state, figures, and what was lost on the way.
    fn report(&mut self, latency: Duration, now: Duration) {
        let options = &self.shared.options;
        let slow = latency > options.sync_interval.saturating_mul(10);
        {
            let mut health = self.shared.health.lock();
            health.syncs += 1;
            health.sync_latency = latency;
            health.sync_latency_max = health.sync_latency_max.max(latency);
            health.state = if slow { State::Slow } else { State::Ok };
            health.text.clear();
            if slow {
                health.text = format!("the disk took {} ms for a sync", latency.as_millis());
            }
            let span = now.saturating_sub(self.rate_at).as_secs_f64();
            if span >= 1.0 {
                let weight = (-span / 60.0).exp();
                let rate = self.rate_bytes as f64 / span;
                let known = if health.bytes_per_second > 0.0 { health.bytes_per_second } else { rate };
                health.bytes_per_second = known * weight + rate * (1.0 - weight);
                (self.rate_at, self.rate_bytes) = (now, 0);
            }
        }
        let failed = self.failing.take();
        for Lost { from, to, samples } in std::mem::take(&mut self.lost) {
            let why =
                if failed.is_some() { "the disk could not be written" } else { "the disk was too slow" };
            self.shared.notice(Notice::Lost { from, to, samples, why: why.into() });
        }
        if let (Some((records, samples)), Some(live)) = (failed, &self.live) {
            let ring = self.shared.ring.lock();
            let (records, samples) = (ring.lost_records - records, ring.lost_samples - samples);
            drop(ring);
            self.shared.notice(Notice::WriteRecovered { file: name_of(&live.path), records, samples });
        }
    }

    /// The disk refused. The file ends at its last good sync and is never touched again; everything behind that is
    /// written once more, from memory, into a new file.
    fn fail(&mut self, doing: &str, error: &io::Error) {
        let detail = format!("cannot {doing}: {error}");
        let file = match self.live.take() {
            Some(live) => {
                let mut catalogue = self.shared.catalogue.lock();
                if let Some(file) = catalogue.get_mut(live.number) {
                    file.live = false;
                    file.len = live.synced_len;
                    file.last = self.synced.max(file.previous);
                    file.samples = self.synced_samples.saturating_sub(file.samples_before);
                    Arc::make_mut(&mut file.blocks).retain(|b| b.offset < live.synced_len);
                }
                name_of(&live.path)
            }
            None => "a new file".into(),
        };
        {
            let mut health = self.shared.health.lock();
            health.state = State::Failing;
            health.text = format!("{detail}; new records wait in memory");
        }
        let mut ring = self.shared.ring.lock();
        let before = (ring.lost_records, ring.lost_samples);
        ring.rewind(self.synced, self.synced_samples);
        drop(ring);
        self.lost.clear();
        self.encoder = Encoder::new(0, self.synced, self.synced_samples);
        if self.failing.is_none() {
            self.failing = Some(before);
            self.shared.notice(Notice::WriteFailed { file, detail });
        }
    }

    fn open_file(&mut self) -> io::Result<()> {
        let number = self.shared.catalogue.lock().take_number();
        let (previous, samples_before) = (self.encoder.position(), self.encoder.samples());
        let created = self.shared.clock.now();
        let (last, samples) = (Position::START, 0);
        let header = Header {
            kind: Kind::Raw,
            epoch: self.epoch,
            number,
            previous,
            created,
            samples_before,
            last,
            samples,
        };
        let (bytes, salt) = header.encode();
        let dir = &self.shared.options.dir;
        let path = dir.join(file_name(number, false));
        let fresh = with_suffix(&path, "new");
        let disk = &self.shared.disk;
        let make = || {
            let file = disk.open(&fresh, Open::Create)?;
            file.write_at(&bytes, 0)?;
            file.sync()?;
            disk.rename(&fresh, &path)?;
            disk.sync_dir(dir)?;
            Ok(file)
        };
        let file = make().inspect_err(|_: &io::Error| {
            // Whatever was made is empty; the next try takes a new number.
            let _ = disk.remove(&fresh).or_else(|_| disk.remove(&path));
        })?;
        self.encoder = Encoder::new(salt, previous, samples_before);
        let len = HEADER as u64;
        let opened = self.shared.clock.monotonic();
        let info = FileInfo {
            number,
            epoch: self.epoch,
            path: path.clone(),
            sealed: false,
            salt,
            previous,
            last: previous,
            len,
            samples_before,
            samples: 0,
            created,
            blocks: Arc::new(Vec::new()),
            live: true,
            damaged: false,
        };
        self.shared.catalogue.lock().files.push(info);
        self.live = Some(Live { number, path, file, len, synced_len: len, block_at: len, opened });
        Ok(())
    }

    /// Ends the file; the keeper compresses it. The next record opens the next one.
    fn roll(&mut self) {
        if let Some(live) = self.live.take()
            && let Some(file) = self.shared.catalogue.lock().get_mut(live.number)
        {
            file.live = false;
        }
        self.take_snapshot();
    }

    fn take_snapshot(&mut self) {
        if self.since_snapshot > 0 {
            let newer = self.mirror.snapshot(self.synced, self.synced_samples);
            let mut orders = self.shared.keeper.lock();
            match &mut orders.snapshot {
                Some(waiting) => waiting.absorb(newer),
                waiting => *waiting = Some(newer),
            }
        }
        self.since_snapshot = 0;
        self.snapshot_at = self.shared.clock.monotonic();
        self.shared.kick_keeper();
    }
}
