//! One listener: accepts, limits, serves, stops.
//!
//! ```text
//! accept ─ count all / per client ─ TLS ─ Guarded (stall limit) ─ hyper (header limits) ─ host ─ routes ─ hardening
//! ```

mod accept;
mod headers;
mod hosts;
mod pack;
mod stall;

pub(crate) use hosts::Hosts;

use crate::state::{App, Shared, Web};
use crate::{Limits, routes};
use axum::Router;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a listener is made from.
pub struct Options {
    /// Already bound.
    pub listener: std::net::TcpListener,
    /// The certificate to show; `None` serves plain HTTP, for loopback only.
    pub tls: Option<Arc<tokio_rustls::rustls::ServerConfig>>,
    /// Host names by which browsers may call this gateway, besides `localhost` and IP addresses.
    pub names: Vec<String>,
    /// Limits.
    pub limits: Limits,
}

/// A running listener. Dropping it stops it without waiting.
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Starts serving; call it within a Tokio runtime.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(options: Options, app: App) -> std::io::Result<Server> {
    let address = options.listener.local_addr()?;
    options.listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(options.listener)?;
    let (stop, stopped) = watch::channel(false);
    let web: Shared = Arc::new(Web::new(app, options.limits, options.tls.is_some(), stopped.clone()));
    let router: Router = routes::router(&web);
    let front = Arc::new(accept::Front {
        tls: options.tls.map(tokio_rustls::TlsAcceptor::from),
        hosts: Hosts::new(options.names),
        router,
        web,
    });
    let task = tokio::spawn(accept::run(listener, front, stopped));
    Ok(Server { address, stop, task })
}

impl Server {
    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, ends live streams, lets open requests finish (at most [`Limits::shutdown`]).
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}
