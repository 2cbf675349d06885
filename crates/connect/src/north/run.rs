//! Runs a destination: opens sessions one after another, with backoff, until told to stop. A panic of a sink ends its
//! session, loudly, and nothing else.

use super::contract::{Book, Opening, Versions};
use super::feed::{Feed, Parts, Wanted};
use super::filter::Filter;
use super::history::History;
use super::intervals::floor;
use super::keep::Keep;
use super::late::Late;
use super::rejects::{Letter, Rejects};
use super::select::Selection;
use super::settings;
use super::status::{Proved, Replay, Shared, State, Status};
use super::{Destination, Sink};
use futures_util::FutureExt;
use model::fault::Consequence;
use model::{Fault, Path, Position, Time};
use namespace::Namespace;
use namespace::journal::{Item, Record, Start};
use std::collections::BTreeSet;
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
/// Most records that are looked at to find one with samples.
const LOOKED_AT: usize = 1_000;
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
    /// What was recorded: for what is sent again, and for values of intervals.
    pub history: Arc<dyn History>,
}

/// A running destination. Dropping the handle does not stop it; [`Handle::stop`] does.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    control: Arc<watch::Sender<Wanted>>,
    namespace: Namespace,
    cursor: String,
    keep: Keep,
    history: Arc<dyn History>,
    selection: Selection,
    every: Option<Duration>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
    lake: Option<lake::Opener>,
    book: Book,
}

impl Handle {
    /// How it is now.
    pub fn status(&self) -> Status {
        let clock = self.namespace.clock();
        let head = self.namespace.journal().head();
        let stats = self.namespace.journal().stats();
        let mut live = self.shared.lock();
        let mut status = live.report(clock.monotonic());
        let (behind, confirmed, intervals_due) = (live.low_water < head, live.confirmed, live.intervals_due);
        drop(live);
        let cursor = stats.cursors.iter().find(|cursor| cursor.name == self.cursor);
        let (lag, done) = cursor.map_or((0, head), |cursor| (cursor.lag, cursor.acknowledged));
        // Before the first acknowledgement since the start only the journal knows how old it is.
        let since = if behind { confirmed.or_else(|| self.came(done)) } else { None };
        let age = |at: Time| clock.now().since(at).as_secs_f64();
        status.lag_s = match intervals_due.or(since) {
            Some(at) => Some(age(at)),
            None => (!behind).then_some(0.0),
        };
        status.lag_samples = if behind { lag } else { 0 };
        status.outage_hours = stats.outage_hours.is_finite().then_some(stats.outage_hours);
        if let Some(backlog) = &mut status.backlog {
            backlog.remaining = Some(lag);
        }
        status
    }

    /// When the first samples behind `done` came in. The journal is looked into once for each place: it may be in a file.
    fn came(&self, done: Position) -> Option<Time> {
        if let Some((_, time)) = self.shared.lock().first_behind.filter(|(place, _)| *place == done) {
            return Some(time);
        }
        let mut reader = self.namespace.journal().reader(done);
        let mut items = std::iter::from_fn(|| reader.try_next()).take(LOOKED_AT);
        let time = items.find_map(|item| match item {
            Item::Record { record: Record::Samples(batch), .. } => Some(batch.received),
            _ => None,
        })?;
        self.shared.lock().first_behind = Some((done, time));
        Some(time)
    }

    /// The tables that it fills, if it fills some.
    pub fn lake(&self) -> Option<lake::Opener> {
        self.lake.clone()
    }

    /// What it sends, exactly: every version that is known, looked at anew. Blocks.
    pub fn contract(&self) -> Versions {
        self.book.look()
    }

    /// Dead letters, newest first.
    pub fn rejects(&self) -> Vec<Letter> {
        self.shared.lock().dead_letters()
    }

    /// Has dead letters sent again (`None`: all), from history. Returns how many; they leave the list when the far side has
    /// taken them, and come back with a new reason if it refuses again.
    pub fn resend(&self, ids: Option<&BTreeSet<u64>>) -> usize {
        let mut live = self.shared.lock();
        let wanted: Vec<u64> = live.rejects.pick(ids).iter().map(|letter| letter.id).collect();
        let new: Vec<u64> = wanted.iter().filter(|id| !live.resend.contains(id)).copied().collect();
        live.resend.extend(new);
        drop(live);
        self.shared.asked.notify_one();
        wanted.len()
    }

    /// Drops dead letters for good (`None`: all); returns how many. Blocks.
    pub fn drop_letters(&self, ids: Option<&BTreeSet<u64>>) -> u64 {
        let mut live = self.shared.lock();
        let wanted = live.rejects.pick(ids).iter().map(|letter| letter.id).collect();
        live.rejects.remove(&wanted, false)
    }

    /// Sends again what history holds from `from` until before `to` (default: now), beside what is new, at the rate of
    /// `catch_up_rate`. It goes on after a restart. Blocks: it is on disk when this returns.
    ///
    /// # Errors
    /// In words: there is nothing to send, or one goes on already.
    pub fn replay(&self, from: Time, to: Option<Time>) -> Result<Replay, String> {
        let now = self.namespace.clock().now();
        let oldest = self.history.oldest().ok_or("history is empty: there is nothing to send again")?;
        let to = to.unwrap_or(now).min(now);
        let mut from = from.max(oldest);
        if let Some(every) = self.every {
            from = floor(from, every);
        }
        if from >= to {
            let words = format!(
                "there is nothing between: history begins at {}, and now is {}",
                oldest.rfc3339(),
                now.rfc3339()
            );
            return Err(words);
        }
        if let Some(replay) = self.keep.replay().filter(|replay| replay.finished.is_none()) {
            return Err(format!(
                "{} to {} is being sent again already: wait until that is done, or stop it",
                replay.from.rfc3339(),
                replay.to.rfc3339()
            ));
        }
        let replay = Replay { from, to, done: from, ..Replay::default() };
        self.set_replay(replay)
    }

    /// Ends sending again; what is under way still arrives. Blocks.
    ///
    /// # Errors
    /// In words: nothing is being sent again.
    pub fn stop_replay(&self) -> Result<Replay, String> {
        let replay = self.keep.replay().filter(|replay| replay.finished.is_none());
        let replay = replay.ok_or("nothing is being sent again")?;
        let finished = Some(self.namespace.clock().now());
        self.set_replay(Replay { finished, trouble: "stopped by a person".into(), ..replay })
    }

    fn set_replay(&self, replay: Replay) -> Result<Replay, String> {
        self.keep.set_replay(Some(replay.clone()));
        self.keep.write().map_err(|why| format!("it could not be written down: {why}"))?;
        self.shared.lock().status.replay = Some(replay.clone());
        self.shared.asked.notify_one();
        Ok(replay)
    }

    /// Whether its selection holds the path.
    pub fn selects(&self, path: &Path) -> bool {
        self.selection.holds(path)
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
    let Destination { name, kind, built, settings, catch_up, prove, models } = destination;
    let journal = place.namespace.journal();
    let cursor_name = format!("destination/{name}");
    let start = if settings.start == settings::Start::Now { Start::Now } else { Start::Oldest };
    let cursor = journal.cursor(&cursor_name, start).map_err(|why| why.to_string())?;
    let keep = Keep::open(&place.folder, &name)?;
    let rejects = Rejects::open(place.folder.join(format!("{name}.rejects.jsonl")));
    let status = Status {
        name: name.clone(),
        kind,
        endpoint: built.endpoint,
        since: place.namespace.clock().now(),
        catch_up,
        replay: keep.replay(),
        commands: settings.commands,
        proof: Proved { every_s: prove.map(|every| every.as_secs_f64()), ..Proved::default() },
        security: built.security,
        ..Status::idle()
    };
    let shared = Arc::new(Shared::new(status, rejects));
    shared.lock().low_water = cursor.position();
    let (control, receiver) = watch::channel(Wanted::Run);
    let selection = Selection::new(&place.site, &settings, models);
    let filter = Filter::new(selection.clone(), settings.clone());
    let every = settings.send.every.map(|every| every.0);
    let book = Book::open(Opening {
        folder: place.folder.clone(),
        name: name.clone(),
        telling: built.it.contract(),
        site: place.site.clone(),
        events: !settings.events.is_empty(),
        intervals: every.is_some(),
        selection: selection.clone(),
        namespace: place.namespace.clone(),
    })?;
    let late = Late::new(&name, place.namespace.clone(), shared.clone(), built.it.late());
    let feed = Feed::new(Parts {
        name,
        namespace: place.namespace.clone(),
        settings,
        catch_up,
        prove,
        wants_samples: built.it.wants_samples(),
        filter,
        cursor,
        history: place.history.clone(),
        keep: keep.clone(),
        shared: shared.clone(),
        control: receiver,
    });
    let (lake, task) = (built.it.lake(), tokio::spawn(attend(built.it, feed, late, book.clone())));
    Ok(Handle {
        shared,
        control: Arc::new(control),
        namespace: place.namespace,
        cursor: cursor_name,
        keep,
        history: place.history,
        selection,
        every,
        task: Arc::new(Mutex::new(Some(task))),
        lake,
        book,
    })
}

/// Session after session, while the contract is kept up to date.
async fn attend(sink: Box<dyn Sink>, feed: Feed, late: Late, book: Book) {
    tokio::select! {
        () = sessions(sink, feed, late) => {}
        () = book.follow() => {}
    }
}

async fn sessions(mut sink: Box<dyn Sink>, mut feed: Feed, mut late: Late) {
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
        let fault = tokio::select! {
            fault = session(sink.as_mut(), &mut feed) => fault,
            never = late.watch() => match never {},
        };
        late.clear();
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
