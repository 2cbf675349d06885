//! One thing said often is one event with a count. Pure.

use model::{Event, Time};
use std::collections::HashMap;
use std::time::Duration;

/// Things that are remembered; the one that was silent longest goes first.
const MOST: usize = 1_024;
/// So long after it was last said, the same thing is another event.
const QUIET: Duration = Duration::from_secs(300);
/// An event that grows is told again at most that often.
const PAUSE: Duration = Duration::from_secs(5);

struct Said {
    event: Event,
    count: u64,
    last: Time,
    told: Time,
    /// Count that was told.
    known: u64,
}

/// What was said lately.
#[derive(Default)]
pub(super) struct Repeats(HashMap<u64, Said>);

impl Repeats {
    /// Something is said; `key` tells whether it was said before. The event to tell now, if any.
    pub(super) fn said(&mut self, key: u64, now: Time, event: impl FnOnce() -> Event) -> Option<Event> {
        if let Some(said) = self.0.get_mut(&key)
            && now.since(said.last) < QUIET
        {
            said.count += 1;
            said.last = now;
            return said.due(now);
        }
        if self.0.len() >= MOST
            && !self.0.contains_key(&key)
            && let Some(oldest) = self.0.iter().min_by_key(|(_, said)| said.last).map(|(key, _)| *key)
        {
            self.0.remove(&oldest);
        }
        let event = event();
        self.0.insert(key, Said { event: event.clone(), count: 1, last: now, told: now, known: 1 });
        Some(event)
    }

    /// Events that have grown since they were told.
    pub(super) fn due(&mut self, now: Time) -> Vec<Event> {
        self.0.retain(|_, said| said.known < said.count || now.since(said.last) < QUIET);
        self.0.values_mut().filter_map(|said| said.due(now)).collect()
    }

    /// How long until something is due; `None` while everything is told.
    pub(super) fn wait(&self, now: Time) -> Option<Duration> {
        let open = self.0.values().filter(|said| said.known < said.count);
        open.map(|said| PAUSE.saturating_sub(now.since(said.told))).min()
    }
}

impl Said {
    fn due(&mut self, now: Time) -> Option<Event> {
        if self.known == self.count || now.since(self.told) < PAUSE {
            return None;
        }
        (self.told, self.known) = (now, self.count);
        self.event.revision += 1;
        let mut event = self.event.clone();
        event.text = format!("{} Said {} times until {}.", event.text, self.count, self.last);
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::EventKind;

    fn at(seconds: u64) -> Time {
        Time(1_700_000_000_000_000_000).after(Duration::from_secs(seconds))
    }

    fn event() -> Event {
        Event::info(EventKind::Fault, "x", "connection/x", at(0), "x")
    }

    #[test]
    fn a_thousand_times_is_one_event_with_a_count() {
        let mut repeats = Repeats::default();
        assert_eq!(repeats.said(1, at(0), event).map(|event| event.revision), Some(1));
        for _ in 0..999 {
            assert_eq!(repeats.said(1, at(1), event), None);
        }
        assert_eq!(repeats.wait(at(1)), Some(Duration::from_secs(4)));
        assert!(repeats.due(at(2)).is_empty());
        let grown = repeats.due(at(5)).remove(0);
        assert_eq!((grown.revision, grown.text.contains("Said 1000 times")), (2, true), "{}", grown.text);
        assert_eq!(repeats.wait(at(6)), None);
        // Long silent: another event.
        assert_eq!(repeats.said(1, at(400), event).map(|event| event.revision), Some(1));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut repeats = Repeats::default();
        for key in 0..5_000 {
            assert!(repeats.said(key, at(key / 1_000), event).is_some());
        }
        assert_eq!(repeats.0.len(), MOST);
    }
}
