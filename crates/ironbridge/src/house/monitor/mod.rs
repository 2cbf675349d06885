//! The monitor of the network inside the running house.
//!
//! ```text
//!   tap (a thread per interface) ─▶ watch::Monitor ─▶ report, every second or so ─▶ books (findings, assets) ─▶ disk
//!        └─▶ recent packets ──────────────┐               │                           └▶ events ─▶ namespace
//!                                 evidence on disk ◀──────┘ new cases
//! ```
//! Rationale: decoding stands in threads that hold no rights and wait for nobody; whatever takes long (reports, disk,
//! pages) works on the last report. The monitor's tables are under one lock, taken once for some thousand packets.

mod around;
mod chart;
mod disk;
mod draft;
mod evidence;
mod guard;
mod health;
mod normal;
mod rows;
mod standing;
mod tap;
mod traffic;
mod view;

use super::House;
use crate::plant::MonitorSettings;
use arc_swap::ArcSwap;
use around::Around;
use disk::Disk;
use evidence::{BEFORE, BEHIND, Shown, Store};
use model::event::severity;
use model::{Clock, Event, EventKind, Time};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tap::Tap;
use watch::book::{AssetBook, FindingBook, TrafficBook};
use watch::recent::Pairs;
use watch::{Announced, Limits, Monitor, Report};

const FINDINGS: &str = "findings.json";
const ASSETS: &str = "assets.json";
/// How often it is looked whether there is something new.
const TICK: Duration = Duration::from_millis(250);
/// Reports are made no more often, but at once for a new finding.
const REPORT: Duration = Duration::from_secs(1);
/// A report may take at most one part in so many of the time, because packets wait for it.
const PART: u32 = 20;
/// The same when there is something new to find.
const PART_NEWS: u32 = 4;
/// Counts, and when something was seen last, are written this often.
const SAVE: Duration = Duration::from_secs(60);
/// New assets, links and points are written after this time; what people say at once.
const NEWS: Duration = Duration::from_secs(5);
/// What the plant says of the network is looked up this often.
const AROUND: Duration = Duration::from_secs(10);

/// The last report.
pub struct Seen {
    pub report: Report,
    /// Messages of control protocols a second.
    pub messages_per_second: f64,
}

/// The monitor.
pub struct Watching {
    clock: Arc<dyn Clock>,
    monitor: Mutex<Monitor>,
    pairs: Pairs,
    taps: Vec<Arc<Tap>>,
    /// Taken before `assets` where both are.
    findings: Mutex<FindingBook>,
    assets: Mutex<AssetBook>,
    /// What earlier runs saw; taken after `assets` where both are.
    traffic: Mutex<TrafficBook>,
    seen: ArcSwap<Seen>,
    around: ArcSwap<Around>,
    evidence: Mutex<Store>,
    disk: Disk,
    since: Time,
    revisions: Revisions,
    /// What people decided about what is normal; taken before `monitor` where both are.
    kept: Mutex<guard::Kept>,
    numbers: guard::Numbers,
    /// What could not be read at the start, in words.
    damaged: Vec<(&'static str, String)>,
}

/// Numbers that grow when a list changes.
#[derive(Default)]
struct Revisions {
    assets: AtomicU64,
    links: AtomicU64,
    findings: AtomicU64,
}

/// What the keeper remembers between two looks.
#[derive(Default)]
struct Keeper {
    reported: Duration,
    cost: Duration,
    packets: u64,
    messages: u64,
    findings: usize,
    links: usize,
    assets_saved: Duration,
    assets_changed: bool,
    traffic: traffic::Pace,
}

impl Watching {
    /// Opens what was kept. Nothing is listened to yet.
    ///
    /// # Errors
    /// The folder cannot be made; damaged files are no error, they are set aside and told.
    pub fn open(data: &Path, settings: &MonitorSettings, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let disk = Disk::new(data)?;
        let mut damaged = Vec::new();
        let mut findings: FindingBook = load(&disk, FINDINGS, &mut damaged);
        let mut assets: AssetBook = load(&disk, ASSETS, &mut damaged);
        let mut traffic: TrafficBook = load(&disk, traffic::TRAFFIC, &mut damaged);
        findings.begin();
        assets.begin();
        traffic.begin(clock.now());
        let options = settings.options();
        let taps = (0u32..)
            .zip(&settings.interfaces)
            .map(|(file, name)| Arc::new(Tap::new(name, file, options, settings.recent_mb << 20)));
        let kept: guard::Kept = load(&disk, guard::GUARD, &mut damaged);
        let mut monitor = Monitor::new(Limits::STANDARD);
        monitor.set_baseline(load(&disk, guard::BASELINE, &mut damaged));
        monitor.set_unapproved(load(&disk, traffic::UNAPPROVED, &mut damaged));
        monitor.set_mode(kept.mode(""), []);
        monitor.set_windows(kept.windows());
        let mut report = monitor.report();
        traffic.complete(&mut report, &assets);
        Ok(Self {
            since: clock.now(),
            clock,
            monitor: Mutex::new(monitor),
            pairs: Pairs::default(),
            taps: taps.collect(),
            findings: Mutex::new(findings),
            assets: Mutex::new(assets),
            traffic: Mutex::new(traffic),
            seen: ArcSwap::from_pointee(Seen { report, messages_per_second: 0.0 }),
            around: ArcSwap::default(),
            evidence: Mutex::new(Store::open(disk.folder("packets"), (settings.evidence_mb as u64) << 20)?),
            disk,
            revisions: Revisions::default(),
            kept: Mutex::new(kept),
            numbers: guard::Numbers::default(),
            damaged,
        })
    }

    /// Whether there is anything to listen to.
    pub fn is_on(&self) -> bool {
        !self.taps.is_empty()
    }

    /// One look, the last one if all stops. What has to be told.
    fn look(&self, keeper: &mut Keeper, stopping: bool) -> Vec<Event> {
        let (now, monotonic) = (self.clock.now(), self.clock.monotonic());
        self.taps.iter().for_each(|tap| tap.measure(monotonic));
        let (packets, messages, found) = {
            let mut monitor = self.monitor.lock();
            monitor.tick(now.0);
            (monitor.coverage().packets, monitor.coverage().messages, monitor.findings())
        };
        let since = monotonic.saturating_sub(keeper.reported);
        let is_news = found != keeper.findings;
        let part = if is_news { PART_NEWS } else { PART };
        let due = (is_news || since >= REPORT && packets != keeper.packets) && since >= keeper.cost * part;
        let due = due || stopping && self.is_on();
        let mut news = Vec::new();
        if due {
            let mut report = self.monitor.lock().report();
            let rate = messages.saturating_sub(keeper.messages) as f64 / since.as_secs_f64().max(1e-3);
            (keeper.reported, keeper.packets, keeper.messages) = (monotonic, packets, messages);
            keeper.findings = found;
            news = self.take(&mut report, keeper, now);
            keeper.cost = self.clock.monotonic().saturating_sub(monotonic);
            self.seen.store(Arc::new(Seen { report, messages_per_second: rate }));
        }
        let mut wanted: Vec<String> = self.evidence.lock().due(now);
        wanted.extend(news.iter().filter(|id| self.evidence.lock().wants(id, now)).cloned());
        self.keep_packets(&wanted, now);
        let events = {
            let mut findings = self.findings.lock();
            findings.expire(now);
            let events = findings.events(now);
            // On disk first: a revision that was told is never told again with another content.
            if !events.is_empty() || !news.is_empty() {
                self.revisions.findings.fetch_add(1, Ordering::Relaxed);
                self.save(FINDINGS, &*findings);
            }
            events
        };
        self.save_assets(keeper, monotonic, stopping);
        self.save_traffic(&mut keeper.traffic, keeper.findings, monotonic, stopping);
        events
    }

    /// Takes that devices are asked because a person said yes to it, before the first packet; again when it is over.
    pub fn announce(&self, announced: Announced) {
        if self.is_on() && !self.monitor.lock().announce(announced) {
            tracing::warn!("the monitor has no room for one more search: it may take it for a stranger's");
        }
    }

    /// Brings a report into the books, and what earlier runs saw into the report. Findings that are new or happened again.
    fn take(&self, report: &mut Report, keeper: &mut Keeper, now: Time) -> Vec<String> {
        let news = self.findings.lock().take(report, now);
        {
            let mut assets = self.assets.lock();
            if assets.take(report) {
                keeper.assets_changed = true;
                self.revisions.assets.fetch_add(1, Ordering::Relaxed);
            }
            self.traffic.lock().complete(report, &assets);
        }
        let links: usize = report.links.iter().map(|link| 1 + link.functions.len()).sum();
        let points: usize =
            report.points.iter().map(|point| 1 + point.readers.len() + point.writers.len()).sum();
        if links + points != keeper.links {
            keeper.links = links + points;
            self.revisions.links.fetch_add(1, Ordering::Relaxed);
            keeper.traffic.news = true;
        }
        keeper.traffic.changed = true;
        news
    }

    /// Takes packets of findings out of the recent ones and keeps them.
    fn keep_packets(&self, ids: &[String], now: Time) {
        let seen = self.seen.load();
        for id in ids {
            let Some(row) = seen.report.findings.iter().find(|row| row.id == *id) else { continue };
            let mut found: BTreeMap<(u32, u64), Shown> = BTreeMap::new();
            for evidence in row.evidence.iter().chain([&row.latest]) {
                let Some(tap) = self.taps.get(evidence.file as usize) else { continue };
                let recent = tap.recent.lock();
                for kept in recent.around(evidence.frame, BEFORE, BEHIND) {
                    found.entry((evidence.file, kept.number)).or_insert_with(|| Shown {
                        time_ns: kept.time_ns,
                        link: kept.link,
                        original: kept.original,
                        data: kept.data.to_vec(),
                    });
                }
            }
            if let Err(why) = self.evidence.lock().keep(id, found.into_values().collect(), now) {
                tracing::warn!(%why, finding = id, "the packets of a finding could not be kept");
            }
        }
    }

    fn save_assets(&self, keeper: &mut Keeper, monotonic: Duration, stopping: bool) {
        let age = monotonic.saturating_sub(keeper.assets_saved);
        let news = keeper.assets_changed && age >= NEWS;
        if stopping || news || (age >= SAVE && self.is_on()) {
            (keeper.assets_saved, keeper.assets_changed) = (monotonic, false);
            self.save(ASSETS, &*self.assets.lock());
        }
    }

    /// Writes a book. A disk that does not take it is its own event; the book in memory goes on.
    fn save(&self, name: &str, book: &impl serde::Serialize) -> bool {
        self.write(name, book).is_some()
    }

    /// The same; how many bytes it is.
    fn write(&self, name: &str, book: &impl serde::Serialize) -> Option<usize> {
        let saved = self.disk.save(name, book);
        if let Err(why) = &saved {
            tracing::error!(%why, file = name, "the monitor's book could not be written");
        }
        saved.ok()
    }
}

/// Reads a book; an empty one if it is damaged, which is told later.
fn load<T: serde::de::DeserializeOwned + Default>(
    disk: &Disk,
    name: &'static str,
    damaged: &mut Vec<(&'static str, String)>,
) -> T {
    disk.load(name).unwrap_or_else(|why| {
        damaged.push((name, why));
        T::default()
    })
}

/// What is missing without a book.
fn missing(name: &str) -> (&'static str, &'static str) {
    match name {
        FINDINGS => {
            ("findings of earlier runs, and what people said of them, are missing", "acknowledge anew")
        }
        ASSETS => ("what people said of assets, and assets that are gone, are missing", "approve anew"),
        traffic::TRAFFIC => (
            "links and data of earlier runs are missing, and everything is counted from now on",
            "let them be seen again",
        ),
        traffic::UNAPPROVED => (
            "what was seen earlier and is not approved is no difference any more until it is seen again",
            "look at the findings",
        ),
        guard::BASELINE => {
            ("what is normal is not known, and where it is guarded, everything is new", "learn anew")
        }
        _ => ("modes and windows of work are missing, and everything is learned", "set them anew"),
    }
}

/// Starts listening and looking.
pub fn start(house: &Arc<House>) {
    let watching = house.watching.clone();
    for (name, why) in &watching.damaged {
        let at = house.clock.now();
        let id = format!("monitor/damaged/{name}/{}", at.millis());
        let (missing, instead) = missing(name);
        let event = Event::active(
            EventKind::Fault,
            id,
            "monitor",
            at,
            severity::MEDIUM,
            "A book of the monitor is damaged",
        );
        house.namespace.event(event.explained(
            format!("{why}. It begins empty: {missing}."),
            format!("Restore the file from a backup while Ironbridge is stopped, or {instead}."),
        ));
    }
    for tap in &watching.taps {
        house.supervisor.spawn("monitor", tap::keep_open(house.clone(), watching.clone(), tap.clone()));
    }
    house.supervisor.spawn("monitor findings", keep(house.clone()));
    if watching.is_on() {
        house.supervisor.spawn("monitor health", health::watch(house.clone()));
    }
}

/// Looks again and again until everything stops.
async fn keep(house: Arc<House>) {
    let mut keeper = Keeper::default();
    let mut memory = guard::Memory::new(&house);
    let mut around = Duration::ZERO;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let stopping = tokio::select! {
            () = house.supervisor.stopped() => true,
            _ = tick.tick() => false,
        };
        let now = house.clock.monotonic();
        if house.watching.is_on() && (around.is_zero() || now.saturating_sub(around) >= AROUND) {
            around = now;
            let fresh = around::look(&house).await;
            house.watching.around.store(Arc::new(fresh));
        }
        let (watching, inside) = (house.watching.clone(), house.clone());
        let looked = tokio::task::spawn_blocking(move || {
            if watching.is_on() {
                memory.look(&inside);
            }
            let events = watching.look(&mut keeper, stopping);
            if stopping && watching.is_on() {
                watching.save_baseline();
            }
            (events, keeper, memory)
        });
        match looked.await {
            Ok((events, back, remembered)) => {
                (keeper, memory) = (back, remembered);
                for event in events {
                    house.namespace.event(event);
                }
            }
            Err(_) => {
                house.supervisor.panicked("monitor findings");
                (keeper, memory) = (Keeper::default(), guard::Memory::new(&house));
            }
        }
        if stopping {
            return;
        }
    }
}
