//! What the connections share beside the door: the keys by which a query is stopped from a connection of its own.

use super::connection;
use crate::door::{Door, Refused, Speak};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use tokio::net::TcpStream;

/// Stops the query of a connection.
pub(super) type Stopper = Box<dyn Fn() + Send + Sync>;

/// What a cancel request would stop now.
pub(super) type Stopped = Arc<Mutex<Option<Stopper>>>;

/// What all connections share.
pub(super) struct Shared {
    pub door: Arc<Door>,
    /// Secret and what is stopped with it, by process number.
    keys: Mutex<HashMap<i32, (i32, Stopped)>>,
    next: AtomicI32,
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

impl Shared {
    pub fn new(door: Arc<Door>) -> Arc<Self> {
        Arc::new(Self { door, keys: Mutex::default(), next: AtomicI32::new(1) })
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
            self.door.counters.cancelled.fetch_add(1, Ordering::Relaxed);
            stop();
        }
    }
}

impl Speak for Shared {
    fn serve(self: Arc<Self>, tcp: TcpStream, peer: SocketAddr) -> BoxFuture<'static, ()> {
        Box::pin(async move { connection::serve(tcp, peer, &self).await })
    }

    fn refuse(self: Arc<Self>, tcp: TcpStream, why: Refused) -> BoxFuture<'static, ()> {
        Box::pin(async move { connection::refuse(tcp, &self, why.into()).await })
    }
}
