//! The link's book about devices and groups.

use super::backoff::Backoff;
use super::link::Parts;
use model::{PointId, Shape, Status};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// First and longest wait between probes of a device that does not answer.
const PROBE_FIRST: Duration = Duration::from_secs(1);
const PROBE_MOST: Duration = Duration::from_secs(60);

pub(super) struct Device {
    pub(super) name: String,
    pub(super) failures: u32,
    pub(super) demoted: bool,
    pub(super) paused: bool,
    pub(super) answered: bool,
    pub(super) backoff: Backoff,
    /// Rejects timers of an earlier demotion.
    pub(super) generation: u32,
}

impl Device {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            failures: 0,
            demoted: false,
            paused: false,
            answered: false,
            backoff: Backoff::new(PROBE_FIRST, PROBE_MOST),
            generation: 0,
        }
    }

    /// Whether its groups are scanned.
    pub(super) const fn active(&self) -> bool {
        !self.demoted && !self.paused
    }
}

pub(super) struct Group {
    pub(super) device: usize,
    pub(super) class: usize,
    pub(super) period: Duration,
    pub(super) phase: Duration,
    pub(super) shape: Arc<Shape>,
    /// Shapes of parts of it, for values that come by themselves.
    pub(super) parts: Parts,
    /// A scan is queued or under way.
    pub(super) busy: bool,
    pub(super) due: Instant,
    /// Rejects timers of an earlier activation.
    pub(super) generation: u32,
    pub(super) last_good: Option<Instant>,
    pub(super) ever_read: bool,
    /// The quality that stands for all rows since the link was lost; `None` while it is scanned.
    pub(super) shown: Option<Status>,
    /// Rows in quarantine, sorted.
    pub(super) quarantined: Vec<u32>,
    pub(super) recheck_pending: bool,
}

impl Group {
    /// A group that was never read.
    pub(super) fn new(
        device: usize,
        class: usize,
        period: Duration,
        phase: Duration,
        shape: Arc<Shape>,
    ) -> Self {
        Self {
            device,
            class,
            period,
            phase,
            shape,
            parts: Parts::default(),
            busy: false,
            due: Instant::now(),
            generation: 0,
            last_good: None,
            ever_read: false,
            shown: None,
            quarantined: Vec::new(),
            recheck_pending: false,
        }
    }

    pub(super) fn points(&self) -> &[PointId] {
        self.shape.points()
    }
}
