//! What a destination says of itself: the page, the metrics and the API read this.

use super::rejects::{Letter, Letters, Rejects};
use super::settings::{CatchUp, Switch};
use crate::kind::Security;
use model::{Fault, Position, Time};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Most skipped ranges that are listed.
const MAX_SKIPPED: usize = 100;
/// Over how long the rate is measured.
const RATE_WINDOW: Duration = Duration::from_secs(10);

/// What a fault of a destination means.
pub const MEANING: &str = "Nothing is lost: the journal keeps it and it is sent when the far side is back.";

/// What to do about a fault of a destination. [`Fault::words`] speaks of devices.
pub const fn next_step(fault: &Fault) -> &'static str {
    match fault {
        Fault::Connect(_) => {
            "Check that the server is on, address and port are right, and no firewall is between."
        }
        Fault::Lost(_) => "If it comes back, nothing is to be done. If it repeats, ask who runs the server.",
        Fault::Timeout { .. } => {
            "Ask who runs the server why it is slow; a smaller `select` or `send` sends less."
        }
        Fault::Exception { .. } | Fault::Protocol(_) => {
            "Check that the address and port belong to a server of this kind, and its log."
        }
        Fault::Security(_) => "Check user, password, rights and certificates on both sides.",
        Fault::Secret(_) => "Run this command on the gateway; within 30 s it is tried again.",
        Fault::Config(_) => "Change the configuration and apply it, or the far side as the words above say.",
        Fault::Stopped => "Resume it when the work is done.",
    }
}

/// Whether data flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Trying to reach the far side.
    Connecting,
    /// Data flows.
    Connected,
    /// Reached, but the far side is not ready (a Sparkplug primary host that is offline).
    Waiting,
    /// Not reachable; tried again by itself.
    Lost,
    /// Stopped by a person.
    Paused,
}

fn as_millis<S: Serializer>(time: &Time, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(time.millis_f64())
}

fn as_millis_if<S: Serializer>(time: &Option<Time>, to: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => to.serialize_f64(time.millis_f64()),
        None => to.serialize_none(),
    }
}

/// The last thing that went wrong, in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LastError {
    /// When.
    #[serde(serialize_with = "as_millis")]
    pub time: Time,
    /// What happened.
    pub title: String,
    /// What it means for the plant.
    pub meaning: String,
    /// The next step.
    pub next: String,
}

/// What an outage left to be sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Backlog {
    /// Receive time of the oldest sample that is still to be sent, as far as known.
    #[serde(serialize_with = "as_millis_if")]
    pub from: Option<Time>,
    /// When the outage ended.
    #[serde(serialize_with = "as_millis")]
    pub to: Time,
    /// Samples that remain, as far as known.
    pub remaining: Option<u64>,
}

/// What is sent again from history because somebody asked for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// First time of the samples.
    pub from: Time,
    /// The time before which it ends.
    pub to: Time,
    /// Everything before this time is there again.
    pub done: Time,
    /// Samples and events sent again.
    pub sent: u64,
    /// When it was over.
    #[serde(default)]
    pub finished: Option<Time>,
    /// What holds it up, in words; empty when nothing does.
    #[serde(default)]
    pub trouble: String,
}

/// What the far side said when it was asked whether it still has what it acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Proved {
    /// How often it is asked, s; absent when it is not, or cannot be.
    pub every_s: Option<f64>,
    /// How often it had it, since start.
    pub found: u64,
    /// How often it did not.
    pub gone: u64,
    /// When it last had it.
    #[serde(serialize_with = "as_millis_if")]
    pub last: Option<Time>,
    /// Why it cannot be asked, in words; empty when it can.
    pub trouble: String,
}

/// Samples that the journal had to drop before they were sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Skipped {
    /// First and last position.
    pub range: String,
    /// Number of samples, where it is known.
    pub count: Option<u64>,
    /// When it was found.
    #[serde(serialize_with = "as_millis")]
    pub time: Time,
}

/// A destination at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Name of its file.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// The far side.
    pub endpoint: String,
    /// Whether data flows.
    pub state: State,
    /// Since when it is in that state.
    #[serde(serialize_with = "as_millis")]
    pub since: Time,
    /// Order after an outage.
    pub catch_up: CatchUp,
    /// Age of the oldest sample that is not acknowledged, in seconds; 0 when nothing waits.
    pub lag_s: Option<f64>,
    /// Records of the journal that are not acknowledged (of all points: what selection leaves out is included).
    pub lag_samples: u64,
    /// What an outage left.
    pub backlog: Option<Backlog>,
    /// Samples acknowledged a second, over 10 s.
    pub rate_per_s: f64,
    /// Samples acknowledged since start.
    pub sent: u64,
    /// When something was last acknowledged.
    #[serde(serialize_with = "as_millis_if")]
    pub last_ack: Option<Time>,
    /// Hours of outage that the journal still holds.
    pub outage_hours: Option<f64>,
    /// Refused for good, ever.
    pub rejects: u64,
    /// Dead letters: what became of them.
    pub letters: Letters,
    /// What is sent again on request, or was last.
    pub replay: Option<Replay>,
    /// Down-sampling: samples that came after their interval was sent, since start.
    pub late: u64,
    /// What the journal dropped before it was sent.
    pub skipped: Vec<Skipped>,
    /// Whether the far side may write.
    pub commands: Switch,
    /// Commands taken from the far side, and those refused because commands are off.
    pub commands_taken: u64,
    /// See `commands_taken`.
    pub commands_refused: u64,
    /// Sessions opened since start.
    pub sessions: u64,
    /// Whether it still has what it acknowledged.
    pub proof: Proved,
    /// The last thing that went wrong.
    pub last_error: Option<LastError>,
    /// How the traffic is protected.
    pub security: Security,
}

impl Status {
    /// Of a destination that has done nothing yet.
    pub(super) fn idle() -> Self {
        Self {
            name: String::new(),
            kind: "",
            endpoint: String::new(),
            state: State::Connecting,
            since: Time::ZERO,
            catch_up: CatchUp::InOrder,
            lag_s: None,
            lag_samples: 0,
            backlog: None,
            rate_per_s: 0.0,
            sent: 0,
            last_ack: None,
            outage_hours: None,
            rejects: 0,
            letters: Letters::default(),
            replay: None,
            late: 0,
            skipped: Vec::new(),
            commands: Switch::Off,
            commands_taken: 0,
            commands_refused: 0,
            sessions: 0,
            proof: Proved::default(),
            last_error: None,
            security: Security::none(""),
        }
    }
}

/// What feed and runner write and pages read. One short lock, a few times a second.
pub struct Shared {
    live: Mutex<Live>,
    /// Somebody asked for something that comes from history.
    pub asked: Notify,
}

/// Inside of [`Shared`].
pub struct Live {
    /// Everything that does not need computing.
    pub status: Status,
    /// Dead letters.
    pub rejects: Rejects,
    /// Everything up to here is done.
    pub low_water: Position,
    /// Receive time up to which the oldest stream is done, as far as known.
    pub confirmed: Option<Time>,
    /// A place in the journal, and when the first samples behind it came in.
    pub first_behind: Option<(Position, Time)>,
    /// Dead letters to be sent again.
    pub resend: VecDeque<u64>,
    /// Down-sampling: everything before this time is there; only while more is due.
    pub intervals_due: Option<Time>,
    /// When the oldest of what is under way was handed out (monotonic).
    pub out_since: Option<Duration>,
    acknowledged: VecDeque<(Duration, u64)>,
}

impl Shared {
    /// Starts with `status`.
    pub fn new(status: Status, rejects: Rejects) -> Self {
        let live = Live {
            status,
            rejects,
            low_water: Position::START,
            confirmed: None,
            first_behind: None,
            resend: VecDeque::new(),
            intervals_due: None,
            out_since: None,
            acknowledged: VecDeque::new(),
        };
        Self { live: Mutex::new(live), asked: Notify::new() }
    }

    /// The inside. A panic elsewhere while it was held does not matter: these are figures.
    pub fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// Changes the state, if it is another one.
    pub fn become_state(&mut self, state: State, now: Time) {
        if self.status.state != state {
            (self.status.state, self.status.since) = (state, now);
        }
    }

    /// Something went wrong.
    pub fn failed(&mut self, fault: &Fault, now: Time) {
        self.status.last_error = Some(LastError {
            time: now,
            title: fault.to_string(),
            meaning: MEANING.into(),
            next: next_step(fault).into(),
        });
    }

    /// The journal dropped something before it was sent.
    pub fn skipped(&mut self, skipped: Skipped) {
        self.status.skipped.push(skipped);
        if self.status.skipped.len() > MAX_SKIPPED {
            self.status.skipped.remove(0);
        }
    }

    /// `samples` more were acknowledged.
    pub fn acknowledged(&mut self, samples: u64, now: Time, monotonic: Duration) {
        self.status.sent += samples;
        self.status.last_ack = Some(now);
        match self.acknowledged.back_mut() {
            Some((at, count)) if monotonic.saturating_sub(*at) < Duration::from_millis(250) => {
                *count += samples
            }
            _ => self.acknowledged.push_back((monotonic, samples)),
        }
        self.forget(monotonic);
    }

    fn forget(&mut self, monotonic: Duration) {
        while self.acknowledged.front().is_some_and(|(at, _)| monotonic.saturating_sub(*at) > RATE_WINDOW) {
            self.acknowledged.pop_front();
        }
    }

    /// The status with its computed parts.
    pub fn report(&mut self, monotonic: Duration) -> Status {
        self.forget(monotonic);
        let total: u64 = self.acknowledged.iter().map(|(_, count)| count).sum();
        self.status.rate_per_s = total as f64 / RATE_WINDOW.as_secs_f64();
        self.status.rejects = self.rejects.count();
        self.status.letters = self.rejects.letters();
        self.status.clone()
    }

    /// The newest dead letters.
    pub fn dead_letters(&self) -> Vec<Letter> {
        self.rejects.newest()
    }
}
