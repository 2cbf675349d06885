//! The health gate: nothing that worked before may be worse after.

use super::super::House;
use super::How;
use connect::north;
use connect::south::status::State;
use model::{PointId, Position};
use std::time::Duration;
use tokio::time::Instant;
use web::shapes::AppliedShape;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(50);
/// Points that are named when the gate stays shut.
const NAMED: usize = 3;

/// What has to be as good as before.
pub(super) struct Watched {
    name: String,
    destination: bool,
    /// Was connected before.
    connected: bool,
    /// Points that were Good before and were not Good since.
    waiting: Vec<PointId>,
    /// Samples behind this are new.
    since: Position,
}

impl Watched {
    pub(super) fn destination(name: &str) -> Self {
        let since = Position::START;
        Self { name: name.to_owned(), destination: true, connected: true, waiting: Vec::new(), since }
    }

    pub(super) fn connection(name: &str, connected: bool, good: Vec<PointId>, since: Position) -> Self {
        Self { name: name.to_owned(), destination: false, connected, waiting: good, since }
    }

    fn is_healthy(&mut self, house: &House, soon: Duration) -> bool {
        if self.destination {
            let running = house.destinations.lock();
            return running
                .get(&self.name)
                .is_some_and(|one| one.handle.status().state == north::State::Connected);
        }
        let running = house.connections.lock();
        let Some(state) = running.get(&self.name).map(|one| one.handle.state()) else { return false };
        drop(running);
        self.waiting.retain(|id| {
            let (known, last) = (house.namespace.meta(*id), house.namespace.last(*id));
            // What is read seldom, or comes by itself, is not waited for.
            let awaited = known.is_some_and(|known| !known.scan.is_zero() && known.scan <= soon);
            awaited && !last.is_some_and(|last| last.status.is_good() && last.position > self.since)
        });
        self.waiting.is_empty() && (!self.connected || state == State::Connected)
    }

    /// Why it is not healthy, for a person.
    fn why(&self, house: &House, gate: Duration) -> String {
        let seconds = gate.as_secs_f64();
        if self.destination {
            return format!("destination {} was connected before and is not within {seconds} s", self.name);
        }
        let error =
            house.connections.lock().get(&self.name).map(|one| one.handle.last_error()).unwrap_or_default();
        let error = if error.is_empty() { String::new() } else { format!("; {error}") };
        if self.waiting.is_empty() {
            return format!(
                "connection {} was connected before and is not within {seconds} s{error}",
                self.name
            );
        }
        let shown = self.waiting.iter().take(NAMED).filter_map(|id| {
            let (known, last) = (house.namespace.meta(*id)?, house.namespace.last(*id)?);
            Some(format!("{} ({})", known.path, last.status))
        });
        let shown: Vec<String> = shown.collect();
        let more = self.waiting.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!(
            "connection {}: points that were Good before are not Good within {seconds} s: {}{more}{error}",
            self.name,
            shown.join(", ")
        )
    }
}

impl House {
    /// Waits until everything is as good as before.
    ///
    /// # Errors
    /// What is not, in words; with `force` that becomes a note.
    pub(super) async fn wait_healthy(
        &self,
        mut watched: Vec<Watched>,
        how: How,
        done: &mut AppliedShape,
    ) -> Result<(), String> {
        let until = Instant::now() + how.gate;
        let soon = how.gate / 2;
        loop {
            watched.retain_mut(|one| !one.is_healthy(self, soon));
            let Some(first) = watched.first() else { return Ok(()) };
            if Instant::now() >= until {
                let why = first.why(self, how.gate);
                if !how.force {
                    return Err(why);
                }
                done.notes.push(why);
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
