//! Charts and aggregates: rollups where whole hours are wanted, samples elsewhere.

use crate::catalogue::{Entry, rollup_name};
use crate::error::StoreError;
use crate::query::{Order, Samples, again};
use crate::rollup::{self, Bucket, HOUR, RollupFile, add_run};
use crate::run::Run;
use crate::store::{Inner, Store};
use model::{PointId, Time};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

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

/// Hours of several points.
type Hours = Vec<(u32, Arc<Vec<Bucket>>)>;

impl Inner {
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
    fn rollup(&self, entry: &Entry, points: &[u32]) -> Result<Hours, StoreError> {
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

impl Store {
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
}
