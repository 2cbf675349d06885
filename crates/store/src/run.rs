//! Samples in memory: one run is consecutive samples of one point, in columns.

use model::{Batch, Status, Time, Value};
use std::sync::Arc;

/// A column that is nearly always one value.
#[derive(Clone, Debug, PartialEq)]
pub enum Few<T> {
    /// All rows have it.
    All(T),
    /// One for each row.
    Rows(Vec<T>),
}

impl<T: Copy + PartialEq> Few<T> {
    /// Of `row`; beyond the end, the last.
    pub fn get(&self, row: usize) -> Option<T> {
        match self {
            Self::All(one) => Some(*one),
            Self::Rows(rows) => rows.get(row).copied(),
        }
    }

    /// Appends the value of row `len`.
    pub fn push(&mut self, len: usize, value: T) {
        match self {
            Self::All(one) if len == 0 => *one = value,
            Self::All(one) if *one == value => {}
            Self::All(one) => {
                let mut rows = Vec::with_capacity(len + 64);
                rows.resize(len, *one);
                rows.push(value);
                *self = Self::Rows(rows);
            }
            Self::Rows(rows) => rows.push(value),
        }
    }

    /// Rows `order`, in that order.
    #[must_use]
    pub fn pick(&self, order: &[u32]) -> Self {
        match self {
            Self::All(one) => Self::All(*one),
            Self::Rows(rows) => {
                Self::Rows(order.iter().filter_map(|i| rows.get(*i as usize).copied()).collect())
            }
        }
    }

    /// Rows from `from` to before `to`.
    #[must_use]
    pub fn slice(&self, from: usize, to: usize) -> Self {
        match self {
            Self::All(one) => Self::All(*one),
            Self::Rows(rows) => Self::Rows(rows.get(from..to).unwrap_or_default().to_vec()).compact(),
        }
    }

    /// One value if it is one.
    fn compact(self) -> Self {
        match self {
            Self::Rows(rows) if rows.iter().all(|r| Some(r) == rows.first()) => match rows.first() {
                Some(one) => Self::All(*one),
                None => Self::Rows(rows),
            },
            other => other,
        }
    }

    /// This column (of `len` rows) followed by `other` (of `more` rows).
    pub fn append(&mut self, len: usize, other: &Self, more: usize) {
        match (&mut *self, other) {
            (_, other) if len == 0 => *self = other.clone(),
            (Self::All(a), Self::All(b)) if a == b => {}
            (_, other) => {
                for row in 0..more {
                    if let Some(value) = other.get(row) {
                        self.push(len + row, value);
                    }
                }
            }
        }
    }
}

/// Bit of [`Stamps::flags`]: not live.
pub const HISTORICAL: u8 = 1;
/// Bit of [`Stamps::flags`]: the source clock counts as synchronised.
pub const SYNCHRONISED: u8 = 2;

/// Everything about samples but point, value and quality: shared by all points of a scan.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamps {
    /// What charts and SQL order by, ns since 1970 UTC.
    pub time: Vec<i64>,
    /// When received, ns; `None` where it is always the same as `time`.
    pub received: Option<Vec<i64>>,
    /// Journal position.
    pub seq: Vec<i64>,
    /// [`HISTORICAL`], [`SYNCHRONISED`].
    pub flags: Few<u8>,
}

impl Default for Stamps {
    fn default() -> Self {
        Self { time: Vec::new(), received: None, seq: Vec::new(), flags: Few::All(0) }
    }
}

impl Stamps {
    /// Rows.
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// No rows.
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// When row `row` was received.
    pub fn received_at(&self, row: usize) -> i64 {
        self.received.as_ref().unwrap_or(&self.time).get(row).copied().unwrap_or(0)
    }

    /// One more row.
    pub fn push(&mut self, time: i64, received: i64, seq: i64, flags: u8) {
        let len = self.time.len();
        match &mut self.received {
            Some(rows) => rows.push(received),
            None if received == time => {}
            None => {
                let mut rows = self.time.clone();
                rows.push(received);
                self.received = Some(rows);
            }
        }
        self.flags.push(len, flags);
        self.time.push(time);
        self.seq.push(seq);
    }

    /// The permutation that sorts by (time, seq); `None` if sorted already.
    pub fn disorder(&self) -> Option<Vec<u32>> {
        let key = |i: usize| (self.time.get(i).copied(), self.seq.get(i).copied());
        if (1..self.len()).all(|i| key(i - 1) <= key(i)) {
            return None;
        }
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_by_key(|i| key(*i as usize));
        Some(order)
    }

    /// Rows `order`, in that order.
    #[must_use]
    pub fn pick(&self, order: &[u32]) -> Self {
        let column = |v: &Vec<i64>| order.iter().filter_map(|i| v.get(*i as usize).copied()).collect();
        Self {
            time: column(&self.time),
            received: self.received.as_ref().map(column),
            seq: column(&self.seq),
            flags: self.flags.pick(order),
        }
    }

    /// Rows from `from` to before `to`.
    #[must_use]
    pub fn slice(&self, from: usize, to: usize) -> Self {
        let column = |v: &Vec<i64>| v.get(from..to).unwrap_or_default().to_vec();
        Self {
            time: column(&self.time),
            received: self.received.as_ref().map(column),
            seq: column(&self.seq),
            flags: self.flags.slice(from, to),
        }
    }

    /// These rows followed by `other`.
    pub fn append(&mut self, other: &Self) {
        let len = self.len();
        if self.received.is_some() || other.received.is_some() {
            let mine = self.received.get_or_insert_with(|| self.time.clone());
            mine.extend_from_slice(other.received.as_ref().unwrap_or(&other.time));
        }
        self.flags.append(len, &other.flags, other.len());
        self.time.extend_from_slice(&other.time);
        self.seq.extend_from_slice(&other.seq);
    }

    /// First row at or after `time`.
    pub fn lower(&self, time: i64) -> usize {
        self.time.partition_point(|t| *t < time)
    }

    /// Bytes in memory, about.
    pub fn bytes(&self) -> usize {
        self.len() * if self.received.is_some() { 24 } else { 16 } + 96
    }
}

/// Values of a run.
#[derive(Clone, Debug)]
pub enum Values {
    /// Booleans.
    Bool(Vec<bool>),
    /// Signed integers.
    I64(Vec<i64>),
    /// Unsigned integers.
    U64(Vec<u64>),
    /// Doubles.
    F64(Vec<f64>),
    /// Texts, bytes, missing values, several types.
    Mixed(Vec<Value>),
}

impl Default for Values {
    fn default() -> Self {
        Self::Mixed(Vec::new())
    }
}

impl Values {
    /// Rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Bool(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::U64(v) => v.len(),
            Self::F64(v) => v.len(),
            Self::Mixed(v) => v.len(),
        }
    }

    /// No rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Of `row`.
    pub fn get(&self, row: usize) -> Value {
        match self {
            Self::Bool(v) => v.get(row).map_or(Value::None, |v| Value::Bool(*v)),
            Self::I64(v) => v.get(row).map_or(Value::None, |v| Value::I64(*v)),
            Self::U64(v) => v.get(row).map_or(Value::None, |v| Value::U64(*v)),
            Self::F64(v) => v.get(row).map_or(Value::None, |v| Value::F64(*v)),
            Self::Mixed(v) => v.get(row).cloned().unwrap_or_default(),
        }
    }

    /// As a double for charts; `None` where the value has none.
    pub fn as_f64(&self, row: usize) -> Option<f64> {
        match self {
            Self::F64(v) => v.get(row).copied(),
            Self::I64(v) => v.get(row).map(|v| *v as f64),
            other => other.get(row).as_f64(),
        }
    }

    /// One more row.
    #[inline]
    pub fn push(&mut self, value: &Value) {
        match (&mut *self, value) {
            (Self::F64(v), Value::F64(x)) => v.push(*x),
            (Self::I64(v), Value::I64(x)) => v.push(*x),
            (Self::Bool(v), Value::Bool(x)) => v.push(*x),
            (Self::U64(v), Value::U64(x)) => v.push(*x),
            _ => self.push_slow(value),
        }
    }

    #[cold]
    fn push_slow(&mut self, value: &Value) {
        if self.is_empty() {
            *self = match value {
                Value::F64(x) => Self::F64(vec![*x]),
                Value::I64(x) => Self::I64(vec![*x]),
                Value::U64(x) => Self::U64(vec![*x]),
                Value::Bool(x) => Self::Bool(vec![*x]),
                other => Self::Mixed(vec![other.clone()]),
            };
            return;
        }
        if !matches!(self, Self::Mixed(_)) {
            *self = Self::Mixed((0..self.len()).map(|row| self.get(row)).collect());
        }
        if let Self::Mixed(rows) = self {
            rows.push(value.clone());
        }
    }

    /// Rows `order`, in that order.
    #[must_use]
    pub fn pick(&self, order: &[u32]) -> Self {
        fn rows<T: Clone>(v: &[T], order: &[u32]) -> Vec<T> {
            order.iter().filter_map(|i| v.get(*i as usize).cloned()).collect()
        }
        match self {
            Self::Bool(v) => Self::Bool(rows(v, order)),
            Self::I64(v) => Self::I64(rows(v, order)),
            Self::U64(v) => Self::U64(rows(v, order)),
            Self::F64(v) => Self::F64(rows(v, order)),
            Self::Mixed(v) => Self::Mixed(rows(v, order)),
        }
    }

    /// Rows from `from` to before `to`.
    #[must_use]
    pub fn slice(&self, from: usize, to: usize) -> Self {
        match self {
            Self::Bool(v) => Self::Bool(v.get(from..to).unwrap_or_default().to_vec()),
            Self::I64(v) => Self::I64(v.get(from..to).unwrap_or_default().to_vec()),
            Self::U64(v) => Self::U64(v.get(from..to).unwrap_or_default().to_vec()),
            Self::F64(v) => Self::F64(v.get(from..to).unwrap_or_default().to_vec()),
            Self::Mixed(v) => Self::Mixed(v.get(from..to).unwrap_or_default().to_vec()),
        }
    }

    /// These rows followed by `other`.
    pub fn append(&mut self, other: &Self) {
        if self.is_empty() {
            *self = other.clone();
            return;
        }
        match (&mut *self, other) {
            (Self::F64(a), Self::F64(b)) => a.extend_from_slice(b),
            (Self::I64(a), Self::I64(b)) => a.extend_from_slice(b),
            (Self::U64(a), Self::U64(b)) => a.extend_from_slice(b),
            (Self::Bool(a), Self::Bool(b)) => a.extend_from_slice(b),
            (_, other) => (0..other.len()).for_each(|row| self.push(&other.get(row))),
        }
    }

    /// Bytes in memory, about.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Bool(v) => v.len(),
            Self::I64(v) => v.len() * 8,
            Self::U64(v) => v.len() * 8,
            Self::F64(v) => v.len() * 8,
            Self::Mixed(v) => v.iter().map(value_bytes).sum(),
        }
    }
}

/// Bytes of a value in memory, about.
pub fn value_bytes(value: &Value) -> usize {
    24 + match value {
        Value::Text(t) => t.len() + 16,
        Value::Bytes(b) => b.len() + 16,
        _ => 0,
    }
}

/// Consecutive samples of one point, sorted by (time, seq).
#[derive(Clone, Debug)]
pub struct Run {
    /// The point's permanent number.
    pub point: u32,
    /// Times, shared with the other points of the scan.
    pub stamps: Arc<Stamps>,
    /// Values.
    pub values: Values,
    /// OPC UA status codes.
    pub status: Few<u32>,
}

impl Run {
    /// Rows.
    pub fn len(&self) -> usize {
        self.stamps.len()
    }

    /// No rows.
    pub fn is_empty(&self) -> bool {
        self.stamps.is_empty()
    }

    /// Status of `row`.
    pub fn status_at(&self, row: usize) -> Status {
        Status(self.status.get(row).unwrap_or(Status::BAD.0))
    }

    /// Bytes in memory without the shared stamps, about.
    pub fn bytes(&self) -> usize {
        self.values.bytes() + if let Few::Rows(r) = &self.status { r.len() * 4 } else { 0 } + 96
    }

    /// Sorted, whatever it was.
    #[must_use]
    pub fn sorted(self) -> Self {
        match self.stamps.disorder() {
            None => self,
            Some(order) => Self {
                point: self.point,
                stamps: Arc::new(self.stamps.pick(&order)),
                values: self.values.pick(&order),
                status: self.status.pick(&order),
            },
        }
    }

    /// Rows from `from` to before `to`; the stamps are copied.
    #[must_use]
    pub fn slice(&self, from: usize, to: usize) -> Self {
        let (from, to) = (from.min(self.len()), to.min(self.len()));
        Self {
            point: self.point,
            stamps: Arc::new(self.stamps.slice(from, to)),
            values: self.values.slice(from, to),
            status: self.status.slice(from, to),
        }
    }

    /// Rows with `from <= time < to`.
    #[must_use]
    pub fn between(&self, from: Time, to: Time) -> Self {
        let (a, b) = (self.stamps.lower(from.0), self.stamps.lower(to.0));
        if a == 0 && b == self.len() { self.clone() } else { self.slice(a, b.max(a)) }
    }
}

/// The flags byte of a batch.
pub fn flags_of(batch: &Batch) -> u8 {
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    flag(batch.flags.historical, HISTORICAL) | flag(batch.flags.synchronised, SYNCHRONISED)
}

/// Runs of the same point as one, sorted by (time, seq).
pub fn join(mut runs: Vec<Arc<Run>>) -> Option<Arc<Run>> {
    if runs.len() < 2 {
        return runs.pop();
    }
    let first = |r: &Arc<Run>| (r.stamps.time.first().copied(), r.stamps.seq.first().copied());
    runs.sort_by_key(first);
    let mut runs = runs.into_iter();
    let start = runs.next()?;
    let mut stamps = (*start.stamps).clone();
    let mut whole = Run { stamps: Arc::default(), ..(*start).clone() };
    for run in runs {
        whole.status.append(stamps.len(), &run.status, run.len());
        whole.values.append(&run.values);
        stamps.append(&run.stamps);
    }
    whole.stamps = Arc::new(stamps);
    Some(Arc::new(whole.sorted()))
}
