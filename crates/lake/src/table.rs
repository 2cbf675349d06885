//! A table: found or made, then grown commit by commit.

use crate::columns::Kind;
use crate::error::LakeError;
use crate::file::{self, Made};
use crate::manifest::{self, Making};
use crate::place::Place;
use crate::rows::{EventRows, SampleRows};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use iceberg::spec::{
    DataFile, FormatVersion, ManifestContentType, Operation, Snapshot, Summary, TableMetadata,
    TableMetadataBuilder,
};
use model::{Position, Time};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

/// Where the newest version is said to be; only a hint.
const HINT: &str = "metadata/version-hint.text";
/// Key of a snapshot's summary and of the table's properties: how far a writer has delivered.
const AT: &str = "ironbridge.at.";
/// How often a commit is tried again when others were faster.
const RACES: u32 = 20;
/// Most versions that are looked at beyond the hint.
const MOST_VERSIONS: u64 = 100_000;
/// From so many manifests on they become one.
const MOST_MANIFESTS: usize = 64;
/// Data files that are written at the same time.
const AT_ONCE: usize = 4;

/// A number that nobody else has: the standard library's own seed is 128 random bits.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(())
}

/// What a commit brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Rows.
    pub rows: u64,
    /// Data files.
    pub files: usize,
    /// Bytes of them.
    pub bytes: u64,
}

/// A table that is open for writing.
pub struct Table {
    place: Place,
    kind: Kind,
    version: u64,
    metadata: TableMetadata,
}

/// What a commit changes.
pub(crate) struct Change {
    pub added: Vec<DataFile>,
    /// Paths of files that go.
    pub removed: HashSet<String>,
    pub operation: Operation,
    /// Further words of the snapshot's summary.
    pub words: HashMap<String, String>,
}

fn version_name(version: u64) -> String {
    format!("metadata/v{version}.metadata.json")
}

fn parse(bytes: &[u8]) -> Result<TableMetadata, LakeError> {
    serde_json::from_slice(bytes)
        .map_err(|why| LakeError::Unfit(format!("the table's metadata cannot be read: {why}")))
}

/// The newest metadata, if there is a table.
pub(crate) async fn newest(place: &Place) -> Result<Option<(u64, TableMetadata)>, LakeError> {
    let hint = place.get(HINT).await?;
    let hint = hint.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.trim().parse::<u64>().ok());
    let mut version = match hint {
        Some(version) if place.has(&version_name(version)).await? => version,
        _ => match listed(place).await? {
            Some(version) => version,
            None => return Ok(None),
        },
    };
    let last = version.saturating_add(MOST_VERSIONS);
    while version < last && place.has(&version_name(version + 1)).await? {
        version += 1;
    }
    let Some(bytes) = place.get(&version_name(version)).await? else {
        return Err(LakeError::Gone(format!(
            "{} vanished while it was read",
            place.uri(&version_name(version))
        )));
    };
    Ok(Some((version, parse(&bytes)?)))
}

/// The newest version in the folder, when there is no hint.
async fn listed(place: &Place) -> Result<Option<u64>, LakeError> {
    let all = place.list("metadata", usize::MAX).await?;
    let names = || all.iter().filter_map(|one| place.listed(one)?.strip_prefix("metadata/"));
    let version = |name: &str| name.strip_prefix('v')?.strip_suffix(".metadata.json")?.parse::<u64>().ok();
    let newest = names().filter_map(version).max();
    if newest.is_none() && names().any(|name| name.ends_with(".metadata.json")) {
        let what = "its metadata are kept by a catalogue (Hive, REST, Glue), which is not asked here";
        return Err(LakeError::Unfit(format!("the table {}: {what}; name another folder", place.location())));
    }
    Ok(newest)
}

impl Table {
    /// Opens the table of a kind below a place; `None` if there is none.
    ///
    /// # Errors
    /// [`LakeError`]; `Unfit` if somebody changed the table so that our rows do not fit in.
    pub async fn open(place: &Place, kind: Kind) -> Result<Option<Self>, LakeError> {
        let place = place.below(kind.name());
        let Some((version, metadata)) = newest(&place).await? else { return Ok(None) };
        kind.fits(&metadata)?;
        let table = Self { place, kind, version, metadata };
        table.check_store().await?;
        Ok(Some(table))
    }

    /// Makes the table, or opens it if another gateway was faster.
    ///
    /// # Errors
    /// As [`Table::open`].
    pub async fn make(place: &Place, kind: Kind) -> Result<Self, LakeError> {
        let at = place.below(kind.name());
        let doing = |why| LakeError::table(&why, "making the table");
        let location = at.location().to_owned();
        let properties = HashMap::from([
            ("write.metadata.previous-versions-max".to_owned(), "20".to_owned()),
            ("write.format.default".to_owned(), "parquet".to_owned()),
        ]);
        let (schema, spec, order) = (kind.schema()?, kind.parts()?, kind.order()?);
        let builder = TableMetadataBuilder::new(schema, spec, order, location, FormatVersion::V2, properties)
            .map_err(doing)?;
        let metadata = builder.build().map_err(doing)?.metadata;
        if at.create(&version_name(1), serialised(&metadata)?).await? {
            at.put(HINT, Bytes::from_static(b"1")).await?;
        }
        Self::open(place, kind)
            .await?
            .ok_or_else(|| LakeError::Gone("the table vanished while it was made".into()))
    }

    /// A store that takes what must not be there yet a second time would let two writers lose each other's rows.
    async fn check_store(&self) -> Result<(), LakeError> {
        let bytes = serialised(&self.metadata)?;
        if self.place.create(&version_name(self.version), bytes).await? {
            let what = "the store overwrites files that must not be overwritten (it ignores `If-None-Match`)";
            let next = "Use a store that has conditional writes, e.g. AWS S3, MinIO, Ceph or Garage";
            return Err(LakeError::Unfit(format!("{what}: {next}")));
        }
        Ok(())
    }

    /// Where it is, as other programs name it.
    pub fn location(&self) -> &str {
        self.place.location()
    }

    /// How far a writer has delivered, as the newest snapshot that knows it says: a table that was rolled back tells.
    pub fn delivered(&self, writer: &str) -> Option<Position> {
        let key = format!("{AT}{writer}");
        let mut at = self.metadata.current_snapshot();
        while let Some(snapshot) = at {
            if let Some(value) = snapshot.summary().additional_properties.get(&key) {
                return mark(value);
            }
            let parent = snapshot.parent_snapshot_id()?;
            at = self.metadata.snapshot_by_id(parent);
            if at.is_none() {
                // Older snapshots have expired: what was said last counts.
                return self.metadata.properties().get(&key).and_then(|value| mark(value));
            }
        }
        None
    }

    /// Adds samples and how far their writer has come, in one step. A writer is one journal of one gateway: `writer`
    /// names it for ever.
    ///
    /// # Errors
    /// [`LakeError`]: then the rows may stand there or not, and [`Table::delivered`] of a table opened anew says which.
    pub async fn add_samples(
        &mut self,
        rows: SampleRows,
        writer: &str,
        to: Position,
        now: Time,
    ) -> Result<Committed, LakeError> {
        self.add(move || rows.days(), writer, to, now).await
    }

    /// As [`Table::add_samples`].
    ///
    /// # Errors
    /// As there.
    pub async fn add_events(
        &mut self,
        rows: EventRows,
        writer: &str,
        to: Position,
        now: Time,
    ) -> Result<Committed, LakeError> {
        self.add(move || rows.days(), writer, to, now).await
    }

    async fn add(
        &mut self,
        days: impl FnOnce() -> Result<BTreeMap<i32, RecordBatch>, LakeError> + Send + 'static,
        writer: &str,
        to: Position,
        now: Time,
    ) -> Result<Committed, LakeError> {
        let files = self.write(days).await?;
        let committed = Committed {
            rows: files.iter().map(DataFile::record_count).sum(),
            files: files.len(),
            bytes: files.iter().map(DataFile::file_size_in_bytes).sum(),
        };
        let words = HashMap::from([(format!("{AT}{writer}"), to.0.to_string())]);
        let change = Change { added: files, removed: HashSet::new(), operation: Operation::Append, words };
        self.commit(change, now).await?;
        Ok(committed)
    }

    /// Writes the data files of rows; nobody sees them before the commit.
    pub(crate) async fn write(
        &self,
        days: impl FnOnce() -> Result<BTreeMap<i32, RecordBatch>, LakeError> + Send + 'static,
    ) -> Result<Vec<DataFile>, LakeError> {
        let (kind, location) = (self.kind, self.place.location().to_owned());
        let spec = self.metadata.default_partition_spec_id();
        let made = tokio::task::spawn_blocking(move || -> Result<Vec<Made>, LakeError> {
            let days = days()?;
            days.iter()
                .map(|(day, rows)| {
                    file::make(kind, *day, rows, &format!("{:016x}", random()), &location, spec)
                })
                .collect()
        });
        let made = made.await.map_err(|panic| LakeError::Unfit(format!("an internal error: {panic}")))??;
        let put = |one: Made| async move {
            self.place.put(&one.name, one.bytes).await?;
            Ok(one.entry)
        };
        stream::iter(made).map(put).buffered(AT_ONCE).try_collect().await
    }

    /// Makes the next version; again on top of others' commits when they were faster.
    pub(crate) async fn commit(&mut self, change: Change, now: Time) -> Result<(), LakeError> {
        for _ in 0..RACES {
            if !self.place.has(&version_name(self.version)).await? {
                let what = format!("the table {} was deleted", self.place.location());
                return Err(LakeError::Gone(what));
            }
            let id = (random() >> 1) as i64;
            let next = self.next(id, &change, now).await?;
            let bytes = serialised(&next)?;
            let version = self.version + 1;
            if self.place.create(&version_name(version), bytes).await? {
                self.took(version, next).await;
                return Ok(());
            }
            // Either somebody was faster, or this is our own, whose answer was lost on the way.
            let before = self.marks();
            let Some((version, metadata)) = newest(&self.place).await? else {
                return Err(LakeError::Gone(format!("the table {} was deleted", self.place.location())));
            };
            let ours = metadata.snapshot_by_id(id).is_some();
            self.kind.fits(&metadata)?;
            (self.version, self.metadata) = (version, metadata);
            if ours {
                self.hint().await;
                return Ok(());
            }
            if self.marks() != before
                && change.words.keys().any(|key| self.marks().get(key) != before.get(key))
            {
                return Err(LakeError::Gone(format!("the table {} was put back", self.place.location())));
            }
        }
        let what = "others write into the table all the time";
        Err(LakeError::Unreachable(format!("{what}: {} was tried {RACES} times", self.place.location())))
    }

    async fn took(&mut self, version: u64, metadata: TableMetadata) {
        (self.version, self.metadata) = (version, metadata);
        self.hint().await;
    }

    /// Says where the newest version is. Who finds an old hint looks on from there.
    async fn hint(&self) {
        if let Err(why) = self.place.put(HINT, Bytes::from(self.version.to_string())).await {
            tracing::warn!(table = self.place.location(), %why, "the hint to the newest version was not written");
        }
    }

    /// How far all writers have come.
    fn marks(&self) -> HashMap<String, String> {
        let Some(snapshot) = self.metadata.current_snapshot() else { return HashMap::new() };
        let all = snapshot.summary().additional_properties.iter();
        all.filter(|(key, _)| key.starts_with(AT)).map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// The next version's metadata; its manifests are in their place when this returns.
    async fn next(&self, id: i64, change: &Change, now: Time) -> Result<TableMetadata, LakeError> {
        let mut making = Making::new(&self.place, &self.metadata, id);
        let mut manifests = Vec::new();
        if !change.added.is_empty() {
            manifests.push(making.added(&change.added).await?);
        }
        let mut total = Totals::of(&change.added);
        if let Some(current) = self.metadata.current_snapshot() {
            total.after(current.summary());
            let before = manifest::list(&self.place, &self.metadata, current).await?;
            let plain = before.iter().all(|one| one.content == ManifestContentType::Data);
            if change.removed.is_empty() && (before.len() < MOST_MANIFESTS || !plain) {
                manifests.extend(before);
            } else {
                let mut files = Vec::new();
                for manifest in &before {
                    files.extend(manifest::live(&self.place, &self.metadata, manifest).await?);
                }
                let there: HashSet<&str> = files.iter().map(|one| one.file.file_path()).collect();
                if change.removed.iter().any(|path| !there.contains(path.as_str())) {
                    return Err(LakeError::Gone("another program rewrote the same files".into()));
                }
                total.less(files.iter().filter(|one| change.removed.contains(one.file.file_path())));
                manifests.push(making.merged(&files, &change.removed).await?);
            }
        }
        let list = making.list(manifests).await?;
        let mut words = self.marks();
        words.extend(change.words.clone());
        let marks = words.clone();
        words.extend(total.words());
        let at_ms = now.millis().max(self.metadata.last_updated_ms());
        let snapshot = Snapshot::builder()
            .with_snapshot_id(id)
            .with_parent_snapshot_id(self.metadata.current_snapshot_id())
            .with_sequence_number(making.sequence)
            .with_timestamp_ms(at_ms)
            .with_manifest_list(list)
            .with_summary(Summary { operation: change.operation.clone(), additional_properties: words })
            .with_schema_id(self.metadata.current_schema_id())
            .build();
        let doing = |why| LakeError::table(&why, "a commit");
        let from = Some(self.place.uri(&version_name(self.version)));
        let builder = self.metadata.clone().into_builder(from);
        let builder = builder.set_branch_snapshot(snapshot, "main").map_err(doing)?;
        let builder = builder.set_properties(marks).map_err(doing)?;
        Ok(builder.build().map_err(doing)?.metadata)
    }

    /// Removes snapshots from the metadata; their files stay for [`Table::tidy`].
    pub(crate) async fn expire(&mut self, ids: &[i64]) -> Result<bool, LakeError> {
        let doing = |why| LakeError::table(&why, "an expiry");
        let from = Some(self.place.uri(&version_name(self.version)));
        let next =
            self.metadata.clone().into_builder(from).remove_snapshots(ids).build().map_err(doing)?.metadata;
        let version = self.version + 1;
        let made = self.place.create(&version_name(version), serialised(&next)?).await?;
        if made {
            self.took(version, next).await;
        }
        Ok(made)
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn metadata(&self) -> &TableMetadata {
        &self.metadata
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }
}

fn mark(value: &str) -> Option<Position> {
    value.parse().ok().map(Position)
}

fn serialised(metadata: &TableMetadata) -> Result<Bytes, LakeError> {
    let bytes =
        serde_json::to_vec(metadata).map_err(|why| LakeError::Unfit(format!("the metadata: {why}")))?;
    Ok(Bytes::from(bytes))
}

/// Counts of a snapshot's summary (Iceberg specification, "Optional Snapshot Summary Fields").
#[derive(Default)]
struct Totals {
    added: [u64; 3],
    removed: [u64; 3],
    total: [u64; 3],
}

const WHAT: [&str; 3] = ["data-files", "records", "files-size"];

impl Totals {
    fn of(files: &[DataFile]) -> Self {
        let mut all = Self::default();
        files.iter().for_each(|file| Self::count(&mut all.added, file));
        all
    }

    fn count(into: &mut [u64; 3], file: &DataFile) {
        let of = [1, file.record_count(), file.file_size_in_bytes()];
        into.iter_mut().zip(of).for_each(|(sum, more)| *sum += more);
    }

    fn after(&mut self, before: &Summary) {
        for (total, what) in self.total.iter_mut().zip(WHAT) {
            let known = before.additional_properties.get(&format!("total-{what}"));
            *total = known.and_then(|text| text.parse().ok()).unwrap_or(0);
        }
    }

    fn less<'a>(&mut self, files: impl Iterator<Item = &'a manifest::Live>) {
        files.for_each(|one| Self::count(&mut self.removed, &one.file));
    }

    fn words(&self) -> HashMap<String, String> {
        let mut words = HashMap::new();
        for (n, what) in WHAT.into_iter().enumerate() {
            let of = |all: &[u64; 3]| all.get(n).copied().unwrap_or(0);
            let (added, removed) = (of(&self.added), of(&self.removed));
            let verb = if what == "records" { "deleted" } else { "removed" };
            let verb = if what == "data-files" { "deleted" } else { verb };
            if added > 0 {
                words.insert(format!("added-{what}"), added.to_string());
            }
            if removed > 0 {
                words.insert(format!("{verb}-{what}"), removed.to_string());
            }
            words.insert(
                format!("total-{what}"),
                (of(&self.total) + added).saturating_sub(removed).to_string(),
            );
        }
        words
    }
}
