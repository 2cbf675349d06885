//! Headers that every answer carries.

use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Only our own files, nothing inline, no frames, no foreign forms.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
connect-src 'self'; font-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

const ALWAYS: [(HeaderName, HeaderValue); 7] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=(), serial=()"),
    ),
];

/// One year, as browsers ask for; no sub-domains: they are not ours to decide on.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds what is missing. What no route said to be cacheable is not.
pub(super) fn harden(headers: &mut HeaderMap, secure: bool) {
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    if secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
