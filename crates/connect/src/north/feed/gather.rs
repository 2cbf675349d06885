//! Several deliveries at once, for far sides that take batches.

use super::{Delivery, Feed};
use crate::north::rejects::Reject;
use model::Position;
use std::time::Duration;
use tokio::time::Instant;

/// Longest wait for our own disk before a batch is sent.
const SYNC: Duration = Duration::from_secs(1);

/// What a sink that sends batches takes at once.
#[derive(Debug, Default)]
pub struct Gathered {
    /// In the order in which they were handed out.
    pub deliveries: Vec<Delivery>,
    /// Samples and events in them.
    pub samples: usize,
    /// The session has to end when these are done.
    pub stop: bool,
    /// When the first of them came.
    since: Option<Instant>,
}

impl Gathered {
    /// Position of each delivery, for [`Feed::ack_all`].
    pub fn positions(&self) -> Vec<Position> {
        self.deliveries.iter().filter_map(Delivery::position).collect()
    }
}

impl Delivery {
    /// Where it stands in the journal.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Declare { position, .. } | Self::Event { position, .. } => Some(*position),
            Self::Samples(samples) => Some(samples.position),
            Self::Stop => None,
        }
    }

    /// Samples and events in it.
    pub fn weight(&self) -> usize {
        match self {
            Self::Samples(samples) => samples.len(),
            Self::Event { .. } => 1,
            Self::Declare { .. } | Self::Stop => 0,
        }
    }
}

impl Feed {
    /// Waits for something to send, then takes what comes within `linger`, at most `most` samples or a little more; and
    /// until that is on disk here, so that the far side never holds what history lost in a crash. Disks that fail hold
    /// nothing up for longer than [`SYNC`].
    /// Into `gathered`, so that it is cancel-safe: what was taken stays there.
    pub async fn gather(&mut self, gathered: &mut Gathered, most: usize, linger: Duration) {
        self.collect(gathered, most, linger).await;
        let newest = gathered.deliveries.iter().filter_map(Delivery::position);
        if let Some(newest) = newest.filter(|position| !self.past.owns(*position)).max() {
            let _ = tokio::time::timeout(SYNC, self.namespace.journal().wait_synced(newest)).await;
        }
    }

    async fn collect(&mut self, gathered: &mut Gathered, most: usize, linger: Duration) {
        while gathered.samples < most && !gathered.stop {
            let next = match gathered.since {
                None => self.next().await,
                Some(since) => match tokio::time::timeout_at(since + linger, self.next()).await {
                    Ok(next) => next,
                    Err(_) => return,
                },
            };
            gathered.since.get_or_insert_with(Instant::now);
            if matches!(next, Delivery::Stop) {
                gathered.stop = true;
            } else {
                gathered.samples += next.weight();
                gathered.deliveries.push(next);
            }
        }
    }

    /// The far side has all of these, in whichever stream they stand, except `rejects`.
    pub fn ack_all(&mut self, positions: &[Position], rejects: Vec<Reject>) {
        let (past, journal): (Vec<Position>, Vec<Position>) =
            positions.iter().partition(|position| self.past.owns(**position));
        let (of_past, rejects): (Vec<Reject>, Vec<Reject>) =
            rejects.into_iter().partition(|reject| self.past.owns(reject.position));
        let mut of_past = of_past.into_iter().peekable();
        for position in past {
            let mine = std::iter::from_fn(|| of_past.next_if(|reject| reject.position == position)).collect();
            self.ack(position, mine);
        }
        let end = self.progress.range().map(|range| range.to);
        let is_back = |position: &Position| end.is_some_and(|end| *position <= end);
        let (of_back, of_live): (Vec<Reject>, Vec<Reject>) =
            rejects.into_iter().partition(|reject| is_back(&reject.position));
        let newest = |back: bool| journal.iter().filter(|p| is_back(p) == back).max().copied();
        for (position, rejects) in [(newest(true), of_back), (newest(false), of_live)] {
            match position {
                Some(position) => self.ack(position, rejects),
                None => rejects.into_iter().for_each(|reject| self.reject(reject)),
            }
        }
    }
}
