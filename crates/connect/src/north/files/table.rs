//! The table in a file: the columns of `samples` in SQL, and the unit.

use arrow::array::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampNanosecondBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use model::csv;
use model::{Declaration, Position, Status, Time, Value};
use std::fmt::Write as _;
use std::sync::Arc;

/// The first line of a CSV file.
pub(super) const HEAD: &str =
    "path,time,received,seq,value,value_int,value_text,good,quality,status,historical,unit\n";

/// The columns of a CSV file, in words.
pub(super) const CSV_WORDS: &str = "RFC 4180, UTF-8, first line:
path,time,received,seq,value,value_int,value_text,good,quality,status,historical,unit

path        text     the point
time        time     RFC 3339, UTC, nanoseconds
received    time     when the gateway received it
seq         integer  number of the record in the journal
value       double   the value as a number
value_int   integer  the value, where it is whole
value_text  text     the value, where it is text or bytes (hexadecimal)
good        boolean  true or false
quality     text     name of the OPC UA status code
status      integer  the OPC UA status code
historical  boolean  delivered by the source after the fact
unit        text     empty for none

A text that a spreadsheet would take for a formula begins with an apostrophe.
";

/// One sample.
pub(super) struct Line {
    pub(super) meta: Arc<Declaration>,
    pub(super) time: Time,
    pub(super) received: Time,
    pub(super) seq: Position,
    pub(super) status: Status,
    pub(super) value: Value,
    pub(super) historical: bool,
}

/// A value as the table has it; nothing of a Bad one.
#[derive(Default)]
struct Cells {
    double: Option<f64>,
    whole: Option<i64>,
    text: Option<String>,
}

impl Line {
    fn cells(&self) -> Cells {
        if self.status.is_bad() {
            return Cells::default();
        }
        let double = self.value.as_f64();
        match &self.value {
            Value::Text(text) => Cells { text: Some(text.to_string()), ..Cells::default() },
            Value::Bytes(_) => Cells { text: Some(self.value.to_string()), ..Cells::default() },
            Value::F64(_) => Cells { double, ..Cells::default() },
            other => Cells { double, whole: other.as_i64(), text: None },
        }
    }

    /// As a line of CSV.
    pub(super) fn csv(&self, out: &mut String) {
        let cells = self.cells();
        let _ = write!(
            out,
            "{},{},{},{},",
            self.meta.path,
            self.time.rfc3339(),
            self.received.rfc3339(),
            self.seq.as_i64()
        );
        if let Some(double) = cells.double {
            let _ = write!(out, "{double}");
        }
        out.push(',');
        if let Some(whole) = cells.whole {
            let _ = write!(out, "{whole}");
        }
        out.push(',');
        csv::field(out, cells.text.as_deref().unwrap_or_default());
        let good = self.status.is_good();
        let _ = write!(out, ",{good},{},{},{},", self.status.name(), self.status.0, self.historical);
        csv::field(out, &self.meta.unit);
        out.push('\n');
    }
}

/// The columns in Parquet.
pub(super) fn schema() -> SchemaRef {
    let time = || DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("path", DataType::Utf8, false),
        Field::new("time", time(), false),
        Field::new("received", time(), false),
        Field::new("seq", DataType::Int64, false),
        Field::new("value", DataType::Float64, true),
        Field::new("value_int", DataType::Int64, true),
        Field::new("value_text", DataType::Utf8, true),
        Field::new("good", DataType::Boolean, false),
        Field::new("quality", DataType::Utf8, false),
        Field::new("status", DataType::Int64, false),
        Field::new("historical", DataType::Boolean, false),
        Field::new("unit", DataType::Utf8, false),
    ]))
}

/// The columns as Parquet's own tools print them.
pub(super) fn parquet_words() -> String {
    let mut out = Vec::new();
    if let Ok(schema) = parquet::arrow::ArrowSchemaConverter::new().convert(&schema()) {
        parquet::schema::printer::print_schema(&mut out, schema.root_schema());
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Lines as Arrow columns.
///
/// # Errors
/// The columns do not fit the schema: a defect here.
pub(super) fn batch(lines: &[Line], schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let stamps = || TimestampNanosecondBuilder::with_capacity(lines.len()).with_timezone("UTC");
    let (mut path, mut time, mut received) = (StringBuilder::new(), stamps(), stamps());
    let (mut seq, mut status) = (Int64Builder::new(), Int64Builder::new());
    let (mut double, mut whole, mut text) =
        (Float64Builder::new(), Int64Builder::new(), StringBuilder::new());
    let (mut good, mut historical) = (BooleanBuilder::new(), BooleanBuilder::new());
    let (mut quality, mut unit) = (StringBuilder::new(), StringBuilder::new());
    for line in lines {
        let cells = line.cells();
        path.append_value(line.meta.path.as_str());
        time.append_value(line.time.0);
        received.append_value(line.received.0);
        seq.append_value(line.seq.as_i64());
        double.append_option(cells.double);
        whole.append_option(cells.whole);
        text.append_option(cells.text);
        good.append_value(line.status.is_good());
        quality.append_value(line.status.name());
        status.append_value(i64::from(line.status.0));
        historical.append_value(line.historical);
        unit.append_value(&line.meta.unit);
    }
    RecordBatch::try_new(
        Arc::clone(schema),
        vec![
            Arc::new(path.finish()),
            Arc::new(time.finish()),
            Arc::new(received.finish()),
            Arc::new(seq.finish()),
            Arc::new(double.finish()),
            Arc::new(whole.finish()),
            Arc::new(text.finish()),
            Arc::new(good.finish()),
            Arc::new(quality.finish()),
            Arc::new(status.finish()),
            Arc::new(historical.finish()),
            Arc::new(unit.finish()),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Path, ValueType};

    fn line(value: Value, status: Status) -> String {
        let mut meta = Declaration::new(Path::new("a/b/c").unwrap(), ValueType::F64);
        meta.unit = "-5,x".into();
        let line = Line {
            meta: Arc::new(meta),
            time: Time(1_000_000_000),
            received: Time(2_000_000_000),
            seq: Position(7),
            status,
            value,
            historical: false,
        };
        let mut out = String::new();
        line.csv(&mut out);
        let batch = batch(&[line], &schema()).unwrap();
        assert_eq!((batch.num_rows(), batch.num_columns()), (1, HEAD.split(',').count()));
        let rest =
            out.strip_prefix("a/b/c,1970-01-01T00:00:01").unwrap().split_once(",7,").unwrap().1.to_owned();
        rest.trim_end().to_owned()
    }

    #[test]
    fn what_is_told_of_the_columns_is_what_is_written() {
        assert!(CSV_WORDS.lines().any(|line| line == HEAD.trim()));
        let (csv, parquet) = (CSV_WORDS.to_owned(), parquet_words());
        for name in HEAD.trim().split(',') {
            assert!(csv.lines().any(|line| line.split(' ').next() == Some(name)), "{name}");
            assert!(
                parquet.contains(&format!(" {name} ")) || parquet.contains(&format!(" {name};")),
                "{name}: {parquet}"
            );
        }
    }

    #[test]
    fn values_stand_in_their_columns_and_formulas_are_text() {
        for (value, status, expected) in [
            (Value::F64(-1.5), Status::GOOD, "-1.5,,,true,Good,0,false,\"'-5,x\""),
            (Value::I64(-3), Status::GOOD, "-3,-3,,true,Good,0,false,\"'-5,x\""),
            (Value::Bool(true), Status::GOOD, "1,1,,true,Good,0,false,\"'-5,x\""),
            (Value::from("=1+\"1\""), Status::GOOD, ",,\"'=1+\"\"1\"\"\",true,Good,0,false,\"'-5,x\""),
            (Value::from("\tx"), Status::GOOD, ",,\"'\tx\",true,Good,0,false,\"'-5,x\""),
            (
                Value::F64(5.0),
                Status::BAD_SENSOR_FAILURE,
                ",,,false,BadSensorFailure,2156658688,false,\"'-5,x\"",
            ),
        ] {
            assert_eq!(line(value, status), expected);
        }
    }
}
