//! The listener: takes connections as long as there is room, and finds the query that somebody wants to stop.

use super::connection::{self, Refused};
use super::options::{Options, RoleLimits};
use access::Access;
use model::Role;
use parking_lot::Mutex;
use sql::Sql;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use transport::Listener;

/// Connections that are only told that there is no room.
const TOLD: usize = 64;
/// After a failed accept (too many open files).
const PAUSE: Duration = Duration::from_millis(100);

/// Stops the query of a connection.
pub(super) type Stopper = Box<dyn Fn() + Send + Sync>;

/// What a cancel request would stop now.
pub(super) type Stopped = Arc<Mutex<Option<Stopper>>>;

/// What all connections share.
pub(super) struct Shared {
    pub access: Access,
    pub sql: Sql,
    pub options: Options,
    pub counters: Counters,
    /// Secret and what is stopped with it, by process number.
    keys: Mutex<HashMap<i32, (i32, Stopped)>>,
    by_name: Mutex<HashMap<String, usize>>,
    next: AtomicI32,
    open: AtomicUsize,
    told: AtomicUsize,
}

/// Counts since the start.
#[derive(Default)]
pub(super) struct Counters {
    pub accepted: AtomicU64,
    pub full: AtomicU64,
    pub refused: AtomicU64,
    pub broken: AtomicU64,
    pub queries: AtomicU64,
    pub failed: AtomicU64,
    pub rows: AtomicU64,
    pub cancelled: AtomicU64,
}

/// How the listener is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Connections that are open.
    pub open: usize,
    /// Counts since the start by name: `accepted`, `refused_full`, `refused_sign_in`, `broken`, `queries`,
    /// `queries_failed`, `rows`, `cancelled`.
    pub counters: [(&'static str, u64); 8],
}

/// The listener at work.
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

/// A number that is given back.
pub(super) struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn place(count: &AtomicUsize, most: usize) -> Option<Place<'_>> {
    let room = count.try_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < most).then_some(n + 1));
    // Made only where there is room: one that is dropped gives its room back.
    room.is_ok().then(|| Place(count))
}

/// A connection's number and the secret to it.
pub(super) struct Key {
    shared: Arc<Shared>,
    pub process: i32,
    pub secret: i32,
    /// What stops the query that runs.
    pub stopper: Stopped,
}

impl Drop for Key {
    fn drop(&mut self) {
        self.shared.keys.lock().remove(&self.process);
    }
}

/// One of the connections that a user or token may have.
pub(super) struct Seat {
    shared: Arc<Shared>,
    name: String,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.shared.by_name.lock();
        if let Some(count) = all.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.name);
            }
        }
    }
}

impl Shared {
    pub fn limits(&self, role: Role) -> RoleLimits {
        (self.options.limits)(role)
    }

    /// A new key; `None` if the system has no random numbers.
    pub fn key(self: &Arc<Self>) -> Option<Key> {
        let mut secret = [0; 4];
        getrandom::fill(&mut secret).ok()?;
        let secret = i32::from_be_bytes(secret);
        let process = self.next.fetch_add(1, Ordering::Relaxed) & i32::MAX;
        let stopper = Arc::default();
        self.keys.lock().insert(process, (secret, Arc::clone(&stopper)));
        Some(Key { shared: Arc::clone(self), process, secret, stopper })
    }

    /// Stops the query of the connection with that key. Says nothing to who asks.
    pub fn cancel(&self, process: i32, secret: i32) {
        let found =
            self.keys.lock().get(&process).filter(|(known, _)| *known == secret).map(|(_, s)| Arc::clone(s));
        if let Some(stopper) = found
            && let Some(stop) = &*stopper.lock()
        {
            self.counters.cancelled.fetch_add(1, Ordering::Relaxed);
            stop();
        }
    }

    /// A seat for `name`, if it has not `most` already.
    pub fn seat(self: &Arc<Self>, name: &str, most: usize) -> Option<Seat> {
        let mut all = self.by_name.lock();
        let count = all.entry(name.to_owned()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Seat { shared: Arc::clone(self), name: name.to_owned() })
    }
}

impl Server {
    /// Opens the listener.
    ///
    /// # Errors
    /// The port is taken, or the address may not be listened on without TLS.
    pub async fn start(options: Options, access: Access, sql: Sql) -> Result<Self, String> {
        access::check_listener(&options.listen.ip().to_string(), options.tls.is_some())?;
        let listener = Listener::bind(options.listen, None).await.map_err(|fault| fault.to_string())?;
        let address = listener.address().map_err(|fault| fault.to_string())?;
        let shared = Arc::new(Shared {
            access,
            sql,
            options,
            counters: Counters::default(),
            keys: Mutex::default(),
            by_name: Mutex::default(),
            next: AtomicI32::new(1),
            open: AtomicUsize::new(0),
            told: AtomicUsize::new(0),
        });
        let stop = watch::Sender::new(false);
        let task = tokio::spawn(accept(listener, Arc::clone(&shared), stop.subscribe()));
        Ok(Self { shared, address, stop, task })
    }

    /// Where it listens, with the real port.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it is.
    pub fn status(&self) -> Status {
        let c = &self.shared.counters;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Status {
            open: self.shared.open.load(Ordering::Relaxed),
            counters: [
                ("accepted", read(&c.accepted)),
                ("refused_full", read(&c.full)),
                ("refused_sign_in", read(&c.refused)),
                ("broken", read(&c.broken)),
                ("queries", read(&c.queries)),
                ("queries_failed", read(&c.failed)),
                ("rows", read(&c.rows)),
                ("cancelled", read(&c.cancelled)),
            ],
        }
    }

    /// Closes the listener and every connection.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the SQL listener failed");
        }
    }
}

async fn accept(listener: Listener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let incoming = tokio::select! {
            // The sender lives as long as the server.
            _ = stop.wait_for(|stop| *stop) => break,
            Some(_) = connections.join_next() => continue,
            incoming = listener.accept() => incoming,
        };
        let Ok(incoming) = incoming else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (peer, shared) = (incoming.peer(), Arc::clone(&shared));
        let Some(tcp) = incoming.plain() else { continue };
        shared.counters.accepted.fetch_add(1, Ordering::Relaxed);
        connections.spawn(async move {
            if let Some(_place) = place(&shared.open, shared.options.connections) {
                connection::serve(tcp, peer, &shared).await;
                return;
            }
            shared.counters.full.fetch_add(1, Ordering::Relaxed);
            if let Some(_place) = place(&shared.told, TOLD) {
                connection::refuse(tcp, &shared, Refused::Full(shared.options.connections)).await;
            }
        });
    }
    connections.shutdown().await;
}
