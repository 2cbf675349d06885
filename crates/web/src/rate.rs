//! Rate limits: one token bucket for each asker, in bounded memory.

use model::Clock;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Askers remembered at once; beyond that, strangers share one bucket.
const ASKERS: usize = 16_384;
/// How often full buckets are thrown out, at most.
const SWEEP: Duration = Duration::from_secs(1);

/// How much one asker may do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Requests per second, on average.
    pub per_s: f64,
    /// Requests at once after a rest.
    pub burst: f64,
}

/// Whose bucket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Asker {
    /// A session or token.
    Known(Arc<str>),
    /// Anybody from an address.
    Address(IpAddr),
    /// Sign-ins from an address.
    SignIn(IpAddr),
    /// All for whom there was no room.
    Others,
}

/// The part of an address that one client controls: all of IPv4, the /64 of IPv6.
pub(crate) fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
        v4 => v4,
    }
}

struct Bucket {
    left: f64,
    at: Duration,
    rate: Rate,
}

impl Bucket {
    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.left = (self.left + passed * self.rate.per_s).min(self.rate.burst);
        self.at = now;
    }
}

/// All buckets.
pub(crate) struct Rates {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    buckets: HashMap<Asker, Bucket>,
    swept: Duration,
}

impl Rates {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, inner: Mutex::default() }
    }

    /// Takes one token; else the seconds until there is one.
    pub fn take(&self, asker: Asker, rate: Rate) -> Result<(), u32> {
        let now = self.clock.monotonic();
        let mut inner = self.inner.lock();
        let asker = inner.room_for(asker, now);
        let bucket = inner.buckets.entry(asker).or_insert(Bucket { left: rate.burst, at: now, rate });
        bucket.rate = rate;
        bucket.fill(now);
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        let wait = (1.0 - bucket.left) / rate.per_s.max(1e-3);
        Err((wait.ceil() as u32).clamp(1, 3_600))
    }

    /// Gives one token back: what was taken turned out to be no failure.
    pub fn give_back(&self, asker: &Asker) {
        if let Some(bucket) = self.inner.lock().buckets.get_mut(asker) {
            bucket.left = (bucket.left + 1.0).min(bucket.rate.burst);
        }
    }
}

impl Inner {
    fn room_for(&mut self, asker: Asker, now: Duration) -> Asker {
        if self.buckets.len() < ASKERS || self.buckets.contains_key(&asker) {
            return asker;
        }
        if now.saturating_sub(self.swept) >= SWEEP {
            self.swept = now;
            self.buckets.retain(|_, bucket| {
                bucket.fill(now);
                bucket.left < bucket.rate.burst
            });
            if self.buckets.len() < ASKERS {
                return asker;
            }
        }
        Asker::Others
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{ManualClock, Time};

    const RATE: Rate = Rate { per_s: 2.0, burst: 3.0 };

    #[test]
    fn burst_then_rate_then_rest() {
        let clock = ManualClock::new(Time(0));
        let rates = Rates::new(clock.clone());
        let asker = || Asker::Address([10, 0, 0, 1].into());
        for _ in 0..3 {
            assert_eq!(rates.take(asker(), RATE), Ok(()));
        }
        assert_eq!(rates.take(asker(), RATE), Err(1));
        assert_eq!(rates.take(Asker::Address([10, 0, 0, 2].into()), RATE), Ok(()));
        clock.advance(Duration::from_millis(500));
        assert_eq!(rates.take(asker(), RATE), Ok(()));
        assert!(rates.take(asker(), RATE).is_err());
    }

    #[test]
    fn many_strangers_share_one_bucket_instead_of_memory() {
        let clock = ManualClock::new(Time(0));
        let rates = Rates::new(clock.clone());
        let stranger = |n: usize| Asker::Address((u32::try_from(n).unwrap()).to_be_bytes().into());
        for n in 0..ASKERS {
            rates.take(stranger(n), RATE).unwrap();
        }
        for n in 0..3 {
            assert_eq!(rates.take(stranger(ASKERS + n), RATE), Ok(()));
        }
        assert!(rates.take(stranger(ASKERS + 9), RATE).is_err());
        assert!(rates.inner.lock().buckets.len() <= ASKERS + 1);
        clock.advance(Duration::from_secs(60));
        assert_eq!(rates.take(stranger(ASKERS + 9), RATE), Ok(()));
        assert_eq!(rates.inner.lock().buckets.len(), 1);
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let a: IpAddr = "2001:db8::1".parse().unwrap();
        let b: IpAddr = "2001:db8::2".parse().unwrap();
        assert_eq!(client_of(a), client_of(b));
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        assert_eq!(client_of(mapped), IpAddr::from([10, 0, 0, 1]));
    }
}
