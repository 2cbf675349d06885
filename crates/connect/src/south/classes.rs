//! Scan classes: their periods, and how their scans go.

use super::Layout;
use super::status::ScanStatus;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// One scan class of a connection, and how its scans go.
pub(super) struct Class {
    pub(super) name: String,
    pub(super) period: Duration,
    pub(super) points: usize,
    pub(super) requests: AtomicI64,
    pub(super) last_us: AtomicU64,
    pub(super) done: AtomicU64,
    pub(super) overruns: AtomicU64,
}

impl Class {
    /// What the page shows of it.
    pub(super) fn status(&self) -> ScanStatus {
        let last = self.last_us.load(Relaxed);
        ScanStatus {
            name: self.name.clone(),
            period_ms: self.period.as_secs_f64() * 1_000.0,
            last_ms: (last != u64::MAX).then_some(last as f64 / 1_000.0),
            overruns: self.overruns.load(Relaxed),
            done: self.done.load(Relaxed),
            points: self.points,
            requests: u64::try_from(self.requests.load(Relaxed)).unwrap_or(0),
        }
    }
}

/// The scan classes of an endpoint, the fastest first.
pub(super) fn classes(layout: &Layout) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    for group in &layout.groups {
        match classes.iter_mut().find(|class| class.name == group.class) {
            Some(class) => class.points += group.points.len(),
            None => classes.push(Class {
                name: group.class.clone(),
                period: group.period,
                points: group.points.len(),
                requests: AtomicI64::new(0),
                last_us: AtomicU64::new(u64::MAX),
                done: AtomicU64::new(0),
                overruns: AtomicU64::new(0),
            }),
        }
    }
    classes.sort_by_key(|class| class.period);
    classes
}
