//! Rows in columns, as clients of every age read them: texts that lie scattered in memory become plain ones.

use super::client::{Session, status};
use crate::door::Door;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use arrow_flight::FlightData;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use sql::Rows;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tonic::Status;

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
pub(super) fn schema(prepared: &sql::Prepared) -> SchemaRef {
    let columns = prepared.names.iter().zip(prepared.schema.fields());
    let field = |(name, field): (&String, &Arc<Field>)| {
        Field::new(name, plain(field.data_type()), field.is_nullable())
    };
    Arc::new(Schema::new(columns.map(field).collect::<Vec<_>>()))
}

/// The same rows in those columns.
fn told(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type())).collect::<Result<_, _>>()?;
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
    let messages = FlightDataEncoderBuilder::new().with_schema(schema).build(batches);
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
