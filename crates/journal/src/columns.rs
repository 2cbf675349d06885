//! The columns of a sample frame: times, statuses, values by type.
//!
//! Values are written as the difference to the same row of the frame before it with the same shape in the same
//! block: a slowly moving integer takes one byte, an unchanged double one byte, an unchanged text one byte.

use crate::bytes::{Corrupt, Take, put_signed, put_varint, zigzag};
use model::batch::MAX_ROWS;
use model::{Batch, Each, Flags, PointId, Shape, Status, Time, Value};
use std::sync::Arc;

const NONE: u8 = 0;
const BOOL: u8 = 1;
const I64: u8 = 2;
const U64: u8 = 3;
const F64: u8 = 4;
const TEXT: u8 = 5;
const BYTES: u8 = 6;

const SYNCHRONISED: u8 = 1;
const HISTORICAL: u8 = 2;
const SAME_LAYOUT: u8 = 4;
const TIME_SHIFT: u8 = 3;
const SOURCE_SHIFT: u8 = 5;

/// What encoder and decoder remember of a shape within a block.
#[derive(Default)]
pub(crate) struct ShapeState {
    /// Type of each row in the frame before.
    tags: Vec<u8>,
    /// Bit `t` is set if type `t` occurs in `tags`.
    mask: u8,
    /// Bits of each row's last number.
    bases: Vec<u64>,
    /// Each row's last text or bytes; empty until one occurs.
    texts: Vec<Value>,
}

impl ShapeState {
    pub fn new(rows: usize) -> Self {
        Self { tags: Vec::new(), mask: 0, bases: vec![0; rows], texts: Vec::new() }
    }

    /// Whether every row of the last frame had a value.
    pub fn is_full(&self) -> bool {
        self.mask & (1 << NONE) == 0
    }

    fn set_tags(&mut self, tags: Vec<u8>) {
        self.mask = tags.iter().fold(0, |mask, tag| mask | 1 << tag);
        self.tags = tags;
        if self.mask & (1 << TEXT | 1 << BYTES) != 0 && self.texts.is_empty() {
            self.texts = vec![Value::None; self.bases.len()];
        }
    }
}

#[inline]
const fn tag_of(value: &Value) -> u8 {
    match value {
        Value::None => NONE,
        Value::Bool(_) => BOOL,
        Value::I64(_) => I64,
        Value::U64(_) => U64,
        Value::F64(_) => F64,
        Value::Text(_) => TEXT,
        Value::Bytes(_) => BYTES,
    }
}

/// Writes all columns; `clock` is the time that the next `received` is written against.
pub(crate) fn encode(out: &mut Vec<u8>, batch: &Batch, state: &mut ShapeState, clock: &mut i64) {
    let rows = batch.shape.points().len();
    let values = batch.values.get(..rows.min(batch.values.len())).unwrap_or_default();
    let same = state.tags.len() == rows
        && values.len() == rows
        && values.iter().zip(&state.tags).all(|(value, tag)| tag_of(value) == *tag);
    let received = batch.received.0;
    let time_mode = match &batch.time {
        Each::All(t) if t.0 == received => 0,
        Each::All(_) => 1,
        Each::Rows(_) => 2,
    };
    let source_mode = match &batch.source {
        None => 0,
        Some(Each::All(_)) => 1,
        Some(Each::Rows(_)) => 2,
    };
    let mut flags = time_mode << TIME_SHIFT | source_mode << SOURCE_SHIFT;
    flags |= if batch.flags.synchronised { SYNCHRONISED } else { 0 };
    flags |= if batch.flags.historical { HISTORICAL } else { 0 };
    flags |= if same { SAME_LAYOUT } else { 0 };
    out.push(flags);
    put_signed(out, received.wrapping_sub(*clock));
    *clock = received;
    encode_times(out, Some(&batch.time).filter(|_| time_mode != 0), rows, received);
    encode_times(out, batch.source.as_ref(), rows, received);
    encode_status(out, &batch.status, rows);
    if !same {
        let mut tags: Vec<u8> = values.iter().map(tag_of).collect();
        tags.resize(rows, NONE);
        runs(&tags, |tag, n| {
            out.push(tag);
            put_varint(out, n);
        });
        state.set_tags(tags);
    }
    for tag in BOOL..=BYTES {
        if state.mask & 1 << tag != 0 {
            encode_column(out, values, state, tag);
        }
    }
}

fn runs<T: Copy + PartialEq>(items: &[T], mut each: impl FnMut(T, u64)) {
    for run in items.chunk_by(|a, b| a == b) {
        if let Some(first) = run.first() {
            each(*first, run.len() as u64);
        }
    }
}

fn encode_times(out: &mut Vec<u8>, times: Option<&Each<Time>>, rows: usize, received: i64) {
    match times {
        None => {}
        Some(Each::All(time)) => put_signed(out, time.0.wrapping_sub(received)),
        Some(Each::Rows(each)) => {
            let mut before = received;
            for row in 0..rows {
                let time = each.get(row).map_or(received, |t| t.0);
                put_signed(out, time.wrapping_sub(before));
                before = time;
            }
        }
    }
}

fn encode_status(out: &mut Vec<u8>, status: &Each<Status>, rows: usize) {
    match status {
        Each::All(Status::GOOD) => out.push(0),
        Each::All(status) => {
            out.push(1);
            put_varint(out, u64::from(status.0));
        }
        Each::Rows(each) => {
            out.push(2);
            let each: Vec<u32> =
                (0..rows).map(|row| each.get(row).copied().unwrap_or(Status::BAD).0).collect();
            runs(&each, |code, n| {
                put_varint(out, u64::from(code));
                put_varint(out, n);
            });
        }
    }
}

fn encode_column(out: &mut Vec<u8>, values: &[Value], state: &mut ShapeState, tag: u8) {
    let tags = &state.tags;
    match tag {
        BOOL => {
            let mut bits = Bits::default();
            for value in values {
                if let Value::Bool(on) = value {
                    bits.push(out, *on);
                }
            }
            bits.finish(out);
        }
        I64 | U64 => encode_ints(out, values, tags, &mut state.bases, tag),
        F64 => {
            for (value, base) in values.iter().zip(&mut state.bases) {
                if let Value::F64(v) = value {
                    let bits = v.to_bits();
                    put_xor(out, bits ^ *base);
                    *base = bits;
                }
            }
        }
        _ => {
            for (value, last) in values.iter().zip(&mut state.texts) {
                let bytes: &[u8] = match value {
                    Value::Text(text) if tag == TEXT => text.as_bytes(),
                    Value::Bytes(bytes) if tag == BYTES => bytes,
                    _ => continue,
                };
                if value == last {
                    out.push(0);
                } else {
                    put_varint(out, bytes.len() as u64 + 1);
                    out.extend_from_slice(bytes);
                    *last = value.clone();
                }
            }
        }
    }
}

/// Differences as varints; if those would be longer than eight bytes a value, the values as they are.
fn encode_ints(out: &mut Vec<u8>, values: &[Value], tags: &[u8], bases: &mut [u64], tag: u8) {
    let start = out.len();
    out.push(0);
    let mut n = 0;
    out.reserve(values.len() * 2);
    for ((value, base), have) in values.iter().zip(&mut *bases).zip(tags) {
        if *have != tag {
            continue;
        }
        let bits = int_bits(value);
        put_varint(out, zigzag(bits.wrapping_sub(*base) as i64));
        *base = bits;
        n += 1;
    }
    if out.len() - start - 1 > 8 * n {
        out.truncate(start);
        out.push(1);
        for (value, _) in values.iter().zip(tags).filter(|(_, have)| **have == tag) {
            out.extend_from_slice(&int_bits(value).to_le_bytes());
        }
    }
}

#[inline]
const fn int_bits(value: &Value) -> u64 {
    match value {
        Value::I64(v) => *v as u64,
        Value::U64(v) => *v,
        _ => 0,
    }
}

/// Control byte (length in the high bits, zero bytes below in the low three), then only the bytes that differ.
#[inline]
fn put_xor(out: &mut Vec<u8>, xor: u64) {
    if xor == 0 {
        return out.push(0);
    }
    let low = xor.trailing_zeros() / 8;
    let n = 8 - xor.leading_zeros() / 8 - low;
    out.push((n << 3 | low) as u8);
    let bytes = (xor >> (8 * low)).to_le_bytes();
    out.extend_from_slice(bytes.get(..n as usize).unwrap_or(&bytes));
}

#[inline]
fn take_xor(from: &mut Take<'_>) -> Result<u64, Corrupt> {
    let control = from.u8()?;
    let (n, low) = (usize::from(control >> 3), u32::from(control & 7));
    if n + low as usize > 8 {
        return Err(Corrupt("bad double"));
    }
    let mut bytes = [0; 8];
    for (to, byte) in bytes.iter_mut().zip(from.bytes(n)?) {
        *to = *byte;
    }
    Ok(u64::from_le_bytes(bytes).checked_shl(8 * low).unwrap_or(0))
}

#[derive(Default)]
struct Bits {
    byte: u8,
    n: u8,
}

impl Bits {
    fn push(&mut self, out: &mut Vec<u8>, on: bool) {
        self.byte |= u8::from(on) << self.n;
        self.n += 1;
        if self.n == 8 {
            out.push(self.byte);
            *self = Self::default();
        }
    }

    fn finish(self, out: &mut Vec<u8>) {
        if self.n > 0 {
            out.push(self.byte);
        }
    }
}

/// Reads what [`encode`] wrote.
pub(crate) fn decode(
    from: &mut Take<'_>,
    shape: &Arc<Shape>,
    state: &mut ShapeState,
    clock: &mut i64,
) -> Result<Batch, Corrupt> {
    let rows = shape.points().len();
    let flags = from.u8()?;
    let received = clock.wrapping_add(from.signed()?);
    *clock = received;
    let time = decode_times(from, flags >> TIME_SHIFT & 3, rows, received)?;
    let source = decode_times(from, flags >> SOURCE_SHIFT & 3, rows, received)?;
    let status = decode_status(from, rows)?;
    if flags & SAME_LAYOUT == 0 {
        let mut tags = Vec::with_capacity(rows);
        while tags.len() < rows {
            let tag = from.u8()?;
            let n = from.count(rows - tags.len())?;
            if tag > BYTES || n == 0 {
                return Err(Corrupt("bad layout"));
            }
            tags.resize(tags.len() + n, tag);
        }
        state.set_tags(tags);
    } else if state.tags.len() != rows {
        return Err(Corrupt("no layout"));
    }
    let mut values = vec![Value::None; rows];
    for tag in BOOL..=BYTES {
        if state.mask & 1 << tag != 0 {
            decode_column(from, &mut values, state, tag)?;
        }
    }
    from.end()?;
    Ok(Batch {
        shape: shape.clone(),
        time: time.unwrap_or(Each::All(Time(received))),
        source,
        received: Time(received),
        status,
        flags: Flags { synchronised: flags & SYNCHRONISED != 0, historical: flags & HISTORICAL != 0 },
        values,
    })
}

fn decode_times(
    from: &mut Take<'_>,
    mode: u8,
    rows: usize,
    received: i64,
) -> Result<Option<Each<Time>>, Corrupt> {
    Ok(match mode {
        0 => None,
        1 => Some(Each::All(Time(received.wrapping_add(from.signed()?)))),
        2 => {
            let mut before = received;
            let mut times = Vec::with_capacity(rows);
            for _ in 0..rows {
                before = before.wrapping_add(from.signed()?);
                times.push(Time(before));
            }
            Some(Each::Rows(times.into()))
        }
        _ => return Err(Corrupt("bad time column")),
    })
}

fn decode_status(from: &mut Take<'_>, rows: usize) -> Result<Each<Status>, Corrupt> {
    let code = |from: &mut Take<'_>| u32::try_from(from.varint()?).map_err(|_| Corrupt("bad status"));
    Ok(match from.u8()? {
        0 => Each::All(Status::GOOD),
        1 => Each::All(Status(code(from)?)),
        2 => {
            let mut each = Vec::with_capacity(rows);
            while each.len() < rows {
                let code = code(from)?;
                let n = from.count(rows - each.len())?;
                if n == 0 {
                    return Err(Corrupt("bad status column"));
                }
                each.resize(each.len() + n, Status(code));
            }
            Each::Rows(each.into())
        }
        _ => return Err(Corrupt("bad status column")),
    })
}

fn decode_column(
    from: &mut Take<'_>,
    values: &mut [Value],
    state: &mut ShapeState,
    tag: u8,
) -> Result<(), Corrupt> {
    let raw = if matches!(tag, I64 | U64) { from.u8()? } else { 0 };
    let (mut byte, mut bit) = (0, 8);
    for (row, (value, base)) in values.iter_mut().zip(&mut state.bases).enumerate() {
        if state.tags.get(row) != Some(&tag) {
            continue;
        }
        *value = match tag {
            BOOL => {
                if bit == 8 {
                    (byte, bit) = (from.u8()?, 0);
                }
                bit += 1;
                Value::Bool(byte >> (bit - 1) & 1 == 1)
            }
            I64 | U64 => {
                *base = match raw {
                    0 => base.wrapping_add(from.signed()? as u64),
                    1 => from.u64()?,
                    _ => return Err(Corrupt("bad integer column")),
                };
                if tag == I64 { Value::I64(*base as i64) } else { Value::U64(*base) }
            }
            F64 => {
                *base ^= take_xor(from)?;
                Value::F64(f64::from_bits(*base))
            }
            _ => decode_text(from, state.texts.get_mut(row), tag)?,
        };
    }
    Ok(())
}

fn decode_text(from: &mut Take<'_>, last: Option<&mut Value>, tag: u8) -> Result<Value, Corrupt> {
    let last = last.ok_or(Corrupt("no text before"))?;
    let n = from.count(from.0.len().saturating_add(1))?;
    if n > 0 {
        let bytes = from.bytes(n - 1)?;
        *last = if tag == TEXT {
            Value::Text(std::str::from_utf8(bytes).map_err(|_| Corrupt("text is not UTF-8"))?.into())
        } else {
            Value::Bytes(bytes.into())
        };
    }
    Ok(last.clone())
}

/// Writes the points of a shape.
pub(crate) fn encode_points(out: &mut Vec<u8>, points: &[PointId]) {
    put_varint(out, points.len() as u64);
    let mut before = 0;
    for point in points {
        put_signed(out, i64::from(point.0) - before);
        before = i64::from(point.0);
    }
}

/// Reads what [`encode_points`] wrote.
pub(crate) fn decode_points(from: &mut Take<'_>) -> Result<Vec<PointId>, Corrupt> {
    let rows = from.count(MAX_ROWS)?;
    let mut points = Vec::with_capacity(rows);
    let mut before = 0_i64;
    for _ in 0..rows {
        before = before.wrapping_add(from.signed()?);
        points.push(PointId(u32::try_from(before).map_err(|_| Corrupt("bad point number"))?));
    }
    from.end()?;
    Ok(points)
}

#[cfg(test)]
mod tests {
    use crate::frame::{Decoded, Decoder, Encoder, FRAME_HEAD, ShapePool};
    use crate::types::Record;
    use model::{Batch, Each, Flags, PointId, Position, Shape, Status, Time, Value};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            1 => Just(Value::None),
            2 => any::<bool>().prop_map(Value::Bool),
            2 => any::<i64>().prop_map(Value::I64),
            3 => (-300_i64..300).prop_map(Value::I64),
            2 => any::<u64>().prop_map(Value::U64),
            2 => any::<u64>().prop_map(|bits| Value::F64(f64::from_bits(bits))),
            2 => (-50_i32..50).prop_map(|n| Value::F64(f64::from(n) / 10.0)),
            1 => "[a-zä]{0,6}".prop_map(|t| Value::Text(t.as_str().into())),
            1 => proptest::collection::vec(any::<u8>(), 0..6).prop_map(|b| Value::Bytes(b.into())),
        ]
    }

    fn each<T: Clone + std::fmt::Debug + 'static>(
        one: BoxedStrategy<T>,
        rows: usize,
    ) -> BoxedStrategy<Each<T>> {
        let all = one.clone().prop_map(Each::All);
        prop_oneof![all, proptest::collection::vec(one, rows).prop_map(|v| Each::Rows(v.into()))].boxed()
    }

    fn time() -> BoxedStrategy<Time> {
        prop_oneof![any::<i64>(), 1_700_000_000_000_000_000..1_700_000_001_000_000_000_i64]
            .prop_map(Time)
            .boxed()
    }

    fn batch(shape: Arc<Shape>) -> impl Strategy<Value = Batch> {
        let rows = shape.points().len();
        let status = prop_oneof![Just(Status::GOOD), any::<u32>().prop_map(Status)].boxed();
        let source = proptest::option::of(each(time(), rows));
        let values = proptest::collection::vec(value(), rows);
        (each(time(), rows), source, time(), each(status, rows), any::<(bool, bool)>(), values).prop_map(
            move |(time, source, received, status, (synchronised, historical), values)| Batch {
                shape: shape.clone(),
                time,
                source,
                received,
                status,
                flags: Flags { synchronised, historical },
                values,
            },
        )
    }

    fn batches() -> impl Strategy<Value = Vec<Batch>> {
        let shapes: Vec<_> = [1_u32, 3, 9, 20]
            .map(|rows| Shape::new((0..rows).map(|n| PointId(n * 7919 % 1000 + rows)).collect::<Vec<_>>()))
            .into();
        proptest::collection::vec(proptest::sample::select(shapes).prop_flat_map(batch), 1..20)
    }

    fn encoded(batches: &[Batch], block_every: usize) -> Vec<u8> {
        let mut encoder = Encoder::new(5, Position::new(1, 0), 0);
        let mut out = Vec::new();
        for (n, batch) in batches.iter().enumerate() {
            if n % block_every == 0 {
                encoder.begin_block(&mut out);
            }
            let record = Record::Samples(Arc::new(batch.clone()));
            encoder.record(&mut out, Position::new(1, n as u64 + 1), &record).unwrap();
        }
        out
    }

    fn bodies(mut bytes: &[u8]) -> Vec<&[u8]> {
        let mut bodies = Vec::new();
        while let Some((head, rest)) = bytes.split_first_chunk::<FRAME_HEAD>() {
            let (body, rest) = rest.split_at((u64::from_le_bytes(*head) & 0xFFFF_FFFF) as usize);
            bodies.push(body);
            bytes = rest;
        }
        bodies
    }

    fn same(a: &Batch, b: &Batch) -> bool {
        let times = |x: &Batch| (0..x.len()).map(|r| x.time.get(r)).collect::<Vec<_>>();
        a.shape.points() == b.shape.points()
            && times(a) == times(b)
            && a.source == b.source
            && a.received == b.received
            && a.flags == b.flags
            && (0..a.len()).all(|r| a.status.get(r) == b.status.get(r))
            && a.values.len() == b.values.len()
            && a.values.iter().zip(&b.values).all(|(x, y)| x.same(y))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn frames_round_trip(batches in batches(), block_every in 1_usize..30) {
            let bytes = encoded(&batches, block_every);
            let (mut decoder, pool) = (Decoder::default(), ShapePool::default());
            let mut read = Vec::new();
            for body in bodies(&bytes) {
                if let Decoded::Record(_, Record::Samples(batch)) = decoder.frame(body, &pool).unwrap() {
                    read.push(batch);
                }
            }
            prop_assert_eq!(read.len(), batches.len());
            for (a, b) in batches.iter().zip(&read) {
                prop_assert!(same(a, b), "{:?}\n{:?}", a, b);
            }
            prop_assert_eq!(decoder.samples, batches.iter().map(|b| b.len() as u64).sum::<u64>());
        }

        #[test]
        fn nonsense_is_refused_without_a_panic(
            batches in batches(),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
            cut in any::<prop::sample::Index>(),
        ) {
            let bytes = encoded(&batches, 5);
            let (mut decoder, pool) = (Decoder::default(), ShapePool::default());
            for body in bodies(&bytes) {
                let mut body = body.to_vec();
                for (at, byte) in &changes {
                    let at = at.index(body.len());
                    body[at] = *byte;
                }
                body.truncate(cut.index(body.len()) + 1);
                let _ = decoder.frame(&body, &pool);
            }
        }
    }
}
