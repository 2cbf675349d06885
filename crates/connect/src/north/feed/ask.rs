//! Reads from history what a feed sends beside the journal, on a thread of its own.

use crate::north::history::{Batches, History, Recorded, Told};
use crate::north::intervals::{self, floor};
use crate::north::rejects::Letter;
use crate::north::settings::Of;
use model::{Batch, Event, PointId, Position, Time, ValueType};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Samples and events of one stretch at most.
const MOST: usize = 50_000;
/// A stretch is never shorter, ns.
const LEAST_SPAN: i64 = 1_000_000;
/// Samples of such a stretch at most.
const MOST_AT_ONCE: usize = 1_000_000;

/// What is asked of history.
pub(super) struct Ask {
    pub(super) history: Arc<dyn History>,
    pub(super) points: Vec<(PointId, ValueType)>,
    pub(super) samples: bool,
    pub(super) events: bool,
    pub(super) limit: Position,
    pub(super) every: Option<(Duration, Of)>,
}

/// What can be handed out.
pub(super) enum Ready {
    Samples(Position, Arc<Batch>),
    Event(Position, Arc<Event>),
}

/// What a thread brings.
pub(super) struct Loaded {
    pub(super) batches: Batches,
    pub(super) found: Result<Found, String>,
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) ready: VecDeque<Ready>,
    /// Up to where the stretch was read.
    pub(super) to: Time,
    /// How long the next stretch may be, ns.
    pub(super) span: i64,
    /// Letters whose data are not there any more, and why.
    pub(super) missing: Vec<(u64, &'static str)>,
}

/// Does it, and brings the shapes back.
pub(super) fn load(mut batches: Batches, work: impl FnOnce(&mut Batches) -> Result<Found, String>) -> Loaded {
    let found = work(&mut batches);
    Loaded { batches, found }
}

impl Ask {
    fn ids(&self) -> Vec<PointId> {
        self.points.iter().map(|(id, _)| *id).collect()
    }

    /// One interval, of all points.
    pub(super) fn interval(
        &self,
        batches: &mut Batches,
        (from, to): (Time, Time),
        of: Of,
    ) -> Result<Found, String> {
        let rows = intervals::interval(&*self.history, &self.points, (from, to), of)?;
        Ok(Found { ready: ready(batches.of(rows), Vec::new()), to, ..Found::default() })
    }

    /// From `from` on as much as fits, at most to `to`.
    pub(super) fn stretch(
        &self,
        batches: &mut Batches,
        (from, to): (Time, Time),
        span: i64,
    ) -> Result<Found, String> {
        let mut span = span.max(LEAST_SPAN);
        if let (Some((every, of)), true) = (self.every, self.samples) {
            let end = floor(from, every).after(every);
            let mut found = self.interval(batches, (floor(from, every), end), of)?;
            found.span = span;
            return Ok(found);
        }
        loop {
            let end = Time(from.0.saturating_add(span)).min(to);
            let most = if span > LEAST_SPAN { MOST } else { MOST_AT_ONCE };
            let samples = if self.samples {
                self.history.samples(&self.ids(), from, end, most)?
            } else {
                Some(Vec::new())
            };
            let events = if self.events { self.history.events(from, end, most)? } else { Some(Vec::new()) };
            match (samples, events) {
                (Some(samples), Some(mut events)) => {
                    let rows: Vec<Recorded> =
                        samples.into_iter().filter(|row| row.position <= self.limit).collect();
                    events.retain(|(position, _)| *position <= self.limit);
                    if rows.len() + events.len() < MOST / 8 {
                        span = span.saturating_mul(2);
                    }
                    return Ok(Found {
                        ready: ready(batches.of(rows), events),
                        to: end,
                        span,
                        ..Found::default()
                    });
                }
                _ if span > LEAST_SPAN => span = (span / 4).max(LEAST_SPAN),
                _ => {
                    return Err(format!(
                        "history holds more than {MOST_AT_ONCE} samples within a millisecond"
                    ));
                }
            }
        }
    }

    /// The data of dead letters.
    pub(super) fn letters(
        &self,
        batches: &mut Batches,
        letters: &[(Option<(PointId, ValueType)>, Letter)],
    ) -> Result<Found, String> {
        let mut found = Found::default();
        let (mut rows, mut events): (Vec<Recorded>, Vec<Told>) = (Vec::new(), Vec::new());
        for (point, letter) in letters {
            let (before, told) = (rows.len(), events.len());
            match letter.span {
                Some(span) => self.letter((*point, letter.reject.position, span), &mut rows, &mut events)?,
                None => {
                    found.missing.push((letter.id, "it is of an older version, which kept no time; drop it"));
                    continue;
                }
            }
            if (rows.len(), events.len()) == (before, told) {
                found.missing.push((letter.id, "history does not hold its data any more; drop it"));
            }
        }
        rows.sort_by_key(|row| (row.position, row.point, row.time));
        rows.dedup_by_key(|row| (row.position, row.point, row.time));
        events.sort_by_key(|(position, _)| *position);
        events.dedup_by_key(|(position, _)| *position);
        found.ready = ready(batches.of(rows), events);
        Ok(found)
    }

    /// One letter: its sample, or all of its record if it does not name a point.
    fn letter(
        &self,
        (point, position, (first, last)): (Option<(PointId, ValueType)>, Position, (Time, Time)),
        rows: &mut Vec<Recorded>,
        events: &mut Vec<Told>,
    ) -> Result<(), String> {
        let points = point.map_or_else(|| self.points.clone(), |point| vec![point]);
        if let (Some((every, of)), Position::START) = (self.every, position) {
            rows.extend(intervals::interval(&*self.history, &points, (first, first.after(every)), of)?);
            return Ok(());
        }
        let end = Time(last.0.saturating_add(1));
        if self.samples {
            let ids: Vec<PointId> = points.iter().map(|(id, _)| *id).collect();
            let all = self.history.samples(&ids, first, end, MOST_AT_ONCE)?.unwrap_or_default();
            rows.extend(all.into_iter().filter(|row| row.position == position));
        }
        if self.events && point.is_none() {
            let all = self.history.events(first, end, MOST_AT_ONCE)?.unwrap_or_default();
            events.extend(all.into_iter().filter(|(at, _)| *at == position));
        }
        Ok(())
    }
}

/// Samples and events in the order of their records.
fn ready(batches: Vec<(Position, Arc<Batch>)>, events: Vec<Told>) -> VecDeque<Ready> {
    let samples = batches.into_iter().map(|(position, batch)| (position, Ready::Samples(position, batch)));
    let events = events.into_iter().map(|(position, event)| (position, Ready::Event(position, event)));
    let mut all: Vec<(Position, Ready)> = samples.chain(events).collect();
    all.sort_by_key(|(position, _)| *position);
    all.into_iter().map(|(_, ready)| ready).collect()
}
