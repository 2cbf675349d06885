//! From messages to samples: what each means, points that it makes, what has become stale, what is known from earlier.

use super::book::{Book, Came, Fresh, Wanted};
use super::build::{PointSpec, Spec};
use super::orders::{Commanded, Ended, Orders};
use super::seen::Seen;
use crate::kind::Claim;
use crate::south::link::{ARRIVES, Seat};
use crate::south::tags::{GROUP_POINTS, Timing};
use crate::south::{Arrival, DeviceLayout, GroupLayout, Layout, Link, Origin};
use model::{Fault, Position, Status, Value};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Shortest pause between two looks for silent topics.
const SWEEP: Duration = Duration::from_millis(100);
/// Points that showed up are known again after a restart, if they had a value within this time.
const REMEMBER: Duration = Duration::from_secs(30 * 24 * 3600);

/// What became of messages.
#[derive(Default)]
pub struct Done {
    /// Position of the last sample; `None` without one.
    pub position: Option<Position>,
    /// Values for points.
    pub values: usize,
    /// Of them, bad.
    pub bad: usize,
    /// Values without a place.
    pub no_room: usize,
    /// Messages that nobody reads.
    pub unclaimed: usize,
    /// Values that are in the journal already: they came once more.
    pub repeated: usize,
    /// A payload is not what its format says.
    pub unreadable: bool,
    /// Some of them tell of the past.
    pub historical: bool,
    /// What they asked for.
    pub commands: Vec<Commanded>,
}

/// See the module.
pub struct Intake {
    book: Book,
    orders: Orders,
    recalled: bool,
    sweep_at: Option<Instant>,
    /// What came lately, where messages may come again.
    seen: Option<Seen>,
}

impl Intake {
    /// `spec` gives up its tags to groups; `unit` are its messages in words, for people.
    pub fn new(connection: &str, mut spec: Spec, unit: &str, timing: Timing) -> (Self, Layout) {
        let (groups, mut seats) = groups(&spec);
        let outcomes = seats.split_off(spec.points.len().min(seats.len()));
        let orders = Orders::new(connection, std::mem::take(&mut spec.asks), &outcomes, spec.commands);
        let device =
            |name: &String| DeviceLayout { name: name.clone(), unit: unit.into(), excluded: Vec::new() };
        let mut layout = timing.layout(spec.devices.iter().map(device).collect(), groups);
        layout.orders = orders.ways();
        let book = Book::new(connection, spec, &seats);
        (Self { book, orders, recalled: false, sweep_at: None, seen: None }, layout)
    }

    /// How many devices there are.
    pub fn devices(&self) -> usize {
        self.book.devices().len()
    }

    /// The tag that has this seat.
    pub fn tag(&self, seat: Seat) -> Option<&PointSpec> {
        self.book.tag(seat)
    }

    /// Why nobody reads a topic.
    pub fn words(&self, topic: &str) -> String {
        format!(
            "no tag and no pattern of this connection reads `{topic}`, or the body has nothing of what they read"
        )
    }

    /// When [`Intake::sweep`] has something to do next.
    pub fn sweep_at(&self) -> Option<Instant> {
        self.sweep_at
    }

    /// Once: what showed up before this start is known again, with the value it had.
    ///
    /// # Errors
    /// Points could not be declared.
    pub async fn recall(&mut self, link: &mut Link) -> Result<(), Fault> {
        self.sweep_at = self.book.shortest_stale().map(|_| Instant::now() + SWEEP);
        if std::mem::replace(&mut self.recalled, true) {
            return Ok(());
        }
        let remembered = link.remembered(REMEMBER);
        let wanted: Vec<Wanted> = remembered.iter().filter_map(|known| self.book.recall(known)).collect();
        self.found(wanted, link).await?;
        let now = Instant::now();
        for point in 0..self.book.len() {
            let id = self.book.seat(point).and_then(|(group, row)| link.point(group, row));
            let last = id.and_then(|id| link.namespace().last(id)).filter(|last| last.value != Value::None);
            if let Some(last) = last {
                self.book.known(point, last.status, now);
            }
        }
        Ok(())
    }

    /// From now on, what came already is left out: whoever brings the messages may bring them again. Values need times.
    pub fn leave_out(&mut self, seen: Seen) {
        self.seen = Some(seen);
    }

    /// What is known of values that came lately.
    pub fn seen(&self) -> Option<&Seen> {
        self.seen.as_ref()
    }

    /// Publishes what messages mean, in their order.
    ///
    /// # Errors
    /// Points could not be declared.
    pub async fn take(&mut self, messages: &[Came<'_>], link: &mut Link) -> Result<Done, Fault> {
        let (mut fresh, mut wanted, mut done) = (Vec::new(), Vec::new(), Done::default());
        let mut asked = Vec::new();
        for came in messages {
            link.received(came.topic.len() + came.payload.len());
            let meaning = self.book.read(*came);
            fresh.extend(meaning.fresh);
            wanted.extend(meaning.wanted);
            done.no_room += meaning.no_room;
            // A retained message is never a command.
            let asks = if came.retained { Vec::new() } else { self.orders.read(*came) };
            done.unclaimed += usize::from(meaning.unclaimed && asks.is_empty());
            asked.extend(asks);
            done.unreadable |= meaning.unreadable;
        }
        if !wanted.is_empty() {
            let (found, left_over) = self.found(wanted, link).await?;
            fresh.extend(found);
            done.no_room += left_over;
        }
        link.no_room(done.no_room);
        link.unclaimed(done.unclaimed);
        done.values = fresh.len();
        done.bad = fresh.iter().filter(|one| one.sample.status.is_bad()).count();
        done.historical = fresh.iter().any(|one| one.historical);
        (done.position, done.repeated) = self.arrived(fresh, link);
        link.repeated(done.repeated);
        for (ask, asked) in asked {
            let Some((commanded, ended)) = self.orders.start(ask, asked, link) else { continue };
            done.commands.push(commanded);
            if let Some(ended) = ended {
                done.position = self.concluded(ended, link).or(done.position);
            }
        }
        Ok(done)
    }

    /// Whether messages may ask for writes.
    pub fn asks(&self) -> bool {
        self.orders.any()
    }

    /// The next order that has ended; for ever if none is under way. Cancel-safe.
    pub async fn ended(&mut self) -> Ended {
        self.orders.ended().await
    }

    /// Writes down what became of an order.
    pub fn concluded(&mut self, ended: Ended, link: &mut Link) -> Option<Position> {
        let (group, row) = self.orders.seat(ended.ask)?;
        let value = Value::from(ended.text.as_str());
        let arrival = Arrival { row, value, status: Status::GOOD, source: None };
        publish(std::iter::once((group, arrival)), Origin::LIVE, link)
    }

    /// Declares what patterns found, device by device, as far as there is room. Their first values, and how many had no
    /// place.
    async fn found(&mut self, wanted: Vec<Wanted>, link: &mut Link) -> Result<(Vec<Fresh>, usize), Fault> {
        let (wanted, left_over) = self.book.choose(wanted);
        let mut by_device: BTreeMap<usize, Vec<Wanted>> = BTreeMap::new();
        for one in wanted {
            by_device.entry(one.device).or_default().push(one);
        }
        let mut fresh = Vec::new();
        for (device, wanted) in by_device {
            let declarations = wanted.iter().map(|one| one.declaration.clone()).collect();
            let seats = link.declare(device, declarations).await?;
            fresh.extend(self.book.admit(wanted, &seats));
        }
        Ok((fresh, left_over))
    }

    /// Publishes values, live ones and those of the past apart. The position of the last, and how many came before.
    fn arrived(&mut self, fresh: Vec<Fresh>, link: &mut Link) -> (Option<Position>, usize) {
        let now = Instant::now();
        let (mut live, mut past) = (Vec::new(), Vec::new());
        let (mut keys, mut repeated) = (Vec::new(), 0);
        for one in fresh {
            let Some((group, row)) = self.book.seat(one.point) else { continue };
            if let (Some(seen), Some(point)) = (&mut self.seen, link.point(group, row)) {
                let Some(key) = seen.enter(point, &one.sample) else {
                    repeated += 1;
                    continue;
                };
                keys.push(key);
            }
            self.book.heard(&one, now);
            let sample = one.sample;
            let arrival = Arrival { row, value: sample.value, status: sample.status, source: sample.time };
            if one.historical { past.push((group, arrival)) } else { live.push((group, arrival)) }
        }
        // Nobody says whether the clocks of those who send are right.
        let origin = |historical| Origin { synchronised: false, historical };
        let earlier = publish(past.into_iter(), origin(true), link);
        let position = publish(live.into_iter(), origin(false), link).or(earlier);
        if let Some(seen) = &mut self.seen {
            seen.settle(keys, position);
        }
        (position, repeated)
    }

    /// Tells of points that have been silent for too long.
    pub fn sweep(&mut self, link: &mut Link) {
        let now = Instant::now();
        let Some(shortest) = self.book.shortest_stale().filter(|_| self.sweep_at.is_some_and(|at| at <= now))
        else {
            return;
        };
        self.sweep_at = Some(now + (shortest / 8).clamp(SWEEP, Duration::from_secs(10)));
        let status = Status::UNCERTAIN_LAST_USABLE_VALUE;
        let stale = self.book.stale(now).into_iter();
        let arrivals =
            stale.map(|(group, row)| (group, Arrival { row, value: Value::None, status, source: None }));
        publish(arrivals, Origin::LIVE, link);
    }

    /// Once what somebody kept for us has come: points whose last news are of the past show them as their present value.
    /// `since`: when this session began; `resumed`: nothing was lost meanwhile.
    pub fn settle(&mut self, since: Instant, resumed: bool, link: &mut Link) {
        let mut worth = self.book.settle(since, resumed);
        let shown = |(group, row): Seat, value: &Value, status: Status| {
            let last = link.point(group, row).and_then(|id| link.namespace().last(id));
            let same = |last: &model::Last| *value == Value::None || last.value.same(value);
            last.is_some_and(|last| last.status == status && same(&last))
        };
        worth.retain(|(seat, sample)| !shown(*seat, &sample.value, sample.status));
        let arrivals = worth.into_iter().map(|((group, row), sample)| {
            (group, Arrival { row, value: sample.value, status: sample.status, source: None })
        });
        publish(arrivals, Origin::LIVE, link);
    }
}

impl Spec {
    /// Where points appear by themselves, no other file may put any.
    pub fn claims(&self) -> Vec<Claim> {
        let mut claims: Vec<Claim> =
            self.patterns.iter().map(|pattern| Claim::Below(pattern.home.clone())).collect();
        claims.sort();
        claims.dedup();
        claims
    }
}

/// Groups of at most [`GROUP_POINTS`] tags of one device, and the seat of each tag; those of outcomes of orders follow.
fn groups(spec: &Spec) -> (Vec<GroupLayout>, Vec<Seat>) {
    let mut groups: Vec<GroupLayout> = Vec::new();
    let mut seats = Vec::with_capacity(spec.points.len() + spec.asks.len());
    let tags = spec.points.iter().map(|point| (point.device, point.index));
    for (device, point) in tags.chain(spec.asks.iter().map(|ask| (ask.device, ask.index))) {
        let full =
            groups.last().is_none_or(|group| group.device != device || group.points.len() >= GROUP_POINTS);
        if full {
            let class = ARRIVES.to_owned();
            groups.push(GroupLayout { device, class, period: Duration::ZERO, points: Vec::new() });
        }
        let index = groups.len().saturating_sub(1);
        if let Some(group) = groups.last_mut() {
            seats.push((index, u32::try_from(group.points.len()).unwrap_or(u32::MAX)));
            group.points.push(point);
        }
    }
    (groups, seats)
}

/// Publishes values group by group. The position of the last.
fn publish(
    arrivals: impl Iterator<Item = (usize, Arrival)>,
    origin: Origin,
    link: &mut Link,
) -> Option<Position> {
    let mut by_group: BTreeMap<usize, Vec<Arrival>> = BTreeMap::new();
    for (group, arrival) in arrivals {
        by_group.entry(group).or_default().push(arrival);
    }
    by_group.into_iter().filter_map(|(group, arrivals)| link.arrived(group, origin, arrivals)).max()
}
