//! Samples and events on their way to monitored items: each one, in the order of the journal. Whoever queues more than one
//! value gets more than the newest.

use super::events::Told;
use super::names::Name;
use super::value;
use model::{Last, PointId, Status, Time};
use namespace::Namespace;
use namespace::journal::{Item, Reader, Record};
use opcua::server::notify::SubscriptionDataNotifier;
use opcua::server::{MonitoredItemHandle, SubscriptionCache};
use opcua::types::{AttributeId, DataValue, NodeId};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Records that are handed over at once: one lock of the subscriptions for all of them.
const AT_ONCE: usize = 256;
/// How often items that are new are looked at: a sample may have come between their first value and their beginning.
const FRESH: Duration = Duration::from_millis(50);

/// Events that wait for clients with room for one, and how long the next waits at most.
const MOST_EVENTS: usize = 10_000;
const SLOWEST: Duration = Duration::from_secs(1);

/// Points that somebody watches, and who hears events.
#[derive(Default)]
pub(super) struct Watched(Mutex<Book>);

#[derive(Default)]
struct Book {
    points: HashMap<PointId, One>,
    /// Taken up since the last look, and before it: by the second look the library has them.
    fresh: Vec<PointId>,
    settling: Vec<PointId>,
    /// Items that went since the start: the library keeps a place for each of them.
    gone: u64,
    /// Items with room for one event, and how often they are published: the library cannot give them more room, though
    /// clients mean "as many as you like" by it (OPC 10000-4, 7.21).
    narrow: HashMap<MonitoredItemHandle, Duration>,
}

/// Places of items that went which are given back when nobody watches, and which in any case: about 100 bytes each.
const WORN: u64 = 1_000_000;
const WORN_OUT: u64 = 10_000_000;

struct One {
    node: NodeId,
    items: Vec<MonitoredItemHandle>,
    status: Status,
}

impl Watched {
    /// One more item of a point.
    pub(super) fn add(&self, point: PointId, path: &str, item: MonitoredItemHandle, last: &Last) {
        let mut book = self.0.lock();
        let node = || Name::Path(path.to_owned()).node();
        let fresh = || One { node: node(), items: Vec::new(), status: last.status };
        book.points.entry(point).or_insert_with(fresh).items.push(item);
        book.fresh.push(point);
    }

    /// One item less.
    pub(super) fn remove(&self, point: PointId, item: MonitoredItemHandle) {
        let mut book = self.0.lock();
        book.gone += 1;
        if let Some(one) = book.points.get_mut(&point) {
            one.items.retain(|known| *known != item);
            if one.items.is_empty() {
                book.points.remove(&point);
            }
        }
    }

    /// An item that hears events, with room for `room` of them, published so often.
    pub(super) fn hears(&self, item: MonitoredItemHandle, room: usize, often: Duration) {
        if room <= 1 {
            self.0.lock().narrow.insert(item, often);
        }
    }

    /// It hears no more.
    pub(super) fn hears_no_more(&self, item: MonitoredItemHandle) {
        self.0.lock().narrow.remove(&item);
    }

    /// How long there must be between two events, so that nobody misses one.
    fn pace(&self) -> Duration {
        let book = self.0.lock();
        book.narrow.values().max().map_or(Duration::ZERO, |often| (*often + FRESH).min(SLOWEST))
    }

    /// Points that are watched now.
    pub(super) fn count(&self) -> usize {
        self.0.lock().points.len()
    }

    /// Whether so many items went that the server should be begun anew.
    pub(super) fn is_worn(&self) -> bool {
        let book = self.0.lock();
        book.gone >= if book.points.is_empty() { WORN } else { WORN_OUT }
    }
}

impl Book {
    /// Tells the items of a point that is watched of a sample; how many were told.
    fn tell(
        &mut self,
        point: PointId,
        sample: (&model::Value, Status, Time, Time),
        notifier: &mut SubscriptionDataNotifier<'_>,
    ) -> u64 {
        let Some(one) = self.points.get_mut(&point) else { return 0 };
        // The library's own list keeps the items of subscriptions that ended: ours has those that are there.
        let Some(mut batch) = notifier.notify_for(&one.node, AttributeId::Value) else { return 0 };
        let (value, status, at, received) = sample;
        let told = value::sample(value, status, at, received);
        // The library compares values alone for items without a filter: a quality that changes by itself would not be told.
        let unlike = one.status != status && told.value.is_some();
        one.status = status;
        for item in &one.items {
            if unlike {
                batch.data_value_to_item(DataValue { value: None, ..told.clone() }, item);
            }
            batch.data_value_to_item(told.clone(), item);
        }
        one.items.len() as u64
    }
}

/// What samples and events are told to.
pub(super) struct Audience {
    pub(super) namespace: Namespace,
    pub(super) watched: Arc<Watched>,
    pub(super) subscriptions: Arc<SubscriptionCache>,
    /// The object that tells events, beside the server's own.
    pub(super) site: NodeId,
    /// Values and events told so far.
    pub(super) told: Arc<AtomicU64>,
    pub(super) events: Arc<AtomicU64>,
    /// Events that were dropped: too many waited.
    pub(super) dropped: Arc<AtomicU64>,
}

/// Events in their order, told one by one where somebody has room for one.
#[derive(Default)]
struct Waiting {
    events: VecDeque<Told>,
    last: Option<Instant>,
}

impl Waiting {
    /// Takes one; whether an older one was dropped for it.
    fn push(&mut self, event: Told) -> bool {
        self.events.push_back(event);
        self.events.len() > MOST_EVENTS && self.events.pop_front().is_some()
    }

    /// Those whose turn it is.
    fn take(&mut self, pace: Duration, now: Instant) -> Vec<Told> {
        if self.events.is_empty() || self.last.is_some_and(|last| now.duration_since(last) < pace) {
            return Vec::new();
        }
        self.last = Some(now);
        let many = if pace.is_zero() { self.events.len() } else { 1 };
        self.events.drain(..many).collect()
    }
}

/// Brings samples and events to the items, for ever.
pub(super) async fn run(audience: Audience) {
    let journal = audience.namespace.journal();
    let mut reader = journal.reader(journal.head());
    let mut looking = tokio::time::interval(FRESH);
    looking.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut waiting = Waiting::default();
    loop {
        tokio::select! {
            item = reader.next() => audience.take(item, &mut reader, &mut waiting),
            _ = looking.tick() => audience.renew(),
        }
        audience.tell(&mut waiting);
    }
}

impl Audience {
    fn take(&self, first: Item, reader: &mut Reader, waiting: &mut Waiting) {
        let mut count = 0;
        {
            let mut book = self.watched.0.lock();
            let mut notifier = self.subscriptions.data_notifier();
            let mut next = Some(first);
            for _ in 0..AT_ONCE {
                let Some(item) = next.take() else { break };
                match item {
                    Item::Record { record: Record::Samples(batch), .. } => {
                        if !batch.flags.historical && !book.points.is_empty() {
                            for (point, at, status, value) in batch.rows() {
                                let sample = (value, status, at, batch.received);
                                count += book.tell(point, sample, &mut notifier);
                            }
                        }
                    }
                    Item::Record { position, record: Record::Event(event) } => {
                        let dropped = waiting.push(Told::new(&self.namespace, position, event));
                        self.dropped.fetch_add(dropped.into(), Relaxed);
                    }
                    Item::Record { .. } => {}
                    Item::Gap { from, to, .. } => tracing::warn!(
                        ?from,
                        ?to,
                        "OPC UA clients miss samples: the journal does not have them any more"
                    ),
                }
                next = reader.try_next();
            }
        }
        self.told.fetch_add(count, Relaxed);
    }

    fn tell(&self, waiting: &mut Waiting) {
        let events = waiting.take(self.watched.pace(), Instant::now());
        if !events.is_empty() {
            self.events.fetch_add(events.len() as u64, Relaxed);
            // An event on the site's object is the server's, too.
            let mut notifier = self.subscriptions.event_notifier();
            events.iter().for_each(|event| notifier.notify(&self.site, event));
        }
    }

    /// What points are now that were taken up before the last look.
    fn renew(&self) {
        let mut book = self.watched.0.lock();
        let fresh = std::mem::take(&mut book.fresh);
        let settled = std::mem::replace(&mut book.settling, fresh);
        if settled.is_empty() {
            return;
        }
        let mut notifier = self.subscriptions.data_notifier();
        let mut count = 0;
        for point in settled {
            if let Some(last) = self.namespace.last(point).filter(|last| last.time != Time::ZERO) {
                let sample = (&last.value, last.status, last.time, last.received);
                count += book.tell(point, sample, &mut notifier);
            }
        }
        self.told.fetch_add(count, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_and_goes_wears_the_server() {
        let watched = Watched::default();
        let item = |number| MonitoredItemHandle { subscription_id: 1, monitored_item_id: number };
        watched.add(PointId(7), "acme/leeds/a", item(1), &Last::WAITING);
        watched.add(PointId(7), "acme/leeds/a", item(2), &Last::WAITING);
        watched.remove(PointId(7), item(1));
        assert_eq!((watched.count(), watched.is_worn()), (1, false));
        watched.0.lock().gone = WORN;
        assert!(!watched.is_worn(), "somebody watches");
        watched.remove(PointId(7), item(2));
        assert_eq!((watched.count(), watched.is_worn()), (0, true));
        watched.add(PointId(7), "acme/leeds/a", item(3), &Last::WAITING);
        watched.0.lock().gone = WORN_OUT;
        assert!(watched.is_worn(), "it cannot go on for ever");
    }

    #[test]
    fn the_slowest_with_room_for_one_gives_the_pace() {
        let watched = Watched::default();
        let item = |number| MonitoredItemHandle { subscription_id: 1, monitored_item_id: number };
        watched.hears(item(1), 100, Duration::from_millis(900));
        assert_eq!(watched.pace(), Duration::ZERO);
        watched.hears(item(2), 1, Duration::from_millis(200));
        watched.hears(item(3), 1, Duration::from_millis(400));
        assert_eq!(watched.pace(), Duration::from_millis(450));
        watched.hears(item(4), 0, Duration::from_secs(3_600));
        assert_eq!(watched.pace(), SLOWEST, "one client holds up the others only so far");
        for number in 2..=4 {
            watched.hears_no_more(item(number));
        }
        assert_eq!(watched.pace(), Duration::ZERO);
    }
}
