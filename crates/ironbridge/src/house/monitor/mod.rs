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
use watch::book::{AssetBook, FindingBook};
use watch::recent::Pairs;
use watch::{Announced, Baseline, Limits, Monitor, Report};

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
/// When assets were seen last is written this often; new ones, and what people say, sooner.
const SAVE_ASSETS: Duration = Duration::from_secs(60);
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
    damaged: Vec<String>,
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
}

impl Watching {
    /// Opens what was kept. Nothing is listened to yet.
    ///
    /// # Errors
    /// The folder cannot be made; damaged files are no error, they are set aside and told.
    pub fn open(data: &Path, settings: &MonitorSettings, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let disk = Disk::new(data)?;
        let mut damaged = Vec::new();
        let mut findings: FindingBook = disk.load(FINDINGS).unwrap_or_else(|why| {
            damaged.push(why);
            FindingBook::default()
        });
        let assets = disk.load(ASSETS).unwrap_or_else(|why| {
            damaged.push(why);
            AssetBook::default()
        });
        findings.begin();
        let options = settings.options();
        let taps = (0u32..)
            .zip(&settings.interfaces)
            .map(|(file, name)| Arc::new(Tap::new(name, file, options, settings.recent_mb << 20)));
        let kept = disk.load(guard::GUARD).unwrap_or_else(|why| {
            damaged.push(why);
            guard::Kept::default()
        });
        let baseline = disk.load(guard::BASELINE).unwrap_or_else(|why| {
            damaged.push(why);
            Baseline::default()
        });
        let mut monitor = Monitor::new(Limits::STANDARD);
        monitor.set_baseline(baseline);
        monitor.set_mode(kept.mode(""), []);
        monitor.set_windows(kept.windows());
        let report = monitor.report();
        Ok(Self {
            since: clock.now(),
            clock,
            monitor: Mutex::new(monitor),
            pairs: Pairs::default(),
            taps: taps.collect(),
            findings: Mutex::new(findings),
            assets: Mutex::new(assets),
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

    /// One look. What has to be told.
    fn look(&self, keeper: &mut Keeper) -> Vec<Event> {
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
        let mut news = Vec::new();
        if due {
            let report = self.monitor.lock().report();
            keeper.cost = self.clock.monotonic().saturating_sub(monotonic);
            let rate = messages.saturating_sub(keeper.messages) as f64 / since.as_secs_f64().max(1e-3);
            (keeper.reported, keeper.packets, keeper.messages) = (monotonic, packets, messages);
            keeper.findings = found;
            news = self.take(&report, keeper, now);
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
        self.save_assets(keeper, monotonic);
        events
    }

    /// Takes that devices are asked because a person said yes to it, before the first packet; again when it is over.
    pub fn announce(&self, announced: Announced) {
        if self.is_on() && !self.monitor.lock().announce(announced) {
            tracing::warn!("the monitor has no room for one more search: it may take it for a stranger's");
        }
    }

    /// Brings a report into the books. Findings that are new or happened again.
    fn take(&self, report: &Report, keeper: &mut Keeper, now: Time) -> Vec<String> {
        let news = self.findings.lock().take(report, now);
        if self.assets.lock().take(report) {
            keeper.assets_changed = true;
            self.revisions.assets.fetch_add(1, Ordering::Relaxed);
        }
        let links = report.links.iter().map(|link| 1 + link.functions.len()).sum();
        if links != keeper.links {
            keeper.links = links;
            self.revisions.links.fetch_add(1, Ordering::Relaxed);
        }
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

    fn save_assets(&self, keeper: &mut Keeper, monotonic: Duration) {
        let age = monotonic.saturating_sub(keeper.assets_saved);
        let news = keeper.assets_changed && age >= REPORT * 5;
        if news || (age >= SAVE_ASSETS && self.is_on()) {
            (keeper.assets_saved, keeper.assets_changed) = (monotonic, false);
            self.save(ASSETS, &*self.assets.lock());
        }
    }

    /// Writes a book. A disk that does not take it is its own event; the book in memory goes on.
    fn save(&self, name: &str, book: &impl serde::Serialize) -> bool {
        let saved = self.disk.save(name, book);
        if let Err(why) = &saved {
            tracing::error!(%why, file = name, "the monitor's book could not be written");
        }
        saved.is_ok()
    }
}

/// Starts listening and looking.
pub fn start(house: &Arc<House>) {
    let watching = house.watching.clone();
    for why in &watching.damaged {
        let at = house.clock.now();
        let id = format!("monitor/damaged/{}", at.millis());
        let event = Event::active(
            EventKind::Fault,
            id,
            "monitor",
            at,
            severity::MEDIUM,
            "A book of the monitor is damaged",
        );
        house.namespace.event(event.explained(
            format!("{why}. It begins empty: what people said of findings or assets is missing."),
            "Restore the file from a backup while Ironbridge is stopped, or approve and acknowledge anew.",
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
            let events = watching.look(&mut keeper);
            if stopping {
                watching.save(ASSETS, &*watching.assets.lock());
            }
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
