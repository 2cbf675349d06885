//! The parts that SQL scans.

use crate::catalogue::Entry;
use crate::error::StoreError;
use crate::query::again;
use crate::run::Run;
use crate::segment::read::Segment;
use crate::store::Store;
use model::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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

impl Store {
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
