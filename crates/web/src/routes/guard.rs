//! What is normal on the network, and expected work. What a person decides is in the audit ledger before it is done.

use super::points::short;
use super::table::{Route, get, post, route};
use crate::extract::{Body, Name, Params};
use crate::guard::Need;
use crate::shapes::{
    self as s, MonitorApproved, MonitorDifferences, MonitorIds, MonitorModeAsk, MonitorModes, MonitorWindow,
    MonitorWindowAsk, MonitorWindows,
};
use crate::state::{Shared, Who};
use crate::{ApiError, answer, auth};
use axum::extract::State;
use axum::http::Method;
use axum::{Extension, Json};
use model::Role::{Engineer, Viewer};
use serde::Deserialize;
use std::sync::Arc;

/// Ten thousand ids.
const IDS: usize = 1024 * 1024;

type Answer<T> = Result<Json<T>, ApiError>;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/api/monitor/modes", Viewer, "What is done with what is new: learning or guarding.", modes)
            .gives::<s::MonitorModes>(),
        route(
            Method::PUT,
            "/api/monitor/modes",
            Need::Role(Engineer),
            "Learns what is normal, or guards it.",
            set_mode,
        )
        .takes::<s::MonitorModeAsk>()
        .gives::<s::MonitorModes>(),
        get("/api/monitor/differences", Viewer, "What was seen and is not normal.", differences)
            .gives::<s::MonitorDifferences>(),
        post(
            "/api/monitor/differences/approve",
            Engineer,
            "Says of differences that they are normal.",
            approve,
        )
        .takes::<s::MonitorIds>()
        .gives::<s::MonitorApproved>()
        .body(IDS),
        get("/api/monitor/windows", Viewer, "Windows of expected work.", windows)
            .param("past", "`true`: also those that are over.")
            .gives::<s::MonitorWindows>(),
        post("/api/monitor/windows", Engineer, "Says that somebody works on devices for a time.", add_window)
            .takes::<s::MonitorWindowAsk>()
            .gives::<s::MonitorWindow>(),
        post("/api/monitor/windows/{id}/end", Engineer, "The work is done before its time.", end_window)
            .gives::<s::MonitorWindow>(),
    ]
}

async fn modes(State(web): State<Shared>) -> Answer<MonitorModes> {
    answer::look(&web, |web| web.plant.monitor().modes()).await.map(Json)
}

async fn set_mode(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(ask): Body<MonitorModeAsk>,
) -> Answer<MonitorModes> {
    if !["learning", "guarding"].contains(&ask.mode.as_str()) {
        return Err(ApiError::bad_request("`mode` is `learning` or `guarding`."));
    }
    let zone = if ask.zone.is_empty() { "all without their own".into() } else { short(&ask.zone) };
    auth::recorded(&web, &who, "set monitor mode", format!("zone {zone}: {}", ask.mode), "asked").await?;
    let done = answer::look(&web, move |web| web.plant.monitor().set_mode(&who.principal, &ask)).await?;
    Ok(Json(done?))
}

async fn differences(State(web): State<Shared>) -> Answer<MonitorDifferences> {
    answer::look(&web, |web| web.plant.monitor().differences()).await.map(Json)
}

async fn approve(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(ask): Body<MonitorIds>,
) -> Answer<MonitorApproved> {
    let names = ask.ids.iter().take(20).map(|id| short(id)).collect::<Vec<_>>().join(" ");
    let object = format!("{} differences: {names}", ask.ids.len());
    auth::recorded(&web, &who, "approve differences", object, "asked").await?;
    let done =
        answer::look(&web, move |web| web.plant.monitor().approve_differences(&who.principal, &ask.ids))
            .await?;
    Ok(Json(done?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Past {
    #[serde(default)]
    past: bool,
}

async fn windows(State(web): State<Shared>, Params(ask): Params<Past>) -> Answer<MonitorWindows> {
    answer::look(&web, move |web| web.plant.monitor().windows(ask.past)).await.map(Json)
}

async fn add_window(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(ask): Body<MonitorWindowAsk>,
) -> Answer<MonitorWindow> {
    let assets = ask.assets.iter().take(20).map(|id| short(id)).collect::<Vec<_>>().join(" ");
    let object = format!("{} on {assets}, ticket {}", short(&ask.who), short(&ask.ticket));
    auth::recorded(&web, &who, "open work window", object, "asked").await?;
    let done = answer::look(&web, move |web| web.plant.monitor().add_window(&who.principal, &ask)).await?;
    Ok(Json(done?))
}

async fn end_window(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Name(id): Name,
) -> Answer<MonitorWindow> {
    auth::recorded(&web, &who, "end work window", format!("window/{}", short(&id)), "asked").await?;
    let done = answer::look(&web, move |web| web.plant.monitor().end_window(&who.principal, &id)).await?;
    Ok(Json(done?))
}
