//! What the listener is told.

use access::ListenerTls;
use model::Role;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Bounds of one role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleLimits {
    /// Longest run of a query; `SET statement_timeout` can shorten it.
    pub time: Duration,
    /// Most rows of an answer; one row more is an error, never a silent end.
    pub rows: usize,
    /// Most memory of a session for sorting, grouping and joining, in bytes.
    pub memory: usize,
    /// Most connections of one user or token.
    pub connections: usize,
}

impl Default for RoleLimits {
    /// 60 s, 10 million rows, 256 MiB, 20 connections.
    fn default() -> Self {
        Self { time: Duration::from_secs(60), rows: 10_000_000, memory: 256 << 20, connections: 20 }
    }
}

/// The listener.
#[derive(Clone)]
pub struct Options {
    /// Where.
    pub listen: SocketAddr,
    /// Its certificate; without one only loopback may be listened on.
    pub tls: Option<Arc<ListenerTls>>,
    /// Most connections of all.
    pub connections: usize,
    /// Bounds by role.
    pub limits: Arc<dyn Fn(Role) -> RoleLimits + Send + Sync>,
}
