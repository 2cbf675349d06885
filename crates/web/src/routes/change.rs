//! The plant folder against what runs: what an apply would do, and doing it.

use crate::ApiError;
use crate::shapes::{AppliedShape, PlanShape};
use crate::state::{Shared, Who};
use axum::extract::State;
use axum::{Extension, Json};
use std::sync::Arc;

pub(super) async fn plan(State(web): State<Shared>) -> Result<Json<PlanShape>, ApiError> {
    Ok(Json(web.plant.plan().await?))
}

pub(super) async fn apply(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
) -> Result<Json<AppliedShape>, ApiError> {
    Ok(Json(web.plant.apply(&who.principal).await?))
}
