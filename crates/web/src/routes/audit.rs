//! The audit ledger.

use crate::ApiError;
use crate::answer;
use crate::extract::Params;
use crate::shapes::{AuditChain, AuditCheck, AuditPage, AuditRecord};
use crate::state::Shared;
use axum::Json;
use axum::extract::State;
use model::Time;
use serde::Deserialize;

/// Most records of one page.
const MOST: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    limit: Option<usize>,
    before: Option<u64>,
    #[serde(default)]
    search: String,
}

pub(super) async fn audit(
    State(web): State<Shared>,
    Params(ask): Params<Ask>,
) -> Result<Json<AuditPage>, ApiError> {
    let limit = ask.limit.unwrap_or(200).clamp(1, MOST);
    let page = answer::read(&web, move |web| {
        let search = Some(ask.search.trim()).filter(|search| !search.is_empty());
        web.access.ledger().page(ask.before, limit, search)
    });
    let page = page.await?.map_err(ApiError::internal)?;
    let chain = web.access.ledger().chain();
    let shape = |record: access::Record| AuditRecord {
        seq: record.seq,
        time: record.time.millis_f64(),
        actor: record.actor,
        action: record.action,
        object: record.object,
        outcome: record.outcome,
        detail: record.detail,
        hash: record.hash,
    };
    let damaged =
        (page.damaged > 0).then(|| format!("{} lines of the ledger could not be read.", page.damaged));
    Ok(Json(AuditPage {
        records: page.records.into_iter().map(shape).collect(),
        next: page.next,
        chain: AuditChain {
            records: chain.records,
            verified: chain.verified,
            checked_at: chain.checked_at.map(Time::millis_f64),
            problem: chain.problem.or(chain.failure).or(damaged),
        },
    }))
}

pub(super) async fn verify(State(web): State<Shared>) -> Result<Json<AuditCheck>, ApiError> {
    let result = answer::read(&web, |web| web.access.ledger().verify()).await?;
    Ok(Json(AuditCheck {
        ok: result.problem.is_none(),
        records: result.records,
        problem: result.problem.map(|problem| problem.to_string()),
    }))
}
