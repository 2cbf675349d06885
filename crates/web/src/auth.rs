//! From cookies and headers to a principal; everything about identity itself lives in `access`.

use crate::ApiError;
use crate::state::{Credential, Shared, Web, Who};
use access::{AccessError, Session};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use model::Principal;
use namespace::{Entry, Ledger as _};
use std::sync::Arc;

/// Name of the session cookie over plain HTTP.
pub(crate) const COOKIE: &str = "ironbridge";
/// Over TLS: browsers take this prefix only with `Secure`, `Path=/` and no domain (RFC 6265bis, 4.1.3.2).
const HOST_COOKIE: &str = "__Host-ironbridge";
/// How long a browser keeps the cookie, s; the session itself may end before.
const MAX_AGE_S: u32 = 7 * 86_400;
/// Longest credential that is looked at, bytes.
const LONGEST: usize = 256;

/// The token that stands in `Authorization: Bearer ...`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    token_in(headers.get(header::AUTHORIZATION)?)
}

fn token_in(given: &HeaderValue) -> Option<&str> {
    let (scheme, token) = given.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && token.len() <= LONGEST).then_some(token)
}

/// Who sends these headers; `None` for nobody, or for a credential that is not (or no longer) valid.
pub(crate) fn identify(web: &Web, headers: &HeaderMap) -> Option<Who> {
    if let Some(given) = headers.get(header::AUTHORIZATION) {
        let token = token_in(given)?;
        return Some(by_token(web.access.token(token)?, token));
    }
    let name = cookie_name(web.secure);
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let value = cookies
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
        .filter(|value| value.len() <= LONGEST)?;
    Some(by_session(web.access.session(value)?, value))
}

/// The owner, whom the kernel has vouched for.
pub(crate) fn owner(principal: Principal) -> Who {
    let key = Arc::from(principal.name.as_str());
    Who { principal, key, credential: Credential::Owner, session: None }
}

fn by_token(principal: Principal, token: &str) -> Who {
    let key = Arc::from(principal.name.as_str());
    Who { principal, key, credential: Credential::Token(token.into()), session: None }
}

fn by_session(session: Session, cookie: &str) -> Who {
    Who {
        principal: session.principal.clone(),
        key: session.key.as_str().into(),
        credential: Credential::Cookie(cookie.into()),
        session: Some(session),
    }
}

/// Whether `who` still has exactly the rights that the guard saw; for streams, which outlive their request.
pub(crate) fn still_valid(web: &Web, who: &Who) -> bool {
    let now = match &who.credential {
        Credential::Cookie(cookie) => web.access.session(cookie).map(|session| session.principal),
        Credential::Token(token) => web.access.token(token),
        Credential::Owner => Some(who.principal.clone()),
    };
    now.is_some_and(|now| now == who.principal)
}

fn cookie_name(secure: bool) -> &'static str {
    if secure { HOST_COOKIE } else { COOKIE }
}

/// The header that hands a session to the browser; with an empty value it takes it back.
pub(crate) fn set_cookie(secure: bool, value: &str) -> Result<HeaderValue, ApiError> {
    let age = if value.is_empty() { 0 } else { MAX_AGE_S };
    let mut text =
        format!("{}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict", cookie_name(secure));
    if secure {
        text.push_str("; Secure");
    }
    let mut header = HeaderValue::from_str(&text).map_err(ApiError::internal)?;
    header.set_sensitive(true);
    Ok(header)
}

/// Writes an audit record where blocking is allowed. A failure is logged: for things that must not wait for the
/// ledger.
pub(crate) async fn record(web: &Shared, who: &Who, action: &str, object: String, outcome: &str) {
    if let Err(error) = recorded(web, who, action, object, outcome).await {
        tracing::error!(error = error.code(), action, "not recorded in the audit ledger");
    }
}

/// Writes an audit record where blocking is allowed, for things that must not happen without it.
///
/// # Errors
/// The ledger does not take it.
pub(crate) async fn recorded(
    web: &Shared,
    who: &Who,
    action: &str,
    object: String,
    outcome: &str,
) -> Result<(), ApiError> {
    let entry = Entry {
        actor: who.principal.name.clone(),
        action: action.to_owned(),
        object,
        outcome: outcome.to_owned(),
        detail: String::new(),
    };
    let access = web.access.clone();
    tokio::task::spawn_blocking(move || access.record(entry))
        .await
        .map_err(ApiError::internal)?
        .map_err(ApiError::internal)
}

impl From<AccessError> for ApiError {
    fn from(error: AccessError) -> Self {
        if let AccessError::Limited { retry_after } = &error {
            return Self::too_many(u32::try_from(retry_after.as_secs()).unwrap_or(3_600).saturating_add(1));
        }
        let status = StatusCode::from_u16(error.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            tracing::error!(%error, "the access room failed");
        }
        let (title, meaning, next) = error.words();
        Self::new(status, error.code(), sentence(&title), meaning, next)
    }
}

/// With a capital letter and a full stop, as all titles.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{start}{}{end}", chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_closed_to_scripts_and_strangers() {
        let plain = set_cookie(false, "abc").unwrap();
        assert_eq!(
            plain.to_str().unwrap(),
            "ironbridge=abc; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict"
        );
        let secure = set_cookie(true, "abc").unwrap();
        assert!(secure.to_str().unwrap().starts_with("__Host-ironbridge=abc; Path=/;"));
        assert!(secure.to_str().unwrap().ends_with("; Secure"));
        assert!(set_cookie(true, "").unwrap().to_str().unwrap().contains("Max-Age=0"));
    }

    #[test]
    fn titles_are_sentences() {
        assert_eq!(sentence("name or password is wrong"), "Name or password is wrong.");
        assert_eq!(sentence("Really?"), "Really?");
    }
}
