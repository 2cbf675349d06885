//! Certificates of servers that connections talk to: which are trusted. Trust is given only if it is on record.

use crate::ApiError;
use crate::auth;
use crate::extract::{Body, Name};
use crate::shapes::{Certificate, CertificateTrust, Certificates};
use crate::state::{Shared, Who};
use axum::extract::State;
use axum::{Extension, Json};
use std::sync::Arc;

pub(super) async fn certificates(State(web): State<Shared>) -> Result<Json<Certificates>, ApiError> {
    let plant = web.plant.clone();
    let list = tokio::task::spawn_blocking(move || plant.certificates()).await.map_err(ApiError::internal)?;
    Ok(Json(list))
}

pub(super) async fn set_certificate(
    State(web): State<Shared>,
    who: Extension<Arc<Who>>,
    Name(thumbprint): Name,
    Body(ask): Body<CertificateTrust>,
) -> Result<Json<Certificate>, ApiError> {
    let action = if ask.trusted { "trust certificate" } else { "reject certificate" };
    auth::recorded(&web, &who, action, format!("certificate/{}", super::points::short(&thumbprint)), "asked")
        .await?;
    let plant = web.plant.clone();
    let done = tokio::task::spawn_blocking(move || plant.set_certificate(&thumbprint, ask.trusted)).await;
    Ok(Json(done.map_err(ApiError::internal)??))
}
