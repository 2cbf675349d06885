//! Tree, search, one point, newest values.

use super::given::{Given, Rows};
use super::rows::{LATEST, POINTS, PointRows, stream_rows};
use crate::ApiError;
use crate::answer;
use crate::chosen::{Chosen, chosen};
use crate::extract::{Body, Params};
use crate::json::Writer;
use crate::plant::Asset;
use crate::point_json::{BYTES_PER_POINT, Known, for_each_point, point, unknown};
use crate::quality_index::Counts;
use crate::shapes::{
    AssetDetail, Extent, InterlockShape, LeaseShape, MayWrite, Paths, PointDetail, PointLive, RateShape,
    WriteLimits,
};
use crate::state::{Shared, Web, Who};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Json};
use model::command::Confirm;
use model::{Access, Declaration, PointId, Principal, Role, Time};
use namespace::{Child, Tree};
use serde::Deserialize;
use std::ops::Range;
use std::sync::Arc;

/// Most paths of one request for newest values.
const MOST_PATHS: usize = 10_000;
/// Most children of one answer.
const MOST_CHILDREN: usize = 5_000;
/// Most points of one page.
const MOST_PAGE: usize = 1_000;

/// The number of a point that exists and that `who` may see.
pub(crate) fn visible(web: &Web, who: &Principal, path: &str) -> Result<(PointId, Known), ApiError> {
    let found = web
        .namespace
        .find(path)
        .and_then(|id| Some((id, (web.namespace.meta(id)?, web.namespace.last(id)?))));
    found
        .filter(|(_, (declared, _))| who.sees(&declared.path))
        .ok_or_else(|| ApiError::not_found(format_args!("point `{}`", short(path))))
}

/// What a stranger typed, short enough to be repeated.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TreeAsk {
    #[serde(default)]
    prefix: String,
}

pub(super) async fn tree(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Params(ask): Params<TreeAsk>,
) -> Result<Response, ApiError> {
    let text =
        answer::look(&web, move |web| write_tree(web, &who.principal, ask.prefix.trim_matches('/'))).await?;
    Ok(answer::json(text))
}

fn intersect(a: Range<usize>, b: &Range<usize>) -> Range<usize> {
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}

fn write_tree(web: &Web, who: &Principal, prefix: &str) -> String {
    let counted = web.quality.counted(&web.namespace);
    let tree = &counted.tree;
    let assets = web.assets();
    let scope = tree.under(who.prefix.as_deref().unwrap_or_default());
    let depth = if prefix.is_empty() { 0 } else { prefix.split('/').count() };
    let mut children: Vec<(Child, String)> = tree
        .children(prefix)
        .into_iter()
        .map(|child| Child { range: intersect(child.range, &scope), ..child })
        .filter(|child| !child.range.is_empty())
        .take(MOST_CHILDREN + 1)
        .filter_map(|child| {
            let first = tree.paths().get(child.range.start)?;
            let path = first.segments().take(depth + 1).collect::<Vec<_>>().join("/");
            Some((child, path))
        })
        .collect();
    let more = children.len() > MOST_CHILDREN;
    children.truncate(MOST_CHILDREN);
    let ids: Vec<PointId> =
        children.iter().map(|(child, _)| child.point.unwrap_or(PointId(u32::MAX))).collect();
    let mut out = Writer::with_capacity(256 + children.len() * BYTES_PER_POINT);
    out.raw("{\"prefix\":");
    out.text(prefix);
    out.raw(",\"parent\":");
    match prefix.rsplit_once('/') {
        Some((parent, _)) => out.text(parent),
        None if prefix.is_empty() => out.raw("null"),
        None => out.raw("\"\""),
    }
    out.raw(",\"children\":[");
    for_each_point(&web.namespace, &ids, |index, known| {
        let Some((child, path)) = children.get(index) else { return };
        let known = known.filter(|(declared, _)| child.point.is_some() && who.sees(&declared.path));
        if index > 0 {
            out.raw(",");
        }
        write_child(&mut out, path, counted.of(&child.range), assets.at(path), known);
    });
    out.raw("],\"more\":");
    out.bool(more);
    out.raw("}");
    out.finish()
}

/// One child of a folder.
fn write_child(out: &mut Writer, path: &str, counts: Counts, asset: Option<&Asset>, known: Option<&Known>) {
    let kind = match (asset, known) {
        (Some(_), _) => "asset",
        (None, Some(_)) => "point",
        (None, None) => "folder",
    };
    out.raw("{\"segment\":");
    out.text(path.rsplit('/').next().unwrap_or_default());
    out.raw(",\"path\":");
    out.text(path);
    out.raw(",\"kind\":\"");
    out.raw(kind);
    out.raw("\",\"points\":");
    out.u64(counts.total as u64);
    out.raw(",\"bad\":");
    out.u64(counts.bad as u64);
    out.raw(",\"asset\":");
    match asset {
        Some(asset) => {
            out.raw("{\"type\":");
            out.text(&asset.asset_type);
            out.raw(",\"level\":");
            out.text(&asset.level);
            out.raw(",\"name\":");
            out.text(asset.display_name());
            out.raw("}");
        }
        None => out.raw("null"),
    }
    out.raw(",\"point\":");
    match known {
        Some((declared, last)) => point(out, declared, last),
        None => out.raw("null"),
    }
    out.raw("}");
}

struct SearchAsk {
    search: String,
    prefix: String,
    quality: Option<Wanted>,
    limit: Option<usize>,
    after: Option<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    Bad,
    Good,
}

impl Wanted {
    fn parse(text: &str) -> Result<Self, ApiError> {
        match text {
            "bad" => Ok(Self::Bad),
            "good" => Ok(Self::Good),
            _ => Err(ApiError::bad_request("`quality` is bad or good.")),
        }
    }
}

pub(super) async fn search(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
    Params(pairs): Params<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let mut given = Given::new(pairs);
    let rows = given.rows(&headers)?;
    let patterns = given.all("points");
    let ask = SearchAsk {
        search: given.one("search")?.unwrap_or_default(),
        prefix: given.one("prefix")?.unwrap_or_default(),
        quality: given.one("quality")?.map(|text| Wanted::parse(&text)).transpose()?,
        limit: given.whole("limit")?.map(|limit| limit.min(MOST_PAGE as u64) as usize),
        after: given.one("after")?,
    };
    given.end()?;
    if rows.is_none() && patterns.is_empty() {
        let text = answer::look(&web, move |web| write_search(web, &who.principal, &ask)).await?;
        return Ok(answer::json(text));
    }
    let ids = answer::look(&web, move |web| {
        if !patterns.is_empty() {
            return ids_of(chosen(web, &who.principal, &patterns, namespace::MAX_POINTS));
        }
        let tree = web.namespace.points();
        let range = range_of(&tree, &who.principal, &ask.prefix);
        Ok(of_quality(web, tree.search(range, &ask.search, ask.after.as_deref(), usize::MAX), ask.quality))
    });
    let source = PointRows { ids: ids.await??, latest: false, at: 0 };
    stream_rows(web, rows.unwrap_or(Rows::Json), POINTS, "ironbridge-points", source)
}

fn ids_of(found: Result<Vec<Chosen>, ApiError>) -> Result<Vec<PointId>, ApiError> {
    Ok(found?.into_iter().map(|(id, _)| id).collect())
}

/// The points below `prefix` that `who` may see.
fn range_of(tree: &Tree, who: &Principal, prefix: &str) -> Range<usize> {
    let scope = tree.under(who.prefix.as_deref().unwrap_or_default());
    intersect(tree.under(prefix.trim_matches('/')), &scope)
}

/// Those of a quality, if one is wanted.
fn of_quality(web: &Web, ids: Vec<PointId>, wanted: Option<Wanted>) -> Vec<PointId> {
    let Some(wanted) = wanted else { return ids };
    let mut kept = Vec::new();
    for some in ids.chunks(4_096) {
        web.namespace.visit(some, |index, _, last| {
            if let Some(id) = some.get(index)
                && last.status.is_good() == (wanted == Wanted::Good)
            {
                kept.push(*id);
            }
        });
    }
    kept
}

fn write_search(web: &Web, who: &Principal, ask: &SearchAsk) -> String {
    let tree = web.namespace.points();
    let range = range_of(&tree, who, &ask.prefix);
    let limit = ask.limit.unwrap_or(200).clamp(1, MOST_PAGE);
    let keep = |ids: Vec<PointId>| of_quality(web, ids, ask.quality);
    let total = if ask.search.trim().is_empty() && ask.quality.is_none() {
        range.len()
    } else {
        keep(tree.search(range.clone(), &ask.search, None, usize::MAX)).len()
    };
    let most = if ask.quality.is_none() { limit + 1 } else { usize::MAX };
    let mut page = keep(tree.search(range, &ask.search, ask.after.as_deref(), most));
    let more = page.len() > limit;
    page.truncate(limit);
    let mut out = Writer::with_capacity(128 + page.len() * BYTES_PER_POINT);
    let mut last_path = String::new();
    out.raw("{\"points\":[");
    let mut first = true;
    for_each_point(&web.namespace, &page, |_, known| {
        let Some((declared, last)) = known else { return };
        if !std::mem::take(&mut first) {
            out.raw(",");
        }
        point(&mut out, declared, last);
        declared.path.as_str().clone_into(&mut last_path);
    });
    out.raw("],\"next\":");
    if more {
        out.text(&last_path)
    } else {
        out.raw("null")
    }
    out.raw(",\"total\":");
    out.u64(total as u64);
    out.raw("}");
    out.finish()
}

pub(super) async fn latest(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(ask): Body<Paths>,
) -> Result<Response, ApiError> {
    write_latest(&web, &who.principal, &ask.paths)
}

pub(super) async fn latest_by_query(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
    Params(pairs): Params<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let mut given = Given::new(pairs);
    let rows = given.rows(&headers)?;
    let (paths, patterns) = (given.all("path"), given.all("points"));
    given.end()?;
    if rows.is_none() && patterns.is_empty() {
        return write_latest(&web, &who.principal, &paths);
    }
    let wanted = [paths, patterns].concat();
    let ids =
        answer::look(&web, move |web| ids_of(chosen(web, &who.principal, &wanted, namespace::MAX_POINTS)));
    let source = PointRows { ids: ids.await??, latest: true, at: 0 };
    stream_rows(web, rows.unwrap_or(Rows::Json), LATEST, "ironbridge-latest", source)
}

fn write_latest(web: &Web, who: &Principal, paths: &[String]) -> Result<Response, ApiError> {
    if paths.len() > MOST_PATHS {
        return Err(ApiError::bad_request(format!("One request may ask for at most {MOST_PATHS} points.")));
    }
    let nobody = PointId(u32::MAX);
    let ids: Vec<PointId> = paths.iter().map(|path| web.namespace.find(path).unwrap_or(nobody)).collect();
    let mut out = Writer::with_capacity(64 + ids.len() * BYTES_PER_POINT);
    out.raw("{\"values\":[");
    for_each_point(&web.namespace, &ids, |index, known| {
        if index > 0 {
            out.raw(",");
        }
        match known.filter(|(declared, _)| who.sees(&declared.path)) {
            Some((declared, last)) => point(&mut out, declared, last),
            None => unknown(&mut out, &short(paths.get(index).map_or("", String::as_str))),
        }
    });
    out.raw("]}");
    Ok(answer::json(out.finish()))
}

/// A point and its newest value as a type.
pub(super) fn live(declared: &Declaration, last: &model::Last) -> Result<PointLive, ApiError> {
    let mut text = Writer::default();
    point(&mut text, declared, last);
    serde_json::from_str(&text.finish()).map_err(ApiError::internal)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PointAsk {
    path: String,
}

pub(super) async fn detail(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Params(ask): Params<PointAsk>,
) -> Result<Json<PointDetail>, ApiError> {
    let (id, (declared, last)) = visible(&web, &who.principal, &ask.path)?;
    let extent = answer::read(&web, move |web| web.store.extent(id)).await?;
    let live = live(&declared, &last)?;
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let asset = web.assets().above(declared.path.as_str()).map(|asset| AssetDetail {
        path: asset.path.to_string(),
        asset_type: asset.asset_type.clone(),
        name: asset.display_name().to_owned(),
        owner_ot: some(&asset.owner_ot),
        owner_it: some(&asset.owner_it),
        zone: some(&asset.zone),
    });
    Ok(Json(PointDetail {
        point: live,
        id: id.0,
        description: declared.description.clone(),
        range: declared.range,
        states: Some(
            declared.states.iter().map(|(number, name)| (number.to_string(), name.clone())).collect(),
        )
        .filter(|_| !declared.states.is_empty()),
        writable: matches!(declared.access, Access::Write(_)),
        write: write_limits(&web, &declared),
        may_write: may_write(&web, &who.principal, &declared),
        lease: lease(&web, &who.principal, &declared),
        connection: some(&declared.connection),
        device: some(&declared.device),
        source: some(&declared.source),
        scan: (!declared.scan.is_zero()).then(|| scan_text(declared.scan)),
        asset,
        destinations: web.plant.destinations_of(&declared.path),
        history: Extent {
            first: extent.map(|(first, _)| Time::millis_f64(first)),
            last: extent.map(|(_, last)| Time::millis_f64(last)),
        },
    }))
}

fn scan_text(scan: std::time::Duration) -> String {
    let ms = scan.as_millis();
    if ms >= 1_000 && ms.is_multiple_of(1_000) { format!("{}s", ms / 1_000) } else { format!("{ms}ms") }
}

fn write_limits(web: &Web, declared: &Declaration) -> Option<WriteLimits> {
    let Access::Write(rule) = &declared.access else { return None };
    let confirm = match &rule.confirm {
        Confirm::Readback => "readback".to_owned(),
        Confirm::None => "none".to_owned(),
        Confirm::Point { path, .. } => path.to_string(),
    };
    let interlock = rule.interlock.as_ref().map(|interlock| {
        let now = web.namespace.interlock_allows(interlock);
        InterlockShape {
            allow_if: interlock.allow_if.clone(),
            points: interlock.points.iter().map(|(name, path)| (name.clone(), path.to_string())).collect(),
            allows: now.is_ok(),
            why: now.err().unwrap_or_default(),
        }
    });
    Some(WriteLimits {
        min: rule.min,
        max: rule.max,
        step: rule.step,
        confirm,
        tolerance: rule.tolerance,
        rate: rule.rate.map(|rate| RateShape { writes: rate.writes, per_s: rate.per.as_secs_f64() }),
        role: rule.role.unwrap_or(Role::Operator).to_string(),
        approval: rule.approval.map(|role| role.to_string()),
        interlock,
    })
}

fn lease(web: &Web, who: &Principal, declared: &Declaration) -> Option<LeaseShape> {
    let held = web.namespace.leases().into_iter().find(|lease| declared.path.is_under(lease.path.as_str()));
    held.map(|lease| super::commands::lease_shape(who, &lease))
}

fn may_write(web: &Web, who: &Principal, declared: &Declaration) -> MayWrite {
    let no = |why: &str| MayWrite { allowed: false, why: why.to_owned() };
    if !matches!(declared.access, Access::Write(_)) {
        return no("The configuration of this point allows no writing.");
    }
    if web.plant.mode().writes != "on" {
        return no("This plant is READ-ONLY: writing is turned off for all of it.");
    }
    if who.role < Role::Operator {
        return no("Writing needs the role operator or higher.");
    }
    MayWrite::from(web.namespace.may_write(who, &declared.path))
}
