//! Where machines and services post their values. What a post means, the binary knows; here is how it comes in.

use crate::Problem;
use axum::body::Bytes;
use futures_util::future::BoxFuture;
use serde::Serialize;
use utoipa::ToSchema;

/// A body that is still coming; `None` if it is longer than it may be, or breaks off.
pub type Coming<'a> = BoxFuture<'a, Option<Bytes>>;

/// Where posts for one connection go in, for whoever has shown its token.
pub trait Door: Send + Sync {
    /// Longest body, bytes.
    fn max_body(&self) -> usize;

    /// Takes a post. `path` is what stands behind the connection's name, `/` for nothing. The body is read when there is
    /// room for it; the answer comes when what it holds is on disk.
    ///
    /// # Errors
    /// [`Refused`]; then nothing of it counts as received.
    fn post<'a>(&'a self, path: String, body: Coming<'a>) -> BoxFuture<'a, Result<Posted, Refused>>;
}

/// Why a post was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Too many; there is room again after this many seconds.
    TooMany(u32),
    /// The body is longer than it may be.
    TooLong,
    /// Something else.
    Problem(Problem),
}

/// What was kept of a post; it is on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Posted {
    /// Values written down, bad ones included.
    pub values: usize,
    /// Of them, bad: what stood there does not fit the point.
    pub bad: usize,
    /// Values without a place: a pattern is full, or a name is taken.
    pub no_room: usize,
    /// What became of what it asked for; left out where it asked for nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Ordered>,
}

/// What became of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Ordered {
    /// The command's name in the connection's file.
    pub command: String,
    /// The order's own id.
    pub order: String,
    /// Confirmed, Accepted, Rejected, Failed or Unknown; Waiting for a second person; Running where it takes longer.
    pub outcome: String,
    /// Why, where there is something to say.
    pub why: String,
}
