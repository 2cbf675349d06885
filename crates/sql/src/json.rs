//! Answers as JSON: one array per row.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampNanosecondType, UInt64Type};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;

/// Integers beyond it are not exact in JavaScript and become text.
const EXACT: i64 = 1 << 53;

/// Times are milliseconds since 1970 UTC with their fraction; integers beyond 2^53 are text; NaN and infinities, which
/// JSON lacks, are the texts `NaN`, `Infinity`, `-Infinity`.
pub(crate) fn rows(batches: &[RecordBatch]) -> Vec<Vec<Value>> {
    let mut out = Vec::new();
    for batch in batches {
        let first = out.len();
        out.resize_with(first + batch.num_rows(), || Vec::with_capacity(batch.num_columns()));
        for column in batch.columns() {
            for (row, cell) in out.iter_mut().skip(first).zip(cells(column)) {
                row.push(cell);
            }
        }
    }
    out
}

fn float(v: f64) -> Value {
    serde_json::Number::from_f64(v).map_or_else(
        || {
            Value::String(if v.is_nan() {
                "NaN".into()
            } else if v > 0.0 {
                "Infinity".into()
            } else {
                "-Infinity".into()
            })
        },
        Value::Number,
    )
}

fn int(v: i64) -> Value {
    if v.abs() <= EXACT { v.into() } else { v.to_string().into() }
}

fn cells(column: &ArrayRef) -> Vec<Value> {
    let null = |at: usize, v: Value| if column.is_null(at) { Value::Null } else { v };
    let to = |kind: &DataType| cast(column, kind).ok();
    match column.data_type() {
        DataType::Null => vec![Value::Null; column.len()],
        DataType::Boolean => {
            let all = column.as_boolean();
            (0..all.len()).map(|i| null(i, all.value(i).into())).collect()
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            to(&DataType::Float64).map_or_else(Vec::new, |c| {
                let all = c.as_primitive::<Float64Type>();
                (0..all.len()).map(|i| null(i, float(all.value(i)))).collect()
            })
        }
        DataType::UInt64 => {
            let all = column.as_primitive::<UInt64Type>();
            let cell = |v: u64| i64::try_from(v).map_or_else(|_| v.to_string().into(), int);
            (0..all.len()).map(|i| null(i, cell(all.value(i)))).collect()
        }
        kind if kind.is_integer() => to(&DataType::Int64).map_or_else(Vec::new, |c| {
            let all = c.as_primitive::<Int64Type>();
            (0..all.len()).map(|i| null(i, int(all.value(i)))).collect()
        }),
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => {
            to(&DataType::Timestamp(TimeUnit::Nanosecond, None)).map_or_else(Vec::new, |c| {
                let all = c.as_primitive::<TimestampNanosecondType>();
                (0..all.len()).map(|i| null(i, float(model::Time(all.value(i)).millis_f64()))).collect()
            })
        }
        _ => texts(column).into_iter().map(|t| t.map_or(Value::Null, Value::String)).collect(),
    }
}

/// Any column as text; `None` where it is NULL.
pub(crate) fn texts(column: &ArrayRef) -> Vec<Option<String>> {
    let options = FormatOptions::default().with_display_error(true);
    match ArrayFormatter::try_new(column.as_ref(), &options) {
        Ok(format) => {
            (0..column.len()).map(|i| (!column.is_null(i)).then(|| format.value(i).to_string())).collect()
        }
        Err(e) => vec![Some(e.to_string()); column.len()],
    }
}
