//! Stands before every route: rate, identity, CSRF, role, scope, time, and panics that stay here.

use crate::ApiError;
use crate::auth;
use crate::extract::BodyLimit;
use crate::local::Owner;
use crate::rate::{Asker, client_of};
use crate::state::{Peer, Shared, Who};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use model::Role;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Anybody.
    Nobody,
    /// Anybody; failed attempts of an address are counted.
    SignIn,
    /// Anybody on this machine; from elsewhere, a viewer.
    LocalOrViewer,
    /// At least this role.
    Role(Role),
}

/// What a route demands; one line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// Who.
    pub need: Need,
    /// Principals with a prefix may use it: it shows them their points only.
    pub scoped: bool,
    /// Largest body, bytes.
    pub body: usize,
    /// Time to answer; `None` for streams.
    pub answer: Option<Duration>,
}

/// The middleware of a route.
pub(crate) async fn guard(
    State((web, rule)): State<(Shared, Arc<Rule>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let asker = match admit(&web, &rule, &request) {
        Ok(asker) => asker,
        Err(refused) => return refused.into_response(),
    };
    // Streams have their own limit.
    let mut place = None;
    if let Some(who) = asker {
        if rule.answer.is_some() {
            place = match web.in_flight.enter(&who.key) {
                Ok(place) => Some(place),
                Err(_) => {
                    web.counters.rate_limited.add(1);
                    return ApiError::too_many(1).into_response();
                }
            };
        }
        request.extensions_mut().insert(who);
    }
    request.extensions_mut().insert(BodyLimit(rule.body));
    let running = AssertUnwindSafe(next.run(request)).catch_unwind();
    let ended = match rule.answer {
        None => running.await,
        Some(limit) => match tokio::time::timeout(limit, running).await {
            Ok(ended) => ended,
            Err(_) => {
                web.counters.timeouts.add(1);
                return ApiError::timeout().into_response();
            }
        },
    };
    drop(place);
    ended.unwrap_or_else(|_| {
        web.counters.panics.add(1);
        ApiError::internal("a request panicked; the panic's own message stands above").into_response()
    })
}

fn admit(web: &Shared, rule: &Rule, request: &Request) -> Result<Option<Arc<Who>>, ApiError> {
    let address = request.extensions().get::<Peer>().map_or([0, 0, 0, 0].into(), |peer| peer.0.ip());
    let client = client_of(address);
    let take = |asker, rate| {
        web.rates.take(asker, rate).map_err(|wait| {
            web.counters.rate_limited.add(1);
            ApiError::too_many(wait)
        })
    };
    match rule.need {
        Need::Nobody => return take(Asker::Address(client), web.limits.address).map(|()| None),
        Need::SignIn => return take(Asker::SignIn(client), web.limits.sign_in).map(|()| None),
        Need::LocalOrViewer if address.to_canonical().is_loopback() => return Ok(None),
        Need::LocalOrViewer | Need::Role(_) => {}
    }
    let owner = request.extensions().get::<Owner>().map(|owner| auth::owner(owner.0.clone()));
    let Some(who) = owner.or_else(|| auth::identify(web, request.headers())) else {
        take(Asker::Address(client), web.limits.address)?;
        web.counters.unauthorised.add(1);
        return Err(if web.access.has_users() { ApiError::signed_out() } else { ApiError::setup_needed() });
    };
    take(Asker::Known(who.key.clone()), web.limits.session)?;
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if changes && let Some(session) = &who.session {
        let given =
            request.headers().get("x-csrf-token").and_then(|given| given.to_str().ok()).unwrap_or_default();
        if !session.csrf_matches(given) {
            web.counters.csrf_refused.add(1);
            return Err(ApiError::csrf());
        }
    }
    let needed = if let Need::Role(role) = rule.need { role } else { Role::Viewer };
    let refused = if who.principal.role < needed {
        ApiError::forbidden(needed)
    } else if who.principal.prefix.is_some() && !rule.scoped {
        ApiError::scoped()
    } else {
        return Ok(Some(Arc::new(who)));
    };
    note_denied(web, who, request, client);
    Err(refused)
}

/// Into the ledger, without letting the answer wait for the disk.
fn note_denied(web: &Shared, who: Who, request: &Request, client: IpAddr) {
    let path: String = request.uri().path().chars().take(100).collect();
    let what = format!("{} {path}", request.method());
    let why = format!("not allowed to the role {}, from {client}", who.principal.role);
    let access = web.access.clone();
    drop(tokio::task::spawn_blocking(move || access.denied(&who.principal, &what, &why)));
}
