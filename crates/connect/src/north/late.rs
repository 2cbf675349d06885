//! A far side that is there and does not answer: said before anybody wonders why the lag grows.

use super::status::{LastError, MEANING, Shared, next_step};
use super::trouble::Trouble;
use model::Fault;
use model::event::severity;
use namespace::Namespace;
use std::sync::Arc;
use std::time::Duration;

/// How long an acknowledgement may take unless a kind says otherwise.
pub const LATE: Duration = Duration::from_secs(30);
/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);

/// Watches one destination while its sessions run.
pub(super) struct Late {
    name: String,
    namespace: Namespace,
    shared: Arc<Shared>,
    /// `None`: its acknowledgements have no time, as files that are filled for an hour.
    most: Option<Duration>,
    trouble: Trouble,
}

impl Late {
    pub fn new(name: &str, namespace: Namespace, shared: Arc<Shared>, most: Option<Duration>) -> Self {
        let trouble = Trouble::new(&namespace, name, "late", severity::MEDIUM);
        Self { name: name.to_owned(), namespace, shared, most, trouble }
    }

    /// Looks again and again; never completes.
    pub async fn watch(&mut self) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(LOOK).await;
            self.look();
        }
    }

    fn look(&mut self) {
        let clock = self.namespace.clock();
        let now = clock.monotonic();
        let waiting = self.shared.lock().out_since.map(|since| now.saturating_sub(since));
        let late = waiting.filter(|waiting| self.most.is_some_and(|most| *waiting > most));
        match (late, self.trouble.goes_on()) {
            (Some(waiting), false) => self.tell(waiting),
            (None, true) => self.clear(),
            _ => {}
        }
    }

    fn tell(&mut self, waiting: Duration) {
        let now = self.namespace.clock().now();
        let title =
            format!("{} answers late: nothing was acknowledged for {} s", self.name, waiting.as_secs());
        let next =
            next_step(&Fault::Timeout { timeout_ms: u64::try_from(waiting.as_millis()).unwrap_or(u64::MAX) });
        self.shared.lock().status.last_error =
            Some(LastError { time: now, title: title.clone(), meaning: MEANING.into(), next: next.into() });
        self.trouble.begin(title, MEANING, next);
    }

    /// It answered, or its session is over.
    pub fn clear(&mut self) {
        self.trouble.end();
    }
}
