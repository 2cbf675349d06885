//! First page, connections, destinations.

use super::points::short;
use crate::ApiError;
use crate::answer;
use crate::auth;
use crate::extract::{Body, Name};
use crate::plant::Pausable;
use crate::shapes::{Connections, Destinations, Done, Overview, Rejects, WhichDevice};
use crate::state::{Shared, Who};
use axum::extract::State;
use axum::{Extension, Json};
use std::sync::Arc;

/// Most refused samples of one answer.
const MOST_REJECTS: usize = 500;

pub(super) async fn overview(State(web): State<Shared>) -> Result<Json<Overview>, ApiError> {
    let page = answer::look(&web, |web| web.overview()).await?;
    Ok(Json((*page).clone()))
}

pub(super) async fn connections(State(web): State<Shared>) -> Json<Connections> {
    Json(Connections { connections: web.plant.connections() })
}

pub(super) async fn destinations(State(web): State<Shared>) -> Json<Destinations> {
    Json(Destinations { destinations: web.plant.destinations() })
}

pub(super) async fn rejects(State(web): State<Shared>, Name(name): Name) -> Result<Json<Rejects>, ApiError> {
    match web.plant.rejects(&name, MOST_REJECTS) {
        Some(rejects) => Ok(Json(Rejects { rejects })),
        None => Err(ApiError::not_found(format_args!("destination `{}`", short(&name)))),
    }
}

type Answer = Result<Json<Done>, ApiError>;

pub(super) async fn pause_connection(
    web: State<Shared>,
    who: Extension<Arc<Who>>,
    Name(name): Name,
    Body(which): Body<WhichDevice>,
) -> Answer {
    let what = Pausable::Connection { name: &name, device: which.device.as_deref() };
    pause(&web, &who, what, true).await
}

pub(super) async fn resume_connection(
    web: State<Shared>,
    who: Extension<Arc<Who>>,
    Name(name): Name,
    Body(which): Body<WhichDevice>,
) -> Answer {
    let what = Pausable::Connection { name: &name, device: which.device.as_deref() };
    pause(&web, &who, what, false).await
}

pub(super) async fn pause_destination(
    web: State<Shared>,
    who: Extension<Arc<Who>>,
    Name(name): Name,
) -> Answer {
    pause(&web, &who, Pausable::Destination { name: &name }, true).await
}

pub(super) async fn resume_destination(
    web: State<Shared>,
    who: Extension<Arc<Who>>,
    Name(name): Name,
) -> Answer {
    pause(&web, &who, Pausable::Destination { name: &name }, false).await
}

async fn pause(web: &Shared, who: &Who, what: Pausable<'_>, pause: bool) -> Answer {
    let object = match what {
        Pausable::Connection { name, device: None } => format!("connection/{}", short(name)),
        Pausable::Connection { name, device: Some(device) } => {
            format!("connection/{}/{}", short(name), short(device))
        }
        Pausable::Destination { name } => format!("destination/{}", short(name)),
    };
    let done = web.plant.pause(&who.principal, what, pause).await;
    let outcome = if done.is_ok() { "done" } else { "refused" };
    // A pause is the safe direction: it holds even if the ledger fails, which is its own fault event.
    auth::record(web, who, if pause { "pause" } else { "resume" }, object, outcome).await;
    done.map(|()| Json(Done {})).map_err(ApiError::from)
}
