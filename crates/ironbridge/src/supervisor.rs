//! Every task has a name and one keeper: a panic is loud, counted and contained.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// Spawns tasks by name and tells them when to stop.
#[derive(Clone)]
pub struct Supervisor {
    stop: watch::Sender<bool>,
    panics: Arc<AtomicU64>,
    tasks: tokio_util::task::TaskTracker,
}

impl Default for Supervisor {
    fn default() -> Self {
        Self {
            stop: watch::Sender::new(false),
            panics: Arc::default(),
            tasks: tokio_util::task::TaskTracker::new(),
        }
    }
}

impl Supervisor {
    /// Runs `task` under `name`.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let panics = self.panics.clone();
        self.tasks.spawn(async move {
            if let Err(error) = tokio::spawn(task).await
                && error.is_panic()
            {
                count(&panics, name);
            }
        });
    }

    /// Counts the panic of a thread that its own keeper has caught.
    pub fn panicked(&self, name: &str) {
        count(&self.panics, name);
    }

    /// Tasks that panicked since start.
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Completes when everything is to stop.
    pub async fn stopped(&self) {
        let mut stop = self.stop.subscribe();
        // The sender lives in self, so waiting cannot fail.
        let _ = stop.wait_for(|stop| *stop).await;
    }

    /// Tells all to stop and waits for them.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn count(panics: &AtomicU64, name: &str) {
    panics.fetch_add(1, Ordering::Relaxed);
    tracing::error!(task = name, "a task failed inside Ironbridge; please report this");
}
