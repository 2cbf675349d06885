//! Live values as server-sent events (WHATWG HTML, 9.2). Conflating: what is not yet sent is not queued, the newest
//! value wins when the client is ready for the next message.

use crate::ApiError;
use crate::auth;
use crate::extract::Body;
use crate::json::Writer;
use crate::point_json::UNKNOWN_NAME;
use crate::shapes::Live;
use crate::state::{Shared, Who, stopped};
use crate::streams::Place;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use model::{Last, PointId};
use namespace::{Tree, Watch};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Most points of one stream.
const MOST_PATHS: usize = 2_000;
/// How often a quiet stream says that it lives; also how often the right to look is asked anew.
const PING: Duration = Duration::from_secs(5);

pub(super) async fn live(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(ask): Body<Live>,
) -> Result<Response, ApiError> {
    if ask.paths.len() > MOST_PATHS {
        return Err(ApiError::bad_request(format!("One stream carries at most {MOST_PATHS} points.")));
    }
    let place = web.streams.enter(&who.key).map_err(ApiError::too_many_streams)?;
    let interval = Duration::from_millis(ask.interval_ms.unwrap_or(250).clamp(100, 10_000));
    web.counters.streams.add(1);
    let state = Stream::new(web, who, ask.paths, interval, place);
    let body = stream::unfold(state, |mut state| async move {
        let message = state.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(message)), state))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, axum::body::Body::from_stream(body)).into_response())
}

/// One open stream. Its memory is the list of points; hyper asks for the next message only when it can send.
struct Stream {
    web: Shared,
    who: Arc<Who>,
    paths: Vec<String>,
    interval: Duration,
    /// Indices (into the asked paths) of the watched points.
    indices: Vec<usize>,
    watch: Watch,
    tree: Arc<Tree>,
    first: bool,
    not_before: Instant,
    ping_at: Instant,
    _place: Place,
}

impl Stream {
    fn new(web: Shared, who: Arc<Who>, paths: Vec<String>, interval: Duration, place: Place) -> Self {
        let (indices, ids) = resolve(&web, &who, &paths);
        let now = Instant::now();
        Self {
            watch: web.namespace.watch(&ids),
            tree: web.namespace.points(),
            indices,
            web,
            who,
            paths,
            interval,
            first: true,
            not_before: now,
            ping_at: now + PING,
            _place: place,
        }
    }

    /// The next message; `None` ends the stream.
    async fn next(&mut self) -> Option<String> {
        if std::mem::take(&mut self.first) {
            let changed = self.watch.poll();
            self.not_before = Instant::now() + self.interval;
            return Some(self.values(&changed, true));
        }
        let mut stop = self.web.stop.clone();
        let changed = tokio::select! {
            biased;
            () = stopped(&mut stop) => return None,
            () = sleep_until(self.ping_at) => return self.ping(),
            changed = async {
                sleep_until(self.not_before).await;
                self.watch.changed().await
            } => changed,
        };
        self.not_before = Instant::now() + self.interval;
        self.web.counters.stream_messages.add(1);
        Some(self.values(&changed, false))
    }

    /// Says that the stream lives, if its owner may still look; after a change of the configuration, starts anew.
    fn ping(&mut self) -> Option<String> {
        if !auth::still_valid(&self.web, &self.who) {
            return None;
        }
        self.ping_at = Instant::now() + PING;
        let tree = self.web.namespace.points();
        let mut message = String::from("event: ping\ndata: {\"server_time\":");
        if !Arc::ptr_eq(&tree, &self.tree) {
            self.tree = tree;
            let (indices, ids) = resolve(&self.web, &self.who, &self.paths);
            self.indices = indices;
            self.watch = self.web.namespace.watch(&ids);
            self.first = true;
            message = String::from("event: reset\ndata: {\"server_time\":");
        }
        let mut time = Writer::default();
        time.time(self.web.clock.now());
        message.push_str(&time.finish());
        message.push_str("}\n\n");
        Some(message)
    }

    fn values(&self, changed: &[(usize, Last)], all: bool) -> String {
        let mut out = Writer::with_capacity(64 + changed.len() * 64);
        out.raw("event: values\ndata: {\"server_time\":");
        out.time(self.web.clock.now());
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
fn resolve(web: &Shared, who: &Who, paths: &[String]) -> (Vec<usize>, Vec<PointId>) {
    let seen = |path: &String| {
        let id = web.namespace.find(path)?;
        let declared = web.namespace.meta(id)?;
        who.principal.sees(&declared.path).then_some(id)
    };
    paths.iter().enumerate().filter_map(|(index, path)| Some((index, seen(path)?))).unzip()
}
