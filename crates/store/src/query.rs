//! Reads without SQL: range, latest, trend, aggregate, and the parts that SQL scans.

use crate::catalogue::{Entry, rollup_name};
use crate::error::StoreError;
use crate::rollup::{self, Bucket, HOUR, RollupFile, add_run};
use crate::run::{HISTORICAL, Run, Values, join};
use crate::segment::read::Segment;
use crate::store::{Inner, Live, Store};
use model::{PointId, Position, Status, Time, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

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

/// What a chart draws.
#[derive(Clone, Debug)]
pub enum Trend {
    /// Few enough to draw each.
    Raw(Samples),
    /// Buckets that hold something, ascending.
    Buckets {
        /// Width of each.
        width: Duration,
        /// The buckets.
        buckets: Vec<Bucket>,
    },
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

/// A part of a scan: read with [`Store::read_part`].
pub enum Part {
    /// Runs of one row group of a segment.
    Stored {
        /// What the catalogue says.
        entry: Arc<Entry>,
        /// The open file.
        segment: Arc<Segment>,
        /// Row group.
        group: usize,
        /// Runs in it.
        runs: Vec<usize>,
    },
    /// Samples in memory.
    Memory(Vec<Arc<Run>>),
}

impl Part {
    /// Samples in it, before cutting to the range.
    pub fn rows(&self) -> usize {
        match self {
            Self::Stored { segment, group, runs, .. } => {
                runs.iter().filter_map(|r| segment.info(*group, *r)).map(|i| i.rows as usize).sum()
            }
            Self::Memory(runs) => runs.iter().map(|r| r.len()).sum(),
        }
    }
}

impl Inner {
    /// Head and segments at one moment: what a flush moves is in exactly one of them.
    fn memory(&self, points: &[u32], from: Time, to: Time) -> (Live, HashMap<u32, Vec<Arc<Run>>>) {
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
    fn runs(
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
    fn stored(
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

    fn rollup_file(&self, entry: &Entry) -> Result<Arc<RollupFile>, StoreError> {
        if let Some(file) = self.cache.lock().rollup_files.get(&entry.id) {
            return Ok(file);
        }
        let file = Arc::new(RollupFile::open(&self.segments_dir().join(rollup_name(&entry.name())))?);
        self.cache.lock().rollup_files.put(entry.id, Arc::clone(&file), file.bytes());
        Ok(file)
    }

    /// Hours of `points` from the rollup file of `entry`. A row group is decoded once per call, and only the points
    /// asked for are kept.
    fn rollup(&self, entry: &Entry, points: &[u32]) -> Result<Vec<(u32, Arc<Vec<Bucket>>)>, StoreError> {
        let mut out = Vec::with_capacity(points.len());
        let mut missing = BTreeSet::new();
        for point in points {
            match self.cache.lock().rollups.get(&(entry.id, *point)) {
                Some(known) => out.push((*point, known)),
                None => {
                    missing.insert(*point);
                }
            }
        }
        if missing.is_empty() {
            return Ok(out);
        }
        let file = self.rollup_file(entry)?;
        let groups: BTreeSet<u32> = missing.iter().flat_map(|p| file.groups(*p)).collect();
        let mut found: HashMap<u32, Vec<Bucket>> = missing.iter().map(|p| (*p, Vec::new())).collect();
        for group in groups {
            for (point, bucket) in file.read(group)? {
                if let Some(all) = found.get_mut(&point) {
                    all.push(bucket);
                }
            }
        }
        for (point, buckets) in found {
            let buckets = Arc::new(buckets);
            let bytes = buckets.len() * size_of::<Bucket>() + 64;
            self.cache.lock().rollups.put((entry.id, point), Arc::clone(&buckets), bytes);
            out.push((point, buckets));
        }
        Ok(out)
    }

    /// Buckets of `points`, ascending: rollups where whole hours are wanted, samples elsewhere.
    fn buckets(
        &self,
        points: &[u32],
        from: i64,
        to: i64,
        origin: i64,
        width: i64,
    ) -> Result<HashMap<u32, Vec<Bucket>>, StoreError> {
        let (live, memory) = self.memory(points, Time(from), Time(to));
        let mut out: HashMap<u32, BTreeMap<i64, Bucket>> = HashMap::new();
        let mut add = |point: u32, bucket: Bucket| {
            let start = rollup::floor(bucket.start, origin, width);
            let all = out.entry(point).or_default();
            all.entry(start).or_insert(Bucket::new(start)).merge(&bucket);
        };
        let add_runs =
            |runs: &HashMap<u32, Vec<Arc<Run>>>, from: i64, to: i64, add: &mut dyn FnMut(u32, Bucket)| {
                for (point, runs) in runs {
                    for run in runs {
                        let mut buckets = Vec::new();
                        add_run(run, from, to, origin, width, &mut buckets);
                        buckets.into_iter().for_each(|b| add(*point, b));
                    }
                }
            };
        add_runs(&memory, from, to, &mut add);
        let hours = width % HOUR == 0 && origin % HOUR == 0;
        let (whole_from, whole_to) =
            (rollup::floor(from.saturating_add(HOUR - 1), 0, HOUR), rollup::floor(to, 0, HOUR));
        for entry in live.catalogue.segments.iter().filter(|e| e.from < to && e.to >= from) {
            let mut edges = vec![(from, to)];
            if hours
                && entry.rollup > 0
                && whole_from < whole_to
                && self.add_rollups(entry, points, whole_from, whole_to, &mut add)
            {
                edges = vec![(from, whole_from), (whole_to, to)];
            }
            for (from, to) in edges {
                if from < to && entry.from < to && entry.to >= from {
                    let mut runs = HashMap::new();
                    self.stored(entry, points, from, to, &mut runs)?;
                    add_runs(&runs, from, to, &mut add);
                }
            }
        }
        Ok(out.into_iter().map(|(point, all)| (point, all.into_values().collect())).collect())
    }

    /// Whether the rollup file could be used; if it cannot be read, the samples are.
    fn add_rollups(
        &self,
        entry: &Entry,
        points: &[u32],
        from: i64,
        to: i64,
        add: &mut dyn FnMut(u32, Bucket),
    ) -> bool {
        match self.rollup(entry, points) {
            Ok(found) => {
                for (point, buckets) in found {
                    buckets.iter().filter(|b| b.start >= from && b.start < to).for_each(|b| add(point, *b));
                }
                true
            }
            Err(e) => {
                self.counters.lock().unreadable += 1;
                tracing::warn!(error = %e, "a rollup cannot be read; the samples are used");
                false
            }
        }
    }
}

/// A merge may replace a segment between the look at the list and the opening of the file: look again.
fn again<T>(mut read: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
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

    /// For a chart of `from..to` with about `buckets` columns: each sample if there are few, else buckets; wide ones
    /// are whole hours and come from rollups.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn trend(&self, point: PointId, from: Time, to: Time, buckets: usize) -> Result<Trend, StoreError> {
        let buckets = buckets.clamp(1, 100_000);
        let most = buckets * 2;
        if self.count(point, from, to)? <= most {
            let samples = self.range(point, from, to, most, Order::Ascending)?;
            if !samples.more {
                return Ok(Trend::Raw(samples));
            }
        }
        let span = to.0.saturating_sub(from.0).max(1);
        let width = (span + buckets as i64 - 1) / buckets as i64;
        let (origin, width) =
            if width >= HOUR { (0, (width + HOUR - 1) / HOUR * HOUR) } else { (from.0, width) };
        let mut found = again(|| self.inner.buckets(&[point.0], from.0, to.0, origin, width))?;
        let width = Duration::from_nanos(width as u64);
        Ok(Trend::Buckets { width, buckets: found.remove(&point.0).unwrap_or_default() })
    }

    /// At least the samples in the range: from indexes, without decoding.
    fn count(&self, point: PointId, from: Time, to: Time) -> Result<usize, StoreError> {
        again(|| {
            let (live, mut memory) = self.inner.memory(&[point.0], from, to);
            let mut count: usize = memory.remove(&point.0).unwrap_or_default().iter().map(|r| r.len()).sum();
            for entry in live.catalogue.segments.iter().filter(|e| e.from < to.0 && e.to >= from.0) {
                if count > 200_000 {
                    break;
                }
                let Some(segment) = self.inner.segment(entry)? else { continue };
                let infos = segment.places(point.0).filter_map(|(g, r)| segment.info(g, r));
                for info in infos.filter(|i| i.from < to.0 && i.to >= from.0) {
                    // A run that lies partly in the range counts by its share.
                    let inside = info.to.min(to.0) - info.from.max(from.0);
                    let share = (inside as f64 + 1.0) / ((info.to - info.from) as f64 + 1.0);
                    count += (f64::from(info.rows) * share) as usize;
                }
            }
            Ok(count)
        })
    }

    /// Buckets of each of `points`, in their order. Buckets of `width` begin at multiples of it since 1970 UTC.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn aggregate(
        &self,
        points: &[PointId],
        from: Time,
        to: Time,
        width: Duration,
    ) -> Result<Vec<Vec<Bucket>>, StoreError> {
        let numbers: Vec<u32> = points.iter().map(|p| p.0).collect();
        let width = i64::try_from(width.as_nanos()).unwrap_or(i64::MAX).max(1);
        let mut found = again(|| self.inner.buckets(&numbers, from.0, to.0, 0, width))?;
        Ok(numbers.iter().map(|p| found.remove(p).unwrap_or_default()).collect())
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

    /// The parts that hold samples of `points` (`None`: all) with `from <= time < to`. Files stay readable while a
    /// part holds them, also when a merge replaces them meanwhile.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn scan(&self, points: Option<&[u32]>, from: Time, to: Time) -> Result<Vec<Part>, StoreError> {
        again(|| self.try_scan(points, from, to))
    }

    fn try_scan(&self, points: Option<&[u32]>, from: Time, to: Time) -> Result<Vec<Part>, StoreError> {
        let in_memory: Vec<u32> = match points {
            Some(points) => points.to_vec(),
            None => {
                let mut all: BTreeSet<u32> = self.inner.head.lock().points().into_iter().collect();
                all.extend(self.inner.snapshot().frozen.iter().flat_map(|f| f.by_point.keys().copied()));
                all.into_iter().collect()
            }
        };
        let (live, memory) = self.inner.memory(&in_memory, from, to);
        let mut parts = Vec::new();
        for entry in live.catalogue.segments.iter().filter(|e| e.from < to.0 && e.to >= from.0) {
            let Some(segment) = self.inner.segment(entry)? else { continue };
            let inside =
                |g: usize, r: usize| segment.info(g, r).is_some_and(|i| i.from < to.0 && i.to >= from.0);
            let mut by_group: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            match points {
                Some(points) => {
                    for (g, r) in
                        points.iter().flat_map(|p| segment.places(*p)).filter(|(g, r)| inside(*g, *r))
                    {
                        by_group.entry(g).or_default().push(r);
                    }
                }
                None => {
                    for (g, group) in segment.index().groups.iter().enumerate() {
                        let runs: Vec<usize> = (0..group.runs.len()).filter(|r| inside(g, *r)).collect();
                        if !runs.is_empty() {
                            by_group.insert(g, runs);
                        }
                    }
                }
            }
            for (group, mut runs) in by_group {
                runs.sort_unstable();
                parts.push(Part::Stored {
                    entry: Arc::clone(entry),
                    segment: Arc::clone(&segment),
                    group,
                    runs,
                });
            }
        }
        if !memory.is_empty() {
            parts.push(Part::Memory(memory.into_values().flatten().collect()));
        }
        Ok(parts)
    }

    /// The samples of a part. Large scans go around the cache.
    ///
    /// # Errors
    /// The disk refuses; a damaged segment answers nothing and is set aside.
    pub fn read_part(&self, part: &Part) -> Result<Vec<Arc<Run>>, StoreError> {
        match part {
            Part::Memory(runs) => Ok(runs.clone()),
            Part::Stored { entry, segment, group, runs } if runs.len() <= 4 => self
                .inner
                .runs(entry, segment, *group, runs)
                .or_else(|e| self.inner.unreadable(entry, e).map(|()| Vec::new())),
            Part::Stored { entry, segment, group, runs } => {
                let mut reader = segment.group(*group)?;
                let all: Result<Vec<_>, _> = runs.iter().map(|r| reader.run(*r).map(Arc::new)).collect();
                all.or_else(|e| self.inner.unreadable(entry, e).map(|()| Vec::new()))
            }
        }
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
