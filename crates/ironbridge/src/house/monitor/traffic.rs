//! Links, data touched and what is not approved: kept over restarts.
//!
//! What is new is on disk within seconds, counts within a minute; and never more is written than the disk of a small computer
//! bears for years.

use super::{NEWS, SAVE, Seen, Watching};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use watch::Baseline;
use web::Problem;

/// Links and data touched.
pub(super) const TRAFFIC: &str = "traffic.json";
/// What was seen while guarding and is not approved.
pub(super) const UNAPPROVED: &str = "unapproved.json";
/// At most so much is written in a second, over time.
const BYTES_PER_SECOND: u64 = 256 << 10;

/// When something was written, and whether there is more.
#[derive(Default)]
pub(super) struct Pace {
    saved: Duration,
    /// So long nothing is written, because of what was written last.
    rest: Duration,
    /// There are links, functions or points that are not on disk.
    pub news: bool,
    /// There are counts that are not on disk.
    pub changed: bool,
    unapproved: Baseline,
}

impl Pace {
    fn is_due(&self, monotonic: Duration) -> bool {
        let age = monotonic.saturating_sub(self.saved);
        age >= self.rest && (self.news && age >= NEWS || self.changed && age >= SAVE)
    }
}

impl Watching {
    /// Writes what is not on disk, if it is time; `told` findings are.
    pub(super) fn save_traffic(&self, pace: &mut Pace, told: usize, monotonic: Duration, stopping: bool) {
        if !self.is_on() || !(stopping || pace.is_due(monotonic)) {
            return;
        }
        let seen = self.seen.load();
        let kept = self.traffic.lock().kept(&seen.report);
        let bytes = self.write(TRAFFIC, &kept).unwrap_or_default() as u64;
        (pace.saved, pace.rest) = (monotonic, Duration::from_millis(bytes * 1_000 / BYTES_PER_SECOND));
        (pace.news, pace.changed) = (false, false);
        let unapproved = {
            let mut monitor = self.monitor.lock();
            // What stands there is not found again: its findings must be on disk before.
            let is_told = monitor.has_told() && monitor.findings() == told;
            is_told.then(|| monitor.unapproved())
        };
        match unapproved {
            None => pace.news = true,
            Some(fresh) if fresh != pace.unapproved && self.save(UNAPPROVED, &fresh) => {
                pace.unapproved = fresh;
            }
            Some(_) => {}
        }
    }

    /// Forgets an asset that is gone, with its links, its data and what is not approved of it.
    pub(super) fn forget(&self, id: &str) -> Result<(), Problem> {
        let known = self.assets.lock().assets.get(id).cloned();
        self.change_assets(|assets| assets.forget(id))?;
        let (addresses, macs) = known.map(|known| (known.addresses, known.macs)).unwrap_or_default();
        let report = {
            let mut monitor = self.monitor.lock();
            addresses.iter().chain(&macs).for_each(|address| monitor.forget(address));
            self.save(UNAPPROVED, &monitor.unapproved());
            monitor.report()
        };
        let mut seen = Seen { report, messages_per_second: self.seen.load().messages_per_second };
        {
            let assets = self.assets.lock();
            let mut traffic = self.traffic.lock();
            traffic.forget(id);
            traffic.complete(&mut seen.report, &assets);
            self.save(TRAFFIC, &traffic.kept(&seen.report));
        }
        self.seen.store(Arc::new(seen));
        self.revisions.links.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
