//! Rollups: what a point did in each hour, kept beside merged segments so that a year is 8,760 rows, not 31 million.
//!
//! One minute of a point read every second is 60 samples: a kept rollup would take as much room as the samples
//! themselves and is read no faster. Minutes are therefore computed from the samples, hours are kept.

use crate::error::StoreError;
use crate::run::Run;
use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, TimestampNanosecondArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::record_batch::RecordBatch;
use model::Status;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::statistics::Statistics;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Width of a kept rollup, ns.
pub const HOUR: i64 = 3_600_000_000_000;
/// Rows of a row group: a read of one point touches one or two.
const GROUP_ROWS: usize = 2_048;

/// What one point did in one bucket. Only samples that are not Bad and have a number count for the figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Start, ns.
    pub start: i64,
    /// Samples, whatever their quality.
    pub count: u64,
    /// Samples with a number that are not Bad.
    pub good: u64,
    /// Sum of the numbers.
    pub sum: f64,
    /// Smallest; NaN without any.
    pub min: f64,
    /// Largest; NaN without any.
    pub max: f64,
    /// First in time.
    pub first: f64,
    /// Last in time.
    pub last: f64,
    /// Time of `first`, ns.
    pub first_at: i64,
    /// Time of `last`, ns.
    pub last_at: i64,
    /// Nanoseconds for which a sample that is not Bad was the newest, each counted to the next sample or the end of
    /// the bucket.
    pub good_ns: i64,
}

impl Bucket {
    /// An empty bucket.
    pub const fn new(start: i64) -> Self {
        let nan = f64::NAN;
        Self {
            start,
            count: 0,
            good: 0,
            sum: 0.0,
            min: nan,
            max: nan,
            first: nan,
            last: nan,
            first_at: 0,
            last_at: 0,
            good_ns: 0,
        }
    }

    /// The mean; `None` without a number.
    pub fn mean(&self) -> Option<f64> {
        (self.good > 0).then(|| self.sum / self.good as f64)
    }

    /// One sample with a number.
    #[inline]
    fn add(&mut self, time: i64, value: f64) {
        if self.good == 0 {
            (self.first, self.first_at, self.min, self.max) = (value, time, value, value);
        }
        self.good += 1;
        self.sum += value;
        self.min = if value < self.min { value } else { self.min };
        self.max = if value > self.max { value } else { self.max };
        (self.last, self.last_at) = (value, time);
    }

    /// Takes another bucket of the same time in.
    pub fn merge(&mut self, other: &Self) {
        if other.good > 0 {
            if self.good == 0 || other.first_at < self.first_at {
                (self.first, self.first_at) = (other.first, other.first_at);
            }
            if self.good == 0 || other.last_at >= self.last_at {
                (self.last, self.last_at) = (other.last, other.last_at);
            }
            self.min = self.min.min(other.min);
            self.max = self.max.max(other.max);
            self.sum += other.sum;
            self.good += other.good;
        }
        self.count += other.count;
        self.good_ns += other.good_ns;
    }
}

/// Start of the bucket of `time`; buckets of `width` ns begin at `origin`.
pub(crate) fn floor(time: i64, origin: i64, width: i64) -> i64 {
    let width = width.max(1);
    origin.saturating_add(time.saturating_sub(origin).div_euclid(width).saturating_mul(width))
}

/// Adds the samples of `run` with `from <= time < to` to `buckets`, which are in ascending order.
pub fn add_run(run: &Run, from: i64, to: i64, origin: i64, width: i64, buckets: &mut Vec<Bucket>) {
    let (first, last) = (run.stamps.lower(from), run.stamps.lower(to));
    let times = run.stamps.time.get(first..last).unwrap_or_default();
    let good = Status::GOOD.0;
    let mut end = i64::MIN;
    let mut at = 0usize;
    for (row, time) in (first..).zip(times) {
        if *time >= end || buckets.is_empty() {
            let start = floor(*time, origin, width);
            end = start.saturating_add(width);
            at = match buckets.last() {
                Some(b) if b.start == start => buckets.len() - 1,
                Some(b) if b.start > start => match buckets.binary_search_by_key(&start, |b| b.start) {
                    Ok(found) => found,
                    Err(place) => {
                        buckets.insert(place, Bucket::new(start));
                        place
                    }
                },
                _ => {
                    buckets.push(Bucket::new(start));
                    buckets.len() - 1
                }
            };
        }
        let Some(bucket) = buckets.get_mut(at) else { continue };
        bucket.count += 1;
        let status = run.status.get(row).unwrap_or(good);
        if status == good || !Status(status).is_bad() {
            let next = run.stamps.time.get(row + 1).copied().unwrap_or(*time).min(end);
            bucket.good_ns += next - time;
            if let Some(value) = run.values.as_f64(row).filter(|v| !v.is_nan()) {
                bucket.add(*time, value);
            }
        }
    }
}

fn schema() -> Arc<Schema> {
    let int = |name| Field::new(name, DataType::Int64, false);
    let float = |name| Field::new(name, DataType::Float64, false);
    let stamp = |name| Field::new(name, DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), false);
    Arc::new(Schema::new(vec![
        Field::new("point", DataType::UInt32, false),
        stamp("time"),
        int("count"),
        int("good"),
        float("sum"),
        float("min"),
        float("max"),
        float("first"),
        float("last"),
        stamp("first_at"),
        stamp("last_at"),
        int("good_ns"),
    ]))
}

fn batch(rows: &[(u32, Bucket)]) -> Result<RecordBatch, StoreError> {
    let int = |f: fn(&Bucket) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| f(&r.1))))
    };
    let float = |f: fn(&Bucket) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| f(&r.1))))
    };
    let stamp = |f: fn(&Bucket) -> i64| -> ArrayRef {
        Arc::new(
            TimestampNanosecondArray::from_iter_values(rows.iter().map(|r| f(&r.1))).with_timezone("UTC"),
        )
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from_iter_values(rows.iter().map(|r| r.0))),
        stamp(|b| b.start),
        int(|b| b.count as i64),
        int(|b| b.good as i64),
        float(|b| b.sum),
        float(|b| b.min),
        float(|b| b.max),
        float(|b| b.first),
        float(|b| b.last),
        stamp(|b| b.first_at),
        stamp(|b| b.last_at),
        int(|b| b.good_ns),
    ];
    RecordBatch::try_new(schema(), columns).map_err(|e| StoreError::Parquet(e.into()))
}

/// Writes the rollup file of a segment.
pub(crate) struct RollupWriter {
    out: ArrowWriter<File>,
    rows: Vec<(u32, Bucket)>,
    path: std::path::PathBuf,
}

impl RollupWriter {
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        let file = File::create(path).map_err(StoreError::io(path))?;
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(parquet::basic::ZstdLevel::default()))
            .set_statistics_enabled(EnabledStatistics::None)
            .set_column_statistics_enabled("point".into(), EnabledStatistics::Chunk)
            .set_dictionary_enabled(false)
            .set_offset_index_disabled(true)
            .set_max_row_group_row_count(Some(GROUP_ROWS));
        for name in ["point", "time", "count", "good", "first_at", "last_at", "good_ns"] {
            properties = properties.set_column_encoding(name.into(), Encoding::DELTA_BINARY_PACKED);
        }
        for name in ["sum", "min", "max", "first", "last"] {
            properties = properties.set_column_encoding(name.into(), Encoding::BYTE_STREAM_SPLIT);
        }
        let out = ArrowWriter::try_new(file, schema(), Some(properties.build()))?;
        Ok(Self { out, rows: Vec::new(), path: path.to_path_buf() })
    }

    /// Adds the buckets of a point.
    pub fn add(&mut self, point: u32, buckets: &[Bucket]) -> Result<(), StoreError> {
        self.rows.extend(buckets.iter().map(|b| (point, *b)));
        if self.rows.len() >= GROUP_ROWS { self.emit() } else { Ok(()) }
    }

    fn emit(&mut self) -> Result<(), StoreError> {
        self.out.write(&batch(&self.rows)?)?;
        self.rows.clear();
        Ok(())
    }

    /// Ends and syncs the file; its bytes.
    pub fn finish(mut self) -> Result<u64, StoreError> {
        self.emit()?;
        let file = self.out.into_inner()?;
        file.sync_all().map_err(StoreError::io(&self.path))?;
        Ok(file.metadata().map_err(StoreError::io(&self.path))?.len())
    }
}

/// An open rollup file.
pub(crate) struct RollupFile {
    file: File,
    meta: ArrowReaderMetadata,
    /// Lowest and highest point of each row group.
    points: Vec<(u32, u32)>,
}

impl RollupFile {
    /// Opens `path`.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(StoreError::io(path))?;
        let meta = ArrowReaderMetadata::load(&file, ArrowReaderOptions::default())?;
        let span = |i: usize| match meta.metadata().row_group(i).column(0).statistics() {
            Some(Statistics::Int32(s)) => {
                (s.min_opt().map_or(0, |m| *m as u32), s.max_opt().map_or(u32::MAX, |m| *m as u32))
            }
            _ => (0, u32::MAX),
        };
        let points = (0..meta.metadata().num_row_groups()).map(span).collect();
        Ok(Self { file, meta, points })
    }

    /// Row groups that may hold `point`.
    pub fn groups(&self, point: u32) -> impl Iterator<Item = u32> + '_ {
        let holds = move |p: &(u32, u32)| p.0 <= point && point <= p.1;
        self.points.iter().enumerate().filter(move |(_, p)| holds(p)).map(|(at, _)| at as u32)
    }

    /// All rows of a row group, sorted by point.
    pub fn read(&self, group: u32) -> Result<Vec<(u32, Bucket)>, StoreError> {
        let file = self.file.try_clone().map_err(StoreError::io("rollup"))?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.meta.clone());
        let mut out = Vec::new();
        for rows in builder.with_row_groups(vec![group as usize]).with_batch_size(GROUP_ROWS).build()? {
            collect(&rows.map_err(|e| StoreError::Parquet(e.into()))?, &mut out);
        }
        out.sort_by_key(|(point, b): &(u32, Bucket)| (*point, b.start));
        Ok(out)
    }

    /// Bytes in memory, about.
    pub fn bytes(&self) -> usize {
        self.points.len() * 4_096 + 4_096
    }
}

fn collect(rows: &RecordBatch, out: &mut Vec<(u32, Bucket)>) {
    let column = |i: usize| rows.column(i).as_any();
    let ints = |i: usize| column(i).downcast_ref::<Int64Array>();
    let floats = |i: usize| column(i).downcast_ref::<Float64Array>();
    let stamps = |i: usize| column(i).downcast_ref::<TimestampNanosecondArray>();
    let Some(points) = column(0).downcast_ref::<UInt32Array>() else { return };
    let (Some(start), Some(count), Some(good), Some(good_ns)) = (stamps(1), ints(2), ints(3), ints(11))
    else {
        return;
    };
    let (Some(sum), Some(min), Some(max)) = (floats(4), floats(5), floats(6)) else { return };
    let (Some(first), Some(last), Some(first_at), Some(last_at)) =
        (floats(7), floats(8), stamps(9), stamps(10))
    else {
        return;
    };
    for row in 0..points.len() {
        let bucket = Bucket {
            start: start.value(row),
            count: count.value(row) as u64,
            good: good.value(row) as u64,
            sum: sum.value(row),
            min: min.value(row),
            max: max.value(row),
            first: first.value(row),
            last: last.value(row),
            first_at: first_at.value(row),
            last_at: last_at.value(row),
            good_ns: good_ns.value(row),
        };
        out.push((points.value(row), bucket));
    }
}
