//! Whether the service manager may be told that all is well.

use journal::{State, Stats};
use model::Position;
use std::time::Duration;

/// Longest time in which records may wait for the disk without one sync, while the writer does not say that it fails.
const STALLED: Duration = Duration::from_secs(60);

/// The journal's writer, watched from outside: a thread that hangs cannot say so itself.
#[derive(Default)]
pub struct Pulse {
    synced: Position,
    moved: Option<Duration>,
}

impl Pulse {
    /// Whether the writer lives: it syncs, or has nothing to sync, or reports that the disk refuses (then it tries by
    /// itself, and a restart would only take the pages away). `now` is monotonic.
    pub fn beats(&mut self, stats: &Stats, now: Duration) -> bool {
        let lives = stats.unsynced == 0 || stats.synced != self.synced || stats.state == State::Failing;
        let moved = *self.moved.get_or_insert(now);
        if lives {
            (self.synced, self.moved) = (stats.synced, Some(now));
            return true;
        }
        now.saturating_sub(moved) < STALLED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_hangs_is_found_and_one_that_works_or_rests_is_not() {
        let at = Duration::from_secs;
        let stats =
            |synced, unsynced, state| Stats { synced: Position(synced), unsynced, state, ..Stats::default() };
        let mut pulse = Pulse::default();
        assert!(pulse.beats(&stats(5, 9, State::Ok), at(100)), "it has just begun");
        assert!(pulse.beats(&stats(5, 9, State::Slow), at(159)), "a slow disk is no dead one");
        assert!(!pulse.beats(&stats(5, 9, State::Slow), at(160)));
        assert!(pulse.beats(&stats(6, 9, State::Ok), at(161)), "it moves again");
        assert!(pulse.beats(&stats(6, 0, State::Ok), at(400)), "nothing to do is no stall");
        assert!(pulse.beats(&stats(6, 3, State::Ok), at(459)));
        assert!(!pulse.beats(&stats(6, 3, State::Ok), at(460)));
        assert!(
            pulse.beats(&stats(6, 3, State::Failing), at(900)),
            "a full disk is told by an event, not by a restart"
        );
    }
}
