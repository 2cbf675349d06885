//! Posts of machines and services.

use crate::ApiError;
use crate::auth::bearer;
use crate::inbox::{Posted, Refused};
use crate::rate::{Asker, client_of};
use crate::state::{Peer, Shared};
use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::{Extension, Json};
use futures_util::FutureExt as _;

pub(super) async fn post(
    State(web): State<Shared>,
    Extension(peer): Extension<Peer>,
    parts: Result<Path<Vec<(String, String)>>, axum::extract::rejection::PathRejection>,
    request: Request,
) -> Result<Json<Posted>, ApiError> {
    let mut parts = parts.map_err(|_| ApiError::bad_request("The address is no text."))?.0.into_iter();
    let name = parts.next().map(|(_, name)| name).unwrap_or_default();
    let path = parts.next().map_or_else(|| "/".to_owned(), |(_, path)| path);
    let token = bearer(request.headers()).unwrap_or_default();
    let Some(door) = web.plant.door(&name, token) else {
        web.counters.unauthorised.add(1);
        return Err(ApiError::no_door());
    };
    // Only failures count against an address.
    web.rates.give_back(&Asker::SignIn(client_of(peer.0.ip())));
    let most = door.max_body();
    let announced =
        request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > most) {
        return Err(ApiError::too_large(most));
    }
    let body = async move { axum::body::to_bytes(request.into_body(), most).await.ok() }.boxed();
    match door.post(path, body).await {
        Ok(posted) => Ok(Json(posted)),
        Err(Refused::TooMany(seconds)) => {
            web.counters.rate_limited.add(1);
            Err(ApiError::too_many(seconds))
        }
        Err(Refused::TooLong) => Err(ApiError::too_large(most)),
        Err(Refused::Problem(problem)) => Err(problem.into()),
    }
}
