//! One data file: Parquet, with the statistics that the table's metadata keep of it.

use crate::columns::{Holds, Kind};
use crate::error::LakeError;
use crate::rows::day_name;
use arrow::array::{Array, ArrayRef, ArrowNumericType, AsArray};
use arrow::compute::{max, max_boolean, min, min_boolean};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use iceberg::spec::{DataContentType, DataFile, DataFileBuilder, DataFileFormat, Datum, Literal, Struct};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use std::collections::HashMap;

/// Rows of a row group: what a query of one point has to read at least.
const GROUP: usize = 128 * 1024;
/// Texts of more bytes have no bounds in the metadata.
const LONGEST_BOUND: usize = 512;

/// A file that is to be put in its place.
pub(crate) struct Made {
    /// Its name in the table's folder.
    pub name: String,
    pub bytes: Bytes,
    pub entry: DataFile,
}

fn properties(kind: Kind) -> WriterProperties {
    let level = ZstdLevel::try_new(3).unwrap_or_default();
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("Ironbridge {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(GROUP));
    for column in kind.columns() {
        // Times and positions rise: their differences are small.
        if matches!(column.name, "time" | "received" | "seq") {
            let path = ColumnPath::from(column.name);
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    properties.build()
}

/// Makes the file of some rows of one day. CPU work.
pub(crate) fn make(
    kind: Kind,
    day: i32,
    rows: &RecordBatch,
    unique: &str,
    location: &str,
    spec: i32,
) -> Result<Made, LakeError> {
    let wrong = |why: parquet::errors::ParquetError| LakeError::Unfit(format!("a data file: {why}"));
    let mut writer = ArrowWriter::try_new(Vec::new(), kind.arrow(), Some(properties(kind))).map_err(wrong)?;
    writer.write(rows).map_err(wrong)?;
    let bytes = Bytes::from(writer.into_inner().map_err(wrong)?);
    let name = format!("data/{}/ib-{unique}.parquet", day_name(day));
    let bounds = Bounds::of(kind, rows);
    let entry = DataFileBuilder::default()
        .content(DataContentType::Data)
        .file_path(format!("{location}/{name}"))
        .file_format(DataFileFormat::Parquet)
        .partition(Struct::from_iter([Some(Literal::date(day))]))
        .partition_spec_id(spec)
        .record_count(rows.num_rows() as u64)
        .file_size_in_bytes(bytes.len() as u64)
        .value_counts(bounds.values)
        .null_value_counts(bounds.nulls)
        .nan_value_counts(bounds.nans)
        .lower_bounds(bounds.lower)
        .upper_bounds(bounds.upper)
        .sort_order_id(1)
        .build()
        .map_err(|why| LakeError::Unfit(format!("a data file: {why}")))?;
    Ok(Made { name, bytes, entry })
}

/// What the metadata say of each column (Iceberg specification, "Data File Fields").
#[derive(Default)]
struct Bounds {
    values: HashMap<i32, u64>,
    nulls: HashMap<i32, u64>,
    nans: HashMap<i32, u64>,
    lower: HashMap<i32, Datum>,
    upper: HashMap<i32, Datum>,
}

impl Bounds {
    fn of(kind: Kind, rows: &RecordBatch) -> Self {
        let mut all = Self::default();
        for ((column, values), id) in kind.columns().iter().zip(rows.columns()).zip(1..) {
            all.values.insert(id, values.len() as u64);
            all.nulls.insert(id, values.null_count() as u64);
            if let Some((low, high)) = all.bounds(id, column.holds, values) {
                all.lower.insert(id, low);
                all.upper.insert(id, high);
            }
        }
        all
    }

    fn bounds(&mut self, id: i32, holds: Holds, values: &ArrayRef) -> Option<(Datum, Datum)> {
        match holds {
            Holds::Text => {
                let texts = values.as_string::<i32>();
                let (low, high) = (texts.iter().flatten().min()?, texts.iter().flatten().max()?);
                (low.len() <= LONGEST_BOUND && high.len() <= LONGEST_BOUND)
                    .then(|| (Datum::string(low), Datum::string(high)))
            }
            Holds::Stamp => both::<TimestampMicrosecondType>(values, Datum::timestamptz_micros),
            Holds::Long => both::<Int64Type>(values, Datum::long),
            Holds::Int => both::<Int32Type>(values, Datum::int),
            Holds::Flag => {
                let flags = values.as_boolean();
                Some((Datum::bool(min_boolean(flags)?), Datum::bool(max_boolean(flags)?)))
            }
            Holds::Double => {
                let numbers = || values.as_primitive::<Float64Type>().iter().flatten();
                self.nans.insert(id, numbers().filter(|v| v.is_nan()).count() as u64);
                let low = numbers().filter(|v| !v.is_nan()).reduce(f64::min)?;
                let high = numbers().filter(|v| !v.is_nan()).reduce(f64::max)?;
                Some((Datum::double(low), Datum::double(high)))
            }
        }
    }
}

fn both<T: ArrowNumericType>(
    values: &ArrayRef,
    datum: impl Fn(T::Native) -> Datum,
) -> Option<(Datum, Datum)> {
    let values = values.as_primitive::<T>();
    Some((datum(min(values)?), datum(max(values)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::SampleRows;
    use model::{Position, Status, Time, Value};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    #[test]
    fn a_file_has_identities_and_statistics() {
        let mut rows = SampleRows::default();
        for (n, value) in [2.0, f64::NAN, -7.5].into_iter().enumerate() {
            let time = Time(1_000 * n as i64);
            rows.add(
                "s/a",
                (time, time),
                Position::new(1, n as u64),
                (Status::GOOD, &Value::F64(value)),
                false,
            );
        }
        let batch = rows.days().unwrap().remove(&0).unwrap();
        let made = make(Kind::Samples, 0, &batch, "x", "s3://b/t", 0).unwrap();
        assert_eq!(made.entry.file_path(), "s3://b/t/data/1970-01-01/ib-x.parquet");
        assert_eq!(
            (made.entry.lower_bounds()[&5].clone(), made.entry.upper_bounds()[&5].clone()),
            (Datum::double(-7.5), Datum::double(2.0))
        );
        assert_eq!((made.entry.nan_value_counts()[&5], made.entry.null_value_counts()[&7]), (1, 3));
        assert_eq!(made.entry.lower_bounds()[&2], Datum::timestamptz_micros(0));
        assert!(!made.entry.lower_bounds().contains_key(&7), "nothing but NULL has no bounds");
        let read = ParquetRecordBatchReaderBuilder::try_new(made.bytes).unwrap();
        let columns = read.parquet_schema().root_schema().get_fields().to_vec();
        let ids: Vec<i32> = columns.iter().map(|column| column.get_basic_info().id()).collect();
        assert_eq!(ids, (1..=12).collect::<Vec<_>>());
        let back: Vec<RecordBatch> = read.build().unwrap().map(Result::unwrap).collect();
        assert_eq!(back[0].columns(), batch.columns());
    }
}
