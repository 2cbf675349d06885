//! Measuring devices.

use super::points::short;
use crate::ApiError;
use crate::auth;
use crate::extract::{Body, Name};
use crate::shapes::{
    CharacteriseAsk, CharacterisePlan, CharacteriseRun, CharacteriseRuns, CharacteriseStart, Done,
};
use crate::state::{Shared, Who};
use axum::extract::State;
use axum::{Extension, Json};
use std::sync::Arc;

type Answer<T> = Result<Json<T>, ApiError>;

pub(super) async fn plan(
    State(web): State<Shared>,
    Body(ask): Body<CharacteriseAsk>,
) -> Answer<CharacterisePlan> {
    Ok(Json(web.plant.discover().characterise_plan(&ask).await?))
}

pub(super) async fn start(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(yes): Body<CharacteriseStart>,
) -> Answer<CharacteriseRun> {
    Ok(Json(web.plant.discover().characterise(&who.principal, &yes).await?))
}

pub(super) async fn runs(State(web): State<Shared>) -> Json<CharacteriseRuns> {
    Json(CharacteriseRuns { runs: web.plant.discover().characterise_runs() })
}

pub(super) async fn run(State(web): State<Shared>, Name(id): Name) -> Answer<CharacteriseRun> {
    let mut found = web.plant.discover().characterise_runs().into_iter();
    let found = found.find(|run| run.id == id);
    found.map(Json).ok_or_else(|| ApiError::not_found(format_args!("run `{}`", short(&id))))
}

pub(super) async fn stop(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Name(id): Name,
) -> Answer<Done> {
    if !web.plant.discover().characterise_stop(&id) {
        return Err(ApiError::not_found(format_args!("run `{}`", short(&id))));
    }
    // Stopping is the safe direction: it holds even if the ledger fails, which is its own fault event.
    auth::record(&web, &who, "stop characterise", format!("run/{}", short(&id)), "done").await;
    Ok(Json(Done {}))
}
