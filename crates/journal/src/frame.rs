//! Frames: one record each, plus the frames that hold a block together.
//!
//! ```text
//!   raw file    | len u32 | crc32c u32 | body |         the checksum is salted with the file's header
//!   sealed file | len varint | body |                   inside a compressed block that has its own checksum
//!   body        | kind u8 | position delta varint | ... |
//! ```

use crate::bytes::{Corrupt, Take, put_varint};
use crate::columns::{self, ShapeState};
use crate::ring::Lost;
use crate::types::Record;
use model::batch::MAX_ROWS;
use model::{Access, Batch, Declaration, PointId, Position, Shape};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Weak};

/// Bytes before the body in a raw file.
pub(crate) const FRAME_HEAD: usize = 8;
/// Longest body. A longer record is refused by the encoder and counted as lost.
pub(crate) const MAX_BODY: usize = 64 << 20;
/// Stands behind the kind byte of a block frame, so that reading can begin again after damage.
pub(crate) const BLOCK_MAGIC: &[u8; 9] = b"\x01IB-BLOCK";

const BLOCK: u8 = 1;
const SHAPE: u8 = 2;
const SAMPLES: u8 = 3;
const DECLARE: u8 = 4;
const EVENT: u8 = 5;
const MARK: u8 = 6;
const GAP: u8 = 7;

/// Checksum of a frame.
pub(crate) fn frame_crc(salt: u32, body: &[u8]) -> u32 {
    let seed = crc32c::crc32c_append(salt, &(body.len() as u32).to_le_bytes());
    crc32c::crc32c_append(seed, body)
}

/// Turns records into frames of one block after the other. Holds the writer's side of all differences.
pub(crate) struct Encoder {
    salt: u32,
    position: Position,
    clock: i64,
    /// Lifetime samples up to `position`.
    samples: u64,
    shapes: HashMap<u32, usize>,
    states: Vec<ShapeState>,
    /// Bytes spent in this block on shapes and on first frames of shapes.
    key_bytes: usize,
    scratch: Vec<u8>,
}

impl Encoder {
    pub fn new(salt: u32, position: Position, samples: u64) -> Self {
        Self {
            salt,
            position,
            clock: 0,
            samples,
            shapes: HashMap::new(),
            states: Vec::new(),
            key_bytes: 0,
            scratch: Vec::new(),
        }
    }

    pub fn key_bytes(&self) -> usize {
        self.key_bytes
    }

    pub fn position(&self) -> Position {
        self.position
    }

    pub fn samples(&self) -> u64 {
        self.samples
    }

    fn frame(&self, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) -> Result<(), TooLong> {
        let start = out.len();
        out.extend_from_slice(&[0; FRAME_HEAD]);
        body(out);
        let body = out.get(start + FRAME_HEAD..).unwrap_or_default();
        let len = body.len();
        let crc = frame_crc(self.salt, body);
        if len > MAX_BODY {
            out.truncate(start);
            return Err(TooLong(len));
        }
        if let Some(head) = out.get_mut(start..).and_then(|h| h.first_chunk_mut::<FRAME_HEAD>()) {
            *head = (u64::from(crc) << 32 | len as u64).to_le_bytes();
        }
        Ok(())
    }

    /// Whether the shape was written in this block.
    pub fn knows(&self, shape: &Shape) -> bool {
        self.shapes.contains_key(&shape.id())
    }

    /// Begins a block: what follows can be read without anything before it.
    pub fn begin_block(&mut self, out: &mut Vec<u8>) {
        self.shapes.clear();
        self.states.clear();
        self.key_bytes = 0;
        let (position, clock, samples) = (self.position, self.clock, self.samples);
        let _ = self.frame(out, |out| {
            out.extend_from_slice(BLOCK_MAGIC);
            out.extend_from_slice(&position.0.to_le_bytes());
            out.extend_from_slice(&clock.to_le_bytes());
            out.extend_from_slice(&samples.to_le_bytes());
        });
    }

    /// Writes a record. `Ok(true)` if it is a batch in which every row has a value.
    pub fn record(
        &mut self,
        out: &mut Vec<u8>,
        position: Position,
        record: &Record,
    ) -> Result<bool, TooLong> {
        let delta = position.0.wrapping_sub(self.position.0);
        let mut full = false;
        match record {
            Record::Samples(batch) => full = self.samples_frame(out, delta, batch)?,
            Record::Declare(list) => {
                let mut scratch = std::mem::take(&mut self.scratch);
                let done = self.frame(out, |out| {
                    out.push(DECLARE);
                    put_varint(out, delta);
                    put_varint(out, list.len() as u64);
                    for (id, declaration) in list.iter() {
                        put_varint(out, u64::from(id.0));
                        put_json(out, &mut scratch, &finite(declaration));
                    }
                });
                self.scratch = scratch;
                done?;
            }
            Record::Event(event) => {
                let mut scratch = std::mem::take(&mut self.scratch);
                let done = self.frame(out, |out| {
                    out.push(EVENT);
                    put_varint(out, delta);
                    put_json(out, &mut scratch, &**event);
                });
                self.scratch = scratch;
                done?;
            }
            Record::Mark(text) => self.frame(out, |out| {
                out.push(MARK);
                put_varint(out, delta);
                put_varint(out, text.len() as u64);
                out.extend_from_slice(text.as_bytes());
            })?,
        }
        self.position = position;
        self.samples += record.samples();
        Ok(full)
    }

    fn samples_frame(&mut self, out: &mut Vec<u8>, delta: u64, batch: &Batch) -> Result<bool, TooLong> {
        let known = self.states.len();
        let index = self.shape(out, &batch.shape)?;
        let start = out.len();
        let Some(mut state) = self.states.get_mut(index).map(std::mem::take) else { return Ok(false) };
        let mut clock = self.clock;
        let done = self.frame(out, |out| {
            out.push(SAMPLES);
            put_varint(out, delta);
            put_varint(out, index as u64);
            columns::encode(out, batch, &mut state, &mut clock);
        });
        let full = state.is_full();
        if let Err(error) = done {
            // The state has moved on although nothing was written: the shape must be begun anew.
            self.shapes.remove(&batch.shape.id());
            return Err(error);
        }
        self.clock = clock;
        if let Some(slot) = self.states.get_mut(index) {
            *slot = state;
        }
        if self.states.len() > known {
            self.key_bytes += out.len() - start;
        }
        Ok(full)
    }

    /// Writes down that positions were lost.
    pub fn gap(&mut self, out: &mut Vec<u8>, lost: Lost) {
        let delta = lost.to.0.wrapping_sub(self.position.0);
        let _ = self.frame(out, |out| {
            out.push(GAP);
            put_varint(out, delta);
            put_varint(out, lost.to.0 - lost.from.0);
            put_varint(out, lost.samples);
        });
        self.position = lost.to;
        self.samples += lost.samples;
    }

    fn shape(&mut self, out: &mut Vec<u8>, shape: &Arc<Shape>) -> Result<usize, TooLong> {
        if let Some(index) = self.shapes.get(&shape.id()) {
            return Ok(*index);
        }
        let start = out.len();
        if shape.points().len() > MAX_ROWS {
            return Err(TooLong(size_of_val(shape.points())));
        }
        self.frame(out, |out| {
            out.push(SHAPE);
            columns::encode_points(out, shape.points());
        })?;
        self.key_bytes += out.len() - start;
        let index = self.states.len();
        self.states.push(ShapeState::new(shape.points().len()));
        self.shapes.insert(shape.id(), index);
        Ok(index)
    }
}

/// A record whose frame would be longer than [`MAX_BODY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong(pub usize);

fn put_json<T: serde::Serialize>(out: &mut Vec<u8>, scratch: &mut Vec<u8>, value: &T) {
    scratch.clear();
    // Writing plain structures into memory cannot fail; if it ever does, the length 0 says so to the reader.
    if serde_json::to_writer(&mut *scratch, value).is_err() {
        scratch.clear();
    }
    put_varint(out, scratch.len() as u64);
    out.extend_from_slice(scratch);
}

/// JSON has no NaN and no infinity: limits that are not numbers limit nothing and are left out.
fn finite(declaration: &Declaration) -> std::borrow::Cow<'_, Declaration> {
    let ok = |v: Option<f64>| v.is_none_or(f64::is_finite);
    let range_ok = declaration.range.is_none_or(|(low, high)| low.is_finite() && high.is_finite());
    let rule_ok = match &declaration.access {
        Access::Write(rule) => [rule.min, rule.max, rule.step, rule.tolerance].into_iter().all(ok),
        Access::Read => true,
    };
    if range_ok && rule_ok {
        return std::borrow::Cow::Borrowed(declaration);
    }
    let mut clean = declaration.clone();
    clean.range = clean.range.filter(|_| range_ok);
    if let Access::Write(rule) = &mut clean.access {
        for limit in [&mut rule.min, &mut rule.max, &mut rule.step, &mut rule.tolerance] {
            *limit = limit.filter(|v| v.is_finite());
        }
    }
    std::borrow::Cow::Owned(clean)
}

/// Shapes by their points, so that batches read from files share them with each other and with live ones.
#[derive(Default)]
pub(crate) struct ShapePool {
    inner: Mutex<Pool>,
}

#[derive(Default)]
struct Pool {
    by_points: HashMap<u64, Vec<Weak<Shape>>>,
    purge_at: usize,
}

fn hash_points(points: &[PointId]) -> u64 {
    let mut hasher = DefaultHasher::new();
    points.hash(&mut hasher);
    hasher.finish()
}

impl ShapePool {
    /// The shape with these points.
    pub fn intern(&self, points: Vec<PointId>) -> Arc<Shape> {
        let key = hash_points(&points);
        let mut pool = self.inner.lock();
        let known = pool.by_points.get(&key).into_iter().flatten();
        if let Some(shape) = known.filter_map(Weak::upgrade).find(|s| s.points() == points) {
            return shape;
        }
        let shape = Shape::new(points);
        pool.add(key, &shape);
        shape
    }

    /// Makes a live shape known.
    pub fn add(&self, shape: &Arc<Shape>) {
        let key = hash_points(shape.points());
        let mut pool = self.inner.lock();
        let known = pool
            .by_points
            .get(&key)
            .is_some_and(|list| list.iter().filter_map(Weak::upgrade).any(|s| s.points() == shape.points()));
        if !known {
            pool.add(key, shape);
        }
    }
}

impl Pool {
    fn add(&mut self, key: u64, shape: &Arc<Shape>) {
        if self.by_points.len() >= self.purge_at.max(1024) {
            self.by_points.retain(|_, list| {
                list.retain(|shape| shape.strong_count() > 0);
                !list.is_empty()
            });
            self.purge_at = self.by_points.len() * 2;
        }
        self.by_points.entry(key).or_default().push(Arc::downgrade(shape));
    }
}

/// What a frame said.
#[derive(Debug)]
pub(crate) enum Decoded {
    /// Nothing for the reader: a block began or a shape was defined.
    Inner,
    /// A block began behind this position, with so many lifetime samples before it.
    Block(Position, u64),
    Record(Position, Record),
    Gap(Lost),
}

/// The reader's side of all differences.
#[derive(Default)]
pub(crate) struct Decoder {
    /// Last position decoded.
    pub position: Position,
    /// Lifetime samples up to `position`.
    pub samples: u64,
    clock: i64,
    shapes: Vec<(Arc<Shape>, ShapeState)>,
    /// Inside a block: frames before the first block frame cannot be read.
    ready: bool,
}

/// The place of a frame that is a block's first.
pub(crate) fn is_block(body: &[u8]) -> bool {
    body.starts_with(BLOCK_MAGIC)
}

impl Decoder {
    /// After damage: nothing is understood until the next block.
    pub fn lose(&mut self) {
        self.ready = false;
        self.shapes.clear();
    }

    pub fn frame(&mut self, body: &[u8], pool: &ShapePool) -> Result<Decoded, Corrupt> {
        let mut from = Take(body);
        let kind = from.u8()?;
        if kind == BLOCK {
            return self.block(body);
        }
        if !self.ready {
            return Err(Corrupt("frame outside a block"));
        }
        if kind == SHAPE {
            let shape = pool.intern(columns::decode_points(&mut from)?);
            let state = ShapeState::new(shape.points().len());
            self.shapes.push((shape, state));
            return Ok(Decoded::Inner);
        }
        let delta = from.varint()?;
        let position = self.position.0.checked_add(delta).filter(|p| delta > 0 && *p <= Position::END.0);
        let position = Position(position.ok_or(Corrupt("position out of order"))?);
        let record = match kind {
            SAMPLES => {
                let index = from.count(usize::MAX)?;
                let (shape, state) = self.shapes.get_mut(index).ok_or(Corrupt("unknown shape"))?;
                Record::Samples(Arc::new(columns::decode(&mut from, shape, state, &mut self.clock)?))
            }
            DECLARE => {
                let n = from.count(from.0.len())?;
                let mut list = Vec::with_capacity(n.min(1024));
                for _ in 0..n {
                    let id = u32::try_from(from.varint()?).map_err(|_| Corrupt("bad point number"))?;
                    list.push((PointId(id), Arc::new(take_json(&mut from)?)));
                }
                Record::Declare(list.into())
            }
            EVENT => Record::Event(Arc::new(take_json(&mut from)?)),
            MARK => Record::Mark(from.text()?.into()),
            GAP => return self.gap(&mut from, position),
            _ => return Err(Corrupt("unknown kind of frame")),
        };
        self.position = position;
        self.samples = self.samples.saturating_add(record.samples());
        Ok(Decoded::Record(position, record))
    }

    fn block(&mut self, body: &[u8]) -> Result<Decoded, Corrupt> {
        let mut from = Take(body.strip_prefix(BLOCK_MAGIC).ok_or(Corrupt("bad block"))?);
        self.position = Position(from.u64()?);
        self.clock = from.u64()? as i64;
        self.samples = from.u64()?;
        self.shapes.clear();
        self.ready = true;
        Ok(Decoded::Block(self.position, self.samples))
    }

    fn gap(&mut self, from: &mut Take<'_>, to: Position) -> Result<Decoded, Corrupt> {
        let first = to.0.checked_sub(from.varint()?).ok_or(Corrupt("bad gap"))?;
        let samples = from.varint()?;
        self.position = to;
        self.samples = self.samples.saturating_add(samples);
        Ok(Decoded::Gap(Lost { from: Position(first), to, samples }))
    }
}

fn take_json<T: serde::de::DeserializeOwned>(from: &mut Take<'_>) -> Result<T, Corrupt> {
    let n = from.count(from.0.len())?;
    serde_json::from_slice(from.bytes(n)?).map_err(|_| Corrupt("text that is no JSON of its kind"))
}

/// Follows positions and counts without decoding values; for surveys of whole files.
#[derive(Default)]
pub(crate) struct Skim {
    pub position: Position,
    pub samples: u64,
    shapes: Vec<u64>,
    ready: bool,
}

impl Skim {
    /// After damage: nothing is understood until the next block.
    pub fn lose(&mut self) {
        self.ready = false;
    }

    /// Takes a frame in. The second position is that of the first record lost, where the frame says so.
    pub fn frame(&mut self, body: &[u8]) -> Result<Skimmed, Corrupt> {
        let mut from = Take(body);
        let kind = from.u8()?;
        if kind == BLOCK {
            let mut from = Take(body.strip_prefix(BLOCK_MAGIC).ok_or(Corrupt("bad block"))?);
            self.position = Position(from.u64()?);
            from.u64()?;
            self.samples = from.u64()?;
            self.shapes.clear();
            self.ready = true;
            return Ok(Skimmed::Block);
        }
        if !self.ready {
            return Err(Corrupt("frame outside a block"));
        }
        if kind == SHAPE {
            self.shapes.push(from.varint()?);
            return Ok(Skimmed::Shape);
        }
        self.position = Position(self.position.0.saturating_add(from.varint()?));
        let samples = match kind {
            SAMPLES => {
                let index = from.count(usize::MAX)?;
                *self.shapes.get(index).ok_or(Corrupt("unknown shape"))?
            }
            GAP => {
                from.varint()?;
                from.varint()?
            }
            _ => 0,
        };
        self.samples = self.samples.saturating_add(samples);
        Ok(Skimmed::Record)
    }
}

/// What [`Skim`] saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skimmed {
    Block,
    Shape,
    Record,
}
