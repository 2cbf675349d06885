//! Commands under way and past, decisions about them, leases.

use super::points::short;
use super::write::{MOST_REASON, json_value};
use crate::ApiError;
use crate::extract::{Body, Params};
use crate::plant::{Problem, ProblemKind};
use crate::shapes::{
    ApprovalShape, CommandShape, Commands, Decide, Done, LeaseShape, Leases, MayDecide, MayWrite, StepShape,
    TakeLease, WhichLease,
};
use crate::state::{Shared, Web, Who};
use axum::extract::State;
use axum::{Extension, Json};
use model::{Outcome, Path, Principal, Role, Time};
use namespace::{CommandError, Lease, Phase, Tracked};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// Most commands of one answer.
const MOST: usize = 1_000;

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        let (kind, title, next) = match error {
            CommandError::NotFound(why) => {
                (ProblemKind::NotFound, why, "Look at the list on the Commands page.")
            }
            CommandError::Refused(why) => {
                (ProblemKind::Refused, why, "Look at the command's steps, or ask whom they name.")
            }
        };
        // A sentence, unless it begins with a name such as `user:anna`.
        let named = title.split(' ').next().is_some_and(|word| word.contains(':'));
        let title = if named { format!("{title}.") } else { crate::auth::sentence(&title) };
        Problem::new(kind, title, "Nothing was changed.", next).into()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListAsk {
    #[serde(default)]
    state: Option<Wanted>,
    #[serde(default)]
    path: String,
    #[serde(default)]
    limit: Option<usize>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Wanted {
    Open,
    Done,
}

pub(super) async fn list(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Params(ask): Params<ListAsk>,
) -> Result<Json<Commands>, ApiError> {
    let prefix = ask.path.trim_matches('/');
    let found = web.namespace.commands(ask.limit.unwrap_or(200).clamp(1, MOST), |tracked| {
        let fits = match ask.state {
            None => true,
            Some(wanted) => (wanted == Wanted::Done) == (tracked.phase == Phase::Done),
        };
        fits && tracked.command.path.is_under(prefix) && who.principal.sees(&tracked.command.path)
    });
    let commands =
        found.iter().map(|tracked| shape(&web, &who.principal, tracked)).collect::<Result<_, _>>()?;
    Ok(Json(Commands { commands }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OneAsk {
    id: String,
}

pub(super) async fn one(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Params(ask): Params<OneAsk>,
) -> Result<Json<CommandShape>, ApiError> {
    show(&web, &who.principal, &ask.id)
}

type Answer = Result<Json<CommandShape>, ApiError>;

pub(super) async fn approve(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(decide): Body<Decide>,
) -> Answer {
    bounded(&decide.reason)?;
    web.namespace.approve_command(&who.principal, &decide.id, &decide.reason).await?;
    show(&web, &who.principal, &decide.id)
}

pub(super) async fn deny(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(decide): Body<Decide>,
) -> Answer {
    bounded(&decide.reason)?;
    web.namespace.deny_command(&who.principal, &decide.id, &decide.reason).await?;
    show(&web, &who.principal, &decide.id)
}

pub(super) async fn cancel(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(decide): Body<Decide>,
) -> Answer {
    web.namespace.cancel_command(&who.principal, &decide.id).await?;
    show(&web, &who.principal, &decide.id)
}

fn bounded(reason: &str) -> Result<(), ApiError> {
    if reason.chars().count() > MOST_REASON {
        return Err(ApiError::bad_request(format!("A reason has at most {MOST_REASON} characters.")));
    }
    Ok(())
}

fn show(web: &Web, who: &Principal, id: &str) -> Answer {
    let found = web.namespace.tracked(id).filter(|tracked| who.sees(&tracked.command.path));
    let tracked = found.ok_or_else(|| ApiError::not_found(format_args!("command `{}`", short(id))))?;
    shape(web, who, &tracked).map(Json)
}

fn shape(web: &Web, who: &Principal, tracked: &Tracked) -> Result<CommandShape, ApiError> {
    let command = &tracked.command;
    let declared = web.namespace.find(command.path.as_str()).and_then(|id| web.namespace.meta(id));
    let readback = match &tracked.outcome {
        Some(Outcome::Confirmed { readback }) => json_value(readback)?,
        _ => serde_json::Value::Null,
    };
    Ok(CommandShape {
        id: command.id.clone(),
        path: command.path.to_string(),
        name: declared.as_ref().map_or(command.path.last(), |declared| declared.display_name()).to_owned(),
        unit: declared.as_ref().map(|declared| declared.unit.clone()).filter(|unit| !unit.is_empty()),
        value: json_value(&command.value)?,
        before: json_value(&tracked.before)?,
        who: tracked.who.clone(),
        reason: command.reason.clone(),
        asked: tracked.asked.millis_f64(),
        expires: command.expires.millis_f64(),
        ended: tracked.ended.map(Time::millis_f64),
        state: tracked.phase.word().to_owned(),
        outcome: tracked.outcome.as_ref().map(|outcome| outcome.word().to_owned()),
        why: tracked.outcome.as_ref().map(|outcome| outcome.why().to_owned()).unwrap_or_default(),
        readback,
        took_ms: tracked.ended.map(|ended| ended.since(tracked.asked).as_secs_f64() * 1e3),
        approval: tracked
            .approval
            .as_ref()
            .map(|approval| ApprovalShape { role: approval.role.to_string(), by: approval.by.clone() }),
        steps: tracked.steps.iter().map(step).collect(),
        may: MayDecide {
            approve: MayWrite::from(web.namespace.may_approve(who, tracked)),
            cancel: MayWrite::from(web.namespace.may_cancel(who, tracked)),
        },
    })
}

fn step(step: &namespace::Step) -> StepShape {
    StepShape {
        time: step.at.millis_f64(),
        who: step.who.clone(),
        what: step.what.clone(),
        text: step.text.clone(),
    }
}

pub(super) fn lease_shape(who: &Principal, lease: &Lease) -> LeaseShape {
    let mine = lease.holder == who.name;
    LeaseShape {
        path: lease.path.to_string(),
        holder: lease.holder.clone(),
        since: lease.since.millis_f64(),
        until: lease.until.millis_f64(),
        reason: lease.reason.clone(),
        mine,
        may_release: mine || who.role >= Role::Engineer,
    }
}

pub(super) async fn leases(State(web): State<Shared>, Extension(who): Extension<Arc<Who>>) -> Json<Leases> {
    let who = &who.principal;
    let seen = web.namespace.leases().into_iter().filter(|lease| who.sees(&lease.path));
    Json(Leases { leases: seen.map(|lease| lease_shape(who, &lease)).collect() })
}

pub(super) async fn take_lease(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(wish): Body<TakeLease>,
) -> Result<Json<LeaseShape>, ApiError> {
    bounded(&wish.reason)?;
    let path = path(&wish.path)?;
    let span = Duration::from_secs(u64::from(wish.minutes) * 60);
    let lease = web.namespace.take_lease(&who.principal, &path, span, &wish.reason).await?;
    Ok(Json(lease_shape(&who.principal, &lease)))
}

pub(super) async fn release_lease(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(which): Body<WhichLease>,
) -> Result<Json<Done>, ApiError> {
    web.namespace.release_lease(&who.principal, &path(&which.path)?).await?;
    Ok(Json(Done {}))
}

fn path(text: &str) -> Result<Path, ApiError> {
    Path::new(text).map_err(|why| ApiError::bad_request(format!("`{}` is no path: {why}.", short(text))))
}
