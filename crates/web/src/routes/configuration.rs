//! The files of the plant.

use crate::ApiError;
use crate::answer;
use crate::extract::{Body, Params};
use crate::shapes::{ChangedText, Edits, FileKinds, FileText, Findings, KeyChanges, PlantFiles, Saved};
use crate::state::{Shared, Who};
use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;
use std::sync::Arc;

/// Files of one edit.
const MOST_EDITS: usize = 64;
/// Keys of one change.
const MOST_KEYS: usize = 1_000;

type Answer<T> = Result<Json<T>, ApiError>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    name: String,
}

fn few(count: usize, most: usize, what: &str) -> Result<(), ApiError> {
    if count <= most {
        return Ok(());
    }
    Err(ApiError::bad_request(format!("More than {most} {what} in one request.")))
}

pub(super) async fn kinds(State(web): State<Shared>) -> Answer<FileKinds> {
    let kinds = answer::look(&web, |web| web.configuration.kinds()).await?;
    Ok(Json(FileKinds { kinds }))
}

pub(super) async fn files(State(web): State<Shared>) -> Answer<PlantFiles> {
    Ok(Json(answer::look(&web, |web| web.configuration.files()).await??))
}

pub(super) async fn file(State(web): State<Shared>, Params(ask): Params<Which>) -> Answer<FileText> {
    Ok(Json(answer::look(&web, move |web| web.configuration.read(&ask.name)).await??))
}

pub(super) async fn check(State(web): State<Shared>, Body(ask): Body<Edits>) -> Answer<Findings> {
    few(ask.edits.len(), MOST_EDITS, "files")?;
    Ok(Json(answer::look(&web, move |web| web.configuration.check(&ask.edits)).await??))
}

pub(super) async fn change(State(web): State<Shared>, Body(ask): Body<KeyChanges>) -> Answer<ChangedText> {
    few(ask.set.len(), MOST_KEYS, "keys")?;
    Ok(Json(answer::look(&web, move |web| web.configuration.change(&ask.name, &ask.text, &ask.set)).await??))
}

pub(super) async fn save(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(ask): Body<Edits>,
) -> Answer<Saved> {
    few(ask.edits.len(), MOST_EDITS, "files")?;
    let principal = who.principal.clone();
    Ok(Json(answer::look(&web, move |web| web.configuration.save(&principal, &ask.edits)).await??))
}
