//! Samples as rows of binary COPY (PostgreSQL documentation, "COPY", "Binary Format").

use crate::north::{Feed, Reject, Samples};
use model::{PointId, Position, Status, Time, Value};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

/// Nanoseconds from 1970 to 2000, where PostgreSQL's times begin.
const EPOCH_2000_NS: i64 = 946_684_800_000_000_000;
/// Before the rows: signature, flags, length of the extension.
pub(super) const HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Behind the rows.
pub(super) const TAIL: &[u8] = &[0xFF, 0xFF];
/// The columns of a row, in this order.
pub(super) const COLUMNS: &str =
    "point, time, nanos, seq, received, value, value_int, value_text, status, historical";
const COLUMN_COUNT: i16 = 10;

/// Where a row ends and what it is about.
struct Mark {
    end: usize,
    point: PointId,
    position: Position,
}

/// A sample as the database has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) number: i32,
    /// Whole microseconds, and the nanoseconds that do not fit in.
    pub(super) time: Time,
    pub(super) nanos: i16,
    pub(super) seq: i64,
    pub(super) value: Option<f64>,
    pub(super) status: i64,
}

/// Rows ready to be copied.
#[derive(Default)]
pub(super) struct Rows {
    bytes: Vec<u8>,
    /// The last sample, to ask for it later.
    last: Option<(PointId, Time, Key)>,
    /// Some are values of intervals, which replace what stands there.
    intervals: bool,
    marks: Vec<Mark>,
    statuses: BTreeSet<Status>,
    refused: Vec<Reject>,
}

impl Rows {
    /// Adds the samples of points whose far number is known.
    pub(super) fn add(&mut self, samples: &Samples, numbers: &HashMap<PointId, i32>, feed: &dyn Named) {
        for n in 0..samples.len() {
            let Some((point, time, status, value)) = samples.get(n) else { continue };
            let Some(number) = numbers.get(&point) else { continue };
            if matches!(value, Value::Text(text) if text.contains('\0')) {
                let reason = "the text holds a NUL character, which PostgreSQL cannot store".into();
                self.refused.push(reject(samples.position, point, reason, feed));
                continue;
            }
            self.statuses.insert(status);
            row(&mut self.bytes, *number, time, samples, status, value);
            self.intervals |= samples.position == Position::START;
            self.last = Some((point, time, key(*number, time, samples.position, status, value)));
            self.marks.push(Mark { end: self.bytes.len(), point, position: samples.position });
        }
    }

    /// Something that will never be taken.
    pub(super) fn refuse(&mut self, reject: Reject) {
        self.refused.push(reject);
    }

    pub(super) fn take_refused(&mut self) -> Vec<Reject> {
        std::mem::take(&mut self.refused)
    }

    /// The last sample, and its point and time.
    pub(super) fn last(&self) -> Option<&(PointId, Time, Key)> {
        self.last.as_ref()
    }

    /// Whether values of intervals are among them.
    pub(super) fn intervals(&self) -> bool {
        self.intervals
    }

    pub(super) fn len(&self) -> usize {
        self.marks.len()
    }

    pub(super) fn statuses(&self) -> impl Iterator<Item = Status> + '_ {
        self.statuses.iter().copied()
    }

    /// The bytes of some rows.
    pub(super) fn bytes(&self, part: &Range<usize>) -> &[u8] {
        let end = |row: Option<usize>| row.and_then(|row| self.marks.get(row)).map_or(0, |mark| mark.end);
        self.bytes.get(end(part.start.checked_sub(1))..end(part.end.checked_sub(1))).unwrap_or_default()
    }

    /// A dead letter of one row.
    pub(super) fn reject(&self, row: usize, feed: &dyn Named, reason: String) -> Option<Reject> {
        let mark = self.marks.get(row)?;
        Some(reject(mark.position, mark.point, reason, feed))
    }
}

/// Where the paths of points and the time are known: the feed, or a test.
pub(super) trait Named {
    fn path(&self, point: PointId) -> String;
    fn now(&self) -> Time;
}

impl Named for Feed {
    fn path(&self, point: PointId) -> String {
        self.meta(point).map_or_else(String::new, |meta| meta.path.to_string())
    }

    fn now(&self) -> Time {
        Self::now(self)
    }
}

fn reject(position: Position, point: PointId, reason: String, feed: &dyn Named) -> Reject {
    Reject { position, path: feed.path(point), reason, time: feed.now() }
}

/// Microseconds since 2000, and the nanoseconds that do not fit in.
pub(super) fn stamp(time: Time) -> (i64, i16) {
    let since = time.0.saturating_sub(EPOCH_2000_NS);
    (since.div_euclid(1_000), i16::try_from(since.rem_euclid(1_000)).unwrap_or(0))
}

fn key(number: i32, time: Time, position: Position, status: Status, value: &Value) -> Key {
    let (micros, nanos) = stamp(time);
    let value = Some(value).filter(|_| !status.is_bad()).and_then(Value::as_f64);
    let time = Time(EPOCH_2000_NS + micros * 1_000);
    Key { number, time, nanos, seq: position.as_i64(), value, status: i64::from(status.0) }
}

fn row(out: &mut Vec<u8>, number: i32, time: Time, samples: &Samples, status: Status, value: &Value) {
    let (micros, nanos) = stamp(time);
    let good = Some(value).filter(|_| !status.is_bad());
    out.extend_from_slice(&COLUMN_COUNT.to_be_bytes());
    field(out, &number.to_be_bytes());
    field(out, &micros.to_be_bytes());
    field(out, &nanos.to_be_bytes());
    field(out, &samples.position.as_i64().to_be_bytes());
    field(out, &stamp(samples.batch.received).0.to_be_bytes());
    match good.and_then(Value::as_f64) {
        Some(number) => field(out, &number.to_be_bytes()),
        None => null(out),
    }
    match good.and_then(Value::as_i64) {
        Some(number) => field(out, &number.to_be_bytes()),
        None => null(out),
    }
    match good {
        Some(Value::Text(text)) => field(out, text.as_bytes()),
        Some(bytes @ Value::Bytes(_)) => field(out, bytes.to_string().as_bytes()),
        _ => null(out),
    }
    field(out, &i64::from(status.0).to_be_bytes());
    field(out, &[u8::from(samples.batch.flags.historical)]);
}

fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&i32::try_from(bytes.len()).unwrap_or(i32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(&(-1_i32).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::north::filter::Rows as Which;
    use model::{Batch, Each, Shape};
    use std::sync::Arc;

    struct Site;
    impl Named for Site {
        fn path(&self, point: PointId) -> String {
            format!("a/b/{}", point.0)
        }
        fn now(&self) -> Time {
            Time(1)
        }
    }

    fn samples(values: Vec<Value>, status: Status) -> Samples {
        let shape = Shape::new((0..values.len() as u32).map(PointId).collect::<Vec<_>>());
        let time = Time(EPOCH_2000_NS + 1_234_567_891);
        let mut batch = Batch::polled(shape, time, Each::All(status), values);
        batch.flags.historical = true;
        let batch = Arc::new(batch);
        Samples { position: Position::new(1, 7), batch, rows: Which::All, historical: true }
    }

    #[test]
    fn times_keep_their_nanoseconds() {
        assert_eq!(stamp(Time(EPOCH_2000_NS + 1_234_567_891)), (1_234_567, 891));
        assert_eq!(stamp(Time(EPOCH_2000_NS - 1)), (-1, 999));
        assert_eq!(stamp(Time(0)), (-946_684_800_000_000, 0));
    }

    #[test]
    fn a_row_is_as_the_documentation_of_copy_says() {
        let mut rows = Rows::default();
        rows.add(&samples(vec![Value::F64(2.0)], Status::GOOD), &HashMap::from([(PointId(0), 9)]), &Site);
        let mut expected: Vec<u8> = vec![0, 10, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 8];
        expected.extend(1_234_567_i64.to_be_bytes());
        expected.extend([0, 0, 0, 2, 0x03, 0x7B, 0, 0, 0, 8]);
        expected.extend(Position::new(1, 7).as_i64().to_be_bytes());
        expected.extend([0, 0, 0, 8]);
        expected.extend(1_234_567_i64.to_be_bytes());
        expected.extend([0, 0, 0, 8, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 2]);
        expected.extend([0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(rows.bytes(&(0..1)), expected);
        assert_eq!(rows.bytes(&(0..0)), b"");
    }

    #[test]
    fn bad_is_null_and_a_text_with_nul_is_a_dead_letter() {
        let numbers = HashMap::from([(PointId(0), 1), (PointId(1), 2)]);
        let mut bad = Rows::default();
        bad.add(&samples(vec![Value::F64(2.0)], Status::BAD_SENSOR_FAILURE), &numbers, &Site);
        let nulls =
            bad.bytes(&(0..1)).windows(12).filter(|bytes| bytes.iter().all(|byte| *byte == 0xFF)).count();
        assert_eq!(nulls, 1, "value, value_int and value_text are NULL");
        let mut rows = Rows::default();
        rows.add(&samples(vec![Value::from("a\0b"), Value::from("ok")], Status::GOOD), &numbers, &Site);
        let refused = rows.take_refused();
        assert_eq!((rows.len(), refused.len(), refused[0].path.as_str()), (1, 1, "a/b/0"));
        // A point whose number is not known is left out: its declaration comes first, always.
        rows.add(&samples(vec![Value::None; 3], Status::BAD), &numbers, &Site);
        assert_eq!(rows.len(), 3);
        assert_eq!(rows.bytes(&(1..3)).len() + rows.bytes(&(0..1)).len(), rows.bytes(&(0..3)).len());
    }
}
