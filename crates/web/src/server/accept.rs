//! Accepting and serving connections within their limits.

use super::pack::packed;
use super::stall::Stall;
use super::{Hosts, headers};
use crate::pages::takes_gzip;
use crate::rate::client_of;
use crate::state::{Peer, Shared, stopped};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

/// What every connection of a listener shares.
pub(super) struct Front {
    pub tls: Option<TlsAcceptor>,
    pub hosts: Hosts,
    pub router: Router,
    pub web: Shared,
}

/// Until stopped: accept, then let what is open finish.
pub(super) async fn run(listener: TcpListener, front: Arc<Front>, mut stop: watch::Receiver<bool>) {
    let clients = Arc::new(Clients::default());
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stopped(&mut stop) => break,
            Some(_) = open.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: closing connections will free some.
                front.web.counters.accept_errors.add(1);
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let limits = &front.web.limits;
        let Some(seat) = clients.enter(peer.ip(), limits.connections, limits.connections_per_client) else {
            front.web.counters.connections_refused.add(1);
            continue;
        };
        front.web.counters.connections.add(1);
        let (front, stop) = (front.clone(), stop.clone());
        open.spawn(async move {
            let _seat = seat;
            connection(front, stream, peer, stop).await;
        });
    }
    drop(listener);
    let all = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(front.web.limits.shutdown, all).await.is_err() {
        tracing::info!(open = open.len(), "connections were cut off at shutdown");
    }
    open.shutdown().await;
}

async fn connection(front: Arc<Front>, stream: TcpStream, peer: SocketAddr, stop: watch::Receiver<bool>) {
    // Small answers must not wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let limits = &front.web.limits;
    let Some(tls) = &front.tls else {
        let stream = Stall::new(stream, limits.stalled);
        return http(front.clone(), stream, peer, stop).await;
    };
    match tokio::time::timeout(limits.handshake, tls.accept(stream)).await {
        Ok(Ok(stream)) => http(front.clone(), Stall::new(stream, limits.stalled), peer, stop).await,
        Ok(Err(error)) => {
            front.web.counters.handshakes_failed.add(1);
            tracing::debug!(%peer, %error, "TLS handshake failed");
        }
        Err(_) => front.web.counters.handshakes_failed.add(1),
    }
}

async fn http<T>(front: Arc<Front>, stream: T, peer: SocketAddr, mut stop: watch::Receiver<bool>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = &front.web.limits;
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_headers(limits.headers)
        .max_buf_size(limits.header_bytes.max(8 * 1024));
    let serving = front.clone();
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let front = serving.clone();
        async move { Ok::<_, Infallible>(answer(&front, peer, request).await) }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        front.web.counters.connections_broken.add(1);
        tracing::debug!(%peer, %error, "connection ended");
    }
}

async fn answer(front: &Front, peer: SocketAddr, request: Request<Incoming>) -> Response<Body> {
    let web = &front.web;
    let started = web.clock.monotonic();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    // On this machine the copy is cheaper than the compression.
    let pack = !peer.ip().to_canonical().is_loopback() && takes_gzip(request.headers());
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(Peer(peer));
    let mut response = match front.hosts.check(request.uri(), request.headers()) {
        Ok(()) => match front.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        Err(refused) => {
            web.counters.hosts_refused.add(1);
            refused.into_response()
        }
    };
    if pack {
        response = packed(&web.looks, response).await;
    }
    headers::harden(response.headers_mut(), web.secure);
    web.counters.answered(response.status());
    let took = web.clock.monotonic().saturating_sub(started);
    // The query string stays out: it may hold what a person typed.
    tracing::debug!(%peer, %method, path, status = response.status().as_u16(), took_us = took.as_micros() as u64, "answered");
    response
}

/// Who is connected, by client.
#[derive(Default)]
struct Clients(Mutex<Seats>);

#[derive(Default)]
struct Seats {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

/// One connection's place; dropping it gives it back.
struct Seat {
    clients: Arc<Clients>,
    client: IpAddr,
}

impl Clients {
    fn enter(self: &Arc<Self>, address: IpAddr, most: usize, most_of_one: usize) -> Option<Seat> {
        let client = client_of(address);
        let mut seats = self.0.lock();
        let own = seats.of.get(&client).copied().unwrap_or(0);
        if seats.all >= most || own >= most_of_one {
            return None;
        }
        seats.all += 1;
        seats.of.insert(client, own + 1);
        drop(seats);
        Some(Seat { clients: self.clone(), client })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.clients.0.lock();
        seats.all = seats.all.saturating_sub(1);
        match seats.of.get_mut(&self.client) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                seats.of.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_limited_and_given_back() {
        let clients = Arc::new(Clients::default());
        let (a, b): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let first = clients.enter(a, 3, 2);
        let second = clients.enter(a, 3, 2);
        assert!(first.is_some() && second.is_some());
        assert!(clients.enter(a, 3, 2).is_none(), "one client has two at most");
        let other = clients.enter(b, 3, 2);
        assert!(other.is_some());
        assert!(clients.enter(b, 3, 2).is_none(), "three at most");
        drop((first, second, other));
        assert_eq!(clients.0.lock().all, 0);
        assert!(clients.0.lock().of.is_empty());
    }
}
