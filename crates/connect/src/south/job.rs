//! What a driver is asked to do, and in which order.

use namespace::Order;
use std::cmp::Ordering;
use tokio::time::Instant;

/// Which job goes first. Fast scans go before slow ones by their deadline (due time + period), so that a fast class that
/// cannot keep up slows slow ones down but never starves them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// A person or a policy changes the plant.
    Write,
    /// A person waits for it.
    Demand,
    /// The regular scans.
    Scan,
    /// Browsing, probes, re-checks.
    Browse,
}

/// One thing to do. A driver sends one request for it and either finishes it or hands it back with [`super::Link::again`],
/// so that the next request may be another job's.
#[derive(Debug)]
pub struct Job {
    /// Its lane.
    pub lane: Lane,
    /// What to do.
    pub work: Work,
    /// When it should be done: the earliest of a lane goes first.
    pub(super) deadline: Instant,
    /// First come, first served among equals.
    pub(super) number: u64,
}

/// Kinds of jobs.
pub enum Work {
    /// Read a group.
    Scan {
        /// Index of the group.
        group: usize,
        /// The first request of this scan; anything left of an earlier one is void.
        fresh: bool,
    },
    /// Ask a demoted device whether it is back, with the cheapest request there is.
    Probe {
        /// Index of the device.
        device: usize,
        /// Probes since it was demoted, from 1.
        attempt: u32,
    },
    /// Try again what the device refused in a group.
    Recheck {
        /// Index of the group.
        group: usize,
    },
    /// Write a point.
    Write(Box<Order>),
    /// Read back what was written: the driver keeps what it needs.
    Readback {
        /// The driver's own number of the write.
        ticket: u64,
    },
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Scan { group, fresh } => write!(f, "Scan({group}, fresh {fresh})"),
            Self::Probe { device, attempt } => write!(f, "Probe({device}, {attempt})"),
            Self::Recheck { group } => write!(f, "Recheck({group})"),
            Self::Write(order) => write!(f, "Write({})", order.command.path),
            Self::Readback { ticket } => write!(f, "Readback({ticket})"),
        }
    }
}

impl Job {
    fn key(&self) -> (Lane, Instant, u64) {
        (self.lane, self.deadline, self.number)
    }
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Job {}

impl PartialOrd for Job {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The greatest of a heap is the one that goes first.
impl Ord for Job {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}
