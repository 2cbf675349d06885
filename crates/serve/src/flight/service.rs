//! The calls of Flight SQL.

use super::client::{Client, Session};
use super::columns::{self, Texts};
use super::{listing, param};
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::server::{DoPutError, FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionBeginTransactionRequest, ActionBeginTransactionResult, ActionCancelQueryRequest,
    ActionCancelQueryResult, ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, ActionEndTransactionRequest, Any, Command, CommandGetCatalogs,
    CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables, CommandGetXdbcTypeInfo,
    CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementIngest,
    CommandStatementQuery, CommandStatementUpdate, DoPutPreparedStatementResult, ProstMessageExt, SqlInfo,
    TicketStatementQuery,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightDescriptor,
    FlightEndpoint, FlightInfo, HandshakeRequest, HandshakeResponse, IpcMessage, SchemaAsIpc, Ticket,
};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use prost::Message;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

/// Most rows of values that are read before they are refused.
const MOST_VALUES: usize = 2;
/// Stops a query (Arrow Flight RPC, "CancelFlightInfo").
const CANCEL: &str = "CancelFlightInfo";
/// Letters of the number before the text in a ticket.
const NUMBER: usize = 16;

/// Answers calls of one connection.
pub(super) struct Service(pub Arc<Client>);

type Told = Result<Response<FlightInfo>, Status>;
type Got = Result<Response<<Service as FlightService>::DoGetStream>, Status>;

/// A ticket says what it stands for: a number to stop it by, and the text.
fn ticket(text: &str) -> Result<TicketStatementQuery, Status> {
    let mut number = [0; NUMBER / 2];
    getrandom::fill(&mut number).map_err(|_| Status::internal("no random numbers; try again in a moment"))?;
    let handle = super::bearer::hex("", &number) + text;
    Ok(TicketStatementQuery { statement_handle: handle.into_bytes().into() })
}

/// Number and text of a ticket.
fn opened(ticket: &TicketStatementQuery) -> Result<(&str, &str), Status> {
    let text = std::str::from_utf8(&ticket.statement_handle).ok();
    let parts = text.and_then(|text| text.split_at_checked(NUMBER));
    parts.ok_or_else(|| {
        Status::invalid_argument("the ticket is none of Ironbridge's; ask GetFlightInfo first")
    })
}

/// How a query of a ticket is called.
fn id(number: &str) -> String {
    format!("flight {number}")
}

fn info(command: &impl ProstMessageExt, schema: &Schema, descriptor: FlightDescriptor) -> Told {
    let ticket = Ticket::new(command.as_any().encode_to_vec());
    let info = FlightInfo::new().try_with_schema(schema);
    let info = info.map_err(|error| Status::internal(error.to_string()))?;
    let endpoint = FlightEndpoint::new().with_ticket(ticket);
    Ok(Response::new(info.with_endpoint(endpoint).with_descriptor(descriptor).with_ordered(true)))
}

fn bytes_of(schema: &Schema) -> Result<Bytes, Status> {
    let options = Default::default();
    let message: Result<IpcMessage, _> = SchemaAsIpc::new(schema, &options).try_into();
    message.map(|IpcMessage(bytes)| bytes).map_err(|error| Status::internal(error.to_string()))
}

fn read_only() -> Status {
    Status::invalid_argument(
        "only reading is allowed here: nothing is written over Flight. Values are written to machines on the page or through its API",
    )
}

impl Service {
    async fn session(&self, headers: &MetadataMap) -> Result<Arc<Session>, Status> {
        self.0.session(headers).await
    }

    /// What a listing looks like, for who is known.
    async fn listing(
        &self,
        command: &impl ProstMessageExt,
        listed: Result<RecordBatch, FlightError>,
        request: Request<FlightDescriptor>,
    ) -> Told {
        self.session(request.metadata()).await?;
        info(command, listed?.schema_ref(), request.into_inner())
    }

    /// A listing, for who is known.
    async fn listed(&self, listed: Result<RecordBatch, FlightError>, request: &Request<Ticket>) -> Got {
        self.session(request.metadata()).await?;
        Ok(Response::new(columns::small(listed?)))
    }

    /// Runs a query; its rows go as fast as they are taken.
    async fn run(
        &self,
        session: Arc<Session>,
        query: &sql::Prepared,
        values: &[sql::Param],
        (id, texts): (Option<&str>, Texts),
    ) -> Got {
        let door = Arc::clone(&self.0.shared.door);
        door.counters.queries.fetch_add(1, Ordering::Relaxed);
        if values.len() != query.params.len() {
            let text = format!(
                "the statement has {} parameters, and {} values came; prepare it and give it values",
                query.params.len(),
                values.len()
            );
            return Err(self.0.failure(&sql::SqlError::Query(text)));
        }
        let rows = session.sql.rows_as(id, query, values).await.map_err(|error| self.0.failure(&error))?;
        Ok(Response::new(columns::answer(rows, columns::schema(query, texts), door, session)))
    }

    /// Stops the query that an answer to `GetFlightInfo` stands for.
    async fn stop(&self, headers: &MetadataMap, info: Option<FlightInfo>) -> Result<(), Status> {
        let session = self.session(headers).await?;
        let unknown = || Status::not_found("no such query runs; it may be done already");
        let ticket = info.and_then(|info| info.endpoint.into_iter().next()?.ticket).ok_or_else(unknown)?;
        let any = Any::decode(ticket.ticket).map_err(|_| unknown())?;
        let Ok(Command::TicketStatementQuery(ticket)) = Command::try_from(any) else { return Err(unknown()) };
        let (number, _) = opened(&ticket)?;
        let door = &self.0.shared.door;
        if !door.sql.cancel(&id(number), &session.who) {
            return Err(unknown());
        }
        door.counters.cancelled.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[tonic::async_trait]
impl FlightSqlService for Service {
    type FlightService = Self;

    async fn do_handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Pin<Box<dyn Stream<Item = Result<HandshakeResponse, Status>> + Send>>>, Status> {
        let bearer = self.0.sign_in(request.metadata()).await?;
        let payload = Bytes::from(bearer.clone());
        let answer: Pin<Box<dyn Stream<Item = _> + Send>> =
            Box::pin(stream::iter([Ok(HandshakeResponse { protocol_version: 0, payload })]));
        let mut response = Response::new(answer);
        let header = format!("Bearer {bearer}").parse().map_err(|_| Status::internal("no such header"))?;
        response.metadata_mut().insert("authorization", header);
        Ok(response)
    }

    async fn get_flight_info_statement(
        &self,
        command: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Told {
        let session = self.session(request.metadata()).await?;
        let (_, query) = self.0.understand(&session, &command.query).await?;
        let schema = columns::schema(&query, Texts::of(request.metadata()));
        info(&ticket(&command.query)?, &schema, request.into_inner())
    }

    async fn do_get_statement(&self, ticket: TicketStatementQuery, request: Request<Ticket>) -> Got {
        let session = self.session(request.metadata()).await?;
        let (number, text) = opened(&ticket)?;
        let (_, query) = self.0.understand(&session, text).await?;
        self.run(session, &query, &[], (Some(&id(number)), Texts::of(request.metadata()))).await
    }

    async fn do_action_create_prepared_statement(
        &self,
        command: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let session = self.session(request.metadata()).await?;
        let (text, query) = self.0.understand(&session, &command.query).await?;
        let dataset_schema = bytes_of(&columns::schema(&query, Texts::of(request.metadata())))?;
        let parameter_schema = bytes_of(&param::schema(&query.params))?;
        let handle = self.0.keep(&session, text, query)?;
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: handle.into(),
            dataset_schema,
            parameter_schema,
        })
    }

    async fn do_action_close_prepared_statement(
        &self,
        command: ActionClosePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<(), Status> {
        let session = self.session(request.metadata()).await?;
        let (handle, _) = self.0.prepared(&session, &command.prepared_statement_handle)?;
        self.0.forget(&handle);
        Ok(())
    }

    async fn do_put_prepared_statement_query(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let session = self.session(request.metadata()).await?;
        let (handle, prepared) = self.0.prepared(&session, &command.prepared_statement_handle)?;
        let messages = request.into_inner().into_peekable().map_err(|why| FlightError::Tonic(Box::new(why)));
        let mut batches = FlightRecordBatchStream::new_from_flight_data(messages);
        let mut rows = Vec::new();
        while let Some(batch) = batches.try_next().await? {
            rows.extend((batch.num_rows() > 0).then_some(batch));
            if rows.len() >= MOST_VALUES {
                break;
            }
        }
        let (values, declared) = param::values(&rows).map_err(Status::invalid_argument)?;
        let query = session.sql.prepare(&prepared.text, &declared).await;
        self.0.bind(&handle, query.map_err(|error| self.0.failure(&error))?, values);
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle.into()) })
    }

    async fn get_flight_info_prepared_statement(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Told {
        let session = self.session(request.metadata()).await?;
        let (_, prepared) = self.0.prepared(&session, &command.prepared_statement_handle)?;
        let schema = columns::schema(&prepared.query, Texts::of(request.metadata()));
        info(&command, &schema, request.into_inner())
    }

    async fn do_get_prepared_statement(
        &self,
        command: CommandPreparedStatementQuery,
        request: Request<Ticket>,
    ) -> Got {
        let session = self.session(request.metadata()).await?;
        let (_, prepared) = self.0.prepared(&session, &command.prepared_statement_handle)?;
        self.run(session, &prepared.query, &prepared.values, (None, Texts::of(request.metadata()))).await
    }

    async fn do_action_begin_transaction(
        &self,
        _: ActionBeginTransactionRequest,
        request: Request<Action>,
    ) -> Result<ActionBeginTransactionResult, Status> {
        self.session(request.metadata()).await?;
        Ok(ActionBeginTransactionResult { transaction_id: Bytes::from_static(b"reading") })
    }

    async fn do_action_end_transaction(
        &self,
        _: ActionEndTransactionRequest,
        request: Request<Action>,
    ) -> Result<(), Status> {
        self.session(request.metadata()).await.map(drop)
    }

    async fn do_action_cancel_query(
        &self,
        command: ActionCancelQueryRequest,
        request: Request<Action>,
    ) -> Result<ActionCancelQueryResult, Status> {
        self.stop(request.metadata(), FlightInfo::decode(command.info).ok()).await?;
        // CANCEL_RESULT_CANCELLED of FlightSql.proto.
        Ok(ActionCancelQueryResult { result: 1 })
    }

    async fn list_custom_actions(&self) -> Option<Vec<Result<ActionType, Status>>> {
        let description = "Stops a query.\nRequest Message: CancelFlightInfoRequest\nResponse Message: CancelFlightInfoResult";
        Some(vec![Ok(ActionType { r#type: CANCEL.into(), description: description.into() })])
    }

    async fn do_action_fallback(
        &self,
        request: Request<Action>,
    ) -> Result<Response<<Self as FlightService>::DoActionStream>, Status> {
        let action = request.get_ref();
        if action.r#type != CANCEL {
            let text =
                format!("there is no action `{}` here", action.r#type.chars().take(64).collect::<String>());
            return Err(Status::unimplemented(text));
        }
        let asked = CancelFlightInfoRequest::decode(action.body.clone());
        let asked = asked.map_err(|_| Status::invalid_argument("the request names no query"))?;
        self.stop(request.metadata(), asked.info).await?;
        let body = CancelFlightInfoResult::new(CancelStatus::Cancelled).encode_to_vec().into();
        Ok(Response::new(stream::iter([Ok(arrow_flight::Result { body })]).boxed()))
    }

    async fn do_put_statement_update(
        &self,
        command: CommandStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        let session = self.session(request.metadata()).await?;
        match session.sql.read(&command.query).await {
            Err(error) => Err(self.0.failure(&error)),
            Ok(_) => Err(read_only()),
        }
    }

    async fn do_put_statement_ingest(
        &self,
        _: CommandStatementIngest,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        self.session(request.metadata()).await?;
        Err(read_only())
    }

    async fn do_put_prepared_statement_update(
        &self,
        _: CommandPreparedStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        self.session(request.metadata()).await?;
        Err(read_only())
    }

    async fn do_put_error_callback(
        &self,
        _: Request<PeekableFlightDataStream>,
        error: DoPutError,
    ) -> Result<Response<<Self as FlightService>::DoPutStream>, Status> {
        Err(Status::invalid_argument(error.to_string()))
    }

    async fn get_flight_info_catalogs(
        &self,
        command: CommandGetCatalogs,
        request: Request<FlightDescriptor>,
    ) -> Told {
        self.listing(&command, listing::catalogs(command), request).await
    }

    async fn do_get_catalogs(&self, command: CommandGetCatalogs, request: Request<Ticket>) -> Got {
        self.listed(listing::catalogs(command), &request).await
    }

    async fn get_flight_info_schemas(
        &self,
        command: CommandGetDbSchemas,
        request: Request<FlightDescriptor>,
    ) -> Told {
        self.listing(&command, listing::schemas(command.clone(), &[]), request).await
    }

    async fn do_get_schemas(&self, command: CommandGetDbSchemas, request: Request<Ticket>) -> Got {
        let session = self.session(request.metadata()).await?;
        self.listed(listing::schemas(command, &session.sql.tables()), &request).await
    }

    async fn get_flight_info_tables(
        &self,
        command: CommandGetTables,
        request: Request<FlightDescriptor>,
    ) -> Told {
        self.listing(&command, listing::tables(command.clone(), &[]), request).await
    }

    async fn do_get_tables(&self, command: CommandGetTables, request: Request<Ticket>) -> Got {
        let session = self.session(request.metadata()).await?;
        self.listed(listing::tables(command, &session.sql.tables()), &request).await
    }

    async fn get_flight_info_table_types(
        &self,
        command: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Told {
        self.listing(&command, listing::table_types(command), request).await
    }

    async fn do_get_table_types(&self, command: CommandGetTableTypes, request: Request<Ticket>) -> Got {
        self.listed(listing::table_types(command), &request).await
    }

    async fn get_flight_info_sql_info(
        &self,
        command: CommandGetSqlInfo,
        request: Request<FlightDescriptor>,
    ) -> Told {
        self.listing(&command, listing::sql_info(command.clone()), request).await
    }

    async fn do_get_sql_info(&self, command: CommandGetSqlInfo, request: Request<Ticket>) -> Got {
        self.listed(listing::sql_info(command), &request).await
    }

    async fn get_flight_info_xdbc_type_info(
        &self,
        command: CommandGetXdbcTypeInfo,
        request: Request<FlightDescriptor>,
    ) -> Told {
        self.listing(&command, listing::type_info(command), request).await
    }

    async fn do_get_xdbc_type_info(&self, command: CommandGetXdbcTypeInfo, request: Request<Ticket>) -> Got {
        self.listed(listing::type_info(command), &request).await
    }

    async fn get_flight_info_primary_keys(
        &self,
        command: CommandGetPrimaryKeys,
        request: Request<FlightDescriptor>,
    ) -> Told {
        self.listing(&command, Ok(listing::primary_keys()), request).await
    }

    async fn do_get_primary_keys(&self, _: CommandGetPrimaryKeys, request: Request<Ticket>) -> Got {
        self.listed(Ok(listing::primary_keys()), &request).await
    }

    async fn get_flight_info_exported_keys(
        &self,
        command: CommandGetExportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Told {
        self.listing(&command, Ok(listing::foreign_keys()), request).await
    }

    async fn do_get_exported_keys(&self, _: CommandGetExportedKeys, request: Request<Ticket>) -> Got {
        self.listed(Ok(listing::foreign_keys()), &request).await
    }

    async fn get_flight_info_imported_keys(
        &self,
        command: CommandGetImportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Told {
        self.listing(&command, Ok(listing::foreign_keys()), request).await
    }

    async fn do_get_imported_keys(&self, _: CommandGetImportedKeys, request: Request<Ticket>) -> Got {
        self.listed(Ok(listing::foreign_keys()), &request).await
    }

    async fn get_flight_info_cross_reference(
        &self,
        command: CommandGetCrossReference,
        request: Request<FlightDescriptor>,
    ) -> Told {
        self.listing(&command, Ok(listing::foreign_keys()), request).await
    }

    async fn do_get_cross_reference(&self, _: CommandGetCrossReference, request: Request<Ticket>) -> Got {
        self.listed(Ok(listing::foreign_keys()), &request).await
    }

    /// Facts about the server stand in [`listing`].
    async fn register_sql_info(&self, _: i32, _: &SqlInfo) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_the_query_itself() {
        let made = ticket("select 'é'").unwrap();
        let (number, text) = opened(&made).unwrap();
        assert_eq!((number.len(), text), (NUMBER, "select 'é'"));
        assert_ne!(opened(&ticket("select 'é'").unwrap()).unwrap().0, number);
        for nonsense in [&b""[..], b"short", b"\xff\xfe\xfd", "ééééééééé".as_bytes()] {
            let ticket = TicketStatementQuery { statement_handle: Bytes::copy_from_slice(nonsense) };
            let text = opened(&ticket).map(|(_, text)| text.to_owned());
            assert!(
                text.as_ref().is_err() || text.as_ref().is_ok_and(|t| !t.is_empty()),
                "{nonsense:?}: {text:?}"
            );
        }
    }
}
