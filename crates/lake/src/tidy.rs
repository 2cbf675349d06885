//! Housekeeping: many small files of a day become one, old snapshots and files that nobody names any more go.

use crate::columns::Kind;
use crate::error::LakeError;
use crate::manifest;
use crate::table::{Change, Table, newest};
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use iceberg::spec::{DataFile, Operation};
use model::Time;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// What housekeeping keeps to.
#[derive(Clone, Copy, Debug)]
pub struct Tidy {
    /// Files of fewer bytes are small.
    pub small: u64,
    /// So many small files of one day become one.
    pub many: usize,
    /// Most bytes that are read to make one file.
    pub at_once: u64,
    /// Most rows of it: they stand in memory meanwhile, about 300 bytes each.
    pub rows_at_once: u64,
    /// Snapshots younger than this stay readable.
    pub history: Duration,
    /// Most snapshots that stay.
    pub snapshots: usize,
    /// Files that nobody names go when they are older than this: they may be part of a commit under way.
    pub orphans: Duration,
}

impl Default for Tidy {
    fn default() -> Self {
        Self {
            small: 32 << 20,
            many: 16,
            at_once: 64 << 20,
            rows_at_once: 1_000_000,
            history: Duration::from_secs(3_600),
            snapshots: 500,
            orphans: Duration::from_secs(6 * 3_600),
        }
    }
}

/// What housekeeping did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Small files that became one.
    pub merged: usize,
    /// Snapshots that went.
    pub expired: usize,
    /// Files that were removed.
    pub removed: usize,
}

/// Our own metadata versions that stay, beside the newest.
const VERSIONS: u64 = 20;
/// Most files that are looked at, and removed, in one go.
const MOST_LISTED: usize = 100_000;
const MOST_REMOVED: usize = 2_000;

/// Whether a file is one that we write: others' are not ours to rewrite or remove.
fn ours(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|name| name.starts_with("ib-"))
}

impl Table {
    /// Makes one file of many small ones, of the day that has most.
    ///
    /// # Errors
    /// [`LakeError`]: then nothing changed.
    pub async fn compact(&mut self, how: &Tidy, now: Time) -> Result<Tidied, LakeError> {
        let Some(chosen) = self.choose(how).await? else { return Ok(Tidied::default()) };
        let (kind, mut contents) = (self.kind(), Vec::new());
        for file in &chosen {
            contents.push(manifest::fetch(self.place(), self.metadata(), file.file_path()).await?);
        }
        let day = chosen.first().and_then(day_of).unwrap_or_default();
        let added = self.write(move || Ok(BTreeMap::from([(day, joined(kind, contents)?)]))).await?;
        let rows = |files: &[DataFile]| files.iter().map(DataFile::record_count).sum::<u64>();
        if rows(&added) != rows(&chosen) {
            let what =
                "the rows of small files and of their union differ in number; they are left as they are";
            return Err(LakeError::Unfit(what.into()));
        }
        let removed: HashSet<String> = chosen.iter().map(|file| file.file_path().to_owned()).collect();
        let merged = removed.len();
        self.commit(Change { added, removed, operation: Operation::Replace, words: HashMap::new() }, now)
            .await?;
        Ok(Tidied { merged, ..Tidied::default() })
    }

    async fn choose(&self, how: &Tidy) -> Result<Option<Vec<DataFile>>, LakeError> {
        let Some(snapshot) = self.metadata().current_snapshot() else { return Ok(None) };
        let mut days: BTreeMap<i32, Vec<DataFile>> = BTreeMap::new();
        for manifest in manifest::list(self.place(), self.metadata(), snapshot).await? {
            for live in manifest::live(self.place(), self.metadata(), &manifest).await? {
                let small = live.file.file_size_in_bytes() < how.small && ours(live.file.file_path());
                if let Some(day) = day_of(&live.file).filter(|_| small) {
                    days.entry(day).or_default().push(live.file);
                }
            }
        }
        let most = days.into_values().max_by_key(Vec::len).filter(|files| files.len() >= how.many.max(2));
        let Some(mut files) = most else { return Ok(None) };
        files.sort_by_key(DataFile::file_size_in_bytes);
        let (mut bytes, mut rows) = (0, 0);
        let fits = |file: &DataFile| {
            (bytes, rows) = (bytes + file.file_size_in_bytes(), rows + file.record_count());
            bytes <= how.at_once && rows <= how.rows_at_once
        };
        let count = files.iter().map(fits).take_while(|fits| *fits).count();
        files.truncate(count);
        Ok(Some(files).filter(|files| files.len() > 1))
    }

    /// Lets old snapshots expire and removes files of ours that nothing names any more.
    ///
    /// # Errors
    /// [`LakeError`].
    pub async fn sweep(&mut self, how: &Tidy, now: Time) -> Result<Tidied, LakeError> {
        let old = self.old(how, now);
        let mut expired = 0;
        if !old.is_empty() && self.expire(&old).await? {
            expired = old.len();
        }
        let removed = self.remove_orphans(how, now).await?;
        Ok(Tidied { expired, removed, merged: 0 })
    }

    /// Snapshots that may go: old ones, but not what a branch or a tag names.
    fn old(&self, how: &Tidy, now: Time) -> Vec<i64> {
        let table = serde_json::to_value(self.metadata()).unwrap_or_default();
        let refs = table.get("refs").and_then(|refs| refs.as_object()).into_iter().flatten();
        let named: HashSet<i64> = refs.filter_map(|(_, to)| to.get("snapshot-id")?.as_i64()).collect();
        let mut all: Vec<(i64, i64)> =
            self.metadata().snapshots().map(|one| (one.timestamp_ms(), one.snapshot_id())).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        let oldest = now.before(how.history).millis();
        let goes = |(n, (at, _)): &(usize, (i64, i64))| *at < oldest || *n >= how.snapshots;
        let old = all.into_iter().enumerate().filter(goes).map(|(_, (_, id))| id);
        old.filter(|id| !named.contains(id)).collect()
    }

    async fn remove_orphans(&self, how: &Tidy, now: Time) -> Result<usize, LakeError> {
        let named = self.named().await?;
        let before = now.before(how.orphans).millis();
        let oldest_version = self.version().saturating_sub(VERSIONS);
        let goes = |name: &str| {
            let file = name.rsplit('/').next().unwrap_or_default();
            let version = file.strip_prefix('v').and_then(|rest| rest.strip_suffix(".metadata.json"));
            match version.and_then(|version| version.parse::<u64>().ok()) {
                Some(version) => version < oldest_version,
                None => {
                    let temporary = file.starts_with('.') && file.ends_with(".tmp");
                    temporary || (ours(name) && !named.contains(name))
                }
            }
        };
        let mut removed = 0;
        for part in ["metadata", "data"] {
            for one in self.place().list(part, MOST_LISTED).await? {
                let Some(name) = self.place().listed(&one) else { continue };
                if removed < MOST_REMOVED && one.last_modified.timestamp_millis() <= before && goes(name) {
                    self.place().delete(name).await?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    /// Every file of the table that a snapshot names, of the newest version in the store.
    async fn named(&self) -> Result<HashSet<String>, LakeError> {
        let gone = || LakeError::Gone(format!("the table {} was deleted", self.location()));
        let (_, metadata) = newest(self.place()).await?.ok_or_else(gone)?;
        let local = |uri: &str| self.place().local(uri, metadata.location()).map(str::to_owned);
        let (mut named, mut read) = (HashSet::new(), HashSet::new());
        for snapshot in metadata.snapshots() {
            named.extend(local(snapshot.manifest_list()));
            for manifest in manifest::list(self.place(), &metadata, snapshot).await? {
                if !read.insert(manifest.manifest_path.clone()) {
                    continue;
                }
                named.extend(local(&manifest.manifest_path));
                for live in manifest::live(self.place(), &metadata, &manifest).await? {
                    named.extend(local(live.file.file_path()));
                }
            }
        }
        Ok(named)
    }
}

/// The day that a file is for.
fn day_of(file: &DataFile) -> Option<i32> {
    match file.partition().fields() {
        [Some(day)] => match day.as_primitive_literal()? {
            iceberg::spec::PrimitiveLiteral::Int(day) => Some(day),
            _ => None,
        },
        _ => None,
    }
}

/// Rows of files, sorted as each of them is.
fn joined(kind: Kind, files: Vec<Bytes>) -> Result<RecordBatch, LakeError> {
    let unfit = |why: &dyn std::fmt::Display| LakeError::Unfit(format!("joining small files: {why}"));
    let mut parts = Vec::new();
    for bytes in files {
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|why| unfit(&why))?;
        let reader = reader.with_batch_size(64 * 1024).build().map_err(|why| unfit(&why))?;
        for batch in reader {
            let batch = batch.map_err(|why| unfit(&why))?;
            parts.push(batch.with_schema(kind.arrow()).map_err(|why| unfit(&why))?);
        }
    }
    let all = concat_batches(&kind.arrow(), &parts).map_err(|why| unfit(&why))?;
    drop(parts);
    let by: &[&str] = match kind {
        Kind::Samples => &["path", "time", "nanos", "seq"],
        Kind::Events => &["id", "start", "seq"],
    };
    let column = |name: &&str| all.column_by_name(name).cloned();
    let by: Vec<SortColumn> =
        by.iter().filter_map(column).map(|values| SortColumn { values, options: None }).collect();
    let order = lexsort_to_indices(&by, None).map_err(|why| unfit(&why))?;
    take_record_batch(&all, &order).map_err(|why| unfit(&why))
}
