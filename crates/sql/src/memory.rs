//! Memory of all queries together, and the share of each session in it.
//!
//! A session has its own bound, and all of them have one. The first half of the whole goes to who comes first; of the
//! second half a session gets only up to its fair share, the whole divided by those that hold something. So one large
//! query alone has all that its role allows, and it cannot shut others out.

use datafusion::common::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryLimit, MemoryPool, MemoryReservation};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The whole.
#[derive(Debug)]
pub(crate) struct Pool {
    total: usize,
    state: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    used: usize,
    /// Sessions that hold something.
    holders: usize,
}

/// What one session may take of it.
#[derive(Debug)]
pub(crate) struct Share {
    pool: Arc<Pool>,
    most: usize,
    /// Changed under the pool's lock alone.
    used: AtomicUsize,
    /// It was refused because of the others.
    crowded: AtomicBool,
}

impl Pool {
    /// Of `total` bytes.
    pub fn new(total: usize) -> Arc<Self> {
        Arc::new(Self { total, state: Mutex::default() })
    }

    /// A share of at most `most` bytes.
    pub fn share(self: &Arc<Self>, most: usize) -> Arc<Share> {
        Arc::new(Share {
            pool: Arc::clone(self),
            most: most.min(self.total),
            used: AtomicUsize::new(0),
            crowded: AtomicBool::new(false),
        })
    }
}

impl Share {
    /// The whole, in bytes, if the last refusal was because of the others.
    pub fn crowd(&self) -> Option<usize> {
        self.crowded.swap(false, Ordering::Relaxed).then_some(self.pool.total)
    }

    fn change(&self, held: &mut Held, to: usize) {
        let was = self.used.swap(to, Ordering::Relaxed);
        held.used = (held.used + to).saturating_sub(was);
        match (was, to) {
            (0, 1..) => held.holders += 1,
            (1.., 0) => held.holders = held.holders.saturating_sub(1),
            _ => {}
        }
    }
}

impl MemoryPool for Share {
    fn name(&self) -> &str {
        "share"
    }

    fn grow(&self, _: &MemoryReservation, additional: usize) {
        let mut held = self.pool.state.lock();
        self.change(&mut held, self.used.load(Ordering::Relaxed).saturating_add(additional));
    }

    fn shrink(&self, _: &MemoryReservation, less: usize) {
        let mut held = self.pool.state.lock();
        self.change(&mut held, self.used.load(Ordering::Relaxed).saturating_sub(less));
    }

    fn try_grow(&self, _: &MemoryReservation, additional: usize) -> Result<()> {
        let mut held = self.pool.state.lock();
        let was = self.used.load(Ordering::Relaxed);
        let own = was.saturating_add(additional);
        let refused = |why: &str| Err(DataFusionError::ResourcesExhausted(why.to_owned()));
        if own > self.most {
            return refused("the share of the session");
        }
        let all = held.used.saturating_add(additional);
        let holders = held.holders + usize::from(was == 0);
        let is_fair = own <= self.pool.total / holders.max(1);
        if all > self.pool.total || (all > self.pool.total / 2 && !is_fair) {
            self.crowded.store(true, Ordering::Relaxed);
            return refused("the memory of all sessions");
        }
        self.change(&mut held, own);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.most)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.reserved(), self.most)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let pool = Arc::clone(&self.pool);
        self.change(&mut pool.state.lock(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::memory_pool::MemoryConsumer;

    fn taker(share: &Arc<Share>) -> MemoryReservation {
        let pool: Arc<dyn MemoryPool> = share.clone();
        MemoryConsumer::new("test").register(&pool)
    }

    /// Bytes in use, and by how many.
    fn held(pool: &Pool) -> (usize, usize) {
        let state = pool.state.lock();
        (state.used, state.holders)
    }

    #[test]
    fn one_alone_has_its_bound_and_the_whole_is_never_exceeded() {
        let pool = Pool::new(1_000);
        let alone = pool.share(800);
        let reservation = taker(&alone);
        reservation.try_grow(800).unwrap();
        assert!(reservation.try_grow(1).is_err());
        // Its own bound, not the others.
        assert_eq!(alone.crowd(), None);
        let greedy = pool.share(5_000);
        let all = taker(&greedy);
        assert!(all.try_grow(201).is_err());
        assert_eq!((greedy.crowd(), greedy.crowd()), (Some(1_000), None));
        all.try_grow(200).unwrap();
        assert_eq!(held(&pool), (1_000, 2));
        drop((reservation, all));
        assert_eq!(held(&pool), (0, 0));
        taker(&greedy).try_grow(1_000).unwrap();
    }

    #[test]
    fn the_second_half_is_shared_fairly() {
        let pool = Pool::new(1_000);
        let shares: Vec<_> = (0..4).map(|_| pool.share(1_000)).collect();
        let takers: Vec<_> = shares.iter().map(taker).collect();
        // The first takes what it likes, up to half; the others still get theirs.
        takers[0].try_grow(400).unwrap();
        takers[1].try_grow(100).unwrap();
        assert!(takers[0].try_grow(200).is_err(), "more than a half and than its fair share");
        assert!(shares[0].crowd().is_some());
        takers[1].try_grow(100).unwrap();
        takers[2].try_grow(200).unwrap();
        takers[3].try_grow(200).unwrap();
        assert!(takers[3].try_grow(1).is_err() && pool.state.lock().used == 1_000);
        // What one gives back is there for the others.
        takers[0].shrink(300);
        takers[3].try_grow(50).unwrap();
    }

    #[test]
    fn a_session_that_goes_gives_back() {
        let pool = Pool::new(100);
        let share = pool.share(100);
        let lost = taker(&share);
        lost.try_grow(60).unwrap();
        drop((lost, share));
        assert_eq!(held(&pool), (0, 0));
    }
}
