//! SQL.

use crate::ApiError;
use crate::extract::Body;
use crate::shapes::{Done, FileFormat, QueryAsk, QueryCancel, QueryExport, QueryTables};
use crate::state::{Shared, Who};
use axum::body::{Body as HttpBody, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::stream;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::AsyncReadExt;

/// Most rows of one answer.
const MOST_ROWS: usize = 100_000;
/// Rows when nothing is said.
const ROWS: usize = 10_000;
/// Bytes sent at a time.
const PIECE: usize = 64 * 1024;

pub(super) async fn tables(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
) -> Json<QueryTables> {
    Json(web.query.tables(&who.principal))
}

pub(super) async fn run(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(mut ask): Body<QueryAsk>,
) -> Result<Response, ApiError> {
    check(&ask.sql)?;
    ask.limit = Some(ask.limit.unwrap_or(ROWS).clamp(1, MOST_ROWS));
    if ask.id.as_ref().is_some_and(|id| id.len() > 64) {
        return Err(ApiError::bad_request("An `id` has at most 64 characters."));
    }
    web.counters.queries.add(1);
    let result = web.query.run(ask, &who.principal).await?;
    Ok(Json(result).into_response())
}

fn check(sql: &str) -> Result<(), ApiError> {
    if sql.trim().is_empty() { Err(ApiError::bad_request("The SQL is empty.")) } else { Ok(()) }
}

pub(super) async fn cancel(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(ask): Body<QueryCancel>,
) -> Result<Json<Done>, ApiError> {
    if web.query.cancel(&ask.id, &who.principal) {
        Ok(Json(Done {}))
    } else {
        Err(ApiError::not_found("running query of yours with this id"))
    }
}

pub(super) async fn export(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(ask): Body<QueryExport>,
) -> Result<Response, ApiError> {
    check(&ask.sql)?;
    web.counters.queries.add(1);
    let path = web.query.export(&ask.sql, ask.format, &who.principal).await?;
    send_file(path, ask.format, "ironbridge-query").await
}

/// Sends a file that was made for one answer, and removes it, whatever happens.
pub(super) async fn send_file(path: PathBuf, format: FileFormat, name: &str) -> Result<Response, ApiError> {
    let file = tokio::fs::File::open(&path).await;
    // An open file stays readable; without a name nobody can forget it.
    if let Err(error) = tokio::fs::remove_file(&path).await {
        tracing::warn!(path = %path.display(), %error, "an exported file could not be removed");
    }
    let file = file.map_err(ApiError::internal)?;
    let length = file.metadata().await.map_err(ApiError::internal)?.len();
    let body = stream::unfold(file, |mut file| async move {
        let mut piece = vec![0; PIECE];
        match file.read(&mut piece).await {
            Ok(0) => None,
            Ok(read) => {
                piece.truncate(read);
                Some((Ok(Bytes::from(piece)), file))
            }
            Err(error) => Some((Err(error), file)),
        }
    });
    let (kind, extension) = file_kind(format);
    let mut response = HttpBody::from_stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CONTENT_DISPOSITION, attachment(name, extension)?);
    Ok(response)
}

pub(super) fn file_kind(format: FileFormat) -> (&'static str, &'static str) {
    match format {
        FileFormat::Csv => ("text/csv; charset=utf-8", "csv"),
        FileFormat::Parquet => ("application/vnd.apache.parquet", "parquet"),
    }
}

/// `name` is made of a path's characters or of our own words.
pub(super) fn attachment(name: &str, extension: &str) -> Result<HeaderValue, ApiError> {
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    HeaderValue::from_str(&format!("attachment; filename=\"{name}.{extension}\"")).map_err(ApiError::internal)
}
