//! The head: samples that are in no segment yet, in columns per point, grouped by scan.

use crate::run::{Few, Run, Stamps, Values, flags_of, value_bytes};
use model::{Batch, Each, PointId, Position, Time, Value};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Most scan groups; what comes beyond is kept point by point.
const MOST_GROUPS: usize = 50_000;
/// Most shape numbers remembered.
const MOST_SHAPES: usize = 65_536;

#[derive(Default)]
struct Column {
    values: Values,
    status: Few<u32>,
}

impl Default for Few<u32> {
    fn default() -> Self {
        Self::All(0)
    }
}

#[derive(Default)]
struct Group {
    key: u64,
    points: Box<[PointId]>,
    stamps: Stamps,
    columns: Vec<Column>,
    /// (point, column), sorted.
    by_point: Vec<(u32, u32)>,
}

#[derive(Default)]
struct Loose {
    stamps: Stamps,
    column: Column,
}

/// Samples in memory.
#[derive(Default)]
pub(crate) struct Head {
    groups: Vec<Group>,
    by_shape: HashMap<u32, u32>,
    by_key: HashMap<u64, u32>,
    seen: HashSet<u64>,
    of_point: HashMap<u32, Vec<u32>>,
    loose: HashMap<u32, Loose>,
    pub rows: usize,
    pub bytes: usize,
    pub first: Option<Position>,
    pub last: Position,
    /// Receive time of the newest batch.
    pub received: Time,
}

/// Stable name of a scan group: FNV-1a over its point numbers, never 0.
pub(crate) fn key_of(points: &[PointId]) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    let hash = points.iter().flat_map(|p| p.0.to_le_bytes()).fold(0xCBF2_9CE4_8422_2325, mix);
    hash.max(1)
}

impl Head {
    /// Takes a batch.
    pub fn push(&mut self, position: Position, batch: &Batch) {
        self.first.get_or_insert(position);
        self.last = self.last.max(position);
        self.received = self.received.max(batch.received);
        self.rows += batch.len();
        let group =
            if let Each::All(time) = batch.time { self.group_of(batch).map(|g| (g, time)) } else { None };
        match group {
            Some((group, time)) => self.push_group(group, time, position, batch),
            None => self.push_loose(position, batch),
        }
    }

    fn group_of(&mut self, batch: &Batch) -> Option<u32> {
        let shape = batch.shape.id();
        if let Some(found) = self.by_shape.get(&shape) {
            return (*found != u32::MAX).then_some(*found);
        }
        let points = batch.shape.points();
        let key = key_of(points);
        let found = match self.by_key.get(&key) {
            Some(at) if self.groups.get(*at as usize).is_some_and(|g| *g.points == *points) => *at,
            Some(_) => u32::MAX,
            // The first time may be the only time; from the second on it is a scan.
            None if self.seen.insert(key) => {
                if self.seen.len() > MOST_SHAPES {
                    self.seen.clear();
                }
                return None;
            }
            None => self.new_group(key, points),
        };
        if self.by_shape.len() >= MOST_SHAPES {
            self.by_shape.clear();
        }
        self.by_shape.insert(shape, found);
        (found != u32::MAX).then_some(found)
    }

    fn new_group(&mut self, key: u64, points: &[PointId]) -> u32 {
        let mut by_point: Vec<(u32, u32)> =
            points.iter().enumerate().map(|(at, p)| (p.0, at as u32)).collect();
        by_point.sort_unstable();
        let doubled = by_point.windows(2).any(|w| matches!(w, [a, b] if a.0 == b.0));
        if doubled || points.is_empty() || self.groups.len() >= MOST_GROUPS {
            return u32::MAX;
        }
        let at = self.groups.len() as u32;
        for point in points {
            self.of_point.entry(point.0).or_default().push(at);
        }
        self.by_key.insert(key, at);
        let columns = points.iter().map(|_| Column::default()).collect();
        self.groups.push(Group { key, points: points.into(), stamps: Stamps::default(), columns, by_point });
        at
    }

    fn push_group(&mut self, group: u32, time: Time, position: Position, batch: &Batch) {
        let Some(group) = self.groups.get_mut(group as usize) else { return };
        let row = group.stamps.len();
        group.stamps.push(time.0, batch.received.0, position.as_i64(), flags_of(batch));
        self.bytes += 16 + 8 * batch.len();
        for (column, value) in group.columns.iter_mut().zip(&batch.values) {
            column.values.push(value);
            if let Value::Text(_) | Value::Bytes(_) | Value::None = value {
                self.bytes += value_bytes(value) - 8;
            }
        }
        match &batch.status {
            Each::All(one) => group.columns.iter_mut().for_each(|c| c.status.push(row, one.0)),
            Each::Rows(rows) => group.columns.iter_mut().zip(rows).for_each(|(c, s)| c.status.push(row, s.0)),
        }
    }

    fn push_loose(&mut self, position: Position, batch: &Batch) {
        let flags = flags_of(batch);
        for (point, time, status, value) in batch.rows() {
            let loose = self.loose.entry(point.0).or_default();
            let row = loose.stamps.len();
            loose.stamps.push(time.0, batch.received.0, position.as_i64(), flags);
            loose.column.values.push(value);
            loose.column.status.push(row, status.0);
            self.bytes += 24 + value_bytes(value);
        }
    }

    /// Samples of `point` with `from <= time < to`, unordered between runs.
    pub fn read(&self, point: u32, from: Time, to: Time, out: &mut Vec<Arc<Run>>) {
        for group in self.of_point.get(&point).into_iter().flatten() {
            let Some(group) = self.groups.get(*group as usize) else { continue };
            let Ok(found) = group.by_point.binary_search_by_key(&point, |p| p.0) else { continue };
            let at = group.by_point.get(found).map_or(0, |p| p.1 as usize);
            if let Some(column) = group.columns.get(at) {
                copy(point, &group.stamps, column, from, to, out);
            }
        }
        if let Some(loose) = self.loose.get(&point) {
            copy(point, &loose.stamps, &loose.column, from, to, out);
        }
    }

    /// Points with samples.
    pub fn points(&self) -> HashSet<u32> {
        let grouped =
            self.groups.iter().filter(|g| !g.stamps.is_empty()).flat_map(|g| g.points.iter().map(|p| p.0));
        grouped.chain(self.loose.keys().copied()).collect()
    }

    /// Takes everything out; the groups stay.
    pub fn freeze(&mut self) -> Frozen {
        let mut groups = Vec::new();
        for group in &mut self.groups {
            let rows = group.stamps.len();
            if rows == 0 {
                continue;
            }
            let stamps = std::mem::take(&mut group.stamps);
            let order = stamps.disorder();
            let stamps = Arc::new(match &order {
                Some(o) => stamps.pick(o),
                None => stamps,
            });
            let mut runs: Vec<Arc<Run>> = Vec::with_capacity(group.columns.len());
            for (point, at) in &group.by_point {
                let Some(column) = group.columns.get_mut(*at as usize) else { continue };
                let Column { values, status } = std::mem::take(column);
                let (values, status) = match &order {
                    Some(o) => (values.pick(o), status.pick(o)),
                    None => (values, status),
                };
                runs.push(Arc::new(Run { point: *point, stamps: Arc::clone(&stamps), values, status }));
            }
            groups.push((group.key, runs));
        }
        groups.sort_by_key(|(_, runs)| runs.first().map(|r| r.point));
        let mut loose: Vec<Arc<Run>> = std::mem::take(&mut self.loose)
            .into_iter()
            .map(|(point, l)| Run {
                point,
                stamps: Arc::new(l.stamps),
                values: l.column.values,
                status: l.column.status,
            })
            .map(|run| Arc::new(run.sorted()))
            .collect();
        if !loose.is_empty() {
            loose.sort_by_key(|r| r.point);
            groups.insert(0, (0, loose));
        }
        let mut by_point: HashMap<u32, Vec<Arc<Run>>> = HashMap::new();
        for run in groups.iter().flat_map(|(_, runs)| runs) {
            by_point.entry(run.point).or_default().push(Arc::clone(run));
        }
        let frozen = Frozen {
            groups,
            by_point,
            rows: self.rows,
            first: self.first.unwrap_or(self.last),
            last: self.last,
        };
        (self.rows, self.bytes, self.first) = (0, 0, None);
        frozen
    }
}

fn copy(point: u32, stamps: &Stamps, column: &Column, from: Time, to: Time, out: &mut Vec<Arc<Run>>) {
    let inside = |t: &i64| *t >= from.0 && *t < to.0;
    // Nearly always in order, so that the first and last row inside bound a slice.
    let first = stamps.time.iter().position(inside);
    let last = stamps.time.iter().rposition(inside);
    let (Some(first), Some(last)) = (first, last) else { return };
    let run = Run {
        point,
        stamps: Arc::new(stamps.slice(first, last + 1)),
        values: column.values.slice(first, last + 1),
        status: column.status.slice(first, last + 1),
    };
    out.push(Arc::new(run.sorted().between(from, to)));
}

/// Samples on their way into a segment.
pub(crate) struct Frozen {
    /// Runs by scan group, sorted by point; group 0 holds points without one.
    pub groups: Vec<(u64, Vec<Arc<Run>>)>,
    pub by_point: HashMap<u32, Vec<Arc<Run>>>,
    pub rows: usize,
    pub first: Position,
    pub last: Position,
}

impl Frozen {
    /// As [`Head::read`].
    pub fn read(&self, point: u32, from: Time, to: Time, out: &mut Vec<Arc<Run>>) {
        for run in self.by_point.get(&point).into_iter().flatten() {
            let part = run.between(from, to);
            if !part.is_empty() {
                out.push(Arc::new(part));
            }
        }
    }
}
