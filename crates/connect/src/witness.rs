//! What drivers say of answers that came out of their sockets, for whoever sees the same answers on the wire.
//!
//! ```text
//!   driver ─ tell ─▶ bounded queue ─▶ monitor ◀─ the same transaction, seen at a span port
//! ```
//! Rationale: only the transaction itself can be compared; two reads of one register may differ and both be true. A driver that
//! nobody listens to pays one look at a flag.

use model::Clock;
use model::expected::Reply;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use transport::Stream;

/// Our end of a stream, and the other.
pub type Ends = (SocketAddr, SocketAddr);

/// The ends of a stream, our own first. Kept for a whole session: who listens may come later.
pub fn ends(stream: &Stream) -> Option<Ends> {
    stream.local_address().zip(stream.peer_address())
}

/// Where drivers tell.
#[derive(Debug, Default)]
pub struct Witness {
    heard: AtomicBool,
    queue: Mutex<Option<SyncSender<Reply>>>,
    lost: AtomicU64,
}

impl Witness {
    /// Listens from now on, instead of whoever did before; `room` is how many answers may wait.
    pub fn listen(&self, room: usize) -> Receiver<Reply> {
        let (sender, receiver) = sync_channel(room);
        *self.queue.lock() = Some(sender);
        self.heard.store(true, Relaxed);
        receiver
    }

    /// Whether anybody listens.
    pub fn is_heard(&self) -> bool {
        self.heard.load(Relaxed)
    }

    /// Tells of an answer that came out of a stream with these ends, if anybody wants to hear of it.
    pub fn answered(&self, ends: Option<Ends>, transaction: u16, bytes: &[u8], clock: &dyn Clock) {
        if let Some((local, remote)) = ends.filter(|_| self.is_heard()) {
            let (transaction, digest) = (transaction.into(), Reply::digest(bytes));
            self.tell(Reply { local, remote, transaction, digest, time: clock.now() });
        }
    }

    /// Tells of an answer. Never waits: what has no room is counted.
    pub fn tell(&self, reply: Reply) {
        if let Some(queue) = &*self.queue.lock()
            && queue.try_send(reply).is_err()
        {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    /// Answers that had no room.
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Time;

    #[test]
    fn what_has_no_room_is_counted() {
        let witness = Witness::default();
        let end = "127.0.0.1:502".parse().unwrap();
        let reply = Reply { local: end, remote: end, transaction: 1, digest: 2, time: Time(3) };
        witness.tell(reply);
        assert!(!witness.is_heard() && witness.lost() == 0, "nobody wants to know");
        let told = witness.listen(1);
        (0..3).for_each(|_| witness.tell(reply));
        assert_eq!((told.try_iter().count(), witness.lost()), (1, 2));
        // Whoever listens later hears of sessions that were open before.
        let (late, clock) = (Witness::default(), model::SystemClock::shared());
        late.answered(Some((end, end)), 1, b"x", clock.as_ref());
        let told = late.listen(1);
        late.answered(Some((end, end)), 2, b"x", clock.as_ref());
        assert_eq!(told.try_iter().map(|reply| reply.transaction).collect::<Vec<_>>(), [2]);
    }
}
