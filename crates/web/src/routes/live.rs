//! Live values as server-sent events (WHATWG HTML, 9.2). Conflating: what is not yet sent is not queued, the newest
//! value wins when the client is ready for the next message.

use super::sse::{self, Beat, Heart};
use crate::ApiError;
use crate::extract::Body;
use crate::json::Writer;
use crate::point_json::UNKNOWN_NAME;
use crate::shapes::Live as Ask;
use crate::state::{Shared, Web, Who, stopped};
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use futures_util::stream;
use model::{Last, PointId};
use namespace::Watch;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Most points of one stream.
const MOST_PATHS: usize = 2_000;

pub(super) async fn live(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(ask): Body<Ask>,
) -> Result<Response, ApiError> {
    if ask.paths.len() > MOST_PATHS {
        return Err(ApiError::bad_request(format!("One stream carries at most {MOST_PATHS} points.")));
    }
    let place = web.streams.enter(&who.key).map_err(ApiError::too_many_streams)?;
    let interval = Duration::from_millis(ask.interval_ms.unwrap_or(250).clamp(100, 10_000));
    let state = Live::new(Heart::new(web, who, place), ask.paths, interval);
    Ok(sse::answer(stream::unfold(state, |mut state| async move { Some((state.next().await?, state)) })))
}

/// One open stream. Its memory is the list of points.
struct Live {
    heart: Heart,
    paths: Vec<String>,
    interval: Duration,
    /// Indices (into the asked paths) of the watched points.
    indices: Vec<usize>,
    watch: Watch,
    first: bool,
    not_before: Instant,
}

impl Live {
    fn new(heart: Heart, paths: Vec<String>, interval: Duration) -> Self {
        let (indices, ids) = resolve(&heart.web, &heart.who, &paths);
        let watch = heart.web.namespace.watch(&ids);
        Self { heart, paths, interval, indices, watch, first: true, not_before: Instant::now() }
    }

    /// The next message; `None` ends the stream.
    async fn next(&mut self) -> Option<String> {
        if std::mem::take(&mut self.first) {
            let changed = self.watch.poll();
            self.not_before = Instant::now() + self.interval;
            return Some(self.values(&changed, true));
        }
        let mut stop = self.heart.web.stop.clone();
        let changed = tokio::select! {
            biased;
            () = stopped(&mut stop) => return None,
            () = sleep_until(self.heart.ping_at) => return self.ping(),
            changed = async {
                sleep_until(self.not_before).await;
                self.watch.changed().await
            } => changed,
        };
        self.not_before = Instant::now() + self.interval;
        self.heart.web.counters.stream_messages.add(1);
        Some(self.values(&changed, false))
    }

    /// Says that the stream lives, if its owner may still look; after a change of the configuration, starts anew.
    fn ping(&mut self) -> Option<String> {
        let event = match self.heart.beat() {
            Beat::Over => return None,
            Beat::Lives => "ping",
            Beat::Changed => {
                let (indices, ids) = resolve(&self.heart.web, &self.heart.who, &self.paths);
                self.indices = indices;
                self.watch = self.heart.web.namespace.watch(&ids);
                self.first = true;
                "reset"
            }
        };
        let mut out = Writer::default();
        self.heart.open(&mut out, event);
        out.raw("}\n\n");
        Some(out.finish())
    }

    fn values(&self, changed: &[(usize, Last)], all: bool) -> String {
        let mut out = Writer::with_capacity(64 + changed.len() * 64);
        self.heart.open(&mut out, "values");
        out.raw(",\"v\":[");
        let mut first = true;
        for (at, last) in changed {
            let Some(index) = self.indices.get(*at) else { continue };
            row(&mut out, &mut first, *index, |out| {
                out.value(&last.value);
                out.raw(",\"");
                out.raw(last.status.name());
                out.raw(if last.status.is_good() { "\",true," } else { "\",false," });
                out.time_or_null(last.time);
            });
        }
        if all {
            // Every asked point has a row in the first message, also those that are not there.
            let known: std::collections::HashSet<usize> = self.indices.iter().copied().collect();
            for index in (0..self.paths.len()).filter(|index| !known.contains(index)) {
                row(&mut out, &mut first, index, |out| {
                    out.raw("null,\"");
                    out.raw(UNKNOWN_NAME);
                    out.raw("\",false,null");
                });
            }
        }
        out.raw("]}\n\n");
        out.finish()
    }
}

fn row(out: &mut Writer, first: &mut bool, index: usize, rest: impl FnOnce(&mut Writer)) {
    out.raw(if std::mem::take(first) { "[" } else { ",[" });
    out.u64(index as u64);
    out.raw(",");
    rest(out);
    out.raw("]");
}

/// The points that exist and that `who` may see, with their index among the asked paths.
fn resolve(web: &Web, who: &Who, paths: &[String]) -> (Vec<usize>, Vec<PointId>) {
    let seen = |path: &String| {
        let id = web.namespace.find(path)?;
        let declared = web.namespace.meta(id)?;
        who.principal.sees(&declared.path).then_some(id)
    };
    paths.iter().enumerate().filter_map(|(index, path)| Some((index, seen(path)?))).unzip()
}
