//! The same routes for the machine's owner, over a socket that only the owner can open.
//!
//! Rationale: the command line needs what the pages need. Whoever holds the socket has proved who they are to the
//! kernel; the caller of [`Local::answer`] has checked the peer's credentials.

use crate::state::{App, Peer, Shared, Web};
use crate::{Limits, routes};
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::{Request, Response};
use model::Principal;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::sync::watch;
use tower::ServiceExt as _;

/// Marks a request as the owner's. Never made from anything that a request says.
#[derive(Clone)]
pub(crate) struct Owner(pub Principal);

/// The routes, without a listener.
pub struct Local {
    router: Router,
    web: Shared,
    stop: watch::Sender<bool>,
}

impl Local {
    /// Over the same rooms as the page's server.
    pub fn new(app: App, limits: Limits) -> Self {
        let (stop, stopped) = watch::channel(false);
        let web: Shared = Arc::new(Web::new(app, limits, false, stopped));
        Self { router: routes::router(&web), web, stop }
    }

    /// Answers one request of `owner`, whose credentials the caller has checked.
    pub async fn answer(&self, owner: Principal, request: Request<Incoming>) -> Response<Body> {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))));
        request.extensions_mut().insert(Owner(owner));
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        self.web.counters.answered(response.status());
        response
    }

    /// Ends live streams.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}
