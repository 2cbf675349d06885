//! What the newest declarations, values and events are, kept so cheaply that the writer can do it for every record:
//! of each shape only the last complete batch is remembered; snapshots fold it into a table.

use crate::types::{Declared, Record};
use model::point::Last;
use model::{Batch, Each, Event, PointId, Position, Value};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

/// Most events remembered.
pub(crate) const MAX_EVENTS: usize = 10_000;
/// Most batches remembered before they are folded into the table.
const MAX_TAILS: usize = 4096;
/// Most incomplete batches of one shape remembered behind the complete one.
const MAX_CHAIN: usize = 16;

/// A batch, and how many of its shape it stands for.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    pub position: Position,
    pub batch: Arc<Batch>,
    pub stands_for: u32,
}

/// The state at a position, as far as it differs from the snapshot before.
#[derive(Default)]
pub(crate) struct Snapshot {
    pub position: Position,
    pub samples: u64,
    pub table: BTreeMap<PointId, Last>,
    pub tails: Vec<Tail>,
    pub declares: Vec<Declared>,
    /// All events remembered, if any is new.
    pub events: Option<Vec<Arc<Event>>>,
}

/// What was recorded since the last snapshot.
#[derive(Default)]
pub(crate) struct Mirror {
    table: BTreeMap<PointId, Last>,
    tails: HashMap<u32, Vec<Tail>>,
    count: usize,
    declares: Vec<Declared>,
    events: VecDeque<Arc<Event>>,
    events_changed: bool,
}

impl Mirror {
    /// With the events of earlier epochs.
    pub fn new(events: Vec<Arc<Event>>) -> Self {
        Self { events: events.into(), ..Self::default() }
    }

    /// Takes a record in; `full` if it is a batch in which every row has a value.
    pub fn record(&mut self, position: Position, record: &Record, full: bool) {
        match record {
            Record::Samples(batch) => self.samples(position, batch, full),
            Record::Declare(list) => self.declares.push(list.clone()),
            Record::Event(event) => {
                self.events_changed = true;
                push_event(&mut self.events, event.clone());
            }
            Record::Mark(_) => {}
        }
    }

    fn samples(&mut self, position: Position, batch: &Arc<Batch>, full: bool) {
        let sound = match &batch.status {
            Each::All(status) => !status.is_bad(),
            Each::Rows(each) => !each.iter().any(|status| status.is_bad()),
        };
        let chain = self.tails.entry(batch.shape.id()).or_default();
        let mut stands_for = 1;
        if full && sound && !batch.flags.historical {
            stands_for += chain.iter().map(|t| t.stands_for).sum::<u32>();
            self.count -= chain.len();
            chain.clear();
        }
        chain.push(Tail { position, batch: batch.clone(), stands_for });
        self.count += 1;
        if chain.len() > MAX_CHAIN {
            self.count -= chain.len();
            chain.drain(..).for_each(|tail| apply(&mut self.table, &tail));
        } else if self.count > MAX_TAILS {
            self.fold();
        }
    }

    fn take_tails(&mut self) -> Vec<Tail> {
        self.count = 0;
        let mut tails: Vec<Tail> = std::mem::take(&mut self.tails).into_values().flatten().collect();
        tails.sort_by_key(|t| t.position);
        tails
    }

    fn fold(&mut self) {
        for tail in self.take_tails() {
            apply(&mut self.table, &tail);
        }
    }

    /// Everything since the last call, to be merged with the snapshot on disk.
    pub fn snapshot(&mut self, position: Position, samples: u64) -> Snapshot {
        let events = std::mem::take(&mut self.events_changed).then(|| self.events.iter().cloned().collect());
        let tails = self.take_tails();
        let table = std::mem::take(&mut self.table);
        let declares = std::mem::take(&mut self.declares);
        Snapshot { position, samples, table, tails, declares, events }
    }
}

impl Snapshot {
    /// Puts a newer one on top.
    pub fn absorb(&mut self, newer: Self) {
        for tail in self.tails.drain(..) {
            apply(&mut self.table, &tail);
        }
        for (id, last) in newer.table {
            let known = self.table.entry(id).or_insert(Last::WAITING);
            *known = merged(known, last);
        }
        self.tails = newer.tails;
        self.declares.extend(newer.declares);
        self.position = newer.position;
        self.samples = newer.samples;
        self.events = newer.events.or(self.events.take());
    }

    /// The newest values, on top of `older`.
    pub fn fold_into(&self, older: &mut BTreeMap<PointId, Last>) {
        for (id, last) in &self.table {
            let known = older.entry(*id).or_insert(Last::WAITING);
            *known = merged(known, last.clone());
        }
        for tail in &self.tails {
            apply(older, tail);
        }
    }
}

/// `newer` on top of `older`: where no good value came since, the older one stays.
fn merged(older: &Last, newer: Last) -> Last {
    let count = older.count.wrapping_add(newer.count);
    if newer.value == Value::None {
        return Last { value: older.value.clone(), good: older.good, count, ..newer };
    }
    Last { count, ..newer }
}

/// Takes a batch into a table of last values, by the rules of [`Last::update`] and in the journal's order.
pub(crate) fn apply(table: &mut BTreeMap<PointId, Last>, tail: &Tail) {
    for (id, time, status, value) in tail.batch.rows() {
        let last = table.entry(id).or_insert(Last::WAITING);
        if tail.position >= last.position {
            let Batch { received, flags, .. } = *tail.batch;
            last.update(value, status, time, received, tail.position, flags.historical);
            last.count = last.count.wrapping_sub(1);
        }
        last.count = last.count.wrapping_add(tail.stands_for);
    }
}

pub(crate) fn push_event(events: &mut VecDeque<Arc<Event>>, event: Arc<Event>) {
    if events.len() >= MAX_EVENTS {
        events.pop_front();
    }
    events.push_back(event);
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Shape, Status, Time};

    fn batch(shape: &Arc<Shape>, at: i64, values: &[i64]) -> Arc<Batch> {
        let values = values.iter().map(|v| Value::I64(*v)).collect();
        Arc::new(Batch::polled(shape.clone(), Time(at), Each::All(Status::GOOD), values))
    }

    #[test]
    fn the_last_complete_batch_stands_for_those_before() {
        let shape = Shape::new(vec![PointId(1), PointId(2)]);
        let mut mirror = Mirror::default();
        for n in 1..=5 {
            let record = Record::Samples(batch(&shape, n, &[n, -n]));
            mirror.record(Position::new(1, n as u64), &record, true);
        }
        let lost = Batch::quality(shape.clone(), Time(6), Status::BAD_COMMUNICATION_ERROR);
        mirror.record(Position::new(1, 6), &Record::Samples(Arc::new(lost)), false);
        let snapshot = mirror.snapshot(Position::new(1, 6), 12);
        assert_eq!(snapshot.tails.len(), 2);
        let mut table = BTreeMap::new();
        snapshot.fold_into(&mut table);
        let last = &table[&PointId(2)];
        assert_eq!(
            (&last.value, last.status, last.count),
            (&Value::I64(-5), Status::BAD_COMMUNICATION_ERROR, 6)
        );
        assert_eq!(last.position, Position::new(1, 6));
    }

    #[test]
    fn shapes_that_come_once_are_folded() {
        let mut mirror = Mirror::default();
        for n in 0..10_000_i64 {
            let shape = Shape::new(vec![PointId((n % 7) as u32)]);
            mirror.record(Position::new(1, n as u64 + 1), &Record::Samples(batch(&shape, n, &[n])), true);
            assert!(mirror.count <= MAX_TAILS);
        }
        let mut table = BTreeMap::new();
        mirror.snapshot(Position::new(1, 10_000), 10_000).fold_into(&mut table);
        assert_eq!(table.values().map(|l| l.count).sum::<u32>(), 10_000);
        assert_eq!(table[&PointId(3)].value, Value::I64(9999));
    }
}
