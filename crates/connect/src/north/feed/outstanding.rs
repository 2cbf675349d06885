//! What was handed out and is not acknowledged.

use super::{Delivery, Feed};
use model::{Position, Time};
use std::time::Duration;

/// A record that was handed out.
pub(super) struct Outstanding {
    pub(super) position: Position,
    pub(super) samples: u64,
    pub(super) received: Time,
    /// When it was handed out (monotonic).
    pub(super) at: Duration,
    /// First and last time of what it holds.
    pub(super) span: (Time, Time),
}

impl Outstanding {
    /// Of a delivery; `now` stands for the time of a declaration. `None` for what has no record.
    pub(super) fn of(delivery: &Delivery, (now, at): (Time, Duration)) -> Option<Self> {
        let (received, span) = match delivery {
            Delivery::Samples(samples) => (samples.batch.received, samples.span()),
            Delivery::Event { event, .. } => (event.end.unwrap_or(event.start), (event.start, event.start)),
            Delivery::Declare { .. } | Delivery::Stop => (now, (now, now)),
        };
        Some(Self { position: delivery.position()?, samples: delivery.weight() as u64, received, at, span })
    }
}

impl Feed {
    /// Wall clock and monotonic clock.
    pub(super) fn both_times(&self) -> (Time, Duration) {
        let clock = self.namespace.clock();
        (clock.now(), clock.monotonic())
    }

    /// Something is under way; nothing was before, or it is older.
    pub(super) fn handed_out(&self, at: Duration) {
        if self.out_since().is_none() {
            self.shared.lock().out_since = Some(at);
        }
    }

    /// When the oldest of what is under way was handed out.
    pub(super) fn out_since(&self) -> Option<Duration> {
        let journal = [&self.under_way, &self.back_under_way].into_iter().filter_map(|all| all.front());
        journal.map(|one| one.at).chain(self.past.out_since()).min()
    }
}
