//! Values that come by themselves: subscriptions, brokers, traps.
//!
//! Their groups have the period zero: nothing is scanned, rows are published as they come, with their own times and
//! qualities. Loss, pause and demotion treat them like any others; [`Link::alive`] is what a keep-alive is to them.

use super::Link;
use crate::south::counters::add;
use model::{Batch, Each, PointId, Position, Shape, Status, Time, Value};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::time::Instant;

/// Sets of rows that a group remembers as shapes; a device mostly sends the same few.
const SHAPES: usize = 64;

/// One value that came by itself.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Row of its group.
    pub row: u32,
    /// The value; [`Value::None`] where only the quality changed: the last value stays.
    pub value: Value,
    /// Its quality.
    pub status: Status,
    /// The source's own time, where it gives one.
    pub source: Option<Time>,
}

/// What is the same for values that come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The source's clock counts as synchronised. Without source times it is the gateway's that counts.
    pub synchronised: bool,
    /// Not live: read from the source's own history.
    pub historical: bool,
}

impl Origin {
    /// Live, from a source whose clock is trusted.
    pub const LIVE: Self = Self { synchronised: true, historical: false };
}

/// The shapes of one group that came by parts.
#[derive(Default)]
pub(in crate::south) struct Parts(HashMap<Box<[u32]>, Arc<Shape>>);

impl Parts {
    fn shape(&mut self, whole: &Arc<Shape>, rows: &[u32]) -> Arc<Shape> {
        let points = whole.points();
        if rows.len() == points.len() && rows.iter().enumerate().all(|(index, row)| index == *row as usize) {
            return whole.clone();
        }
        if let Some(known) = self.0.get(rows) {
            return known.clone();
        }
        if self.0.len() >= SHAPES {
            self.0.clear();
        }
        let ids: Vec<PointId> = rows.iter().filter_map(|row| points.get(*row as usize).copied()).collect();
        let shape = Shape::new(ids);
        self.0.insert(rows.into(), shape.clone());
        shape
    }
}

impl Link {
    /// Whether points of the group still show that the link was lost or the device paused.
    pub fn shows_loss(&self, group: usize) -> bool {
        self.groups.get(group).is_some_and(|book| book.shown.is_some())
    }

    /// Notifications were lost for good.
    pub fn notifications_lost(&self, count: u64) {
        add(&self.shared.counters.notifications_lost, count);
    }

    /// The other side dropped values, because its queue for a point was full.
    pub fn overflowed(&self, count: u64) {
        add(&self.shared.counters.overflows, count);
    }

    /// Publishes one scan of a group whose values have times of their own, and makes the group idle again.
    pub fn scanned(&mut self, group: usize, origin: Origin, arrivals: Vec<Arrival>) {
        if let Some(book) = self.groups.get_mut(group) {
            book.busy = false;
            self.shared.scan_done(book.class, Instant::now().saturating_duration_since(book.due));
        }
        self.arrived(group, origin, arrivals);
    }

    /// A sign of life that answers nothing: a keep-alive, a notification.
    pub fn alive(&mut self, device: usize) {
        self.live(device);
    }

    /// The other side speaks, although no device did yet: a broker.
    pub fn speaking(&mut self) {
        if !self.answered {
            self.answered = true;
            self.regained();
        }
    }

    /// The other side is there again, and values come by themselves: what never came is waited for, not cut off.
    pub fn awaits(&mut self) {
        for group in 0..self.groups.len() {
            let Some(book) = self.groups.get(group) else { continue };
            let paused = self.devices.get(book.device).is_some_and(|device| device.paused);
            let cut_off = [Status::BAD_NO_COMMUNICATION, Status::BAD_OUT_OF_SERVICE];
            if !book.ever_read && !paused && book.shown.is_some_and(|shown| cut_off.contains(&shown)) {
                self.show(group, Status::BAD_WAITING_FOR_INITIAL_DATA);
            }
        }
    }

    /// Publishes what came by itself, in the order given; several values of one point become several samples. What
    /// comes from a paused device, and rows that the group does not have, are left out and counted as late. Returns the
    /// position of the last sample, for whoever acknowledges upstream.
    pub fn arrived(&mut self, group: usize, origin: Origin, arrivals: Vec<Arrival>) -> Option<Position> {
        let received = self.clock.now();
        let book = self.groups.get_mut(group)?;
        if self.devices.get(book.device).is_some_and(|device| device.paused) {
            // The points are out of service until the device is resumed.
            add(&self.shared.counters.late, arrivals.len() as u64);
            return None;
        }
        let rows = book.points().len();
        let mut strangers = 0;
        let mut seen: HashMap<u32, usize> = HashMap::with_capacity(arrivals.len());
        let mut layers: Vec<Vec<Arrival>> = Vec::new();
        for arrival in arrivals {
            if arrival.row as usize >= rows {
                strangers += 1;
                continue;
            }
            // A point stands at most once in a batch: its second value goes into a second one.
            let layer = seen.entry(arrival.row).and_modify(|layer| *layer += 1).or_insert(0);
            match layers.get_mut(*layer) {
                Some(layer) => layer.push(arrival),
                None => layers.push(vec![arrival]),
            }
        }
        if layers.iter().flatten().any(|arrival| !arrival.status.is_bad()) {
            book.last_good = Some(Instant::now());
            book.ever_read = true;
        }
        book.shown = None;
        let mut batches = Vec::with_capacity(layers.len());
        for mut layer in layers {
            layer.sort_by_key(|arrival| arrival.row);
            let rows: Vec<u32> = layer.iter().map(|arrival| arrival.row).collect();
            let shape = book.parts.shape(&book.shape, &rows);
            batches.push(batch(shape, received, origin, layer));
        }
        add(&self.shared.counters.late, strangers);
        let mut position = None;
        for batch in batches {
            add(&self.shared.counters.samples, batch.len() as u64);
            position = Some(self.namespace.publish(batch));
        }
        position
    }
}

fn batch(shape: Arc<Shape>, received: Time, origin: Origin, layer: Vec<Arrival>) -> Batch {
    let status: Box<[Status]> = layer.iter().map(|arrival| arrival.status).collect();
    let status = match status.first() {
        Some(first) if status.iter().all(|one| one == first) => Each::All(*first),
        _ => Each::Rows(status),
    };
    let stamped = layer.iter().any(|arrival| arrival.source.is_some());
    let source: Box<[Time]> = if stamped {
        layer.iter().map(|arrival| arrival.source.unwrap_or(received)).collect()
    } else {
        Box::default()
    };
    let values = layer.into_iter().map(|arrival| arrival.value).collect();
    let mut batch = Batch::polled(shape, received, status, values);
    if stamped {
        batch.source = Some(Each::Rows(source));
        batch.flags.synchronised = origin.synchronised;
    }
    batch.flags.historical = origin.historical;
    batch
}
