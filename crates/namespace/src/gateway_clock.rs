//! What to do when the gateway's own clock steps back behind what is already recorded.

use model::{Batch, Clock, Each, Time};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// A step back by less than this is ordinary clock discipline and ignored.
const TOLERANCE: Duration = Duration::from_secs(1);

/// Keeps receive times from running backwards by more than [`TOLERANCE`].
pub(crate) struct GatewayClock {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    /// The latest receive time so far.
    newest: Time,
    /// Set while the wall clock is behind `newest`: the base from which time goes on by the monotonic clock.
    rebased: Option<(Time, Duration)>,
}

impl GatewayClock {
    pub(crate) fn new(clock: Arc<dyn Clock>, newest: Time) -> Self {
        Self { clock, state: Mutex::new(State { newest, rebased: None }) }
    }

    pub(crate) fn is_sound(&self) -> bool {
        self.state.lock().rebased.is_none()
    }

    /// Re-bases the receive time of a live batch and marks it unsynchronised while the wall clock is behind.
    pub(crate) fn correct(&self, batch: &mut Batch) {
        let mut state = self.state.lock();
        if batch.received >= state.newest {
            state.newest = batch.received;
            state.rebased = None;
            return;
        }
        if state.newest.since(batch.received) <= TOLERANCE && state.rebased.is_none() {
            return;
        }
        let now = self.clock.monotonic();
        let start = (state.newest, now);
        let (base, since) = *state.rebased.get_or_insert(start);
        let received = base.after(now.saturating_sub(since));
        if batch.time == Each::All(batch.received) {
            batch.time = Each::All(received);
        }
        batch.received = received;
        batch.flags.synchronised = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{ManualClock, PointId, Shape, Status, Value};

    fn batch(at: Time) -> Batch {
        Batch::polled(Shape::new(vec![PointId(1)]), at, Each::All(Status::GOOD), vec![Value::I64(1)])
    }

    #[test]
    fn a_step_back_is_rebased_until_the_clock_has_caught_up() {
        let start = Time::from_millis(1_000_000);
        let manual = ManualClock::new(start);
        let clock = GatewayClock::new(manual.clone(), Time::ZERO);
        let mut first = batch(start);
        clock.correct(&mut first);
        assert!(first.flags.synchronised && clock.is_sound());

        let back = Time::from_millis(400_000);
        let mut second = batch(back);
        clock.correct(&mut second);
        assert!(!second.flags.synchronised && !clock.is_sound());
        assert_eq!(second.received, start);

        manual.advance(Duration::from_secs(2));
        let mut third = batch(back.after(Duration::from_secs(2)));
        clock.correct(&mut third);
        assert_eq!(third.time, Each::All(start.after(Duration::from_secs(2))));

        let mut sound = batch(start.after(Duration::from_secs(3)));
        clock.correct(&mut sound);
        assert!(sound.flags.synchronised && clock.is_sound());
    }
}
