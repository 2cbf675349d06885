//! The monitor of the network. What a person decides is in the audit ledger before it is done.

use super::points::short;
use super::table::{Route, get, post, route};
use crate::extract::{Body, Name, Params};
use crate::guard::Need;
use crate::monitor::FindingAct;
use crate::shapes::{
    self as s, Done, DraftFile, MonitorApproved, MonitorAsset, MonitorAssetChange, MonitorAssetPage,
    MonitorAssets, MonitorDraftAsk, MonitorFinding, MonitorFindings, MonitorFindingsAsk, MonitorIds,
    MonitorLinks, MonitorMap, MonitorMute, MonitorNote, MonitorPoints, MonitorProtocols, MonitorState,
};
use crate::state::{Shared, Who};
use crate::{ApiError, answer, auth};
use axum::extract::State;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use model::Role::{Engineer, Operator, Viewer};
use model::Time;
use serde::Deserialize;
use std::sync::Arc;

/// Ten thousand ids.
const IDS: usize = 1024 * 1024;

type Answer<T> = Result<Json<T>, ApiError>;

pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![
        get("/api/monitor", Viewer, "Where the monitor stands, what it sees and what not.", state)
            .gives::<s::MonitorState>(),
        get("/api/monitor/protocols", Viewer, "Protocols that are told apart.", protocols)
            .gives::<s::MonitorProtocols>(),
        get("/api/monitor/links", Viewer, "Who talks to whom.", links)
            .param("asset", "Only of this asset.")
            .gives::<s::MonitorLinks>(),
        get("/api/monitor/points", Viewer, "Data that were touched, and by whom.", points)
            .must("asset", "Of this asset.")
            .gives::<s::MonitorPoints>(),
        get("/api/monitor/map", Viewer, "Assets and what passes between them.", map).gives::<s::MonitorMap>(),
    ];
    routes.extend(asset_routes());
    routes.extend(finding_routes());
    routes
}

fn asset_routes() -> Vec<Route> {
    vec![
        get("/api/monitor/assets", Viewer, "Machines that were seen.", assets).gives::<s::MonitorAssets>(),
        get("/api/monitor/assets/{id}", Viewer, "One of them.", asset).gives::<s::MonitorAssetPage>(),
        route(
            Method::PATCH,
            "/api/monitor/assets/{id}",
            Need::Role(Engineer),
            "Approves, names, places an asset.",
            change_asset,
        )
        .takes::<s::MonitorAssetChange>()
        .gives::<s::MonitorAsset>(),
        route(
            Method::DELETE,
            "/api/monitor/assets/{id}",
            Need::Role(Engineer),
            "Forgets an asset that is gone.",
            forget,
        )
        .gives::<s::Done>(),
        post("/api/monitor/assets/approve", Engineer, "Says of many assets that they belong here.", approve)
            .takes::<s::MonitorIds>()
            .gives::<s::MonitorApproved>()
            .body(IDS),
        post(
            "/api/monitor/assets/{id}/draft",
            Engineer,
            "A connection file for an asset that was seen, to review. Sends nothing.",
            draft,
        )
        .takes::<s::MonitorDraftAsk>()
        .gives::<s::DraftFile>(),
    ]
}

fn finding_routes() -> Vec<Route> {
    vec![
        get("/api/monitor/findings", Viewer, "Findings, the worst and newest first.", findings)
            .param("state", "`open`, `acknowledged`, `muted` or `closed`; all but closed if left out.")
            .param("asset", "Only of this asset.")
            .param("min", "At least this severity, 1-1000.")
            .gives::<s::MonitorFindings>(),
        get("/api/monitor/findings/{id}", Viewer, "One finding with its history.", finding)
            .gives::<s::MonitorFinding>(),
        post(
            "/api/monitor/findings/{id}/acknowledge",
            Operator,
            "Somebody has seen it and works on it.",
            acknowledge,
        )
        .takes::<s::MonitorNote>()
        .gives::<s::MonitorFinding>(),
        post(
            "/api/monitor/findings/{id}/close",
            Operator,
            "It is done; it opens again when it happens again.",
            close,
        )
        .takes::<s::MonitorNote>()
        .gives::<s::MonitorFinding>(),
        post(
            "/api/monitor/findings/{id}/mute",
            Engineer,
            "Silence for a reason, until a time; it is counted on.",
            mute,
        )
        .takes::<s::MonitorMute>()
        .gives::<s::MonitorFinding>(),
        post("/api/monitor/findings/{id}/unmute", Engineer, "Ends a mute.", unmute)
            .gives::<s::MonitorFinding>(),
        get("/api/monitor/findings/{id}/packets.pcap", Engineer, "The packets that show it.", packets)
            .media("application/vnd.tcpdump.pcap"),
    ]
}

async fn state(State(web): State<Shared>) -> Answer<MonitorState> {
    answer::look(&web, |web| web.plant.monitor().state()).await.map(Json)
}

async fn protocols(State(web): State<Shared>) -> Json<MonitorProtocols> {
    Json(web.plant.monitor().protocols())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Of {
    #[serde(default)]
    asset: Option<String>,
}

async fn links(State(web): State<Shared>, Params(of): Params<Of>) -> Answer<MonitorLinks> {
    answer::look(&web, move |web| web.plant.monitor().links(of.asset.as_deref())).await.map(Json)
}

async fn points(State(web): State<Shared>, Params(of): Params<Of>) -> Answer<MonitorPoints> {
    let asset = of.asset.ok_or_else(|| ApiError::bad_request("`asset` is missing: of which asset?"))?;
    answer::look(&web, move |web| web.plant.monitor().points(&asset)).await.map(Json)
}

async fn map(State(web): State<Shared>) -> Answer<MonitorMap> {
    answer::look(&web, |web| web.plant.monitor().map()).await.map(Json)
}

async fn assets(State(web): State<Shared>) -> Answer<MonitorAssets> {
    answer::look(&web, |web| web.plant.monitor().assets()).await.map(Json)
}

async fn asset(State(web): State<Shared>, Name(id): Name) -> Answer<MonitorAssetPage> {
    let missing = ApiError::not_found(format_args!("asset `{}` on the network", short(&id)));
    answer::look(&web, move |web| web.plant.monitor().asset(&id)).await?.map(Json).ok_or(missing)
}

async fn change_asset(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Name(id): Name,
    Body(change): Body<MonitorAssetChange>,
) -> Answer<MonitorAsset> {
    let said = serde_json::to_string(&change).unwrap_or_default();
    let object = format!("network asset/{}: {}", short(&id), short(&said));
    auth::recorded(&web, &who, "change network asset", object, "asked").await?;
    let done =
        answer::look(&web, move |web| web.plant.monitor().change_asset(&who.principal, &id, &change)).await?;
    Ok(Json(done?))
}

async fn approve(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(ask): Body<MonitorIds>,
) -> Answer<MonitorApproved> {
    let names = ask.ids.iter().take(20).map(|id| short(id)).collect::<Vec<_>>().join(" ");
    let object = format!("{} network assets: {names}", ask.ids.len());
    auth::recorded(&web, &who, "approve network assets", object, "asked").await?;
    let done = answer::look(&web, move |web| web.plant.monitor().approve(&who.principal, &ask.ids)).await?;
    Ok(Json(done?))
}

async fn forget(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Name(id): Name,
) -> Answer<Done> {
    let object = format!("network asset/{}", short(&id));
    auth::recorded(&web, &who, "forget network asset", object, "asked").await?;
    answer::look(&web, move |web| web.plant.monitor().forget(&id)).await??;
    Ok(Json(Done {}))
}

async fn draft(
    State(web): State<Shared>,
    Name(id): Name,
    Body(ask): Body<MonitorDraftAsk>,
) -> Answer<DraftFile> {
    let draft = answer::look(&web, move |web| web.plant.monitor().draft(&id, &ask)).await?;
    Ok(Json(draft?))
}

async fn findings(
    State(web): State<Shared>,
    Params(ask): Params<MonitorFindingsAsk>,
) -> Answer<MonitorFindings> {
    let known = ["open", "acknowledged", "muted", "closed"];
    if ask.state.as_deref().is_some_and(|state| !known.contains(&state)) {
        return Err(ApiError::bad_request("`state` is `open`, `acknowledged`, `muted` or `closed`."));
    }
    answer::look(&web, move |web| web.plant.monitor().findings(&ask)).await.map(Json)
}

async fn finding(State(web): State<Shared>, Name(id): Name) -> Answer<MonitorFinding> {
    let missing = ApiError::not_found(format_args!("finding `{}`", short(&id)));
    answer::look(&web, move |web| web.plant.monitor().finding(&id)).await?.map(Json).ok_or(missing)
}

async fn act(
    web: &Shared,
    who: Arc<Who>,
    id: String,
    action: &str,
    act: FindingAct,
) -> Answer<MonitorFinding> {
    let said = match &act {
        FindingAct::Acknowledge { note } | FindingAct::Close { note } => short(note).to_string(),
        FindingAct::Mute { reason, until } => format!("until {until}: {}", short(reason)),
        FindingAct::Unmute => String::new(),
    };
    auth::recorded(web, &who, action, format!("finding/{} {said}", short(&id)), "asked").await?;
    let done = answer::look(web, move |web| web.plant.monitor().act(&who.principal, &id, act)).await?;
    Ok(Json(done?))
}

async fn acknowledge(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Name(id): Name,
    Body(ask): Body<MonitorNote>,
) -> Answer<MonitorFinding> {
    act(&web, who, id, "acknowledge finding", FindingAct::Acknowledge { note: ask.note }).await
}

async fn close(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Name(id): Name,
    Body(ask): Body<MonitorNote>,
) -> Answer<MonitorFinding> {
    act(&web, who, id, "close finding", FindingAct::Close { note: ask.note }).await
}

async fn mute(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Name(id): Name,
    Body(ask): Body<MonitorMute>,
) -> Answer<MonitorFinding> {
    // More than 200 years around 1970 is no time; the cast stops at the ends.
    let until = Time::from_millis(ask.until as i64);
    act(&web, who, id, "mute finding", FindingAct::Mute { reason: ask.reason, until }).await
}

async fn unmute(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Name(id): Name,
) -> Answer<MonitorFinding> {
    act(&web, who, id, "unmute finding", FindingAct::Unmute).await
}

async fn packets(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Name(id): Name,
) -> Result<Response, ApiError> {
    auth::recorded(&web, &who, "download packets", format!("finding/{}", short(&id)), "asked").await?;
    let name = super::query::attachment(&id, "pcap")?;
    let bytes = answer::look(&web, move |web| web.plant.monitor().packets(&id)).await??;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.tcpdump.pcap"));
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}
