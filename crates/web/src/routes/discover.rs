//! Finding devices, and tag lists of other programs.

use super::points::short;
use crate::ApiError;
use crate::answer;
use crate::auth;
use crate::extract::{Body, Name};
use crate::shapes::{
    BrowseAsk, DiscoverAsk, DiscoverPlan, DiscoverProtocols, DiscoverScan, DiscoverScans, DiscoverStart,
    Done, DraftAsk, DraftFile, ImportAsk, ImportFormats,
};
use crate::state::{Shared, Who};
use axum::extract::State;
use axum::{Extension, Json};
use std::sync::Arc;

type Answer<T> = Result<Json<T>, ApiError>;

pub(super) async fn protocols(State(web): State<Shared>) -> Json<DiscoverProtocols> {
    Json(web.plant.discover().protocols())
}

pub(super) async fn plan(State(web): State<Shared>, Body(ask): Body<DiscoverAsk>) -> Answer<DiscoverPlan> {
    Ok(Json(web.plant.discover().plan(&ask).await?))
}

pub(super) async fn start(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(yes): Body<DiscoverStart>,
) -> Answer<DiscoverScan> {
    Ok(Json(web.plant.discover().start(&who.principal, &yes).await?))
}

pub(super) async fn scans(State(web): State<Shared>) -> Json<DiscoverScans> {
    Json(DiscoverScans { scans: web.plant.discover().scans() })
}

pub(super) async fn scan(State(web): State<Shared>, Name(id): Name) -> Answer<DiscoverScan> {
    let found = web.plant.discover().scan(&id);
    found.map(Json).ok_or_else(|| ApiError::not_found(format_args!("scan `{}`", short(&id))))
}

pub(super) async fn stop(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Name(id): Name,
) -> Answer<Done> {
    if !web.plant.discover().stop(&id) {
        return Err(ApiError::not_found(format_args!("scan `{}`", short(&id))));
    }
    // Stopping is the safe direction: it holds even if the ledger fails, which is its own fault event.
    auth::record(&web, &who, "stop discovery", format!("scan/{}", short(&id)), "done").await;
    Ok(Json(Done {}))
}

pub(super) async fn draft(
    State(web): State<Shared>,
    Name(id): Name,
    Body(ask): Body<DraftAsk>,
) -> Answer<DraftFile> {
    let draft = answer::look(&web, move |web| web.plant.discover().draft(&id, &ask)).await?;
    Ok(Json(draft?))
}

pub(super) async fn formats(State(web): State<Shared>) -> Json<ImportFormats> {
    Json(web.plant.discover().formats())
}

pub(super) async fn import(State(web): State<Shared>, Body(ask): Body<ImportAsk>) -> Answer<DraftFile> {
    let draft = answer::look(&web, move |web| web.plant.discover().import(&ask)).await?;
    Ok(Json(draft?))
}

pub(super) async fn browse(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(ask): Body<BrowseAsk>,
) -> Answer<DraftFile> {
    auth::recorded(&web, &who, "browse", short(&ask.file).to_string(), "asked").await?;
    Ok(Json(web.plant.discover().browse(&ask).await?))
}
