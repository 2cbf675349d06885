//! Declarations with the time from which each holds: a change from kPa to bar does not relabel history.

use crate::catalogue::replace;
use crate::error::StoreError;
use crate::lines::{self, Lines};
use arrow::array::{ArrayRef, BooleanArray, StringArray, TimestampNanosecondArray, UInt32Array};
use arrow::record_batch::RecordBatch;
use model::{Declaration, PointId, Position, Time};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A declaration and since when it holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Effective {
    /// Journal position of the record.
    pub position: Position,
    /// From this time on.
    pub since: Time,
    /// The point.
    pub point: PointId,
    /// What was declared.
    pub declaration: Arc<Declaration>,
}

/// All declarations of all points.
pub(crate) struct Metadata {
    dir: PathBuf,
    log: Option<Lines>,
    of: HashMap<u32, Vec<Effective>>,
    by_path: HashMap<String, u32>,
    last: Position,
    dirty: bool,
}

const LOG: &str = "declarations.jsonl";
const POINTS: &str = "points.parquet";

impl Metadata {
    /// Reads the log of `dir`; opens it for writing unless `offline`.
    pub fn open(dir: &Path, offline: bool) -> Result<(Self, u64), StoreError> {
        let path = dir.join(LOG);
        let log = if offline { None } else { Some(Lines::open(&path)?) };
        let (all, bad) = lines::read::<Effective>(&path)?;
        let mut metadata = Self {
            dir: dir.into(),
            log,
            of: HashMap::new(),
            by_path: HashMap::new(),
            last: Position::START,
            dirty: false,
        };
        all.into_iter().for_each(|e| metadata.keep(e));
        Ok((metadata, bad))
    }

    fn keep(&mut self, effective: Effective) {
        self.last = self.last.max(effective.position);
        self.by_path.insert(effective.declaration.path.folded(), effective.point.0);
        // Most points are declared once and never change: room for one, not for the four that a vector begins with.
        self.of.entry(effective.point.0).or_insert_with(|| Vec::with_capacity(1)).push(effective);
    }

    /// Takes a declare record; what is known already, from this or an equal record, is not kept again.
    pub fn declare(
        &mut self,
        position: Position,
        since: Time,
        all: &[(PointId, Arc<Declaration>)],
    ) -> Result<(), StoreError> {
        for (point, declaration) in all {
            let known = self.of.get(&point.0).and_then(|v| v.last());
            if known.is_some_and(|k| k.declaration == *declaration) || position < self.last {
                continue;
            }
            // The first declaration also governs what came before it: nothing else is known.
            let since = if known.is_none() { Time(i64::MIN) } else { since };
            let effective = Effective { position, since, point: *point, declaration: declaration.clone() };
            if let Some(log) = &mut self.log {
                log.append(&effective)?;
            }
            self.dirty = true;
            self.keep(effective);
        }
        Ok(())
    }

    /// Makes it durable; `points.parquet` is for other programs.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        if let Some(log) = &mut self.log {
            log.sync()?;
        }
        if self.dirty {
            replace(&self.dir, POINTS, &self.points_file()?)?;
            self.dirty = false;
        }
        Ok(())
    }

    /// In force at `time`.
    pub fn at(&self, point: u32, time: Time) -> Option<&Effective> {
        let all = self.of.get(&point)?;
        all.iter().rev().find(|e| e.since <= time).or_else(|| all.first())
    }

    /// All of a point, oldest first.
    pub fn history(&self, point: u32) -> Vec<Effective> {
        self.of.get(&point).cloned().unwrap_or_default()
    }

    /// The newest declaration of every point.
    pub fn newest(&self) -> Vec<Effective> {
        let mut all: Vec<Effective> = self.of.values().filter_map(|v| v.last().cloned()).collect();
        all.sort_by_key(|e| e.point);
        all
    }

    /// Number of a path, case ignored; former paths count.
    pub fn find(&self, path: &str) -> Option<u32> {
        self.by_path.get(&path.to_ascii_lowercase()).copied()
    }

    fn points_file(&self) -> Result<Vec<u8>, StoreError> {
        let mut all: Vec<(&Effective, bool)> = Vec::new();
        for history in self.of.values() {
            all.extend(history.iter().enumerate().map(|(at, e)| (e, at + 1 == history.len())));
        }
        all.sort_by_key(|(e, _)| (e.point, e.since));
        let text = |f: fn(&Declaration) -> &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(all.iter().map(|(e, _)| f(&e.declaration))))
        };
        let since = all.iter().map(|(e, _)| (e.since.0 != i64::MIN).then_some(e.since.0));
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("point", Arc::new(UInt32Array::from_iter_values(all.iter().map(|(e, _)| e.point.0)))),
            ("path", text(|d| d.path.as_str())),
            ("name", text(|d| d.display_name())),
            ("type", text(|d| d.value_type.name())),
            ("unit", text(|d| &d.unit)),
            ("description", text(|d| &d.description)),
            ("since", Arc::new(since.collect::<TimestampNanosecondArray>().with_timezone("UTC"))),
            ("current", Arc::new(BooleanArray::from(all.iter().map(|a| a.1).collect::<Vec<_>>()))),
        ];
        let rows = RecordBatch::try_from_iter(columns).map_err(|e| StoreError::Parquet(e.into()))?;
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).build();
        let mut out = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties))?;
        out.write(&rows)?;
        Ok(out.into_inner()?)
    }
}
