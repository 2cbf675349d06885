//! Password hashing on blocking threads, a few at a time.

use crate::AccessError;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// Hashes at the same time: two cores, 19 MiB each.
const AT_ONCE: usize = 2;
/// Callers waiting for their turn; more are sent away.
const WAITING: usize = 32;

pub(crate) struct Hasher {
    slots: Semaphore,
    waiting: AtomicUsize,
}

struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hasher {
    pub(crate) fn new() -> Self {
        Self { slots: Semaphore::new(AT_ONCE), waiting: AtomicUsize::new(0) }
    }

    /// Runs `work` on a blocking thread when it is its turn.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<R, AccessError> + Send + 'static,
    ) -> Result<R, AccessError> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _counted = Waiting(&self.waiting);
        if before >= WAITING {
            return Err(AccessError::Busy);
        }
        let _slot = self.slots.acquire().await.map_err(|_| AccessError::Busy)?;
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a sign-in was broken off");
            Err(AccessError::Busy)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn few_at_once_and_a_bounded_queue() {
        let hasher = Arc::new(Hasher::new());
        let running = Arc::new(AtomicUsize::new(0));
        let peak = Arc::new(AtomicUsize::new(0));
        let (open, gate) = mpsc::channel::<()>();
        let gate = Arc::new(parking_lot::Mutex::new(gate));
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..WAITING + 10 {
            let (hasher, running, peak, gate) = (hasher.clone(), running.clone(), peak.clone(), gate.clone());
            all.spawn(async move {
                hasher
                    .run(move || {
                        peak.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        let _ = gate.lock().recv();
                        running.fetch_sub(1, Ordering::SeqCst);
                        Ok(())
                    })
                    .await
            });
        }
        let mut busy = 0;
        while busy < 10 {
            if let Err(AccessError::Busy) = all.join_next().await.unwrap().unwrap() {
                busy += 1;
            }
        }
        drop(open);
        while let Some(done) = all.join_next().await {
            done.unwrap().unwrap();
        }
        assert_eq!(busy, 10);
        assert!(peak.load(Ordering::SeqCst) <= AT_ONCE);
    }
}
