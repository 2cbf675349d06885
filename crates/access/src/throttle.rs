//! Failed sign-ins slow down the next ones: per name and source, per name, per source.

use model::Clock;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Keys remembered.
const MAX_KEYS: usize = 10_000;
/// After this long without a failure a key is forgotten.
const FORGET: Duration = Duration::from_secs(3600);

/// Failures that cost nothing, and the longest wait, per kind of key. The name alone is the mildest: otherwise anybody
/// could lock a user out.
const RULES: [(u32, Duration); 3] =
    [(5, Duration::from_secs(900)), (30, Duration::from_secs(30)), (30, Duration::from_secs(300))];

type Key = (u8, String);

#[derive(Clone, Copy, Default)]
struct Failures {
    count: u32,
    /// Nothing is tried before this.
    until: Duration,
    last: Duration,
}

/// The memory of failures. An attempt counts as failed when it begins and is forgiven when it succeeds, so that many at
/// the same moment do not slip through.
pub(crate) struct Throttle {
    clock: Arc<dyn Clock>,
    keys: Mutex<HashMap<Key, Failures>>,
}

impl Throttle {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, keys: Mutex::default() }
    }

    /// Begins an attempt.
    ///
    /// # Errors
    /// How long to wait.
    pub(crate) fn begin(&self, name: &str, source: &str) -> Result<(), Duration> {
        let now = self.clock.monotonic();
        let mut keys = self.keys.lock();
        let all = keys_of(name, source);
        let wait = all.iter().filter_map(|key| keys.get(key)).map(|f| f.until.saturating_sub(now)).max();
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            return Err(wait);
        }
        make_room(&mut keys, now);
        for (key, (free, longest)) in all.into_iter().zip(RULES) {
            let entry = keys.entry(key).or_default();
            if now.saturating_sub(entry.last) > FORGET {
                *entry = Failures::default();
            }
            entry.count = entry.count.saturating_add(1);
            entry.last = now;
            let over = entry.count.saturating_sub(free);
            if over > 0 {
                let wait = Duration::from_secs(1_u64.checked_shl(over - 1).unwrap_or(u64::MAX)).min(longest);
                entry.until = now + wait;
            }
        }
        Ok(())
    }

    /// The attempt succeeded, or was not made: it does not count.
    pub(crate) fn forgive(&self, name: &str, source: &str, succeeded: bool) {
        let mut keys = self.keys.lock();
        for (kind, key) in keys_of(name, source).into_iter().enumerate() {
            // Success clears the name (its owner was there), but only one attempt of the source: behind one address
            // there may be a guesser with an account of his own.
            if succeeded && kind < 2 {
                keys.remove(&key);
            } else if let Some(entry) = keys.get_mut(&key) {
                entry.count = entry.count.saturating_sub(1);
                entry.until = Duration::ZERO;
            }
        }
    }
}

fn keys_of(name: &str, source: &str) -> [Key; 3] {
    let name: String = name.chars().take(64).collect::<String>().to_lowercase();
    let source: String = source.chars().take(64).collect();
    [(0, format!("{name}\n{source}")), (1, name), (2, source)]
}

fn make_room(keys: &mut HashMap<Key, Failures>, now: Duration) {
    if keys.len() + RULES.len() <= MAX_KEYS {
        return;
    }
    keys.retain(|_, entry| now.saturating_sub(entry.last) <= FORGET);
    while keys.len() + RULES.len() > MAX_KEYS {
        // Those with few failures go first: a guesser cannot wash his own record away with invented names.
        let Some(key) = keys.iter().min_by_key(|(_, e)| (e.count, e.last)).map(|(key, _)| key.clone()) else {
            break;
        };
        keys.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{ManualClock, Time};

    fn throttle() -> (Throttle, Arc<ManualClock>) {
        let clock = ManualClock::new(Time::ZERO);
        (Throttle::new(clock.clone()), clock)
    }

    #[test]
    fn waits_double_and_end() {
        let (throttle, clock) = throttle();
        for _ in 0..6 {
            throttle.begin("anna", "10.0.0.1").unwrap();
        }
        for expected in [1, 2, 4, 8] {
            assert_eq!(throttle.begin("Anna", "10.0.0.1"), Err(Duration::from_secs(expected)));
            clock.advance(Duration::from_secs(expected));
            throttle.begin("anna", "10.0.0.1").unwrap();
        }
        for _ in 0..20 {
            let Err(wait) = throttle.begin("anna", "10.0.0.1") else { continue };
            assert!(wait <= Duration::from_secs(900));
            clock.advance(wait);
            throttle.begin("anna", "10.0.0.1").unwrap();
        }
        clock.advance(FORGET + Duration::from_secs(1));
        for _ in 0..5 {
            throttle.begin("anna", "10.0.0.1").unwrap();
        }
    }

    #[test]
    fn a_guesser_does_not_lock_the_owner_out() {
        let (throttle, clock) = throttle();
        for _ in 0..200 {
            if let Err(wait) = throttle.begin("anna", "10.0.0.66") {
                clock.advance(wait);
            }
        }
        if let Err(wait) = throttle.begin("anna", "10.0.0.7") {
            assert!(wait <= Duration::from_secs(30), "{wait:?}");
            clock.advance(wait);
            throttle.begin("anna", "10.0.0.7").unwrap();
        }
        throttle.forgive("anna", "10.0.0.7", true);
        throttle.begin("anna", "10.0.0.7").unwrap();
    }

    #[test]
    fn one_source_with_many_names_is_slowed_down() {
        let (throttle, _) = throttle();
        let tried =
            (0..1_000).take_while(|n| throttle.begin(&format!("name-{n}"), "10.0.0.66").is_ok()).count();
        assert_eq!(tried, 31);
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_the_worst() {
        let (throttle, clock) = throttle();
        for _ in 0..6 {
            throttle.begin("anna", "10.0.0.66").unwrap();
        }
        for n in 0..20_000 {
            let _ = throttle.begin(&format!("name-{n}"), &format!("10.{}.{}.1", n / 250, n % 250));
            clock.advance(Duration::from_micros(10));
        }
        assert!(throttle.keys.lock().len() <= MAX_KEYS);
        assert!(throttle.begin("anna", "10.0.0.66").is_err(), "still remembered");
    }
}
