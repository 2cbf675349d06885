//! Errors in three parts, for every route. What went wrong inside is logged, never sent.

use crate::shapes::{ErrorBody, ErrorParts};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::Role;
use std::fmt::Display;

/// Why a request is not answered as asked.
#[derive(Clone, Debug)]
pub struct ApiError {
    status: StatusCode,
    parts: Box<ErrorParts>,
    retry_after_s: Option<u32>,
}

const UNCHANGED: &str = "Nothing was changed; the plant is not affected.";

impl ApiError {
    /// An error with its parts.
    pub fn new(
        status: StatusCode,
        code: &str,
        title: impl Into<String>,
        meaning: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        let parts =
            ErrorParts { code: code.into(), title: title.into(), meaning: meaning.into(), next: next.into() };
        Self { status, parts: Box::new(parts), retry_after_s: None }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The code for programs.
    pub fn code(&self) -> &str {
        &self.parts.code
    }

    pub(crate) fn signed_out() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "signed-out",
            "You are not signed in.",
            UNCHANGED,
            "Sign in, or send a valid API token.",
        )
    }

    pub(crate) fn no_door() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "no-door",
            "There is no webhook of this name that takes this token.",
            "Nothing was kept; send it again when this is right.",
            "Look at the connection on the page: its name, and whether it runs. Send `Authorization: Bearer TOKEN` with the secret that its file names.",
        )
    }

    pub(crate) fn setup_needed() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "setup-needed",
            "Nobody can sign in yet: there is no user.",
            "The plant is read and recorded all the same.",
            "Open the one-time link that the first start printed, or run `ironbridge user link` on the machine.",
        )
    }

    pub(crate) fn forbidden(needed: Role) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            format!("This needs the role {needed} or higher."),
            UNCHANGED,
            "Ask an administrator for the role, or someone who has it to do this.",
        )
    }

    pub(crate) fn scoped() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "out-of-scope",
            "This token sees only the points under its prefix.",
            UNCHANGED,
            "Use a token without a prefix for this.",
        )
    }

    pub(crate) fn csrf() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "csrf",
            "The header `x-csrf-token` is missing or wrong.",
            UNCHANGED,
            "Reload the page. Programs use an API token, or send the `csrf` value of GET /api/session.",
        )
    }

    pub(crate) fn unknown_host() -> Self {
        Self::new(
            StatusCode::MISDIRECTED_REQUEST,
            "unknown-host",
            "This gateway is not known by the name in the request.",
            UNCHANGED,
            "Use its IP address, or add the name to `names` of the web listener in ironbridge.toml.",
        )
    }

    /// There is no such thing, or the asker may not see it.
    pub fn not_found(what: impl Display) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            format!("There is no {what}."),
            UNCHANGED,
            "Check the spelling; it may have been renamed or removed from the configuration.",
        )
    }

    /// The request does not make sense.
    pub fn bad_request(title: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad-request",
            title,
            UNCHANGED,
            "Compare the request with /api/openapi.json.",
        )
    }

    /// A value that the point cannot hold.
    pub(crate) fn unfit(title: String) -> Self {
        let next = "Give a value of that kind; the point's page shows what it holds now.";
        Self::new(StatusCode::BAD_REQUEST, "bad-request", title, UNCHANGED, next)
    }

    pub(crate) fn wrong_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "wrong-method",
            "This address does not know this method.",
            UNCHANGED,
            "Compare the request with /api/openapi.json.",
        )
    }

    pub(crate) fn wrong_content_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not-json",
            "The body is not declared as JSON.",
            UNCHANGED,
            "Send the header `content-type: application/json`.",
        )
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            format!("The body is larger than {limit} bytes."),
            UNCHANGED,
            "Send less in one request.",
        )
    }

    pub(crate) fn too_many(retry_after_s: u32) -> Self {
        let mut error = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many",
            "Too many requests in a short time.",
            UNCHANGED,
            format!("Wait {retry_after_s} s and try again."),
        );
        error.retry_after_s = Some(retry_after_s);
        error
    }

    pub(crate) fn too_many_streams(most: usize) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-streams",
            format!("More than {most} live streams are open."),
            "The values that are already on screen go on.",
            "Close other pages of this gateway.",
        )
    }

    pub(crate) fn timeout() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "timeout",
            "The answer took too long.",
            "Reading and recording go on.",
            "Ask for a shorter time or fewer points.",
        )
    }

    /// Something inside failed: logged with its cause, which does not leave.
    pub fn internal(cause: impl Display) -> Self {
        tracing::error!(%cause, "a request failed inside");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The gateway could not do this.",
            "Reading and recording go on.",
            "Look at the gateway's log; it names the cause.",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(ErrorBody { error: *self.parts })).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<crate::Problem> for ApiError {
    fn from(problem: crate::Problem) -> Self {
        use crate::ProblemKind as Kind;
        let (status, code) = match problem.kind {
            Kind::NotFound => (StatusCode::NOT_FOUND, "not-found"),
            Kind::Invalid => (StatusCode::BAD_REQUEST, "bad-request"),
            Kind::Refused => (StatusCode::CONFLICT, "refused"),
            Kind::TooMuch => (StatusCode::UNPROCESSABLE_ENTITY, "too-much"),
            Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Kind::Internal => return Self::internal(problem.title),
        };
        Self::new(status, code, problem.title, problem.meaning, problem.next)
    }
}
