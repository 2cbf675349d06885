//! Samples on their way to monitored items: each one, in the order of the journal. Whoever queues more than one value gets
//! more than the newest.

use super::names::Name;
use super::value;
use model::{Last, PointId, Status, Time};
use namespace::Namespace;
use namespace::journal::{Item, Reader, Record};
use opcua::server::SubscriptionCache;
use opcua::types::{AttributeId, DataValue, NodeId};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Records that are handed over at once: one lock of the subscriptions for all of them.
const AT_ONCE: usize = 256;
/// How often items that are new are looked at: a sample may have come between their first value and their beginning.
const FRESH: Duration = Duration::from_millis(50);

/// Points that somebody watches.
#[derive(Default)]
pub(super) struct Watched(Mutex<Book>);

#[derive(Default)]
struct Book {
    points: HashMap<PointId, One>,
    fresh: Vec<PointId>,
}

struct One {
    node: NodeId,
    items: usize,
    status: Status,
}

impl Watched {
    /// One more item of a point.
    pub(super) fn add(&self, point: PointId, path: &str, last: &Last) {
        let mut book = self.0.lock();
        let node = || Name::Path(path.to_owned()).node();
        let one =
            book.points.entry(point).or_insert_with(|| One { node: node(), items: 0, status: last.status });
        one.items += 1;
        book.fresh.push(point);
    }

    /// One item less.
    pub(super) fn remove(&self, point: PointId) {
        let mut book = self.0.lock();
        if let Some(one) = book.points.get_mut(&point) {
            one.items = one.items.saturating_sub(1);
            if one.items == 0 {
                book.points.remove(&point);
            }
        }
    }

    /// Points that are watched now.
    pub(super) fn count(&self) -> usize {
        self.0.lock().points.len()
    }
}

impl Book {
    /// What is told of a sample of a point that is watched.
    fn tell(
        &mut self,
        point: PointId,
        sample: (&model::Value, Status, Time, Time),
        out: &mut Vec<(NodeId, DataValue)>,
    ) {
        let Some(one) = self.points.get_mut(&point) else { return };
        let (value, status, at, received) = sample;
        let told = value::sample(value, status, at, received);
        // The library compares values alone for items without a filter: a quality that changes by itself would not be told.
        if one.status != status && told.value.is_some() {
            out.push((one.node.clone(), DataValue { value: None, ..told.clone() }));
        }
        one.status = status;
        out.push((one.node.clone(), told));
    }
}

/// Brings samples to the items, for ever.
pub(super) async fn run(
    namespace: Namespace,
    watched: Arc<Watched>,
    subscriptions: Arc<SubscriptionCache>,
    told: Arc<AtomicU64>,
) {
    let journal = namespace.journal();
    let mut reader = journal.reader(journal.head());
    let mut looking = tokio::time::interval(FRESH);
    looking.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let mut out = Vec::new();
        tokio::select! {
            item = reader.next() => {
                let mut book = watched.0.lock();
                take(item, &mut reader, &mut book, &mut out);
            }
            _ = looking.tick() => renew(&namespace, &mut watched.0.lock(), &mut out),
        }
        if out.is_empty() {
            continue;
        }
        told.fetch_add(out.len() as u64, Relaxed);
        let mut notifier = subscriptions.data_notifier();
        for (node, sample) in &out {
            notifier.notify(node, AttributeId::Value, sample.clone());
        }
    }
}

fn take(first: Item, reader: &mut Reader, book: &mut Book, out: &mut Vec<(NodeId, DataValue)>) {
    let mut next = Some(first);
    for _ in 0..AT_ONCE {
        let Some(item) = next.take() else { return };
        if let Item::Record { record: Record::Samples(batch), .. } = &item
            && !batch.flags.historical
            && !book.points.is_empty()
        {
            for (point, at, status, value) in batch.rows() {
                book.tell(point, (value, status, at, batch.received), out);
            }
        }
        if let Item::Gap { from, to, .. } = &item {
            tracing::warn!(
                ?from,
                ?to,
                "OPC UA clients miss samples: the journal does not have them any more"
            );
        }
        next = reader.try_next();
    }
}

/// What points are now that were taken up since the last time.
fn renew(namespace: &Namespace, book: &mut Book, out: &mut Vec<(NodeId, DataValue)>) {
    for point in std::mem::take(&mut book.fresh) {
        if let Some(last) = namespace.last(point).filter(|last| last.time != Time::ZERO) {
            book.tell(point, (&last.value, last.status, last.time, last.received), out);
        }
    }
}
