//! Rows in columns, as clients of every age read them: texts that lie scattered in memory become plain ones, or, for who
//! asks for it, each different text once in a batch and numbers in its rows, which is much less to send.

use super::client::{Session, status};
use crate::door::Door;
use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Int32Array, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use arrow_flight::FlightData;
use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
use arrow_flight::error::FlightError;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use sql::Rows;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tonic::Status;
use tonic::metadata::MetadataMap;

/// The header by which a client says how it wants texts: `plain`, or `dictionary`.
const HEADER: &str = "ironbridge-texts";

/// How texts are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Texts {
    /// One after the other.
    Plain,
    /// Each different one once, and numbers.
    Dictionary,
}

impl Texts {
    /// As the call asks.
    pub fn of(headers: &MetadataMap) -> Self {
        match headers.get(HEADER) {
            Some(word) if word == "dictionary" => Self::Dictionary,
            _ => Self::Plain,
        }
    }

    fn told(self, kind: &DataType) -> DataType {
        match (self, plain(kind)) {
            (Self::Dictionary, DataType::Utf8) => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            (_, kind) => kind,
        }
    }
}

/// The type as every client knows it.
pub(super) fn plain(kind: &DataType) -> DataType {
    match kind {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        // What has no type yet is a text, as for PostgreSQL.
        DataType::Null => DataType::Utf8,
        other => other.clone(),
    }
}

/// The columns of an answer, by the names that the client is told.
pub(super) fn schema(prepared: &sql::Prepared, texts: Texts) -> SchemaRef {
    let columns = prepared.names.iter().zip(prepared.schema.fields());
    let field = |(name, field): (&String, &Arc<Field>)| {
        Field::new(name, texts.told(field.data_type()), field.is_nullable())
    };
    Arc::new(Schema::new(columns.map(field).collect::<Vec<_>>()))
}

/// Each different text once, in the order in which they come, and the number of its own in each row.
fn numbered(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let texts = cast(column, &DataType::Utf8View)?;
    let texts = texts.as_string_view();
    let mut known: HashMap<&str, i32> = HashMap::new();
    let mut words = StringBuilder::new();
    let mut last = None;
    let mut number = |row: usize, view: u128| {
        if let Some((same, number)) = last
            && same == view
        {
            return number;
        }
        let text = texts.value(row);
        let next = known.len() as i32;
        let number = *known.entry(text).or_insert_with(|| {
            words.append_value(text);
            next
        });
        last = Some((view, number));
        number
    };
    let views = texts.views().iter().enumerate();
    let numbers: Int32Array =
        views.map(|(row, view)| texts.is_valid(row).then(|| number(row, *view))).collect();
    Ok(Arc::new(DictionaryArray::try_new(numbers, Arc::new(words.finish()))?))
}

/// The same rows in those columns.
fn told(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields());
    let column = |(column, field): (&ArrayRef, &Arc<Field>)| match field.data_type() {
        DataType::Dictionary(..) => numbered(column),
        kind => cast(column, kind),
    };
    let columns = columns.map(column).collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

/// The messages of an answer, made as they are taken. The session stays as long as they last.
pub(super) fn answer(
    rows: Rows,
    schema: SchemaRef,
    door: Arc<Door>,
    session: Arc<Session>,
) -> BoxStream<'static, Result<FlightData, Status>> {
    let columns = Arc::clone(&schema);
    let batches = stream::unfold((rows, session), |(mut rows, session)| async move {
        rows.next().await.map(|next| (next, (rows, session)))
    });
    let batches = batches.map(move |next| {
        let batch = next.map_err(|error| {
            door.counters.failed.fetch_add(1, Ordering::Relaxed);
            FlightError::Tonic(Box::new(status(&error)))
        })?;
        door.counters.rows.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        told(&batch, &columns).map_err(FlightError::Arrow)
    });
    let messages = FlightDataEncoderBuilder::new()
        .with_dictionary_handling(DictionaryHandling::Resend)
        .with_schema(schema)
        .build(batches);
    messages.map_err(Status::from).boxed()
}

/// The messages of a small answer that is there already.
pub(super) fn small(batch: RecordBatch) -> BoxStream<'static, Result<FlightData, Status>> {
    let messages =
        FlightDataEncoderBuilder::new()
            .with_schema(batch.schema())
            .build(stream::iter([Ok::<_, FlightError>(batch)]));
    messages.map_err(Status::from).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::StringViewArray;

    #[test]
    fn texts_become_numbers_and_back() {
        let all = ["acme/leeds/line/speed", "acme/leeds/line/speed", "b", "acme/leeds/line/speed"];
        let mut texts: Vec<Option<&str>> = all.into_iter().map(Some).collect();
        texts.push(None);
        let column: ArrayRef = Arc::new(texts.iter().copied().collect::<StringViewArray>());
        let made = numbered(&column).unwrap();
        let dictionary = made.as_dictionary::<arrow::datatypes::Int32Type>();
        assert_eq!((dictionary.values().len(), dictionary.null_count()), (2, 1));
        assert_eq!(&cast(&made, &DataType::Utf8View).unwrap(), &column);
    }

    #[test]
    fn a_client_asks_for_them() {
        let mut headers = MetadataMap::new();
        assert_eq!(Texts::of(&headers), Texts::Plain);
        headers.insert(HEADER, "dictionary".parse().unwrap());
        assert_eq!(Texts::of(&headers), Texts::Dictionary);
        let kind = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        assert_eq!(Texts::Dictionary.told(&DataType::Utf8View), kind);
        assert_eq!(Texts::Dictionary.told(&DataType::Float64), DataType::Float64);
    }
}
