//! What is normal, kept over restarts; what we ourselves send and were told to send, brought to the monitor.
//!
//! ```text
//!   connections ─ plans ──────────┐
//!   namespace ── commands ────────┤
//!   drivers ──── answers ─────────┼─▶ watch::Monitor ─▶ findings
//!   people ───── modes, windows ──┘        └─ baseline ─▶ disk
//! ```

use super::Watching;
use crate::house::House;
use model::expected::{ExpectedTraffic, Reply};
use model::{Outcome, Time};
use namespace::{Phase, Tracked};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;
use watch::book::VERSION;
use watch::{Authorised, Baseline, Expected, Mode, Window};

pub(super) const GUARD: &str = "guard.json";
pub(super) const BASELINE: &str = "baseline.json";

/// Answers of drivers that may wait.
const ROOM: usize = 8_192;
/// Commands that are looked at.
const COMMANDS: usize = 512;
/// Older ones were seen long ago.
const COMMAND_AGE: Duration = Duration::from_secs(600);
/// How often the baseline is written if it changed.
const SAVE: Duration = Duration::from_secs(60);
/// Most windows of work that are kept; the oldest that is over makes room.
pub(super) const MAX_WINDOWS: usize = 200;

/// What people decided.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Kept {
    #[serde(default)]
    version: u32,
    /// By zone; empty for all without one of their own here.
    pub modes: BTreeMap<String, ZoneMode>,
    pub windows: Vec<Work>,
    /// The number of the last window.
    pub last: u32,
}

/// What is done with what is new in a zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ZoneMode {
    pub mode: Mode,
    pub since: Time,
    pub by: String,
}

/// A window of expected work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    pub id: String,
    pub who: String,
    /// As they were named.
    pub assets: Vec<String>,
    /// All addresses of them.
    pub addresses: Vec<String>,
    pub from: Time,
    pub until: Time,
    pub ticket: String,
    pub note: String,
    pub by: String,
    pub created: Time,
    /// Before its time.
    pub ended: bool,
}

impl Work {
    /// For the API.
    pub fn state(&self, now: Time) -> &'static str {
        match () {
            () if self.ended => "ended",
            () if now < self.from => "planned",
            () if now < self.until => "open",
            () => "over",
        }
    }

    fn window(&self) -> Window {
        Window {
            id: self.id.clone(),
            assets: self.addresses.clone(),
            from_ns: self.from.0,
            until_ns: self.until.0,
        }
    }
}

impl Kept {
    /// What is done with what is new in a zone.
    pub fn mode(&self, zone: &str) -> Mode {
        self.modes.get(zone).or_else(|| self.modes.get("")).map_or(Mode::Learning, |one| one.mode)
    }

    /// For the disk.
    pub fn versioned(&self) -> Self {
        Self { version: VERSION, ..self.clone() }
    }

    pub(super) fn windows(&self) -> impl Iterator<Item = Window> + '_ {
        self.windows.iter().map(Work::window)
    }
}

/// Numbers that grow when a list changes.
#[derive(Default)]
pub struct Numbers {
    pub windows: AtomicU64,
    pub baseline: AtomicU64,
}

type Modes = (Mode, Vec<(String, Mode)>);

/// What was told to the monitor, so that it is told only what is new.
pub struct Memory {
    replies: Option<Receiver<Reply>>,
    plans: Vec<Arc<[ExpectedTraffic]>>,
    around: (HashSet<IpAddr>, HashMap<String, Vec<IpAddr>>),
    commands: HashSet<String>,
    modes: Option<Modes>,
    windows: u64,
    saved: Duration,
    stamp: (i64, usize, usize),
}

impl Memory {
    /// Nothing was told yet. Drivers are listened to from now on, if there is a wire to compare with.
    pub fn new(house: &House) -> Self {
        let is_on = house.watching.is_on();
        Self {
            replies: is_on.then(|| house.secrets.witness.listen(ROOM)),
            plans: Vec::new(),
            around: <_>::default(),
            commands: HashSet::new(),
            modes: None,
            windows: u64::MAX,
            saved: Duration::ZERO,
            stamp: <_>::default(),
        }
    }

    /// One look.
    pub fn look(&mut self, house: &House) {
        let watching = &house.watching;
        let now = house.clock.now();
        self.plans(house);
        self.modes(watching);
        let commands = self.commands(house, now);
        {
            let mut monitor = watching.monitor.lock();
            let windows = watching.numbers.windows.load(Ordering::Relaxed);
            if windows != self.windows {
                self.windows = windows;
                monitor.set_windows(watching.kept.lock().windows());
            }
            let replies = self.replies.iter().flat_map(Receiver::try_iter);
            replies.take(ROOM).for_each(|reply| monitor.reply(&reply));
            commands.into_iter().for_each(|command| monitor.authorise(command));
            // A command is in the register before it leaves, and the register was read after `now`.
            monitor.authorised_until(now.0);
            monitor.tick(now.0);
        }
        self.save(watching, house.clock.monotonic());
    }

    /// What our own connections send.
    fn plans(&mut self, house: &House) {
        let plans: Vec<_> =
            house.connections.lock().values().map(|running| running.handle.expected()).collect();
        let around = house.watching.around.load();
        // At a loopback interface everybody has our address.
        let own: HashSet<IpAddr> = around.own().iter().copied().filter(|ip| !ip.is_loopback()).collect();
        let names: HashMap<String, Vec<IpAddr>> = around
            .endpoints
            .iter()
            .filter_map(|one| {
                Some((connect::discover::host_of(&one.text)?.to_owned(), one.addresses.clone()))
            })
            .collect();
        let around = (own, names);
        let same = plans.len() == self.plans.len()
            && plans.iter().zip(&self.plans).all(|(new, old)| Arc::ptr_eq(new, old))
            && around == self.around;
        if same {
            return;
        }
        (self.plans, self.around) = (plans, around);
        let traffic: Vec<ExpectedTraffic> = self.plans.iter().flat_map(|plan| plan.iter().cloned()).collect();
        let expected = Expected::new(self.around.0.iter().copied(), &traffic, &self.around.1);
        house.watching.monitor.lock().expect(expected);
    }

    /// What is done with what is new, address by address where a zone has its own mode.
    fn modes(&mut self, watching: &Watching) {
        let modes = watching.modes_by_address();
        if self.modes.as_ref() != Some(&modes) {
            watching.monitor.lock().set_mode(modes.0, modes.1.iter().cloned());
            self.modes = Some(modes);
        }
    }

    /// Commands that were authorised since the last look.
    fn commands(&mut self, house: &House, now: Time) -> Vec<Authorised> {
        let young = |tracked: &Tracked| now.since(tracked.asked) < COMMAND_AGE && was_sent(tracked);
        let all = house.namespace.commands(COMMANDS, young);
        let new = all.iter().filter(|tracked| !self.commands.contains(&tracked.command.id));
        let authorised = |tracked: &Tracked| {
            let path = tracked.command.path.as_str();
            let point = house.namespace.find(path).and_then(|id| house.namespace.meta(id));
            Authorised {
                id: tracked.command.id.clone(),
                connection: point.map(|point| point.connection.clone()).unwrap_or_default(),
                path: path.to_owned(),
                value: tracked.command.value.clone(),
                who: tracked.who.clone(),
                from: tracked.asked,
                until: tracked.command.expires,
            }
        };
        let new = new.map(authorised).collect();
        self.commands = all.into_iter().map(|tracked| tracked.command.id).collect();
        new
    }

    /// Writes the baseline now and then, if there is something new in it.
    fn save(&mut self, watching: &Watching, monotonic: Duration) {
        if monotonic.saturating_sub(self.saved) < SAVE {
            return;
        }
        self.saved = monotonic;
        let baseline = {
            let monitor = watching.monitor.lock();
            let baseline = monitor.baseline();
            let stamp = (baseline.until_ns, baseline.assets.len(), baseline.links.len());
            if stamp == self.stamp {
                return;
            }
            self.stamp = stamp;
            baseline.clone()
        };
        watching.numbers.baseline.fetch_add(1, Ordering::Relaxed);
        watching.save(BASELINE, &baseline);
    }
}

/// Whether a command left for its device.
fn was_sent(tracked: &Tracked) -> bool {
    match (tracked.phase, &tracked.outcome) {
        (Phase::Sending, _) => true,
        (Phase::Done, Some(outcome)) => !matches!(outcome, Outcome::Rejected { .. }),
        _ => false,
    }
}

impl Watching {
    /// Mode of all, and addresses that have another one.
    pub(super) fn modes_by_address(&self) -> Modes {
        let kept = self.kept.lock();
        let rest = kept.mode("");
        if kept.modes.values().all(|one| one.mode == rest) {
            return (rest, Vec::new());
        }
        let around = self.around.load();
        let assets = self.assets.lock();
        let mut others = Vec::new();
        for asset in assets.assets.values() {
            let mode = kept.mode(&super::rows::zone(asset, &around));
            if mode != rest {
                others
                    .extend(asset.addresses.iter().chain(&asset.macs).map(|address| (address.clone(), mode)));
            }
        }
        (rest, others)
    }

    /// Writes the baseline at once.
    pub(super) fn save_baseline(&self) -> bool {
        let baseline: Baseline = self.monitor.lock().baseline().clone();
        self.numbers.baseline.fetch_add(1, Ordering::Relaxed);
        self.save(BASELINE, &baseline)
    }
}
