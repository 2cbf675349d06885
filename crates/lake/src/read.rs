//! Reading a table: which files can matter, then their rows.

use crate::columns::Kind;
use crate::error::LakeError;
use crate::manifest;
use crate::place::Place;
use crate::table::newest;
use arrow::array::{ArrayRef, AsArray, new_null_array};
use arrow::datatypes::{Int64Type, SchemaRef, TimestampMicrosecondType};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use iceberg::spec::{DataFile, PrimitiveLiteral, TableMetadata};
use model::{Position, Time};
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Rows of a batch.
const BATCH: usize = 8_192;
/// Where path, time and number of a sample stand.
const KEY: [usize; 3] = [0, 1, 3];
/// What is fetched at first of a file's end, where its own metadata are.
const FOOTER: usize = 64 * 1024;

/// Which rows can matter; more may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// First time, ns since 1970.
    pub from: i64,
    /// First time that is not wanted any more.
    pub to: i64,
    /// Only these points, if any are named.
    pub paths: Option<BTreeSet<String>>,
}

impl Wanted {
    /// Everything.
    pub const fn all() -> Self {
        Self { from: i64::MIN, to: i64::MAX, paths: None }
    }

    /// Whether rows between two times, us, can matter.
    fn times(&self, low: i64, high: i64) -> bool {
        high >= self.from.div_euclid(1_000) && low <= self.to.saturating_sub(1).div_euclid(1_000)
    }

    /// Whether one of the points lies between two.
    fn between(&self, low: &str, high: &str) -> bool {
        let Some(paths) = &self.paths else { return true };
        low <= high
            && paths
                .range::<str, _>((std::ops::Bound::Included(low), std::ops::Bound::Included(high)))
                .next()
                .is_some()
    }

    fn file(&self, kind: Kind, file: &DataFile) -> bool {
        let bounds = |id: i32| {
            let (low, high) = (file.lower_bounds().get(&id)?, file.upper_bounds().get(&id)?);
            Some((low.literal().clone(), high.literal().clone()))
        };
        let in_time = match bounds(kind.time_id()) {
            Some((PrimitiveLiteral::Long(low), PrimitiveLiteral::Long(high))) => self.times(low, high),
            _ => true,
        };
        let here = match bounds(1) {
            // Other writers may have cut the upper bound short: it is then still not below the longest.
            Some((PrimitiveLiteral::String(low), PrimitiveLiteral::String(high))) => {
                self.between(&low, &high)
            }
            _ => true,
        };
        in_time && here
    }

    /// As [`Wanted::file`], by the statistics in the file itself; `at` are the places of path and time.
    fn group(&self, group: &RowGroupMetaData, at: [Option<usize>; 2]) -> bool {
        let of = |at: Option<usize>| group.columns().get(at?)?.statistics();
        let [path, time] = at.map(of);
        let in_time = match time {
            Some(Statistics::Int64(known)) => match (known.min_opt(), known.max_opt()) {
                (Some(low), Some(high)) => self.times(*low, *high),
                _ => true,
            },
            _ => true,
        };
        let here = match path {
            Some(Statistics::ByteArray(known)) => {
                let text = |bytes: Option<&parquet::data_type::ByteArray>| {
                    bytes.and_then(|bytes| std::str::from_utf8(bytes.data()).ok()).map(str::to_owned)
                };
                match (text(known.min_opt()), text(known.max_opt())) {
                    (Some(low), Some(high)) => self.between(&low, &high),
                    _ => true,
                }
            }
            _ => true,
        };
        in_time && here
    }
}

/// A table as it was at one moment: later commits do not disturb who reads.
pub struct Reader {
    place: Place,
    kind: Kind,
    metadata: TableMetadata,
}

/// A file that holds rows that can matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    name: String,
    /// Bytes of it.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
}

impl Reader {
    /// Opens the newest snapshot of the table of a kind below a place; `None` if there is no table.
    ///
    /// # Errors
    /// [`LakeError`]: the store, or a table that is not ours.
    pub async fn open(place: &Place, kind: Kind) -> Result<Option<Self>, LakeError> {
        let place = place.below(kind.name());
        let Some((_, metadata)) = newest(&place).await? else { return Ok(None) };
        if !manifest::readable(&metadata) {
            let what = format!("format version {}, and only 2 is read here", metadata.format_version());
            return Err(LakeError::Unfit(format!("the table {} has {what}", place.location())));
        }
        Ok(Some(Self { place, kind, metadata }))
    }

    /// The columns, in the order by which [`Reader::rows`] counts them.
    pub fn columns(kind: Kind) -> SchemaRef {
        kind.arrow()
    }

    /// The files that can matter, and how many there are at all.
    ///
    /// # Errors
    /// [`LakeError`].
    pub async fn files(&self, wanted: &Wanted) -> Result<(Vec<Found>, usize), LakeError> {
        let (mut found, mut all) = (Vec::new(), 0);
        let Some(snapshot) = self.metadata.current_snapshot() else { return Ok((found, all)) };
        for manifest in manifest::list(&self.place, &self.metadata, snapshot).await? {
            for live in manifest::live(&self.place, &self.metadata, &manifest).await? {
                all += 1;
                let file = &live.file;
                if !wanted.file(self.kind, file) {
                    continue;
                }
                let Some(name) = self.place.local(file.file_path(), self.metadata.location()) else {
                    let what = format!("{} lies outside the table", file.file_path());
                    return Err(LakeError::Unfit(what));
                };
                let (bytes, rows) = (file.file_size_in_bytes(), file.record_count());
                found.push(Found { name: name.to_owned(), bytes, rows });
            }
        }
        Ok((found, all))
    }

    /// Whether a sample stands in the table, by its key. Only for tables of samples.
    ///
    /// # Errors
    /// [`LakeError`]; `Gone` if somebody removed files of the table.
    pub async fn has(&self, path: &str, time: Time, seq: Position) -> Result<bool, LakeError> {
        let paths = Some(BTreeSet::from([path.to_owned()]));
        let wanted = Wanted { from: time.0, to: time.0.saturating_add(1), paths };
        let micros = time.0.div_euclid(1_000);
        for file in self.files(&wanted).await?.0 {
            if !self.place.has(&file.name).await? {
                let uri = self.place.uri(&file.name);
                return Err(LakeError::Gone(format!("{uri} is gone: somebody removed files of the table")));
            }
            let mut rows = self.rows(&file, &wanted, &KEY).await?;
            while let Some(batch) = rows.next().await {
                let batch = batch?;
                let [paths, times, seqs] = [0, 1, 2].map(|n| batch.columns().get(n));
                let paths = paths.and_then(|all| all.as_string_opt::<i32>());
                let times = times.and_then(|all| all.as_primitive_opt::<TimestampMicrosecondType>());
                let seqs = seqs.and_then(|all| all.as_primitive_opt::<Int64Type>());
                let (Some(paths), Some(times), Some(seqs)) = (paths, times, seqs) else { continue };
                let all = paths.iter().zip(times.iter()).zip(seqs.iter());
                let key = ((Some(path), Some(micros)), Some(seq.as_i64()));
                if all.into_iter().any(|row| row == key) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Rows of a file that can matter, only some columns, in the order asked for.
    ///
    /// # Errors
    /// [`LakeError`], also from the stream.
    pub async fn rows(
        &self,
        file: &Found,
        wanted: &Wanted,
        columns: &[usize],
    ) -> Result<BoxStream<'static, Result<RecordBatch, LakeError>>, LakeError> {
        let uri = self.place.uri(&file.name);
        let wrong = move |why: ParquetError| LakeError::Unreachable(format!("reading {uri}: {why}"));
        let reader =
            Stored { store: self.place.store(), name: self.place.name(&file.name), bytes: file.bytes };
        let builder = ParquetRecordBatchStreamBuilder::new(reader).await.map_err(&wrong)?;
        let parquet = builder.parquet_schema();
        // A column is known by its identity, whatever the file calls it and wherever it stands.
        let at = |id: i32| {
            let fields = parquet.root_schema().get_fields();
            fields
                .iter()
                .position(|field| field.get_basic_info().has_id() && field.get_basic_info().id() == id)
        };
        let ids: Vec<i32> = columns.iter().map(|column| *column as i32 + 1).collect();
        let roots: Vec<Option<usize>> = ids.iter().map(|id| at(*id)).collect();
        let mask = ProjectionMask::roots(parquet, roots.iter().copied().flatten());
        let keys = [at(1), at(self.kind.time_id())];
        let groups = builder.metadata().row_groups().iter().enumerate();
        let groups = groups.filter(|(_, group)| wanted.group(group, keys)).map(|(n, _)| n).collect();
        let stream = builder.with_row_groups(groups).with_projection(mask).with_batch_size(BATCH).build();
        let stream = stream.map_err(&wrong)?;
        let mut order: Vec<usize> = roots.iter().copied().flatten().collect();
        order.sort_unstable();
        order.dedup();
        let places: Vec<Option<usize>> =
            roots.iter().map(|root| root.and_then(|root| order.binary_search(&root).ok())).collect();
        let schema = self.kind.arrow().project(columns).map_err(|why| LakeError::Unfit(why.to_string()))?;
        let schema = SchemaRef::new(schema);
        let rows = stream.map_err(wrong).and_then(move |batch| {
            let made = arranged(&batch, &schema, &places);
            async move { made }
        });
        Ok(rows.boxed())
    }
}

/// A file in the store, as the Parquet library reads it: parts of it.
struct Stored {
    store: Arc<dyn ObjectStore>,
    name: object_store::path::Path,
    bytes: u64,
}

fn external(why: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(why))
}

impl AsyncFileReader for Stored {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.store.get_range(&self.name, range).map_err(external).boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        async move { self.store.get_ranges(&self.name, &ranges).await.map_err(external) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        async move {
            let reader = ParquetMetaDataReader::new().with_arrow_reader_options(options);
            let bytes = self.bytes;
            reader.with_prefetch_hint(Some(FOOTER)).load_and_finish(self, bytes).await.map(Arc::new)
        }
        .boxed()
    }
}

/// Columns in the order and of the types that were asked for.
fn arranged(
    batch: &RecordBatch,
    schema: &SchemaRef,
    places: &[Option<usize>],
) -> Result<RecordBatch, LakeError> {
    let rows = batch.num_rows();
    let unfit = |why: arrow::error::ArrowError| LakeError::Unfit(format!("a column of another type: {why}"));
    let columns: Result<Vec<ArrayRef>, _> = places
        .iter()
        .zip(schema.fields())
        .map(|(place, field)| match place.and_then(|place| batch.columns().get(place)) {
            Some(column) => arrow::compute::cast(column, field.data_type()),
            None => Ok(new_null_array(field.data_type(), rows)),
        })
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let columns = columns.map_err(unfit)?;
    RecordBatch::try_new_with_options(SchemaRef::clone(schema), columns, &options).map_err(unfit)
}
