//! Values for the parameters of a prepared statement, from the one row that brings them.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Field, Float64Type, Int64Type, Schema, TimeUnit, TimestampNanosecondType,
};
use arrow::record_batch::RecordBatch;
use sql::Param;

/// Parameters as a client is told, `$1` first.
pub(super) fn schema(params: &[DataType]) -> Schema {
    let field = |(at, kind): (usize, &DataType)| {
        Field::new(format!("${}", at + 1), super::columns::plain(kind), true)
    };
    Schema::new(params.iter().enumerate().map(field).collect::<Vec<_>>())
}

/// The values, with what they were declared as; a text takes the type that the statement wants.
///
/// # Errors
/// In words: not one row, or a type that has no place here.
pub(super) fn values(batches: &[RecordBatch]) -> Result<(Vec<Param>, Vec<Option<DataType>>), String> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let Some(row) = batches.iter().find(|batch| batch.num_rows() == 1).filter(|_| rows == 1) else {
        return Err(format!("parameters come as one row of values; {rows} rows came. Ask once for each row"));
    };
    let mut found = Vec::with_capacity(row.num_columns());
    for (at, column) in row.columns().iter().enumerate() {
        let value = value(column);
        let none =
            || format!("parameter ${}: a value of type {} has no place here", at + 1, column.data_type());
        found.push(value.ok_or_else(none)?);
    }
    Ok((found, row.columns().iter().map(|column| declared(column.data_type())).collect()))
}

/// Whether this is a type that the planner can be told.
fn declared(kind: &DataType) -> Option<DataType> {
    let told = matches!(kind, DataType::Boolean | DataType::Date32 | DataType::Timestamp(..))
        || kind.is_integer()
        || kind.is_floating();
    match kind {
        DataType::Int8 | DataType::UInt8 => Some(DataType::Int16),
        DataType::UInt16 => Some(DataType::Int32),
        DataType::UInt64 => Some(DataType::Int64),
        DataType::Float16 => Some(DataType::Float32),
        kind => told.then(|| kind.clone()),
    }
}

fn value(column: &ArrayRef) -> Option<Param> {
    // NULL has no mark of its own in an array of nothing but NULL.
    if column.data_type() == &DataType::Null || column.is_null(0) {
        return Some(Param::Null);
    }
    let to = |kind: &DataType| cast(column, kind).ok().filter(|cast| !cast.is_null(0));
    Some(match column.data_type() {
        DataType::Boolean => Param::Bool(column.as_boolean().value(0)),
        kind if kind.is_integer() => Param::Int(to(&DataType::Int64)?.as_primitive::<Int64Type>().value(0)),
        kind if kind.is_floating() || matches!(kind, DataType::Decimal128(..) | DataType::Decimal256(..)) => {
            Param::Float(to(&DataType::Float64)?.as_primitive::<Float64Type>().value(0))
        }
        DataType::Date32 | DataType::Date64 => {
            Param::Date(to(&DataType::Date32)?.as_primitive::<Date32Type>().value(0))
        }
        DataType::Timestamp(..) => {
            let kind = DataType::Timestamp(TimeUnit::Nanosecond, None);
            Param::Time(to(&kind)?.as_primitive::<TimestampNanosecondType>().value(0))
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
            Param::Text(to(&DataType::Utf8)?.as_string::<i32>().value(0).to_owned())
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            Param::Bytes(to(&DataType::Binary)?.as_binary::<i32>().value(0).to_vec())
        }
        DataType::List(_) | DataType::LargeList(_) => {
            let list = to(&DataType::new_list(DataType::Utf8, true))?.as_list::<i32>().value(0);
            let items = list.as_string::<i32>();
            Param::List(items.iter().map(|item| item.map(str::to_owned)).collect())
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        BooleanArray, Float64Array, Int32Array, NullArray, StringArray, StringViewArray,
        TimestampMicrosecondArray,
    };
    use std::sync::Arc;

    fn row(columns: Vec<ArrayRef>) -> RecordBatch {
        let named = columns.into_iter().enumerate().map(|(at, c)| (at.to_string(), c, true));
        RecordBatch::try_from_iter_with_nullable(named).unwrap()
    }

    #[test]
    fn one_row_of_values() {
        let batch = row(vec![
            Arc::new(Int32Array::from(vec![41])),
            Arc::new(Float64Array::from(vec![1.5])),
            Arc::new(BooleanArray::from(vec![true])),
            Arc::new(StringViewArray::from(vec!["a'b;--"])),
            Arc::new(TimestampMicrosecondArray::from(vec![1_000]).with_timezone("Europe/Berlin")),
            Arc::new(NullArray::new(1)),
            Arc::new(StringArray::from(vec![None::<&str>])),
        ]);
        let (values, declared) = values(&[batch]).unwrap();
        assert_eq!(
            values,
            [
                Param::Int(41),
                Param::Float(1.5),
                Param::Bool(true),
                Param::Text("a'b;--".into()),
                Param::Time(1_000_000),
                Param::Null,
                Param::Null
            ]
        );
        assert_eq!((declared[0].clone(), declared[3].clone()), (Some(DataType::Int32), None));
    }

    #[test]
    fn not_one_row_is_told() {
        let two = row(vec![Arc::new(Int32Array::from(vec![1, 2]))]);
        assert!(values(std::slice::from_ref(&two)).unwrap_err().contains("2 rows came"));
        assert!(values(&[]).is_err() && values(&[two.slice(0, 1), two.slice(1, 1)]).is_err());
        assert!(values(&[two.slice(1, 1)]).is_ok());
    }
}
