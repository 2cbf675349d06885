//! Where others post values: the doors that connections of kind `webhook` open while they run.
//!
//! ```text
//!  web route ─ name, token ─▶ Inbox::door ─▶ Door::post ─▶ bounded queue ─▶ connection ─▶ journal
//!                                                ▲──────────── kept, on disk ◀──────────────┘
//! ```
//! Rationale: the listener, its encryption and its limits are the page's own, so there is no second one to keep safe; what
//! a post means is the connection's. An answer that says "kept" is given when the disk has it.

use crate::kind::Secrets;
pub use crate::south::OrderAnswer as Answer;
use crate::south::messages::Commanded;
use bytes::Bytes;
use model::{Clock, Position};
use namespace::journal::Journal;
use parking_lot::Mutex;
use ring::{hmac, rand::SystemRandom};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Posts of one connection that are under way at once, bodies included.
const MOST: usize = 32;

/// Whoever posts an order waits so long for its outcome; then it comes later.
const PATIENCE: Duration = Duration::from_secs(20);

/// A post on its way to its connection.
pub(crate) struct Post {
    /// What stands behind the connection's name in the address; `/` for nothing.
    pub path: String,
    /// The body.
    pub body: Bytes,
    /// What became of it.
    pub answer: oneshot::Sender<Result<Taken, Refused>>,
}

/// What a connection made of a post.
pub(crate) struct Taken {
    /// Position of the last sample.
    pub position: Position,
    /// What came of it.
    pub kept: Kept,
    /// What it asked for.
    pub commands: Vec<Commanded>,
}

/// What was kept of a post.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Values written down, bad ones included.
    pub values: usize,
    /// Of them, bad: what stood there does not fit the point.
    pub bad: usize,
    /// Values without a place: a pattern is full, or a name is taken.
    pub no_room: usize,
    /// What became of what it asked for.
    pub commands: Vec<Answer>,
}

/// Why a post was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Too many at once, or in a short time: after this many seconds there is room again.
    TooMany(u32),
    /// The body is longer than it may be, or broke off.
    TooLong,
    /// No tag and no pattern reads this path, or the body has nothing of what they read.
    Unread(String),
    /// The body is not what it should be.
    Unreadable(String),
    /// Not now, in words.
    Closed(String),
}

/// How a door is made.
pub(crate) struct Frame {
    /// The connection.
    pub name: String,
    /// Name of the secret that a post must show.
    pub token: String,
    /// Where the secret is.
    pub secrets: Arc<dyn Secrets>,
    /// Longest body, bytes.
    pub max_body: usize,
    /// Posts per second.
    pub max_rate: u32,
    /// What is on disk.
    pub journal: Journal,
    /// For the rate.
    pub clock: Arc<dyn Clock>,
    /// Counts posts that were refused for their number.
    pub limited: Box<dyn Fn() + Send + Sync>,
}

struct Bucket {
    left: f64,
    at: Duration,
}

/// Where posts of one connection go in.
pub struct Door {
    frame: Frame,
    posts: mpsc::Sender<Post>,
    places: Semaphore,
    bucket: Mutex<Bucket>,
}

/// All open doors.
#[derive(Default)]
pub struct Inbox(Mutex<BTreeMap<String, Arc<Door>>>);

/// An open door; dropping it closes it.
pub(crate) struct Open {
    inbox: Arc<Inbox>,
    door: Arc<Door>,
    pub(crate) posts: mpsc::Receiver<Post>,
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut doors = self.inbox.0.lock();
        // After a reload a newer one may stand there.
        if doors.get(&self.door.frame.name).is_some_and(|door| Arc::ptr_eq(door, &self.door)) {
            doors.remove(&self.door.frame.name);
        }
    }
}

impl Inbox {
    /// Opens a door until what is returned is dropped.
    pub(crate) fn open(self: &Arc<Self>, frame: Frame) -> Open {
        let (posts, receiver) = mpsc::channel(MOST);
        let (left, at) = (f64::from(frame.max_rate), frame.clock.monotonic());
        let bucket = Mutex::new(Bucket { left, at });
        let name = frame.name.clone();
        let door = Arc::new(Door { frame, posts, places: Semaphore::new(MOST), bucket });
        self.0.lock().insert(name, door.clone());
        Open { inbox: self.clone(), door, posts: receiver }
    }

    /// The door of this name, for whoever shows its token. `None` does not tell whether there is such a door.
    pub fn door(&self, name: &str, token: &str) -> Option<Arc<Door>> {
        let door = self.0.lock().get(name).cloned();
        // Without a door the same work is done, so that the time of an answer tells no names.
        let wanted = door.as_ref().and_then(|door| door.frame.secrets.secret(&door.frame.token));
        let fits = same(wanted.as_deref().unwrap_or_default(), token);
        door.filter(|_| fits && wanted.is_some_and(|wanted| wanted.len() >= SHORTEST_TOKEN))
    }
}

/// Fewer characters than this are guessed too soon.
pub(crate) const SHORTEST_TOKEN: usize = 16;

/// Whether two secrets are the same, in a time that does not depend on where they differ: their codes under a key of the
/// moment are compared instead.
fn same(wanted: &str, given: &str) -> bool {
    let Ok(key) = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()) else { return false };
    let code = hmac::sign(&key, wanted.as_bytes());
    hmac::verify(&key, given.as_bytes(), code.as_ref()).is_ok()
}

impl Door {
    /// Longest body that is taken, bytes.
    pub fn max_body(&self) -> usize {
        self.frame.max_body
    }

    /// Whether there may be one more just now.
    fn admits(&self) -> bool {
        let rate = f64::from(self.frame.max_rate);
        let now = self.frame.clock.monotonic();
        let mut bucket = self.bucket.lock();
        let passed = now.saturating_sub(bucket.at).as_secs_f64();
        bucket.at = now;
        bucket.left = (bucket.left + passed * rate).min(rate.max(1.0));
        let admits = bucket.left >= 1.0;
        bucket.left -= f64::from(u8::from(admits));
        admits
    }

    fn limited(&self) -> Refused {
        (self.frame.limited)();
        Refused::TooMany(1)
    }

    /// Hands a body to the connection; it is read when there is room for it. Comes back when what it holds is on disk.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn post(
        &self,
        path: String,
        body: impl Future<Output = Option<Bytes>> + Send,
    ) -> Result<Kept, Refused> {
        let Some(_place) = self.places.try_acquire().ok().filter(|_| self.admits()) else {
            return Err(self.limited());
        };
        let body = body.await.ok_or(Refused::TooLong)?;
        let gone = || Refused::Closed("the connection is being changed or stopped".into());
        let (answer, answered) = oneshot::channel();
        // Never full: it has a place for each that may be under way.
        self.posts.send(Post { path, body, answer }).await.map_err(|_| gone())?;
        let Taken { position, mut kept, commands } = answered.await.map_err(|_| gone())??;
        self.frame.journal.hurry();
        match self.frame.journal.wait_synced(position).await {
            Ok(()) => {
                let answers = commands.into_iter().map(|command| command.end(PATIENCE));
                kept.commands = futures_util::future::join_all(answers).await;
                Ok(kept)
            }
            Err(why) => Err(Refused::Closed(format!("the values could not be written to disk: {why}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_compared_whole() {
        assert!(same("0123456789abcdef", "0123456789abcdef"));
        for wrong in ["", "0123456789abcde", "0123456789abcdeg", "0123456789abcdef0"] {
            assert!(!same("0123456789abcdef", wrong), "{wrong}");
        }
    }
}
