//! About, health, metrics, the OpenAPI document.

use super::given::Given;
use crate::ApiError;
use crate::answer;
use crate::extract::Params;
use crate::metrics;
use crate::point_metrics;
use crate::shapes::About;
use crate::state::{Shared, Who};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use std::sync::{Arc, OnceLock};

const TEXT: (header::HeaderName, &str) = (header::CONTENT_TYPE, "text/plain; charset=utf-8");

pub(super) async fn about(State(web): State<Shared>) -> Json<About> {
    let facts = web.plant.facts();
    Json(About {
        version: facts.version,
        uptime_s: web.clock.now().since(facts.started).as_secs_f64(),
        points: web.namespace.points().len(),
        rate_per_s: web.samples_per_s(),
        data_dir: facts.data_dir.display().to_string(),
        site: format!("{}/{}", facts.site.enterprise, facts.site.site),
        plant_dir: facts.plant_dir.display().to_string(),
        listeners: facts.listeners,
    })
}

pub(super) async fn healthz() -> Response {
    ([TEXT], "ok\n").into_response()
}

pub(super) async fn readyz(State(web): State<Shared>) -> Response {
    match web.plant.ready() {
        Ok(()) => ([TEXT], "ready\n".to_owned()).into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, [TEXT], format!("not ready: {why}\n")).into_response(),
    }
}

pub(super) async fn metrics(State(web): State<Shared>) -> Result<Response, ApiError> {
    let text = answer::look(&web, |web| metrics::text(web)).await?;
    let kind = (header::CONTENT_TYPE, metrics::MEDIA);
    Ok(([kind], text).into_response())
}

pub(super) async fn point_metrics(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Params(pairs): Params<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let mut given = Given::new(pairs);
    let wanted = given.all("points");
    given.end()?;
    if wanted.is_empty() {
        return Err(ApiError::bad_request("`points` says which points are meant, e.g. points=packaging/**."));
    }
    let text = answer::look(&web, move |web| point_metrics::text(web, &who.principal, &wanted)).await??;
    let kind = (header::CONTENT_TYPE, metrics::MEDIA);
    Ok(([kind], text).into_response())
}

pub(super) async fn openapi() -> Response {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    let document = DOCUMENT.get_or_init(super::openapi);
    ([(header::CONTENT_TYPE, "application/json")], document.as_str()).into_response()
}
