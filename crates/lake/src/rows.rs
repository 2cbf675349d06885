//! Rows on their way into files: gathered, parted by day, sorted.

use crate::columns::Kind;
use crate::error::LakeError;
use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::record_batch::RecordBatch;
use model::{Event, Position, Status, Time, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;

/// The day that Iceberg's transform `day` gives, since 1970 (Iceberg specification, "Partition Transforms").
pub(crate) const fn day(micros: i64) -> i32 {
    micros.div_euclid(DAY_US) as i32
}

/// `YYYY-MM-DD`, as the same chapter writes days.
pub(crate) fn day_name(day: i32) -> String {
    let time = Time(i64::from(day).saturating_mul(DAY_US * 1_000));
    time.rfc3339().chars().take(10).collect()
}

/// One sample.
struct Sample {
    /// Place in the list of paths.
    path: u32,
    time: Time,
    received: Time,
    seq: Position,
    status: Status,
    value: Value,
    historical: bool,
}

/// Samples that are gathered.
#[derive(Default)]
pub struct SampleRows {
    paths: Vec<Arc<str>>,
    known: HashMap<Arc<str>, u32>,
    rows: Vec<Sample>,
}

impl SampleRows {
    /// Adds a sample.
    pub fn add(
        &mut self,
        path: &str,
        (time, received): (Time, Time),
        seq: Position,
        (status, value): (Status, &Value),
        historical: bool,
    ) {
        let path = match self.known.get(path) {
            Some(path) => *path,
            None => {
                let (path, number) = (Arc::from(path), self.paths.len() as u32);
                self.paths.push(Arc::clone(&path));
                self.known.insert(path, number);
                number
            }
        };
        let value = if status.is_bad() { Value::None } else { value.clone() };
        self.rows.push(Sample { path, time, received, seq, status, value, historical });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// By day, sorted by path, time and position. CPU work: not for the threads of the network.
    pub(crate) fn days(self) -> Result<BTreeMap<i32, RecordBatch>, LakeError> {
        let Self { paths, mut rows, .. } = self;
        let mut order: Vec<u32> = (0..paths.len() as u32).collect();
        order.sort_unstable_by_key(|path| paths.get(*path as usize));
        let mut rank = vec![0_u32; paths.len()];
        for (place, path) in order.iter().enumerate() {
            if let Some(rank) = rank.get_mut(*path as usize) {
                *rank = place as u32;
            }
        }
        let ranked = |row: &Sample| rank.get(row.path as usize).copied().unwrap_or_default();
        rows.sort_unstable_by_key(|row| (day(micros(row.time)), ranked(row), row.time, row.seq));
        let parts = rows.chunk_by(|a, b| day(micros(a.time)) == day(micros(b.time)));
        let batch = |part: &[Sample]| sample_batch(part, &paths);
        parts
            .filter_map(|part| part.first().map(|first| (day(micros(first.time)), part)))
            .map(|(day, part)| Ok((day, batch(part)?)))
            .collect()
    }
}

/// Whole microseconds; what is beyond stands in `nanos`.
const fn micros(time: Time) -> i64 {
    time.0.div_euclid(1_000)
}

fn stamps(all: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(all.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn texts<'a>(all: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(all))
}

fn made(kind: Kind, columns: Vec<ArrayRef>) -> Result<RecordBatch, LakeError> {
    RecordBatch::try_new(kind.arrow(), columns).map_err(|why| LakeError::Unfit(why.to_string()))
}

fn sample_batch(rows: &[Sample], paths: &[Arc<str>]) -> Result<RecordBatch, LakeError> {
    let path = |row: &Sample| paths.get(row.path as usize).map_or("", |path| &**path);
    let text = |row: &Sample| match &row.value {
        Value::Text(text) => Some(text.to_string()),
        bytes @ Value::Bytes(_) => Some(bytes.to_string()),
        _ => None,
    };
    let all = || rows.iter();
    let columns: Vec<ArrayRef> = vec![
        texts(all().map(path)),
        stamps(all().map(|row| Some(micros(row.time)))),
        stamps(all().map(|row| Some(micros(row.received)))),
        Arc::new(Int64Array::from_iter_values(all().map(|row| row.seq.as_i64()))),
        Arc::new(all().map(|row| row.value.as_f64()).collect::<Float64Array>()),
        Arc::new(all().map(|row| row.value.as_i64()).collect::<Int64Array>()),
        Arc::new(all().map(text).collect::<StringArray>()),
        Arc::new(all().map(|row| Some(row.status.is_good())).collect::<BooleanArray>()),
        texts(all().map(|row| row.status.name())),
        Arc::new(Int64Array::from_iter_values(all().map(|row| i64::from(row.status.0)))),
        Arc::new(all().map(|row| Some(row.historical)).collect::<BooleanArray>()),
        Arc::new(Int32Array::from_iter_values(all().map(|row| row.time.0.rem_euclid(1_000) as i32))),
    ];
    made(Kind::Samples, columns)
}

/// Events that are gathered.
#[derive(Default)]
pub struct EventRows {
    rows: Vec<(Position, Arc<Event>)>,
}

impl EventRows {
    /// Adds an event, or a new revision of one.
    pub fn add(&mut self, seq: Position, event: Arc<Event>) {
        self.rows.push((seq, event));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// By day, sorted by id, start and position.
    pub(crate) fn days(self) -> Result<BTreeMap<i32, RecordBatch>, LakeError> {
        let mut days: BTreeMap<i32, Vec<(Position, Arc<Event>)>> = BTreeMap::new();
        for (seq, event) in self.rows {
            days.entry(day(micros(event.start))).or_default().push((seq, event));
        }
        days.into_iter()
            .map(|(day, mut rows)| {
                rows.sort_by(|a, b| (&a.1.id, a.1.start, a.0).cmp(&(&b.1.id, b.1.start, b.0)));
                Ok((day, event_batch(&rows)?))
            })
            .collect()
    }
}

fn event_batch(rows: &[(Position, Arc<Event>)]) -> Result<RecordBatch, LakeError> {
    let word = |json: Result<serde_json::Value, serde_json::Error>| -> String {
        json.ok().and_then(|json| json.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let words = |of: &dyn Fn(&Event) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, event)| of(event))))
    };
    let all = || rows.iter().map(|(_, event)| &**event);
    let int = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    let columns: Vec<ArrayRef> = vec![
        texts(all().map(|event| &*event.id)),
        stamps(all().map(|event| Some(micros(event.start)))),
        stamps(all().map(|event| event.end.map(micros))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|(seq, _)| seq.as_i64()))),
        Arc::new(Int32Array::from_iter_values(all().map(|event| int(event.revision)))),
        words(&|event| word(serde_json::to_value(event.kind))),
        texts(all().map(|event| &*event.source)),
        Arc::new(Int32Array::from_iter_values(all().map(|event| i32::from(event.severity)))),
        words(&|event| word(serde_json::to_value(event.state))),
        texts(all().map(|event| &*event.title)),
        texts(all().map(|event| &*event.text)),
        texts(all().map(|event| &*event.next)),
        words(&|event| event.refs.join(", ")),
    ];
    made(Kind::Events, columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Float64Type, Int32Type, TimestampMicrosecondType};

    #[test]
    fn days_are_those_of_the_specification() {
        assert_eq!((day(0), day(-1), day(DAY_US), day(DAY_US - 1)), (0, -1, 1, 0));
        // The specification's own example: 2017-11-16T22:31:08 is day 17486.
        assert_eq!(day(1_510_871_468_000_000), 17_486);
        assert_eq!((day_name(17_486).as_str(), day_name(-1).as_str()), ("2017-11-16", "1969-12-31"));
    }

    #[test]
    fn samples_are_parted_by_day_and_sorted_and_bad_is_null() {
        let mut rows = SampleRows::default();
        let seq = |n| Position::new(1, n);
        let day = DAY_US * 1_000;
        rows.add("s/b", (Time(day + 1_234), Time(5)), seq(1), (Status::GOOD, &Value::F64(1.5)), false);
        rows.add("s/a", (Time(day + 9_000), Time(5)), seq(2), (Status::BAD, &Value::F64(9.0)), true);
        rows.add("s/b", (Time(5), Time(5)), seq(3), (Status::GOOD, &Value::from("x")), false);
        let days = rows.days().unwrap();
        assert_eq!(days.keys().copied().collect::<Vec<_>>(), [0, 1]);
        let second = &days[&1];
        let paths: Vec<&str> = second.column(0).as_string::<i32>().iter().flatten().collect();
        assert_eq!(paths, ["s/a", "s/b"]);
        assert!(second.column(4).is_null(0), "Bad has no value");
        assert_eq!(second.column(4).as_primitive::<Float64Type>().value(1), 1.5);
        assert_eq!(second.column(1).as_primitive::<TimestampMicrosecondType>().value(1), DAY_US + 1);
        assert_eq!(second.column(11).as_primitive::<Int32Type>().value(1), 234);
        assert_eq!(days[&0].column(6).as_string::<i32>().value(0), "x");
    }
}
