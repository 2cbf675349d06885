//! Events, newest first.

use super::points::short;
use crate::ApiError;
use crate::answer;
use crate::extract::Params;
use crate::history::Span;
use crate::shapes::{EventPage, EventShape};
use crate::state::{Shared, Web};
use axum::Json;
use axum::extract::State;
use model::{Event, EventKind, EventState, Time};
use serde::Deserialize;
use std::sync::Arc;

/// Most events of one page.
const MOST: usize = 1_000;
/// Events looked at in memory.
const RECENT: usize = 10_000;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    #[serde(default)]
    kind: Option<EventKind>,
    #[serde(default)]
    active: bool,
    #[serde(default)]
    severity_min: Option<u16>,
    #[serde(default)]
    search: String,
    #[serde(default)]
    from: Option<f64>,
    #[serde(default)]
    to: Option<f64>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    before: Option<String>,
}

/// Where a page ended: start and id of its last event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cursor(Time, String);

impl Cursor {
    fn of(event: &Event) -> Self {
        Self(event.start, event.id.clone())
    }

    fn text(&self) -> String {
        format!("{}~{}", self.0.0, self.1)
    }

    fn parse(text: &str) -> Result<Self, ApiError> {
        let parts =
            text.split_once('~').and_then(|(start, id)| Some(Self(Time(start.parse().ok()?), id.to_owned())));
        parts.ok_or_else(|| {
            ApiError::bad_request(format!("`{}` is no `next` of an earlier page.", short(text)))
        })
    }
}

pub(super) async fn events(
    State(web): State<Shared>,
    Params(ask): Params<Ask>,
) -> Result<Json<EventPage>, ApiError> {
    let before = ask.before.as_deref().map(Cursor::parse).transpose()?;
    answer::read(&web, move |web| page(web, &ask, before.as_ref())).await?.map(Json)
}

fn page(web: &Web, ask: &Ask, before: Option<&Cursor>) -> Result<EventPage, ApiError> {
    let limit = ask.limit.unwrap_or(200).clamp(1, MOST);
    let words: Vec<String> = ask.search.split_whitespace().map(str::to_lowercase).collect();
    let mut found: Vec<Arc<Event>> = candidates(web, ask, before, limit)?
        .into_iter()
        .filter(|event| fits(event, ask, &words) && before.is_none_or(|before| Cursor::of(event) < *before))
        .collect();
    found.sort_by(|a, b| (b.start, &b.id).cmp(&(a.start, &a.id)));
    found.dedup_by(|a, b| a.id == b.id);
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|event| Cursor::of(event).text());
    Ok(EventPage { events: found.iter().map(|event| EventShape::from(&**event)).collect(), next })
}

/// What lasts and what is recent is in memory; older events are in history.
fn candidates(
    web: &Web,
    ask: &Ask,
    before: Option<&Cursor>,
    limit: usize,
) -> Result<Vec<Arc<Event>>, ApiError> {
    let mut all = web.namespace.active_events();
    if ask.active {
        return Ok(all);
    }
    let recent = web.namespace.recent_events(RECENT);
    let overflowed = recent.len() >= RECENT;
    all.extend(recent);
    if overflowed {
        let bound = |ms: Option<f64>, other: Time| ms.map_or(other, |ms| Time::from_millis(ms as i64));
        let to = before.map_or(Time(i64::MAX), |before| before.0).min(bound(ask.to, Time(i64::MAX)));
        // Filters thin a page out, so more is read than is shown; the next page goes on from its last event.
        let older =
            web.store.events(Span { from: bound(ask.from, Time(i64::MIN)), to }, limit.max(MOST) * 4)?;
        all.extend(older.into_iter().map(Arc::new));
    }
    let mut newest: std::collections::HashMap<String, Arc<Event>> =
        std::collections::HashMap::with_capacity(all.len());
    for event in all {
        match newest.get(&event.id) {
            Some(have) if have.revision >= event.revision => {}
            _ => {
                newest.insert(event.id.clone(), event);
            }
        }
    }
    Ok(newest.into_values().collect())
}

fn fits(event: &Event, ask: &Ask, words: &[String]) -> bool {
    let lasts = matches!(event.state, EventState::Active | EventState::Acknowledged);
    let start = event.start.millis_f64();
    ask.kind.is_none_or(|kind| kind == event.kind)
        && (!ask.active || lasts)
        && ask.severity_min.is_none_or(|least| event.severity >= least)
        && ask.from.is_none_or(|from| start >= from)
        && ask.to.is_none_or(|to| start <= to)
        && words.iter().all(|word| {
            let has = |text: &str| text.to_lowercase().contains(word.as_str());
            has(&event.title)
                || has(&event.text)
                || has(&event.source)
                || event.refs.iter().any(|name| has(name))
        })
}
