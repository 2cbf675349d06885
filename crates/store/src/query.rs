//! Reads without SQL: range, latest, extent.

use crate::catalogue::Entry;
use crate::error::StoreError;
use crate::run::{HISTORICAL, Run, Values, join};
use crate::segment::read::Segment;
use crate::store::{Inner, Live, Store};
use model::{PointId, Position, Status, Time, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// From the oldest or from the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Order {
    /// Oldest first.
    #[default]
    Ascending,
    /// Newest first.
    Descending,
}

/// Samples of one point, in columns, in the order asked for.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// What charts and SQL order by.
    pub time: Vec<Time>,
    /// When received.
    pub received: Vec<Time>,
    /// Journal position; with point and time the key of the sample.
    pub seq: Vec<Position>,
    /// Quality.
    pub status: Vec<Status>,
    /// Not live.
    pub historical: Vec<bool>,
    /// Values.
    pub values: Values,
    /// There are more in the range than the limit let through.
    pub more: bool,
}

impl Samples {
    /// Rows.
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// No rows.
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    fn of(run: &Run, order: Order, limit: usize, more: bool) -> Self {
        let mut samples = Self { more: more || run.len() > limit, ..Self::default() };
        let take = run.len().min(limit);
        let rows: Vec<u32> = match order {
            Order::Ascending => (0..take as u32).collect(),
            Order::Descending => (0..run.len() as u32).rev().take(take).collect(),
        };
        for row in rows.iter().map(|r| *r as usize) {
            samples.time.push(Time(run.stamps.time.get(row).copied().unwrap_or(0)));
            samples.received.push(Time(run.stamps.received_at(row)));
            samples.seq.push(Position(run.stamps.seq.get(row).copied().unwrap_or(0) as u64));
            samples.status.push(run.status_at(row));
            samples.historical.push(run.stamps.flags.get(row).unwrap_or(0) & HISTORICAL != 0);
        }
        samples.values = match order {
            Order::Ascending if take == run.len() => run.values.clone(),
            _ => run.values.pick(&rows),
        };
        samples
    }
}

/// The newest sample of a point in history.
#[derive(Clone, Debug, PartialEq)]
pub struct Newest {
    /// Its time.
    pub time: Time,
    /// When received.
    pub received: Time,
    /// Its position.
    pub seq: Position,
    /// Its quality.
    pub status: Status,
    /// Its value.
    pub value: Value,
}

impl Inner {
    /// Head and segments at one moment: what a flush moves is in exactly one of them.
    pub(crate) fn memory(&self, points: &[u32], from: Time, to: Time) -> (Live, HashMap<u32, Vec<Arc<Run>>>) {
        let mut found: HashMap<u32, Vec<Arc<Run>>> = HashMap::new();
        let head = self.head.lock();
        let live = self.snapshot();
        for point in points {
            let mut runs = Vec::new();
            head.read(*point, from, to, &mut runs);
            for frozen in &live.frozen {
                frozen.read(*point, from, to, &mut runs);
            }
            if !runs.is_empty() {
                found.insert(*point, runs);
            }
        }
        (live, found)
    }

    /// Decoded runs of one row group, from the cache where possible.
    pub(crate) fn runs(
        &self,
        entry: &Entry,
        segment: &Segment,
        group: usize,
        runs: &[usize],
    ) -> Result<Vec<Arc<Run>>, StoreError> {
        let mut out = Vec::with_capacity(runs.len());
        let mut reader = segment.group(group)?;
        for at in runs {
            let key = (entry.id, group as u32, *at as u32);
            let cached = self.cache.lock().runs.get(&key);
            if let Some(run) = cached {
                out.push(run);
                continue;
            }
            let Some(info) = segment.info(group, *at) else { continue };
            let leader = (entry.id, group as u32, info.leader);
            let stamps = self.cache.lock().stamps.get(&leader);
            let known = stamps.is_some();
            if let Some(stamps) = stamps {
                reader.know_stamps(info.leader, stamps);
            }
            let run = Arc::new(reader.run(*at)?);
            let mut cache = self.cache.lock();
            if !known {
                cache.stamps.put(leader, Arc::clone(&run.stamps), run.stamps.bytes());
            }
            cache.runs.put(key, Arc::clone(&run), run.bytes());
            out.push(run);
        }
        Ok(out)
    }

    /// Runs of `points` in `entry` that touch `from..to`. A damaged segment answers nothing, and is set aside.
    pub(crate) fn stored(
        &self,
        entry: &Entry,
        points: &[u32],
        from: i64,
        to: i64,
        out: &mut HashMap<u32, Vec<Arc<Run>>>,
    ) -> Result<(), StoreError> {
        let Some(segment) = self.segment(entry)? else { return Ok(()) };
        let mut by_group: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for point in points {
            for (group, run) in segment.places(*point) {
                if segment.info(group, run).is_some_and(|i| i.from < to && i.to >= from) {
                    by_group.entry(group).or_default().push(run);
                }
            }
        }
        for (group, runs) in by_group {
            match self.runs(entry, &segment, group, &runs) {
                Ok(runs) => {
                    for run in runs {
                        out.entry(run.point).or_default().push(run);
                    }
                }
                Err(e) => return self.unreadable(entry, e),
            }
        }
        Ok(())
    }
}

/// A merge may replace a segment between the look at the list and the opening of the file: look again.
pub(crate) fn again<T>(mut read: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let mut tries = 0;
    loop {
        match read() {
            Err(StoreError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound && tries < 5 =>
            {
                tries += 1
            }
            done => return done,
        }
    }
}

impl Store {
    /// Samples of `point` with `from <= time < to`, at most `limit`, sorted by (time, seq).
    ///
    /// # Errors
    /// The disk refuses.
    pub fn range(
        &self,
        point: PointId,
        from: Time,
        to: Time,
        limit: usize,
        order: Order,
    ) -> Result<Samples, StoreError> {
        again(|| self.try_range(point.0, from, to, limit, order))
    }

    fn try_range(
        &self,
        point: u32,
        from: Time,
        to: Time,
        limit: usize,
        order: Order,
    ) -> Result<Samples, StoreError> {
        let (live, mut memory) = self.inner.memory(&[point], from, to);
        let mut runs = memory.remove(&point).unwrap_or_default();
        let mut entries: Vec<&Arc<Entry>> =
            live.catalogue.segments.iter().filter(|e| e.from < to.0 && e.to >= from.0).collect();
        match order {
            Order::Ascending => entries.sort_by_key(|e| e.from),
            Order::Descending => entries.sort_by_key(|e| std::cmp::Reverse(e.to)),
        }
        let mut more = false;
        for entry in entries {
            // What is settled cannot be overtaken by this or later segments.
            let settled: usize = match order {
                Order::Ascending => runs.iter().map(|r| r.stamps.lower(entry.from)).sum(),
                Order::Descending => {
                    runs.iter().map(|r| r.len() - r.stamps.lower(entry.to.saturating_add(1))).sum()
                }
            };
            if settled > limit {
                more = true;
                break;
            }
            let mut found = HashMap::new();
            self.inner.stored(entry, &[point], from.0, to.0, &mut found)?;
            let parts = found.remove(&point).unwrap_or_default();
            runs.extend(parts.into_iter().map(|r| Arc::new(r.between(from, to))).filter(|r| !r.is_empty()));
        }
        Ok(join(runs).map_or_else(Samples::default, |run| Samples::of(&run, order, limit, more)))
    }

    /// The newest sample of `point`, with `good` only of those that are not Bad.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn latest(&self, point: PointId, good: bool) -> Result<Option<Newest>, StoreError> {
        again(|| self.try_latest(point.0, good))
    }

    fn try_latest(&self, point: u32, good: bool) -> Result<Option<Newest>, StoreError> {
        let (live, mut memory) = self.inner.memory(&[point], Time(i64::MIN), Time(i64::MAX));
        let mut best: Option<Newest> = None;
        memory.remove(&point).unwrap_or_default().iter().for_each(|r| newest(r, good, &mut best));
        let mut entries = live.catalogue.segments.clone();
        entries.sort_by_key(|e| std::cmp::Reverse(e.to));
        for entry in entries {
            let after = best.as_ref().map_or(i64::MIN, |b| b.time.0);
            if entry.to < after {
                break;
            }
            let Some(segment) = self.inner.segment(&entry)? else { continue };
            let mut places: Vec<(usize, usize)> = segment.places(point).collect();
            places.sort_by_key(|(g, r)| segment.info(*g, *r).map(|i| std::cmp::Reverse(i.to)));
            for (group, run) in places {
                let after = best.as_ref().map_or(i64::MIN, |b| b.time.0);
                if segment.info(group, run).is_none_or(|i| i.to < after) {
                    break;
                }
                match self.inner.runs(&entry, &segment, group, &[run]) {
                    Ok(runs) => runs.iter().for_each(|r| newest(r, good, &mut best)),
                    Err(e) => self.inner.unreadable(&entry, e)?,
                }
            }
        }
        Ok(best)
    }

    /// Earliest and latest time of `point`.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn extent(&self, point: PointId) -> Result<Option<(Time, Time)>, StoreError> {
        again(|| {
            let (live, mut memory) = self.inner.memory(&[point.0], Time(i64::MIN), Time(i64::MAX));
            let (mut low, mut high) = (i64::MAX, i64::MIN);
            for run in memory.remove(&point.0).unwrap_or_default() {
                low = low.min(run.stamps.time.first().copied().unwrap_or(i64::MAX));
                high = high.max(run.stamps.time.last().copied().unwrap_or(i64::MIN));
            }
            for entry in live.catalogue.segments.iter() {
                if entry.from >= low && entry.to <= high {
                    continue;
                }
                let Some(segment) = self.inner.segment(entry)? else { continue };
                for info in segment.places(point.0).filter_map(|(g, r)| segment.info(g, r)) {
                    (low, high) = (low.min(info.from), high.max(info.to));
                }
            }
            Ok((low <= high).then_some((Time(low), Time(high))))
        })
    }
}

fn newest(run: &Run, good: bool, best: &mut Option<Newest>) {
    let row = (0..run.len()).rev().find(|row| !good || !run.status_at(*row).is_bad());
    let Some(row) = row else { return };
    let at = |v: &Vec<i64>| v.get(row).copied().unwrap_or(0);
    let (time, seq) = (at(&run.stamps.time), at(&run.stamps.seq));
    if best.as_ref().is_none_or(|b| (b.time.0, b.seq.as_i64()) < (time, seq)) {
        *best = Some(Newest {
            time: Time(time),
            received: Time(run.stamps.received_at(row)),
            seq: Position(seq as u64),
            status: run.status_at(row),
            value: run.values.get(row),
        });
    }
}
