//! Runs a destination: opens sessions one after another, with backoff, until told to stop. A panic of a sink ends its
//! session, loudly, and nothing else.

use super::feed::{Feed, Parts, Wanted};
use super::filter::Filter;
use super::keep::Keep;
use super::rejects::{Reject, Rejects};
use super::select::Selection;
use super::settings;
use super::status::{Shared, State, Status};
use super::{Destination, Sink};
use futures_util::FutureExt;
use model::fault::Consequence;
use model::{Fault, Path};
use namespace::Namespace;
use namespace::journal::Start;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

/// First pause after a lost session.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A session that lasted this long was a sound one: the pause starts small again.
const SOUND: Duration = Duration::from_secs(30);
/// How long a sink may take to end its session when it is told to.
const FAREWELL: Duration = Duration::from_secs(5);

/// Where a destination lives.
#[derive(Clone)]
pub struct Place {
    /// The namespace it reads.
    pub namespace: Namespace,
    /// `enterprise/site`.
    pub site: Path,
    /// Folder for the files that destinations keep; created when missing.
    pub folder: PathBuf,
}

/// A running destination. Dropping the handle does not stop it; [`Handle::stop`] does.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    control: Arc<watch::Sender<Wanted>>,
    namespace: Namespace,
    cursor: String,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Handle {
    /// How it is now.
    pub fn status(&self) -> Status {
        let clock = self.namespace.clock();
        let head = self.namespace.journal().head();
        let stats = self.namespace.journal().stats();
        let mut live = self.shared.lock();
        let mut status = live.report(clock.monotonic());
        let behind = live.low_water < head;
        status.lag_s =
            if behind { live.confirmed.map(|at| clock.now().since(at).as_secs_f64()) } else { Some(0.0) };
        drop(live);
        let lag =
            stats.cursors.iter().find(|cursor| cursor.name == self.cursor).map_or(0, |cursor| cursor.lag);
        status.lag_samples = if behind { lag } else { 0 };
        status.outage_hours = stats.outage_hours.is_finite().then_some(stats.outage_hours);
        if let Some(backlog) = &mut status.backlog {
            backlog.remaining = Some(lag);
        }
        status
    }

    /// Dead letters, newest first.
    pub fn rejects(&self) -> Vec<Reject> {
        self.shared.lock().dead_letters()
    }

    /// Ends the session; nothing is sent until [`Handle::resume`]. The journal keeps what comes.
    pub fn pause(&self) {
        self.control.send_if_modified(|wanted| change(wanted, Wanted::Run, Wanted::Pause));
    }

    /// Goes on after [`Handle::pause`].
    pub fn resume(&self) {
        self.control.send_if_modified(|wanted| change(wanted, Wanted::Pause, Wanted::Run));
    }

    /// Ends the session and the task; returns when both are over (at most some seconds).
    pub async fn stop(&self) {
        self.control.send_replace(Wanted::Stop);
        if let Some(task) = self.task.lock().await.take() {
            let _ = task.await;
        }
    }

    /// Forgets the durable cursor of a destination that was removed from the plant for good: its files are no longer
    /// kept for it. Stop it first.
    pub fn forget(&self) {
        self.namespace.journal().remove_cursor(&self.cursor);
    }
}

fn change(wanted: &mut Wanted, from: Wanted, to: Wanted) -> bool {
    let changes = *wanted == from;
    if changes {
        *wanted = to;
    }
    changes
}

/// Starts a destination on the current tokio runtime.
///
/// # Errors
/// In words: its cursor or its folder cannot be opened.
pub fn run(destination: Destination, place: Place) -> Result<Handle, String> {
    let Destination { name, kind, built, settings, catch_up } = destination;
    let journal = place.namespace.journal();
    let cursor_name = format!("destination/{name}");
    let start = match settings.start {
        settings::Start::Now => Start::Now,
        settings::Start::Oldest => Start::Oldest,
    };
    let cursor = journal.cursor(&cursor_name, start).map_err(|why| why.to_string())?;
    let keep = Keep::open(&place.folder, &name)?;
    let rejects = Rejects::open(place.folder.join(format!("{name}.rejects.jsonl")));
    let status = Status {
        name: name.clone(),
        kind,
        endpoint: built.endpoint,
        state: State::Connecting,
        since: place.namespace.clock().now(),
        catch_up,
        lag_s: None,
        lag_samples: 0,
        backlog: None,
        rate_per_s: 0.0,
        sent: 0,
        last_ack: None,
        outage_hours: None,
        rejects: 0,
        skipped: Vec::new(),
        commands: settings.commands,
        commands_taken: 0,
        commands_refused: 0,
        sessions: 0,
        last_error: None,
        security: built.security,
    };
    let shared = Arc::new(Shared::new(status, rejects));
    shared.lock().low_water = cursor.position();
    let (control, receiver) = watch::channel(Wanted::Run);
    let filter =
        Filter::new(Selection::new(&place.site, &settings.select, &settings.except), settings.clone());
    let feed = Feed::new(Parts {
        name,
        namespace: place.namespace.clone(),
        settings,
        catch_up,
        wants_samples: built.it.wants_samples(),
        filter,
        cursor,
        keep,
        shared: shared.clone(),
        control: receiver,
    });
    let task = tokio::spawn(attend(built.it, feed));
    Ok(Handle {
        shared,
        control: Arc::new(control),
        namespace: place.namespace,
        cursor: cursor_name,
        task: Arc::new(Mutex::new(Some(task))),
    })
}

/// Session after session.
async fn attend(mut sink: Box<dyn Sink>, mut feed: Feed) {
    let mut backoff = Backoff::new(feed.now().0);
    loop {
        let wanted = *feed.control().borrow_and_update();
        match wanted {
            Wanted::Stop => break,
            Wanted::Pause => {
                feed.shared.lock().become_state(State::Paused, feed.now());
                if feed.control().changed().await.is_err() {
                    break;
                }
                continue;
            }
            Wanted::Run => {}
        }
        if feed.shared.lock().status.state != State::Lost {
            feed.shared.lock().become_state(State::Connecting, feed.now());
        }
        let began = tokio::time::Instant::now();
        let fault = session(sink.as_mut(), &mut feed).await;
        if *feed.control().borrow() != Wanted::Run || fault.consequence() == Consequence::End {
            continue;
        }
        tracing::warn!(destination = feed.name(), %fault, "the session ended; it is opened again");
        feed.failed(&fault);
        if began.elapsed() >= SOUND {
            backoff.reset();
        }
        feed.pause(backoff.next(fault.consequence())).await;
    }
    feed.close().await;
}

async fn session(sink: &mut dyn Sink, feed: &mut Feed) -> Fault {
    let mut control = feed.control().clone();
    let serve = AssertUnwindSafe(sink.serve(feed)).catch_unwind();
    tokio::pin!(serve);
    let farewell = async {
        while *control.borrow_and_update() == Wanted::Run {
            if control.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        ended = &mut serve => ended.unwrap_or_else(|panic| {
            let what = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
            let what = what.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            tracing::error!(what, "a destination panicked; its session starts anew");
            Fault::Protocol(format!("an internal error: {what}").into())
        }),
        () = farewell => Fault::Stopped,
    }
}

/// Doubling pauses with jitter.
struct Backoff {
    next: Duration,
    seed: u64,
}

impl Backoff {
    fn new(seed: i64) -> Self {
        Self { next: FIRST_PAUSE, seed: seed.unsigned_abs() | 1 }
    }

    fn reset(&mut self) {
        self.next = FIRST_PAUSE;
    }

    /// The next pause, at least 0.75 and at most 1.25 of its step.
    fn next(&mut self, consequence: Consequence) -> Duration {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        let step = if consequence == Consequence::ReconnectSlowly {
            LONGEST_PAUSE.max(self.next)
        } else {
            self.next
        };
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        step.mul_f64(0.75 + (self.seed % 1000) as f64 / 2000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_with_jitter_up_to_a_minute() {
        let mut backoff = Backoff::new(42);
        let mut step = FIRST_PAUSE;
        for _ in 0..20 {
            let pause = backoff.next(Consequence::Reconnect);
            assert!(pause >= step.mul_f64(0.75) && pause <= step.mul_f64(1.25), "{pause:?} for {step:?}");
            step = (step * 2).min(LONGEST_PAUSE);
        }
        backoff.reset();
        assert!(backoff.next(Consequence::Reconnect) < Duration::from_secs(1));
        assert!(backoff.next(Consequence::ReconnectSlowly) >= Duration::from_secs(45));
    }
}
