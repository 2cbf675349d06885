//! Whether the far side still has what it acknowledged: from time to time it is asked for samples of the last minutes.
//!
//! ```text
//! acknowledged ─▶ Proofs::took ─▶ one of each interval is kept ─▶ due: the oldest and the newest of them are asked for
//!                                                                  │ there: counted
//!                                                                  └ gone: a fault with the next step, until all is there again
//! ```
//! Rationale: an acknowledgement is a promise, and the cursor has moved on it. Two questions an interval cost the far side
//! nothing, and who deletes, overwrites or forgets is found out while history and journal still have it.

use super::Feed;
use crate::north::status::LastError;
use model::Time;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// How often the far side is asked unless the configuration says otherwise.
pub const USUAL: Duration = Duration::from_secs(60);
/// Samples that are kept to be asked for.
const KEPT: usize = 8;
/// So many in a row have to be there before the fault is cleared.
const SOUND: u32 = 5;

/// Whether a far side can be asked what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// It cannot.
    Never,
    /// Only if the configuration says how often.
    OnRequest,
    /// It is.
    Usually,
}

/// What the far side said of something that it had acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It has it, as it was.
    There,
    /// It has it no more, or has something else there: in words.
    Gone(String),
    /// It cannot be asked, and why; nothing follows from that.
    Unsaid(String),
}

/// Something that was acknowledged.
#[derive(Clone, Debug)]
pub struct Proof<K> {
    /// How the far side knows it.
    pub key: K,
    /// What it is, for people: `acme/leeds/line/speed`.
    pub what: String,
    /// Its time, or when it was acknowledged.
    pub time: Time,
}

/// What one destination asks for; it outlives sessions.
#[derive(Debug)]
pub struct Proofs<K> {
    every: Option<Duration>,
    next: Option<Instant>,
    newest: Option<Proof<K>>,
    kept: VecDeque<Proof<K>>,
}

impl<K> Default for Proofs<K> {
    fn default() -> Self {
        Self { every: None, next: None, newest: None, kept: VecDeque::new() }
    }
}

impl<K: Clone> Proofs<K> {
    /// A session begins.
    pub fn begin(&mut self, feed: &Feed) {
        self.every = feed.prove;
        self.next = self.every.map(|every| self.next.unwrap_or_else(|| Instant::now() + every));
    }

    /// The far side acknowledged something; the newest is kept when it is time to.
    pub fn took(&mut self, proof: impl FnOnce() -> Option<Proof<K>>) {
        if self.every.is_some() {
            self.newest = proof().or_else(|| self.newest.take());
        }
    }

    /// What is not asked for any more, because it was removed on purpose.
    pub fn forget(&mut self, gone: impl Fn(&K) -> bool) {
        self.kept.retain(|proof| !gone(&proof.key));
        self.newest.take_if(|proof| gone(&proof.key));
    }

    /// Completes when it is time to ask.
    pub async fn due(&self) {
        match self.next {
            Some(next) => tokio::time::sleep_until(next).await,
            None => std::future::pending().await,
        }
    }

    /// What the far side is to be asked for now: nothing as long as it is not time. What was acknowledged since the last
    /// time is kept for the next one, so that a far side that takes a moment to show it is not accused.
    pub fn take_due(&mut self) -> Vec<Proof<K>> {
        let (Some(every), Some(next)) = (self.every, self.next) else { return Vec::new() };
        let now = Instant::now();
        if now < next {
            return Vec::new();
        }
        self.next = Some(now + every);
        let oldest = self.kept.front().cloned();
        let newest = self.kept.back().cloned().filter(|_| self.kept.len() > 1);
        self.kept.extend(self.newest.take());
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        oldest.into_iter().chain(newest).collect()
    }

    /// What it said. What is gone is told; what was acknowledged before is asked for no more, so that the fault says
    /// whether the far side keeps what it gets from then on.
    pub fn answered(&mut self, feed: &mut Feed, proof: &Proof<K>, found: Found) {
        if matches!(found, Found::Gone(_)) {
            self.kept.clear();
        }
        feed.proved(&proof.what, proof.time, found);
    }
}

impl Feed {
    fn proved(&mut self, what: &str, time: Time, found: Found) {
        let now = self.now();
        let mut live = self.shared.lock();
        let proof = &mut live.status.proof;
        match found {
            Found::There => {
                (proof.found, proof.last) = (proof.found + 1, Some(now));
                proof.trouble.clear();
                drop(live);
                self.sound += 1;
                if self.sound >= SOUND {
                    self.gone.end();
                }
            }
            Found::Gone(why) => {
                proof.gone += 1;
                drop(live);
                self.sound = 0;
                self.lacks(format!("{what} of {}: {why}", time.rfc3339()), time);
            }
            Found::Unsaid(why) => proof.trouble = why,
        }
    }

    /// Says that the far side has lost something.
    fn lacks(&mut self, what: String, time: Time) {
        let now = self.now();
        let title = format!("{} does not have what it acknowledged: {what}", self.name);
        let meaning = "It counts as delivered here. History still has it.";
        let next = format!(
            "Find out who deletes or changes data there. Then send it again: `ironbridge destination replay {} --from {}`, or from \
             earlier on if more is gone.",
            self.name,
            time.rfc3339()
        );
        self.shared.lock().status.last_error =
            Some(LastError { time: now, title: title.clone(), meaning: meaning.into(), next: next.clone() });
        tracing::warn!(destination = self.name, title, "what was acknowledged is gone");
        self.gone.begin(title, meaning, next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(key: u32) -> Option<Proof<u32>> {
        Some(Proof { key, what: "x".into(), time: Time(0) })
    }

    #[tokio::test(start_paused = true)]
    async fn one_of_each_interval_is_kept_and_the_ends_are_asked_for() {
        let mut proofs =
            Proofs { every: Some(USUAL), next: Some(Instant::now() + USUAL), ..Proofs::default() };
        proofs.took(|| proof(0));
        assert!(proofs.take_due().is_empty(), "it is not time");
        let mut asked = Vec::new();
        for n in 1..=20 {
            proofs.took(|| proof(n * 10));
            proofs.took(|| proof(n * 10 + 1));
            proofs.took(|| None);
            proofs.due().await;
            asked.push(proofs.take_due().iter().map(|proof| proof.key).collect::<Vec<_>>());
        }
        assert_eq!(asked[..4], [vec![], vec![11], vec![11, 21], vec![11, 31]]);
        assert_eq!(asked[19], [121, 191], "the newest of the last interval, and the oldest of eight");
        proofs.forget(|key| *key < 200);
        proofs.due().await;
        assert_eq!(proofs.take_due().iter().map(|proof| proof.key).collect::<Vec<_>>(), [201]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_where_nothing_is_asked() {
        let mut proofs: Proofs<u32> = Proofs::default();
        proofs.took(|| panic!("nobody wants it"));
        assert!(proofs.take_due().is_empty());
        assert!(tokio::time::timeout(USUAL, proofs.due()).await.is_err());
    }
}
