//! A device with a web service: JSON documents by their paths, over HTTP/1.1 in the clear.

use crate::talk::{self, Door, Housed};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use tokio::net::{TcpListener, TcpStream};

/// Most connections at a time: small devices have few.
const MAX_CONNECTIONS: usize = 16;

/// What a device has done since its start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections accepted.
    pub connections: AtomicU64,
    /// Connections closed at once, because there were too many.
    pub refused: AtomicU64,
    /// Connections open now.
    pub open: AtomicU64,
    /// Requests received.
    pub requests: AtomicU64,
}

/// The device.
#[derive(Debug, Default)]
pub struct Site {
    documents: RwLock<BTreeMap<String, Bytes>>,
    silent: AtomicBool,
    /// What it has done.
    pub counters: Counters,
}

/// A listening device. Dropping it stops it.
pub type Server = talk::Server<Site>;

impl Site {
    /// Puts a document at a path, or another in its place.
    pub fn put(&self, path: &str, json: String) {
        self.documents.write().insert(path.to_owned(), json.into());
    }

    /// While true, requests are taken and never answered.
    pub fn set_silent(&self, silent: bool) {
        self.silent.store(silent, Relaxed);
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        self.counters.requests.fetch_add(1, Relaxed);
        if self.silent.load(Relaxed) {
            std::future::pending::<()>().await;
        }
        let mut response = Response::new(Full::default());
        if request.method() != Method::GET {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
            return response;
        }
        match self.documents.read().get(request.uri().path()) {
            Some(document) => {
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert(CONTENT_TYPE, json);
                *response.body_mut() = Full::new(document.clone());
            }
            None => *response.status_mut() = StatusCode::NOT_FOUND,
        }
        response
    }
}

impl Housed for Site {
    fn door(&self) -> Door<'_> {
        let Counters { connections, refused, open, .. } = &self.counters;
        Door { most: MAX_CONNECTIONS, connections, refused, open }
    }
}

/// Listens on `address` (port 0: a free one).
///
/// # Errors
/// If the address cannot be bound.
pub async fn listen(address: SocketAddr, site: Arc<Site>) -> io::Result<Server> {
    Server::start(TcpListener::bind(address).await?, site, serve, std::future::ready(()))
}

async fn serve(stream: TcpStream, site: Arc<Site>) -> io::Result<()> {
    let service = service_fn(|request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, std::convert::Infallible>(site.answer(request).await) }
    });
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.map_err(io::Error::other)
}
