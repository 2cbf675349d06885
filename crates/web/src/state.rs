//! What all requests share.

use crate::assets::AssetCache;
use crate::history::Growth;
use crate::metrics::Counters;
use crate::overview::Standing;
use crate::quality_index::QualityIndex;
use crate::rate::Rates;
use crate::streams::Streams;
use crate::{Configuration, History, Limits, Plant, Query};
use access::{Access, Session};
use model::{Clock, Principal};
use namespace::Namespace;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// The rooms that the pages stand on.
#[derive(Clone)]
pub struct App {
    /// Live values, events, commands.
    pub namespace: Namespace,
    /// History.
    pub store: Arc<dyn History>,
    /// SQL over history.
    pub query: Arc<dyn Query>,
    /// Identity, secrets, audit.
    pub access: Arc<Access>,
    /// Everything else.
    pub plant: Arc<dyn Plant>,
    /// The files of the plant.
    pub configuration: Arc<dyn Configuration>,
}

/// State of one listener.
pub(crate) struct Web {
    pub namespace: Namespace,
    pub store: Arc<dyn History>,
    pub query: Arc<dyn Query>,
    pub access: Arc<Access>,
    pub plant: Arc<dyn Plant>,
    pub configuration: Arc<dyn Configuration>,
    pub clock: Arc<dyn Clock>,
    pub limits: Limits,
    /// Served over TLS.
    pub secure: bool,
    /// Turns true when the server stops; live streams end then.
    pub stop: watch::Receiver<bool>,
    pub rates: Rates,
    pub streams: Streams,
    pub counters: Counters,
    pub quality: QualityIndex,
    pub standing: Standing,
    pub asset_cache: AssetCache,
    pub growth: Growth,
    pub reads: Arc<Semaphore>,
    pub looks: Arc<Semaphore>,
    /// Requests being answered, by asker.
    pub in_flight: Streams,
}

pub(crate) type Shared = Arc<Web>;

impl Web {
    pub fn new(app: App, limits: Limits, secure: bool, stop: watch::Receiver<bool>) -> Self {
        let App { namespace, store, query, access, plant, configuration } = app;
        let clock = namespace.clock().clone();
        Self {
            rates: Rates::new(clock.clone()),
            streams: Streams::new(limits.streams, limits.streams_per_session),
            counters: Counters::default(),
            quality: QualityIndex::new(clock.clone()),
            standing: Standing::default(),
            asset_cache: AssetCache::default(),
            growth: Growth::default(),
            reads: Arc::new(Semaphore::new(limits.reads)),
            looks: Arc::new(Semaphore::new(limits.reads)),
            in_flight: Streams::new(limits.connections, limits.requests_per_session),
            namespace,
            store,
            query,
            access,
            plant,
            configuration,
            clock,
            limits,
            secure,
            stop,
        }
    }
}

/// The other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub SocketAddr);

/// Who asks, as the guard found out.
#[derive(Clone)]
pub(crate) struct Who {
    /// Name, role, prefix.
    pub principal: Principal,
    /// Tells sessions and tokens apart, for limits; not a secret.
    pub key: Arc<str>,
    /// What they showed.
    pub credential: Credential,
    /// Their session, if they have one.
    pub session: Option<Session>,
}

/// What an asker showed. Never logged.
#[derive(Clone)]
pub(crate) enum Credential {
    /// The value of the session cookie.
    Cookie(Arc<str>),
    /// An API token.
    Token(Arc<str>),
    /// The machine's owner at the local socket.
    Owner,
}

impl Who {
    /// What the header `x-csrf-token` must say; empty for tokens.
    pub fn csrf(&self) -> &str {
        self.session.as_ref().map_or("", Session::csrf)
    }
}

/// Waits until the server stops. Cancel-safe.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the server is gone, which is the same.
    let _ = stop.wait_for(|stop| *stop).await;
}
