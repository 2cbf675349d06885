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
use std::collections::HashMap;
use std::sync::Arc;

/// Most events of one page.
const MOST: usize = 1_000;
/// Events looked at in memory.
const RECENT: usize = 10_000;
/// Events read from history at once, and how often for one page: filters may let few through.
const READ: usize = 4_000;
const MOST_READS: usize = 10;

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
    let wanted =
        |event: &Event| fits(event, ask, &words) && before.is_none_or(|before| Cursor::of(event) < *before);
    let mut found: HashMap<String, Arc<Event>> = HashMap::new();
    let mut take = |events: Vec<Arc<Event>>| {
        for event in events {
            // Memory comes first and is never older than history.
            found.entry(event.id.clone()).or_insert(event);
        }
        found.values().filter(|event| wanted(event)).count()
    };
    take(web.namespace.active_events());
    if !ask.active {
        // What memory has dropped, and what it never held after a restart, is in history.
        let mut enough = take(web.namespace.recent_events(RECENT)) > limit;
        let bound =
            |ms: Option<f64>, other: i64| Time(ms.map_or(other, |ms| Time::from_millis(ms as i64 + 1).0));
        let from = bound(ask.from.map(|from| from - 2.0), i64::MIN);
        let mut to = before.map_or(Time(i64::MAX), |before| before.0).min(bound(ask.to, i64::MAX));
        for _ in 0..MOST_READS {
            if enough {
                break;
            }
            let older = web.store.events(Span { from, to }, READ)?;
            let (last, complete) = (older.last().map(|event| event.start), older.len() < READ);
            enough = take(older.into_iter().map(Arc::new).collect()) > limit || complete;
            match last {
                Some(last) if last < to => to = last,
                _ => break,
            }
        }
    }
    let mut found: Vec<Arc<Event>> = found.into_values().filter(|event| wanted(event)).collect();
    found.sort_by(|a, b| (b.start, &b.id).cmp(&(a.start, &a.id)));
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|event| Cursor::of(event).text());
    Ok(EventPage { events: found.iter().map(|event| EventShape::from(&**event)).collect(), next })
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
