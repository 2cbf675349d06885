//! What all streams of server-sent events have in common (WHATWG HTML, 9.2): how they end, and how they say that they
//! live.

use crate::auth;
use crate::json::Writer;
use crate::state::{Shared, Who};
use crate::streams::Place;
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt as _};
use namespace::Tree;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often a quiet stream says that it lives; also how often the right to look is asked anew.
const PING: Duration = Duration::from_secs(5);

/// Whoever listens, and until when they may.
pub(super) struct Heart {
    pub web: Shared,
    pub who: Arc<Who>,
    pub ping_at: Instant,
    tree: Arc<Tree>,
    _place: Place,
}

/// What a beat found.
pub(super) enum Beat {
    /// Nothing new.
    Lives,
    /// The configuration has changed: points may have come or gone.
    Changed,
    /// Whoever listens may do so no longer.
    Over,
}

impl Heart {
    pub fn new(web: Shared, who: Arc<Who>, place: Place) -> Self {
        web.counters.streams.add(1);
        Self { tree: web.namespace.points(), ping_at: Instant::now() + PING, web, who, _place: place }
    }

    /// To be called at `ping_at`.
    pub fn beat(&mut self) -> Beat {
        if !auth::still_valid(&self.web, &self.who) {
            return Beat::Over;
        }
        self.ping_at = Instant::now() + PING;
        let tree = self.web.namespace.points();
        if Arc::ptr_eq(&tree, &self.tree) {
            return Beat::Lives;
        }
        self.tree = tree;
        Beat::Changed
    }

    /// Begins the data of a message with the gateway's clock.
    pub fn open(&self, out: &mut Writer, event: &str) {
        out.raw("event: ");
        out.raw(event);
        out.raw("\ndata: {\"server_time\":");
        out.time(self.web.clock.now());
    }
}

/// The answer. hyper asks for the next message only when it can send.
pub(super) fn answer(messages: impl Stream<Item = String> + Send + 'static) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    let bytes = messages.map(|message| Ok::<_, Infallible>(Bytes::from(message)));
    (headers, Body::from_stream(bytes)).into_response()
}
