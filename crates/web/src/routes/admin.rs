//! Users, tokens, secrets. Every change is recorded by `access` before it is made.

use crate::ApiError;
use crate::extract::{Body, Name};
use crate::shapes::{
    Done, Link, NewToken, NewUser, SecretShape, SecretValue, Secrets, TokenCreated, TokenShape, Tokens,
    UserChange, UserCreated, UserShape, Users,
};
use crate::state::{Shared, Who};
use access::{Access, AccessError, LinkPurpose, User, Zeroizing};
use axum::extract::State;
use axum::{Extension, Json};
use model::{Principal, Time};
use std::sync::Arc;
use std::time::Duration;

type Answer<T> = Result<Json<T>, ApiError>;
type Asker = Extension<Arc<Who>>;

/// Changes wait for the disk: they run where blocking is allowed.
async fn change<R: Send + 'static>(
    web: &Shared,
    who: &Who,
    work: impl FnOnce(&Access, &Principal) -> Result<R, AccessError> + Send + 'static,
) -> Result<R, ApiError> {
    let (access, principal) = (web.access.clone(), who.principal.clone());
    let done = tokio::task::spawn_blocking(move || work(&access, &principal)).await;
    Ok(done.map_err(ApiError::internal)??)
}

fn shape(user: &User) -> UserShape {
    UserShape {
        name: user.name.clone(),
        role: user.role,
        disabled: user.disabled,
        created: user.created.millis_f64(),
        last_sign_in: user.last_sign_in.map(Time::millis_f64),
    }
}

fn link(web: &Shared, token: &str) -> String {
    format!("{}/link#{token}", web.plant.facts().address)
}

pub(super) async fn users(State(web): State<Shared>) -> Json<Users> {
    Json(Users { users: web.access.users().iter().map(shape).collect() })
}

pub(super) async fn add_user(
    State(web): State<Shared>,
    who: Asker,
    Body(ask): Body<NewUser>,
) -> Answer<UserCreated> {
    let (user, token) =
        change(&web, &who, move |access, actor| access.create_user(actor, &ask.name, ask.role)).await?;
    Ok(Json(UserCreated { user: shape(&user), link: link(&web, &token) }))
}

pub(super) async fn change_user(
    State(web): State<Shared>,
    who: Asker,
    Name(name): Name,
    Body(ask): Body<UserChange>,
) -> Answer<Done> {
    change(&web, &who, move |access, actor| access.update_user(actor, &name, ask.role, ask.disabled)).await?;
    Ok(Json(Done {}))
}

pub(super) async fn remove_user(State(web): State<Shared>, who: Asker, Name(name): Name) -> Answer<Done> {
    change(&web, &who, move |access, actor| access.delete_user(actor, &name)).await?;
    Ok(Json(Done {}))
}

pub(super) async fn user_link(State(web): State<Shared>, who: Asker, Name(name): Name) -> Answer<Link> {
    let token =
        change(&web, &who, move |access, actor| access.create_link(actor, &name, LinkPurpose::SetPassword))
            .await?;
    Ok(Json(Link { link: link(&web, &token) }))
}

pub(super) async fn tokens(State(web): State<Shared>) -> Json<Tokens> {
    let shape = |token: access::TokenInfo| TokenShape {
        id: token.id,
        name: token.name,
        role: token.role,
        prefix: token.prefix,
        created: token.created.millis_f64(),
        expires: token.expires.map(Time::millis_f64),
        last_used: token.last_used.map(Time::millis_f64),
    };
    Json(Tokens { tokens: web.access.tokens().into_iter().map(shape).collect() })
}

pub(super) async fn add_token(
    State(web): State<Shared>,
    who: Asker,
    Body(ask): Body<NewToken>,
) -> Answer<TokenCreated> {
    if ask.expires_days.is_some_and(|days| days == 0 || days > 36_500) {
        return Err(ApiError::bad_request("`expires_days` is 1 to 36,500, or null for never."));
    }
    let valid = ask.expires_days.map(|days| Duration::from_secs(u64::from(days) * 86_400));
    let wish = access::NewToken { name: ask.name, role: ask.role, prefix: ask.prefix, valid };
    let (info, token) = change(&web, &who, move |access, actor| access.create_token(actor, &wish)).await?;
    Ok(Json(TokenCreated { token: token.to_string(), id: info.id }))
}

pub(super) async fn remove_token(State(web): State<Shared>, who: Asker, Name(id): Name) -> Answer<Done> {
    change(&web, &who, move |access, actor| access.delete_token(actor, &id)).await?;
    Ok(Json(Done {}))
}

pub(super) async fn secrets(State(web): State<Shared>) -> Json<Secrets> {
    let shape = |secret: access::SecretInfo| SecretShape {
        used_by: web.plant.secret_users(&secret.name),
        set_at: Some(secret.set_at.millis_f64()),
        name: secret.name,
    };
    Json(Secrets { secrets: web.access.secrets().into_iter().map(shape).collect() })
}

pub(super) async fn set_secret(
    State(web): State<Shared>,
    who: Asker,
    Name(name): Name,
    Body(ask): Body<SecretValue>,
) -> Answer<Done> {
    let value = Zeroizing::new(ask.value);
    change(&web, &who, move |access, actor| access.set_secret(actor, &name, &value)).await?;
    Ok(Json(Done {}))
}

pub(super) async fn remove_secret(State(web): State<Shared>, who: Asker, Name(name): Name) -> Answer<Done> {
    change(&web, &who, move |access, actor| access.delete_secret(actor, &name)).await?;
    Ok(Json(Done {}))
}
