//! The listener: takes connections as long as there is room, and counts what comes of them.

use super::options::{Options, RoleLimits};
use super::refused::Refused;
use access::Access;
use futures_util::future::BoxFuture;
use model::{Principal, Role};
use parking_lot::Mutex;
use sql::Sql;
use sql::postgres::Identity;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use transport::Listener;

/// Connections that are only told that there is no room.
const TOLD: usize = 64;
/// After a failed accept (too many open files).
const PAUSE: Duration = Duration::from_millis(100);

/// What is spoken at a door.
pub(crate) trait Speak: Send + Sync + 'static {
    /// Serves a client until it goes.
    fn serve(self: Arc<Self>, tcp: TcpStream, peer: SocketAddr) -> BoxFuture<'static, ()>;

    /// Tells a client why it cannot stay, and lets it go soon.
    fn refuse(self: Arc<Self>, tcp: TcpStream, why: Refused) -> BoxFuture<'static, ()>;
}

/// What all connections of a door share.
pub(crate) struct Door {
    pub access: Access,
    pub sql: Sql,
    pub options: Options,
    pub counters: Counters,
    by_name: Mutex<HashMap<String, usize>>,
    open: AtomicUsize,
    told: AtomicUsize,
}

/// Counts since the start.
#[derive(Default)]
pub(crate) struct Counters {
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
    door: Arc<Door>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

/// A number that is given back.
struct Place<'a>(&'a AtomicUsize);

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

/// One of the connections that a user or token may have.
pub(crate) struct Seat {
    door: Arc<Door>,
    name: String,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.door.by_name.lock();
        if let Some(count) = all.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.name);
            }
        }
    }
}

impl Door {
    /// A door that is not open yet.
    pub fn new(options: Options, access: Access, sql: Sql) -> Arc<Self> {
        Arc::new(Self {
            access,
            sql,
            options,
            counters: Counters::default(),
            by_name: Mutex::default(),
            open: AtomicUsize::new(0),
            told: AtomicUsize::new(0),
        })
    }

    fn limits(&self, role: Role) -> RoleLimits {
        (self.options.limits)(role)
    }

    /// A seat for `name`, if it has not `most` already.
    fn seat(self: &Arc<Self>, name: &str, most: usize) -> Option<Seat> {
        let mut all = self.by_name.lock();
        let count = all.entry(name.to_owned()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Seat { door: Arc::clone(self), name: name.to_owned() })
    }

    /// A seat and a session for who signed in, within the bounds of the role.
    ///
    /// # Errors
    /// No seat is free, or the engine cannot be started.
    pub async fn session(
        self: &Arc<Self>,
        who: &Principal,
        identity: &Identity,
    ) -> Result<(Seat, sql::Session), Refused> {
        let limits = self.limits(who.role);
        let seat = self.seat(&who.name, limits.connections);
        let seat = seat.ok_or(Refused::Seats(limits.connections))?;
        let bounds = sql::Limits { time: limits.time, rows: limits.rows, memory: limits.memory };
        let session = self.sql.session(who, bounds, identity).await;
        let session = session.map_err(|error| {
            tracing::error!(%error, "a SQL session could not be made");
            Refused::Internal
        })?;
        Ok((seat, session))
    }

    /// Counts a client that was refused.
    pub fn count(&self, why: &Refused) {
        let counter = match why {
            Refused::Full(_) | Refused::Seats(_) => &self.counters.full,
            Refused::SignIn(_) => &self.counters.refused,
            Refused::Ended | Refused::Internal => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Server {
    /// Opens the door.
    ///
    /// # Errors
    /// The port is taken, or the address may not be listened on without TLS.
    pub(crate) async fn start(door: Arc<Door>, speak: Arc<dyn Speak>) -> Result<Self, String> {
        let options = &door.options;
        access::check_listener(&options.listen.ip().to_string(), options.tls.is_some())?;
        let listener = Listener::bind(options.listen, None).await.map_err(|fault| fault.to_string())?;
        let address = listener.address().map_err(|fault| fault.to_string())?;
        let stop = watch::Sender::new(false);
        let task = tokio::spawn(accept(listener, Arc::clone(&door), speak, stop.subscribe()));
        Ok(Self { door, address, stop, task })
    }

    /// Where it listens, with the real port.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it is.
    pub fn status(&self) -> Status {
        let c = &self.door.counters;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Status {
            open: self.door.open.load(Ordering::Relaxed),
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

async fn accept(listener: Listener, door: Arc<Door>, speak: Arc<dyn Speak>, mut stop: watch::Receiver<bool>) {
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
        let (peer, door, speak) = (incoming.peer(), Arc::clone(&door), Arc::clone(&speak));
        let Some(tcp) = incoming.plain() else { continue };
        door.counters.accepted.fetch_add(1, Ordering::Relaxed);
        connections.spawn(async move {
            if let Some(_place) = place(&door.open, door.options.connections) {
                speak.serve(tcp, peer).await;
                return;
            }
            let why = Refused::Full(door.options.connections);
            door.count(&why);
            if let Some(_place) = place(&door.told, TOLD) {
                speak.refuse(tcp, why).await;
            }
        });
    }
    connections.shutdown().await;
}
