//! What an endpoint is asked at most: requests a second and connections, shared by everybody who talks to it.
//!
//! ```text
//!  write ▶ demand ▶ scan ▶ probe ─ Link::take ──┐
//!                                               ├─▶ Budget: one bucket, so many permits ─▶ endpoint
//!  browsing, measuring ─────────── Budget::turn ┘
//! ```
//! A request takes a token from the bucket, which fills at the budget's rate; a connection takes a permit. The next token
//! goes to the most urgent job of the link, so writes wait for one request at most. Who looks around beside the link
//! takes what polling leaves, or after a while a token in advance, for which polling waits.
//!
//! Rationale: what a device can bear is a property of the device, not of the reason why it is asked.

use super::Driver;
use model::Fault;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// What gathers while nothing is asked: a token, and what makes up for a wake-up that comes late.
const SLACK: Duration = Duration::from_millis(20);
/// How long somebody beside the link lets polling go first, at least.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often somebody beside the link looks whether polling still waits.
const LOOK: Duration = Duration::from_millis(20);
/// A token that lacks less than this is whole: sums of fractions are not exact.
const NEARLY: f64 = 1e-9;

/// What an endpoint is asked at most, as its file says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Requests a second; `None` for as many as the scans need.
    pub requests_per_s: Option<f64>,
    /// Connections at the same time; `None` for as many as are wanted.
    pub connections: Option<u16>,
}

/// Leave for one connection. Dropping it gives it back.
#[derive(Debug)]
pub struct Permit {
    _permit: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
struct Bucket {
    /// Below zero after requests that could not wait.
    tokens: f64,
    at: Instant,
}

/// The budget of one endpoint.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    bucket: Mutex<Bucket>,
    permits: Option<Arc<Semaphore>>,
    /// Polling waits for a token.
    wanted: AtomicBool,
    held_back: AtomicU64,
}

impl Budget {
    /// A full bucket and free permits.
    pub fn new(limits: Limits) -> Arc<Self> {
        let permits = limits.connections.map(|most| Arc::new(Semaphore::new(most.max(1).into())));
        let bucket = Mutex::new(Bucket { tokens: 1.0, at: Instant::now() });
        Arc::new(Self {
            limits,
            bucket,
            permits,
            wanted: AtomicBool::new(false),
            held_back: AtomicU64::new(0),
        })
    }

    /// One that allows everything.
    pub fn unlimited() -> Arc<Self> {
        Self::new(Limits::default())
    }

    /// What it allows.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Connections that are open or being opened, as far as they are limited.
    pub fn connections_open(&self) -> Option<u16> {
        let most = self.limits.connections?;
        let free = self.permits.as_ref().map_or(0, |permits| permits.available_permits());
        Some(most.saturating_sub(u16::try_from(free).unwrap_or(u16::MAX)))
    }

    /// How often a request had to wait, since start.
    pub fn held_back(&self) -> u64 {
        self.held_back.load(Relaxed)
    }

    /// A request goes out now. One that could not wait, as a read-back at its moment, is paid for by those that can.
    pub fn spend(&self) {
        if let Some(rate) = self.limits.requests_per_s {
            let mut bucket = self.bucket.lock();
            bucket.fill(rate);
            bucket.tokens -= 1.0;
        }
    }

    /// When the link may send its next request; `None` for now.
    pub(super) fn next(&self) -> Option<Instant> {
        self.limits.requests_per_s?;
        let at = self.moment();
        if !self.wanted.swap(at.is_some(), Relaxed) && at.is_some() {
            self.held_back.fetch_add(1, Relaxed);
        }
        at
    }

    /// The link has nothing to send any more.
    pub(super) fn idle(&self) {
        if self.limits.requests_per_s.is_some() {
            self.wanted.store(false, Relaxed);
        }
    }

    fn moment(&self) -> Option<Instant> {
        let rate = self.limits.requests_per_s?;
        let mut bucket = self.bucket.lock();
        bucket.fill(rate);
        let lacks = 1.0 - bucket.tokens;
        (lacks > NEARLY).then(|| bucket.at + Duration::from_secs_f64(lacks / rate))
    }

    /// Waits for a token and takes it: for requests beside the link's, as in browsing. Polling goes first, but not for
    /// ever. Cancel-safe.
    pub async fn turn(&self) {
        self.leave().await;
        self.spend();
    }

    /// As [`Budget::turn`], for a request that is counted when it goes out.
    pub async fn leave(&self) {
        let Some(rate) = self.limits.requests_per_s else { return };
        // Two of polling's requests for one of these, where that takes longer.
        let until = Instant::now() + PATIENCE.max(Duration::from_secs_f64(2.0 / rate));
        while Instant::now() < until {
            match self.moment() {
                None if !self.wanted.load(Relaxed) => break,
                None => tokio::time::sleep(LOOK).await,
                Some(at) => tokio::time::sleep_until(at.min(until)).await,
            }
        }
    }

    /// Waits for a permit. Cancel-safe.
    pub async fn permit(&self) -> Permit {
        let permit = match &self.permits {
            // The semaphore is never closed.
            Some(permits) => permits.clone().acquire_owned().await.ok(),
            None => None,
        };
        Permit { _permit: permit }
    }

    /// A permit for somebody who does not wait: a person who browses.
    ///
    /// # Errors
    /// All connections that the budget allows are open; with what to do.
    pub fn permit_now(&self) -> Result<Permit, Fault> {
        let Some(permits) = &self.permits else { return Ok(Permit { _permit: None }) };
        let permit = permits.clone().try_acquire_owned().map_err(|_| {
            let most = self.limits.connections.unwrap_or_default();
            let why = format!(
                "the budget of this endpoint allows {most} at the same time, and polling has {}: pause the connection, \
                 or raise `connections` in its `budget`",
                if most == 1 { "it" } else { "them" }
            );
            Fault::Config(why.into())
        })?;
        Ok(Permit { _permit: Some(permit) })
    }
}

impl Bucket {
    fn fill(&mut self, rate: f64) {
        let now = Instant::now();
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * rate;
        self.tokens = (self.tokens + gained).min(1.0 + rate * SLACK.as_secs_f64());
        self.at = now;
    }
}

/// Requests a second that the scans of a driver need, as planned; `None` if it cannot know that beforehand. What comes by
/// itself needs none.
pub fn demand(driver: &dyn Driver) -> Option<f64> {
    let groups = driver.layout().groups;
    let rates = groups.iter().enumerate().map(|(index, group)| match group.period.as_secs_f64() {
        0.0 => Some(0.0),
        period => Some(driver.requests(index)? as f64 / period),
    });
    rates.sum()
}

/// What is wrong where scans need more than the budget allows: the sentence, and what to do.
pub fn shortage(driver: &dyn Driver) -> Option<(String, String)> {
    let allowed = driver.layout().budget.requests_per_s?;
    let needed = demand(driver)?;
    (needed > allowed * (1.0 + NEARLY)).then(|| {
        (
            format!(
                "the scans need {needed:.1} requests/s, the budget allows {allowed}: scans will be late by turns, and be counted as overruns"
            ),
            format!(
                "give tags a slower scan class, or raise `requests` to {:.0} if the device bears it",
                needed.ceil()
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(requests: f64, connections: u16) -> Limits {
        Limits { requests_per_s: Some(requests), connections: Some(connections) }
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_holds_over_any_second_and_nothing_gathers_for_long() {
        let budget = Budget::new(limits(20.0, 1));
        tokio::time::sleep(Duration::from_secs(60)).await;
        let (start, mut sent) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_secs(10) {
            match budget.next() {
                Some(at) => tokio::time::sleep_until(at).await,
                None => {
                    budget.spend();
                    sent += 1;
                }
            }
        }
        // A token at the beginning, what gathers in 20 ms, and the rate.
        assert!((199..=202).contains(&sent), "{sent}");
        assert!(budget.held_back() > 150, "{}", budget.held_back());
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_wait_is_paid_back() {
        let budget = Budget::new(limits(10.0, 1));
        (0..5).for_each(|_| budget.spend());
        let at = budget.next().expect("nothing is left");
        let wait = (at - Instant::now()).as_millis();
        assert!((499..=501).contains(&wait), "{wait}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_looks_around_lets_polling_go_first_but_comes_to_its_turn() {
        let budget = Budget::new(limits(4.0, 1));
        let beside = budget.clone();
        let browsing = tokio::spawn(async move {
            for _ in 0..3 {
                beside.turn().await;
            }
        });
        let (start, mut polled) = (Instant::now(), 0);
        // Polling takes whatever there is.
        while !browsing.is_finished() {
            match budget.next() {
                Some(at) => tokio::time::sleep_until(at).await,
                None => {
                    budget.spend();
                    polled += 1;
                    tokio::task::yield_now().await;
                }
            }
            assert!(start.elapsed() < Duration::from_secs(60), "{polled}");
        }
        assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
        assert!(polled >= 6, "{polled}");
        budget.idle();
        let alone = Instant::now();
        budget.turn().await;
        assert!(alone.elapsed() <= Duration::from_millis(600));
    }

    #[tokio::test(start_paused = true)]
    async fn seats_are_given_back() {
        let budget = Budget::new(limits(1.0, 1));
        let permit = budget.permit().await;
        assert_eq!(budget.connections_open(), Some(1));
        let refused = budget.permit_now().unwrap_err().to_string();
        assert!(refused.contains("allows 1") && refused.contains("pause the connection"), "{refused}");
        drop(permit);
        assert!(budget.permit_now().is_ok());
        assert_eq!(Budget::new(Limits::default()).connections_open(), None);
    }
}
