//! First page, connections, destinations.

use super::points::short;
use super::table::{Route, get, post};
use crate::ApiError;
use crate::answer;
use crate::auth;
use crate::extract::{Body, Name, Params};
use crate::plant::{Pausable, Problem};
use crate::shapes::{
    self as s, AskReplay, Connections, DestinationSchema, Destinations, Done, LettersDone, Overview, Rejects,
    Replay, WhichDevice, WhichLetters,
};
use crate::state::{Shared, Who};
use axum::extract::State;
use axum::{Extension, Json};
use model::Role::{Engineer, Viewer};
use model::Time;
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

/// `version`
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichVersion {
    version: Option<u32>,
}

pub(super) async fn schema(
    State(web): State<Shared>,
    Name(name): Name,
    Params(which): Params<WhichVersion>,
) -> Result<Json<DestinationSchema>, ApiError> {
    Ok(Json(web.plant.schema(&name, which.version).await?))
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

fn time(ms: f64) -> Time {
    Time((ms * 1e6) as i64)
}

pub(super) async fn replay(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Name(name): Name,
    Body(ask): Body<AskReplay>,
) -> Result<Json<Replay>, ApiError> {
    let done = web.plant.replay(&name, time(ask.from), ask.to.map(time)).await;
    told(&web, &who, ("replay", &name), &done).await;
    Ok(Json(done?))
}

pub(super) async fn stop_replay(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Name(name): Name,
) -> Result<Json<Replay>, ApiError> {
    let done = web.plant.stop_replay(&name).await;
    told(&web, &who, ("stop replay", &name), &done).await;
    Ok(Json(done?))
}

pub(super) async fn resend_letters(
    web: State<Shared>,
    who: Extension<Arc<Who>>,
    name: Name,
    which: Body<WhichLetters>,
) -> Result<Json<LettersDone>, ApiError> {
    letters(web, who, name, which, true).await
}

pub(super) async fn drop_letters(
    web: State<Shared>,
    who: Extension<Arc<Who>>,
    name: Name,
    which: Body<WhichLetters>,
) -> Result<Json<LettersDone>, ApiError> {
    letters(web, who, name, which, false).await
}

async fn letters(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Name(name): Name,
    Body(which): Body<WhichLetters>,
    resend: bool,
) -> Result<Json<LettersDone>, ApiError> {
    let done = web.plant.letters(&name, which.ids, resend).await;
    told(&web, &who, (if resend { "resend letters" } else { "drop letters" }, &name), &done).await;
    Ok(Json(LettersDone { letters: done? }))
}

/// Writes down who did what with a destination.
async fn told<T>(web: &Shared, who: &Who, (action, name): (&str, &str), done: &Result<T, Problem>) {
    let outcome = if done.is_ok() { "done" } else { "refused" };
    auth::record(web, who, action, format!("destination/{}", short(name)), outcome).await;
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

/// Routes about destinations.
pub(super) fn destination_routes() -> Vec<Route> {
    vec![
        get("/api/destinations", Viewer, "Destinations.", destinations).gives::<s::Destinations>(),
        post(
            "/api/destinations/{name}/pause",
            Engineer,
            "Pauses a destination; the journal keeps its data.",
            pause_destination,
        )
        .gives::<s::Done>(),
        post("/api/destinations/{name}/resume", Engineer, "Resumes it.", resume_destination)
            .gives::<s::Done>(),
        get(
            "/api/destinations/{name}/schema",
            Viewer,
            "Exactly what it sends: format, place, key and schema of each message, and the versions before.",
            schema,
        )
        .param("version", "An earlier version; the one that holds now if left out.")
        .gives::<s::DestinationSchema>(),
        get("/api/destinations/{name}/rejects", Viewer, "What a destination refused.", rejects)
            .gives::<s::Rejects>(),
        post(
            "/api/destinations/{name}/rejects/resend",
            Engineer,
            "Sends again what it refused.",
            resend_letters,
        )
        .takes::<s::WhichLetters>()
        .gives::<s::LettersDone>(),
        post(
            "/api/destinations/{name}/rejects/drop",
            Engineer,
            "Drops what it refused, for good.",
            drop_letters,
        )
        .takes::<s::WhichLetters>()
        .gives::<s::LettersDone>(),
        post(
            "/api/destinations/{name}/replay",
            Engineer,
            "Sends again what history holds of a stretch of time, beside what is new.",
            replay,
        )
        .takes::<s::AskReplay>()
        .gives::<s::Replay>(),
        post("/api/destinations/{name}/replay/stop", Engineer, "Ends sending again.", stop_replay)
            .gives::<s::Replay>(),
    ]
}
