//! The web interface's files, built into the program.

use crate::ApiError;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// One file of `ui/dist`.
pub(crate) struct File {
    /// Name below `ui/dist`.
    pub name: &'static str,
    /// Entity tag.
    pub tag: &'static str,
    /// As it is.
    pub plain: &'static [u8],
    /// Compressed, if that is smaller.
    pub gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Shown when the program was built without Node.
const NOT_BUILT: &str = include_str!("not_built.html");

/// Serves a file, or the one page for every address of the interface.
pub(crate) async fn page(request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ApiError::wrong_method().into_response();
    }
    let name = request.uri().path().trim_start_matches('/');
    if name == "api" || name.starts_with("api/") {
        return ApiError::not_found("such address in the API").into_response();
    }
    let exact = FILES.iter().find(|file| file.name == name);
    // An address that looks like a file and is none must not answer with the page: an old page that asks for its
    // old scripts would run into a syntax error instead of a clear 404.
    let is_file_name =
        name.starts_with("assets/") || name.rsplit('/').next().is_some_and(|last| last.contains('.'));
    match exact.or_else(|| FILES.iter().find(|file| file.name == "index.html" && !is_file_name)) {
        Some(file) => send(file, request.headers()),
        None if FILES.is_empty() && !is_file_name => (
            [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")],
            NOT_BUILT,
        )
            .into_response(),
        None => ApiError::not_found("such file").into_response(),
    }
}

fn send(file: &File, asked: &HeaderMap) -> Response {
    // Names under assets/ carry a hash of their content: they never change.
    let cache =
        if file.name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let common =
        [(header::ETAG, file.tag), (header::CACHE_CONTROL, cache), (header::VARY, "accept-encoding")];
    if asked.get(header::IF_NONE_MATCH).is_some_and(|tag| tag.as_bytes() == file.tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let kind = [(header::CONTENT_TYPE, content_type(file.name))];
    match file.gzip.filter(|_| takes_gzip(asked)) {
        Some(packed) => {
            (common, kind, [(header::CONTENT_ENCODING, "gzip")], Body::from(packed)).into_response()
        }
        None => (common, kind, Body::from(file.plain)).into_response(),
    }
}

/// Whether the client reads gzip (RFC 9110, 12.5.3; a quality of zero refuses it).
pub(crate) fn takes_gzip(asked: &HeaderMap) -> bool {
    let given = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let refused =
            parts.any(|p| p.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0));
        name.eq_ignore_ascii_case("gzip") && !refused
    })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_only_for_those_who_take_it() {
        let check = |given: &'static str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, given.parse().unwrap());
            assert_eq!(takes_gzip(&headers), expected, "{given}");
        };
        check("gzip, deflate, br", true);
        check("br;q=1.0, GZIP;q=0.5", true);
        check("gzip;q=0", false);
        check("identity", false);
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn an_asset_is_cached_for_ever_and_unpacked_for_old_clients() {
        static FILE: File =
            File { name: "assets/a-1.js", tag: "\"1\"", plain: b"plain", gzip: Some(b"packed") };
        let plain = send(&FILE, &HeaderMap::new());
        assert!(plain.headers().get(header::CONTENT_ENCODING).is_none());
        assert!(plain.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        let mut asked = HeaderMap::new();
        asked.insert(header::ACCEPT_ENCODING, "gzip".parse().unwrap());
        assert_eq!(send(&FILE, &asked).headers()[header::CONTENT_ENCODING], "gzip");
        asked.insert(header::IF_NONE_MATCH, "\"1\"".parse().unwrap());
        assert_eq!(send(&FILE, &asked).status(), StatusCode::NOT_MODIFIED);
    }
}
