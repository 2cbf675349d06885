//! Compresses large answers for clients that are far away: a range of 5,000 samples shrinks to a tenth.

use crate::{ApiError, answer};
use axum::body::{Body, HttpBody as _};
use axum::http::{HeaderValue, Response, header};
use axum::response::IntoResponse as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Smaller answers are sent as they are. Also keeps what must not be guessed by its compressed size (RFC 9110, 17.14:
/// the CSRF token is in a small answer) uncompressed.
const LEAST: u64 = 16 * 1024;
/// Larger ones are streams or files.
const MOST: u64 = 64 * 1024 * 1024;

/// The answer, compressed if it is JSON of known and worthwhile size.
pub(super) async fn packed(permits: &Arc<Semaphore>, response: Response<Body>) -> Response<Body> {
    let size = response.body().size_hint().exact().unwrap_or(0);
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !is_json
        || !(LEAST..=MOST).contains(&size)
        || response.headers().contains_key(header::CONTENT_ENCODING)
    {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, MOST as usize).await else {
        return ApiError::internal("an answer of known size could not be read").into_response();
    };
    let plain = bytes.clone();
    let compress = move || {
        let mut packer = GzEncoder::new(Vec::with_capacity(plain.len() / 8), Compression::fast());
        packer.write_all(&plain).and_then(|()| packer.finish())
    };
    match answer::blocking(permits, compress).await {
        Ok(Ok(packed)) => {
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            parts.headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
            parts.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(packed))
        }
        _ => Response::from_parts(parts, Body::from(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[tokio::test]
    async fn packs_what_is_worth_it() {
        let permits = Arc::new(Semaphore::new(1));
        let json = |size: usize| {
            let body = Body::from(vec![b' '; size]);
            Response::builder().header(header::CONTENT_TYPE, "application/json").body(body).unwrap()
        };
        let small = packed(&permits, json(100)).await;
        assert!(small.headers().get(header::CONTENT_ENCODING).is_none());
        let large = packed(&permits, json(100_000)).await;
        assert_eq!(large.headers()[header::CONTENT_ENCODING], "gzip");
        let bytes = axum::body::to_bytes(large.into_body(), 100_000).await.unwrap();
        assert!(bytes.len() < 1_000);
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&*bytes).read_to_end(&mut back).unwrap();
        assert_eq!(back.len(), 100_000);
    }
}
