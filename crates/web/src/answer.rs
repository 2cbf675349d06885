//! Small helpers of the handlers.

use crate::ApiError;
use crate::state::Shared;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// JSON that is written already.
pub(crate) fn json(text: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

/// Runs `work` where it may block, when one of `permits` is free. The permit is kept until `work` ends, also if the
/// asker went away: that is what bounds the work.
pub(crate) async fn blocking<R: Send + 'static>(
    permits: &Arc<Semaphore>,
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, ApiError> {
    let permit = permits.clone().acquire_owned().await.map_err(ApiError::internal)?;
    let done = tokio::task::spawn_blocking(move || {
        let result = work();
        drop(permit);
        result
    });
    done.await.map_err(ApiError::internal)
}

/// As [`blocking`], for reads of history.
pub(crate) async fn read<R: Send + 'static>(
    web: &Shared,
    work: impl FnOnce(&Shared) -> R + Send + 'static,
) -> Result<R, ApiError> {
    let own = web.clone();
    blocking(&web.reads, move || work(&own)).await
}

/// As [`read`], for what is in memory: slow history never holds up the tree.
pub(crate) async fn look<R: Send + 'static>(
    web: &Shared,
    work: impl FnOnce(&Shared) -> R + Send + 'static,
) -> Result<R, ApiError> {
    let own = web.clone();
    blocking(&web.looks, move || work(&own)).await
}

/// 16 random bytes in hexadecimal.
pub(crate) fn random_id() -> Result<String, ApiError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(ApiError::internal)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
