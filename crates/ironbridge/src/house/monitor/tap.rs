//! One interface: a thread that reads and decodes, and whoever keeps it running.
//!
//! ```text
//!   keep_open: open ─▶ thread "monitor eth1" (gives its rights away): packets ─▶ recent, Monitor ─▶ ends with a reason
//!        ▲                                                                                            │
//!        └──── every few seconds ◀── state and event: no right, not there, gone, failed ◀─────────────┘
//! ```

use super::Watching;
use crate::house::House;
use capture::live::{Counts, Live, LiveError, Options, drop_rights};
use model::event::severity;
use model::{Clock, Event, EventKind, Time};
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use watch::Packet;
use watch::fair::{Fair, ONE_OF};
use watch::recent::Recent;

/// How long the thread waits for packets before it looks whether it is to stop.
const PATIENCE: Duration = Duration::from_millis(200);
/// Time between two attempts to open.
const RETRY: Duration = Duration::from_secs(3);
/// A rate is over at least this time.
const RATE: Duration = Duration::from_secs(2);

/// Where an interface stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Starting,
    Up,
    Down,
    Missing,
    NoRight,
    Failed,
}

impl State {
    /// For the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Up => "up",
            Self::Down => "down",
            Self::Missing => "missing",
            Self::NoRight => "no-right",
            Self::Failed => "failed",
        }
    }

    const fn of(error: &LiveError) -> Self {
        match error {
            LiveError::Missing { .. } | LiveError::Gone => Self::Missing,
            LiveError::NoRight => Self::NoRight,
            LiveError::Down => Self::Down,
            LiveError::Kind(_) | LiveError::Io(_) => Self::Failed,
        }
    }
}

/// What is known of an interface now.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub state: State,
    /// Why it is not up, and what to do.
    pub why: Option<(String, &'static str)>,
    pub packets: u64,
    pub bytes: u64,
    pub dropped: u64,
    pub left_out: u64,
    pub sampling: bool,
    /// When the last packet came.
    pub last: Option<Time>,
    /// Packets and bits a second.
    pub rates: (f64, f64),
    /// Where the rates were measured from: when, packets, bytes.
    measured: (Duration, u64, u64),
}

/// One interface.
pub struct Tap {
    pub name: String,
    /// Its number in evidence.
    pub file: u32,
    options: Options,
    pub recent: Mutex<Recent>,
    figures: Mutex<Figures>,
    /// The number of its last packet, over all times it was opened.
    number: Mutex<u64>,
}

impl Tap {
    pub fn new(name: &str, file: u32, options: Options, recent_bytes: usize) -> Self {
        Self {
            name: name.to_owned(),
            file,
            options,
            recent: Mutex::new(Recent::new(recent_bytes)),
            figures: Mutex::default(),
            number: Mutex::default(),
        }
    }

    pub fn figures(&self) -> Figures {
        self.figures.lock().clone()
    }

    /// Measures rates, a few seconds apart.
    pub fn measure(&self, now: Duration) {
        let mut figures = self.figures.lock();
        let (since, packets, bytes) = figures.measured;
        let span = now.saturating_sub(since);
        if span >= RATE {
            let rate = |count: u64, before: u64| count.saturating_sub(before) as f64 / span.as_secs_f64();
            figures.rates = (rate(figures.packets, packets), rate(figures.bytes, bytes) * 8.0);
            figures.measured = (now, figures.packets, figures.bytes);
        }
    }

    fn stands(&self, state: State, why: Option<(String, &'static str)>) {
        let mut figures = self.figures.lock();
        (figures.state, figures.why) = (state, why);
    }

    fn failed(&self, error: &LiveError) {
        self.stands(State::of(error), Some((format!("{}: {error}", self.name), error.next_step())));
    }

    /// Adds what one look at the ring brought.
    fn add(&self, batch: &Batch, lost: u64, fair: &Fair, left_out_before: u64) {
        let mut figures = self.figures.lock();
        figures.packets += batch.packets;
        figures.bytes += batch.bytes;
        figures.dropped += lost;
        figures.left_out += fair.left_out() - left_out_before;
        figures.sampling = fair.is_sampling();
        figures.last = batch.last.or(figures.last);
    }
}

impl Figures {
    /// What is left out now, in words.
    pub fn sampling_words(&self) -> Option<String> {
        self.sampling.then(|| format!("1 of {ONE_OF} packets of conversations that flood is decoded"))
    }
}

#[derive(Default)]
struct Batch {
    packets: u64,
    bytes: u64,
    last: Option<Time>,
}

/// Reads and decodes until it is told to stop, or the interface ends.
fn listen(
    watching: &Watching,
    tap: &Tap,
    live: &mut Live,
    clock: &dyn Clock,
    stop: &AtomicBool,
) -> Result<(), LiveError> {
    drop_rights()?;
    let mut fair = Fair::default();
    let mut counts = Counts::default();
    let mut down = false;
    while !stop.load(Ordering::Relaxed) {
        let (mut batch, left_out) = (Batch::default(), fair.left_out());
        let outcome = {
            // Held while there are packets, not while there are none.
            let mut tables = None;
            live.packets(PATIENCE, |packet| {
                let (monitor, recent) =
                    tables.get_or_insert_with(|| (watching.monitor.lock(), tap.recent.lock()));
                let pair = watching.pairs.of(packet.link, packet.data);
                let packet = Packet {
                    file: tap.file,
                    frame: packet.number,
                    time_ns: packet.time_ns,
                    link: packet.link,
                    original: packet.original,
                    data: packet.data,
                };
                recent.push(pair, &packet);
                batch.packets += 1;
                batch.bytes += u64::from(packet.original);
                batch.last = Some(Time(packet.time_ns));
                if fair.admits(pair, packet.time_ns) {
                    monitor.packet(&packet);
                }
            })
        };
        *tap.number.lock() = live.number();
        let now = live.counts();
        let lost = now.dropped - counts.dropped;
        counts = now;
        let at_ns = i64::try_from(clock.monotonic().as_nanos()).unwrap_or(i64::MAX);
        fair.pressure(live.fill(), lost > 0, at_ns);
        tap.add(&batch, lost, &fair, left_out);
        match outcome {
            Ok(_) if down && !live.is_up() => {}
            Ok(_) => {
                down = false;
                tap.stands(State::Up, None);
            }
            Err(error @ LiveError::Down) => {
                down = true;
                tap.failed(&error);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Opens the interface, reads it in a thread of its own, and again after whatever ended that.
pub async fn keep_open(house: Arc<House>, watching: Arc<Watching>, tap: Arc<Tap>) {
    let mut told: Option<Event> = None;
    loop {
        let (name, options, number) = (tap.name.clone(), tap.options, *tap.number.lock());
        let opened = tokio::task::spawn_blocking(move || Live::open(&name, &options, number)).await;
        match opened {
            Ok(Ok(live)) => {
                if let Some(event) = told.take() {
                    house.namespace.event(event.cleared(house.clock.now()));
                }
                tap.stands(if live.is_up() { State::Up } else { State::Down }, None);
                tracing::info!(interface = tap.name, "the monitor listens");
                run(&house, &watching, &tap, live).await;
            }
            Ok(Err(error)) => tap.failed(&error),
            Err(error) => tap.stands(State::Failed, Some((error.to_string(), "please report this"))),
        }
        if let Some((why, next)) = tap.figures().why
            && told.is_none()
        {
            let event = unseen(&tap.name, &why, next, house.clock.now());
            house.namespace.event(event.clone());
            told = Some(event);
        }
        tokio::select! {
            () = house.supervisor.stopped() => return,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

fn unseen(name: &str, why: &str, next: &str, at: Time) -> Event {
    let id = format!("monitor/{name}/{}", at.millis());
    let title = format!("The monitor sees nothing at {name}");
    Event::active(EventKind::Fault, id, format!("monitor/{name}"), at, severity::MEDIUM, title).explained(
        format!("{why}. What passes there is not watched; reading and recording go on."),
        next.to_owned(),
    )
}

/// Until the thread ends; tells it to when everything stops.
async fn run(house: &Arc<House>, watching: &Arc<Watching>, tap: &Arc<Tap>, mut live: Live) {
    let stop = Arc::new(AtomicBool::new(false));
    let (tell, mut ended) = tokio::sync::oneshot::channel();
    let thread = {
        let (watching, tap, clock, stop) = (watching.clone(), tap.clone(), house.clock.clone(), stop.clone());
        std::thread::Builder::new().name(format!("monitor {}", tap.name)).spawn(move || {
            let outcome =
                catch_unwind(AssertUnwindSafe(|| listen(&watching, &tap, &mut live, clock.as_ref(), &stop)));
            // Whoever waits may be gone when everything stops.
            let _ = tell.send(outcome.map_err(drop));
        })
    };
    if let Err(error) = thread {
        return tap.failed(&LiveError::Io(error));
    }
    let outcome = tokio::select! {
        outcome = &mut ended => outcome,
        () = house.supervisor.stopped() => {
            stop.store(true, Ordering::Relaxed);
            ended.await
        }
    };
    match outcome {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tap.failed(&error),
        Ok(Err(())) | Err(_) => {
            house.supervisor.panicked("monitor");
            let why = format!("reading {} failed inside Ironbridge; it begins again", tap.name);
            tap.stands(State::Failed, Some((why, "please report this, with the message in the log")));
        }
    }
}
