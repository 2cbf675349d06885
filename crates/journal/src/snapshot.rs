//! Snapshots on disk: `last.snap` holds the newest value of each point and the newest events, `declared.snap` the
//! declarations. Both are sealed files; a start reads them and replays only what came later.
//!
//! A table of last values is written as four batches of one shape: the values with their times and statuses, the
//! positions, the counts, the times of the last good values. So the snapshot needs no encoding of its own.

use crate::disk::{Disk, Open};
use crate::files::{HEADER, Header, Kind};
use crate::frame::{Decoded, Decoder, Encoder, FRAME_HEAD, ShapePool};
use crate::mirror::Snapshot;
use crate::seal::SealedWriter;
use crate::source::{Source, Step};
use crate::types::{JournalError, Record};
use model::batch::MAX_ROWS;
use model::point::Last;
use model::{Batch, Declaration, Each, Event, Flags, PointId, Position, Shape, Status, Time, Value};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub(crate) const LAST: &str = "last.snap";
pub(crate) const DECLARED: &str = "declared.snap";
/// Declarations written in one frame.
const DECLARE_AT_ONCE: usize = 1000;
/// Bytes after which a new block begins: what is compressed at once is held in memory twice.
const BLOCK: usize = 1 << 20;

/// What a snapshot file held.
#[derive(Default)]
pub(crate) struct Stored {
    pub position: Position,
    pub samples: u64,
    pub table: BTreeMap<PointId, Last>,
    pub declared: BTreeMap<PointId, Arc<Declaration>>,
    pub events: Vec<Arc<Event>>,
    /// Of `last.snap`: the position of the `declared.snap` that it goes with.
    pub declared_at: Position,
}

/// Why a snapshot cannot be used.
pub(crate) enum Unusable {
    Missing,
    Damaged(String),
    Fatal(JournalError),
}

/// Collects frames and hands them to the compressed file.
struct Frames {
    writer: SealedWriter,
    encoder: Encoder,
    buf: Vec<u8>,
    next: u64,
}

impl Frames {
    fn create(disk: &Arc<dyn Disk>, path: &Path, header: &Header) -> io::Result<Self> {
        let writer = SealedWriter::create(disk, path, header)?;
        let mut frames =
            Self { writer, encoder: Encoder::new(0, Position::START, 0), buf: Vec::new(), next: 0 };
        frames.encoder.begin_block(&mut frames.buf);
        frames.hand_over();
        Ok(frames)
    }

    fn push(&mut self, record: &Record) -> io::Result<()> {
        self.next += 1;
        let position = Position(self.next);
        self.encoder
            .record(&mut self.buf, position, record)
            .map_err(|e| io::Error::other(format!("a frame of {} bytes", e.0)))?;
        self.hand_over();
        if self.writer.pending() >= BLOCK {
            self.writer.block(position)?;
            self.encoder.begin_block(&mut self.buf);
            self.hand_over();
        }
        Ok(())
    }

    fn hand_over(&mut self) {
        let mut rest = self.buf.as_slice();
        while let Some((head, behind)) = rest.split_first_chunk::<FRAME_HEAD>() {
            let len = (u64::from_le_bytes(*head) & 0xFFFF_FFFF) as usize;
            let Some((body, behind)) = behind.split_at_checked(len) else { break };
            self.writer.frame(body);
            rest = behind;
        }
        self.buf.clear();
    }
}

fn header(kind: Kind, position: Position, samples: u64, at: Time) -> Header {
    let (number, last) = (0, position);
    Header {
        kind,
        epoch: position.epoch(),
        number,
        previous: position,
        created: at,
        samples_before: samples,
        last,
        samples: 0,
    }
}

fn batch_of(rows: &[(&PointId, &Last)], values: Vec<Value>, shape: &Arc<Shape>) -> Batch {
    Batch {
        shape: shape.clone(),
        time: Each::Rows(rows.iter().map(|(_, l)| l.time).collect()),
        source: Some(Each::Rows(rows.iter().map(|(_, l)| l.received).collect())),
        received: rows.first().map_or(Time::ZERO, |(_, l)| l.received),
        status: Each::Rows(rows.iter().map(|(_, l)| l.status).collect()),
        flags: Flags::default(),
        values,
    }
}

/// Writes `last.snap`.
pub(crate) fn write_last(disk: &Arc<dyn Disk>, dir: &Path, stored: &Stored, at: Time) -> io::Result<()> {
    let header = header(Kind::Last, stored.position, stored.samples, at);
    let mut frames = Frames::create(disk, &dir.join(LAST), &header)?;
    frames.push(&Record::Mark(format!("declared {}", stored.declared_at.0).into()))?;
    let rows: Vec<(&PointId, &Last)> = stored.table.iter().collect();
    for rows in rows.chunks(MAX_ROWS) {
        let shape = Shape::new(rows.iter().map(|(id, _)| **id).collect::<Vec<_>>());
        let bare = |values| {
            Record::Samples(Arc::new(Batch::polled(
                shape.clone(),
                Time::ZERO,
                Each::All(Status::GOOD),
                values,
            )))
        };
        let values = rows.iter().map(|(_, l)| l.value.clone()).collect();
        frames.push(&Record::Samples(Arc::new(batch_of(rows, values, &shape))))?;
        frames.push(&bare(rows.iter().map(|(_, l)| Value::U64(l.position.0)).collect()))?;
        frames.push(&bare(rows.iter().map(|(_, l)| Value::U64(u64::from(l.count))).collect()))?;
        frames.push(&bare(rows.iter().map(|(_, l)| Value::I64(l.good.0)).collect()))?;
    }
    for event in &stored.events {
        frames.push(&Record::Event(event.clone()))?;
    }
    frames.writer.finish().map(|_| ())
}

/// Writes `declared.snap`.
pub(crate) fn write_declared(disk: &Arc<dyn Disk>, dir: &Path, stored: &Stored, at: Time) -> io::Result<()> {
    let header = header(Kind::Declared, stored.position, stored.samples, at);
    let mut frames = Frames::create(disk, &dir.join(DECLARED), &header)?;
    let all: Vec<_> = stored.declared.iter().collect();
    for some in all.chunks(DECLARE_AT_ONCE) {
        let list: Vec<(PointId, Arc<Declaration>)> =
            some.iter().map(|(id, d)| (**id, Arc::clone(d))).collect();
        frames.push(&Record::Declare(list.into()))?;
    }
    frames.writer.finish().map(|_| ())
}

/// Reads a snapshot.
pub(crate) fn read(disk: &Arc<dyn Disk>, path: &Path, kind: Kind) -> Result<Stored, Unusable> {
    let damaged = |e: io::Error| Unusable::Damaged(e.to_string());
    let file = match disk.open(path, Open::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unusable::Missing),
        Err(error) => return Err(Unusable::Damaged(error.to_string())),
    };
    let (header, _) = match Header::read(&*file, path) {
        Ok(Ok(good)) => good,
        Ok(Err(why)) => return Err(Unusable::Damaged(why.into())),
        Err(fatal) => return Err(Unusable::Fatal(fatal)),
    };
    if header.kind != kind {
        return Err(Unusable::Damaged("another kind of file".into()));
    }
    let size = file.size().map_err(damaged)?;
    let mut source = Source::new(file, true, 0, HEADER as u64, size);
    let (mut decoder, pool) = (Decoder::default(), ShapePool::default());
    let mut stored =
        Stored { position: header.previous, samples: header.samples_before, ..Stored::default() };
    let mut turn = 0;
    loop {
        let decoded = match source.next().map_err(damaged)? {
            Step::End => return Ok(stored),
            Step::Bad(why) => return Err(Unusable::Damaged(why.into())),
            Step::Frame(range) => {
                decoder.frame(source.body(range), &pool).map_err(|e| Unusable::Damaged(e.0.into()))?
            }
        };
        if let Decoded::Record(_, record) = decoded {
            stored.take(&record, &mut turn);
        }
    }
}

impl Stored {
    fn take(&mut self, record: &Record, turn: &mut u32) {
        match record {
            Record::Mark(text) => {
                let at = text.strip_prefix("declared ").and_then(|n| n.parse().ok());
                self.declared_at = Position(at.unwrap_or_default());
            }
            Record::Declare(list) => self.declared.extend(list.iter().cloned()),
            Record::Event(event) => self.events.push(event.clone()),
            Record::Samples(batch) => {
                self.take_rows(batch, *turn);
                *turn = (*turn + 1) % 4;
            }
        }
    }

    /// The values, then the positions, the counts, the times of the last good values.
    fn take_rows(&mut self, batch: &Batch, turn: u32) {
        for (row, (id, time, status, value)) in batch.rows().enumerate() {
            let last = self.table.entry(id).or_insert(Last::WAITING);
            match (turn, value) {
                (0, value) => {
                    let received = batch.source.as_ref().and_then(|s| s.get(row)).unwrap_or(batch.received);
                    *last = Last { value: value.clone(), status, time, received, ..last.clone() };
                }
                (1, Value::U64(position)) => last.position = Position(*position),
                (2, Value::U64(count)) => last.count = *count as u32,
                (3, Value::I64(good)) => last.good = Time(*good),
                _ => {}
            }
        }
    }

    /// Puts what is newer on top.
    pub fn update(&mut self, newer: &Snapshot) {
        newer.fold_into(&mut self.table);
        for list in &newer.declares {
            self.declared.extend(list.iter().cloned());
        }
        if let Some(events) = &newer.events {
            self.events.clone_from(events);
        }
        self.position = newer.position;
        self.samples = newer.samples;
    }
}
