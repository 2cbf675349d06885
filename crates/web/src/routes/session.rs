//! Signing in and out.

use crate::ApiError;
use crate::auth;
use crate::extract::Body;
use crate::rate::{Asker, client_of};
use crate::shapes::{ChangePassword, Done, Session, SessionUser, Setup, SignIn, SignInWithLink};
use crate::state::{Credential, Peer, Shared, Web, Who};
use access::{AccessError, SignedIn, Zeroizing};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use model::Role;
use std::sync::Arc;

pub(super) async fn show(State(web): State<Shared>, Extension(who): Extension<Arc<Who>>) -> Json<Session> {
    let name = who.session.as_ref().map_or(who.principal.name.as_str(), |session| &session.user);
    let may_set_password = who.session.as_ref().is_some_and(|session| session.may_set_password);
    Json(describe(&web, name, who.principal.role, who.csrf(), may_set_password))
}

fn describe(web: &Web, name: &str, role: Role, csrf: &str, may_set_password: bool) -> Session {
    let facts = web.plant.facts();
    Session {
        user: SessionUser { name: name.to_owned(), role },
        csrf: csrf.to_owned(),
        may_set_password,
        mode: web.plant.mode(),
        site: facts.site,
        version: facts.version,
        server_time: web.clock.now().millis_f64(),
    }
}

fn welcome(web: &Web, peer: Peer, signed_in: Result<SignedIn, AccessError>) -> Result<Response, ApiError> {
    let SignedIn { cookie, session } = signed_in?;
    // Only failures count against an address.
    web.rates.give_back(&Asker::SignIn(client_of(peer.0.ip())));
    let cookie = auth::set_cookie(web.secure, &cookie)?;
    let body = describe(web, &session.user, session.role, session.csrf(), session.may_set_password);
    Ok(([(header::SET_COOKIE, cookie)], Json(body)).into_response())
}

fn source(peer: Peer) -> String {
    peer.0.ip().to_canonical().to_string()
}

pub(super) async fn sign_in(
    State(web): State<Shared>,
    Extension(peer): Extension<Peer>,
    Body(ask): Body<SignIn>,
) -> Result<Response, ApiError> {
    if !web.access.has_users() {
        return Err(ApiError::setup_needed());
    }
    let result = web.access.sign_in(&ask.name, Zeroizing::new(ask.password), &source(peer)).await;
    welcome(&web, peer, result)
}

pub(super) async fn sign_in_with_link(
    State(web): State<Shared>,
    Extension(peer): Extension<Peer>,
    Body(ask): Body<SignInWithLink>,
) -> Result<Response, ApiError> {
    let result = web.access.sign_in_with_link(&ask.token, &source(peer)).await;
    welcome(&web, peer, result)
}

pub(super) async fn setup(
    State(web): State<Shared>,
    Extension(peer): Extension<Peer>,
    Body(ask): Body<Setup>,
) -> Result<Response, ApiError> {
    let result = web.access.setup(&ask.token, &ask.name, Zeroizing::new(ask.password), &source(peer)).await;
    welcome(&web, peer, result)
}

pub(super) async fn sign_out(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
) -> Result<Response, ApiError> {
    if let Credential::Cookie(cookie) = &who.credential {
        let (access, cookie) = (web.access.clone(), cookie.clone());
        tokio::task::spawn_blocking(move || access.sign_out(&cookie)).await.map_err(ApiError::internal)?;
    }
    let taken_back = auth::set_cookie(web.secure, "")?;
    Ok(([(header::SET_COOKIE, taken_back)], Json(Done {})).into_response())
}

pub(super) async fn change_password(
    State(web): State<Shared>,
    Extension(peer): Extension<Peer>,
    Extension(who): Extension<Arc<Who>>,
    Body(ask): Body<ChangePassword>,
) -> Result<Json<Done>, ApiError> {
    let Credential::Cookie(cookie) = &who.credential else {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "An API token has no password.",
            "Nothing was changed.",
            "Sign in as the user.",
        ));
    };
    let (current, new) = (Zeroizing::new(ask.current), Zeroizing::new(ask.new));
    web.access.change_password(cookie, current, new, &source(peer)).await?;
    Ok(Json(Done {}))
}
