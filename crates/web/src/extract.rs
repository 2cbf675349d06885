//! Bodies and query strings, with our errors and the route's limit.

use crate::ApiError;
use crate::state::Shared;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// Largest body of the route, bytes; the guard sets it.
#[derive(Clone, Copy)]
pub(crate) struct BodyLimit(pub usize);

/// A JSON body.
pub(crate) struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Shared> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, ApiError> {
        let limit = request.extensions().get::<BodyLimit>().map_or(0, |limit| limit.0);
        let headers = request.headers();
        // A form of a foreign page cannot send this type without the browser asking us first.
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
            return Err(ApiError::wrong_content_type());
        }
        let announced =
            headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(ApiError::too_large(limit));
        }
        let bytes =
            axum::body::to_bytes(request.into_body(), limit).await.map_err(|_| ApiError::too_large(limit))?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| ApiError::bad_request(format!("The body does not fit: {error}.")))
    }
}

/// The parameters behind the `?`.
pub(crate) struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Shared> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, ApiError> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => {
                // Only serde's own words: they name the parameter, nothing of ours.
                let cause = std::error::Error::source(&rejection)
                    .map_or_else(String::new, |cause| format!(": {cause}"));
                Err(ApiError::bad_request(format!("The parameters do not fit{cause}.")))
            }
        }
    }
}

/// The part of the path that names something. Also when it is no text, the answer is one of our errors.
pub(crate) struct Name(pub String);

impl FromRequestParts<Shared> for Name {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, web: &Shared) -> Result<Self, ApiError> {
        match Path::<String>::from_request_parts(parts, web).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(_) => Err(ApiError::bad_request("The name in the address is no text.")),
        }
    }
}
