//! What a driver holds of Ironbridge while it serves: jobs in, samples and faults out.

mod arrivals;
mod devices;
mod found;
mod report;
mod schedule;
mod sessions;

use super::budget::{Budget, Permit};
use super::device::{Device, Group};
use super::job::{Job, Lane, Work};
use super::runner::Shared;
use super::{Layout, Wheel};
pub(super) use arrivals::Parts;
pub use arrivals::{Arrival, Origin};
pub use found::{ARRIVES, Seat};
use model::{Clock, Event, Fault, PointId, Shape, Status, Value};
use namespace::{CommandQueue, Namespace, Order};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Orders that wait in the link; the queue behind it is bounded by the namespace.
const INBOX: usize = 16;
/// How often old response times fade.
const FADE: Duration = Duration::from_secs(30);
/// A scan whose requests are further apart gives each row its own time.
const ONE_MOMENT: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Scan { group: usize, generation: u32 },
    Probe { device: usize, generation: u32 },
    Recheck { group: usize },
}

/// When the rows of a scan were received.
#[derive(Clone, Debug)]
pub enum Moments {
    /// All within one moment.
    One(Instant),
    /// Row by row.
    Each(Vec<Instant>),
}

/// The driver's side of a connection.
pub struct Link {
    pub(in crate::south) shared: Arc<Shared>,
    namespace: Namespace,
    clock: Arc<dyn Clock>,
    wheel: Arc<Wheel>,
    orders: Option<CommandQueue>,
    inbox: VecDeque<Order>,
    devices: Vec<Device>,
    groups: Vec<Group>,
    /// Group and row of each point, filled at the first order.
    places: HashMap<PointId, (usize, u32)>,
    timers: BinaryHeap<Reverse<(Instant, Timer)>>,
    ready: BinaryHeap<Job>,
    numbered: u64,
    sleep: Pin<Box<Sleep>>,
    timeout: Duration,
    retries: u32,
    recheck: Duration,
    /// Whether this session had an answer.
    answered: bool,
    /// All points have been given a bad quality since the link was lost.
    marked: bool,
    /// When that is due.
    mark_at: Option<Instant>,
    lost: Option<Event>,
    demotions: Vec<Option<Event>>,
    quarantines: Vec<Option<Event>>,
    fade_at: Instant,
    /// The connection that is open.
    permit: Option<Permit>,
    /// When the budget has a token for the job that waits; set by [`Link::take`], for the wait that follows.
    held: Option<Instant>,
}

impl Link {
    pub(in crate::south) fn new(
        shared: Arc<Shared>,
        namespace: Namespace,
        wheel: Arc<Wheel>,
        layout: &Layout,
        points: &[PointId],
        orders: Option<CommandQueue>,
    ) -> Self {
        let now = Instant::now();
        let groups: Vec<Group> = layout
            .groups
            .iter()
            .map(|group| {
                let ids: Vec<PointId> =
                    group.points.iter().filter_map(|index| points.get(*index).copied()).collect();
                let known = namespace.last_of(&ids);
                let (class, phase) = (shared.class_index(&group.class), wheel.phase(group.period));
                let book = Group::new(group.device, class, group.period, phase, Shape::new(ids));
                Group { ever_read: known.iter().flatten().any(|last| last.value != Value::None), ..book }
            })
            .collect();
        let devices: Vec<Device> =
            layout.devices.iter().map(|device| Device::new(device.name.clone())).collect();
        Self {
            clock: namespace.clock().clone(),
            demotions: vec![None; devices.len()],
            quarantines: vec![None; devices.len()],
            shared,
            namespace,
            wheel,
            orders,
            inbox: VecDeque::new(),
            devices,
            groups,
            places: HashMap::new(),
            timers: BinaryHeap::new(),
            ready: BinaryHeap::new(),
            numbered: 0,
            sleep: Box::pin(tokio::time::sleep_until(now)),
            timeout: layout.timeout,
            retries: layout.retries,
            recheck: layout.recheck,
            answered: false,
            marked: false,
            mark_at: Some(now + layout.timeout * (layout.retries + 1)),
            lost: None,
            fade_at: now + FADE,
            permit: None,
            held: None,
        }
    }

    /// Name of the connection.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// What the endpoint is asked at most, for requests that are not jobs of the link's.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.shared.budget
    }

    /// The namespace, for drivers that look at other points.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The gateway's clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Whether the device is scanned: neither demoted nor paused.
    pub fn is_active(&self, device: usize) -> bool {
        self.devices.get(device).is_some_and(Device::active)
    }

    /// Whether no device is scanned and at least one would be if it answered: the session is of no use.
    pub fn is_deserted(&self) -> bool {
        !self.devices.iter().any(Device::active)
            && self.devices.iter().any(|device| device.demoted && !device.paused)
    }

    /// The most urgent job that is due, if any, and if the budget has a request for it.
    pub fn take(&mut self) -> Option<Job> {
        let now = Instant::now();
        self.fire(now);
        self.control();
        self.collect_orders(now);
        while let Some(job) = self.ready.pop() {
            if !self.wanted(&job.work) {
                self.discard(job);
                continue;
            }
            self.held = self.shared.budget.next();
            if self.held.is_none() {
                return Some(job);
            }
            // Put back, not kept: something more urgent may come before the budget has a token.
            self.ready.push(job);
            return None;
        }
        None
    }

    /// Whether the budget has a request for something that is no job of the link's; if not, [`Link::wait`] ends when it has.
    pub fn may_ask(&mut self) -> bool {
        self.held = self.shared.budget.next();
        self.held.is_none()
    }

    /// Hands a job back whose next request may follow.
    pub fn again(&mut self, job: Job) {
        self.ready.push(job);
    }

    /// Hands a job back whose request failed: others go first.
    pub fn later(&mut self, mut job: Job) {
        job.deadline += self.timeout;
        self.ready.push(job);
    }

    /// A job of the driver's own, e.g. a read-back.
    pub fn enqueue(&mut self, lane: Lane, work: Work) {
        let deadline = Instant::now();
        self.push(lane, work, deadline);
    }

    /// Waits until [`Link::take`] may have something new, or until `until`; may come back earlier. Cancel-safe.
    pub async fn wait(&mut self, until: Option<Instant>) {
        // What is due is queued now, also while the driver's window is full: a timer left in the past would spin.
        self.fire(Instant::now());
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        // Taken: while the driver's window is full nobody asks for a job, and a moment left in the past would spin.
        let held = self.held.take();
        let next = timer.into_iter().chain(until).chain(held).chain(self.mark_at).min();
        // A request's deadline moves on with every answer. Moving the timer each time would cost more than waking up once
        // too early: it is set anew only when it would be late, or has fired.
        if let Some(next) = next
            && (self.sleep.is_elapsed() || next < self.sleep.deadline())
        {
            self.sleep.as_mut().reset(next);
        }
        let Self { sleep, orders, inbox, shared, .. } = self;
        let room = inbox.len() < INBOX;
        tokio::select! {
            biased;
            () = sleep.as_mut(), if next.is_some() => {}
            order = next_order(orders), if room => inbox.extend(order),
            () = shared.control.notified() => {}
        }
    }

    /// Runs one question of a session, while what becomes due is queued and orders are taken in. Cancel-safe if
    /// `asking` is.
    pub async fn during<T>(&mut self, asking: impl Future<Output = T>) -> T {
        let mut asking = std::pin::pin!(asking);
        loop {
            tokio::select! {
                biased;
                done = &mut asking => return done,
                () = self.wait(None) => {}
            }
        }
    }

    /// Runs something that opens the session, as soon as the budget allows a connection, while the link keeps its
    /// promises: points turn bad in time, orders are refused at once. Cancel-safe if `opening` is.
    ///
    /// # Errors
    /// What `opening` returns.
    pub async fn open<T>(&mut self, opening: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let budget = self.shared.budget.clone();
        let mut opening = std::pin::pin!(async move {
            let permit = budget.permit().await;
            opening.await.map(|opened| (opened, permit))
        });
        let opened = loop {
            tokio::select! {
                biased;
                opened = &mut opening => break opened,
                () = self.wait_closed(None) => {}
            }
        };
        opened.map(|(opened, permit)| {
            self.permit = Some(permit);
            self.opened();
            opened
        })
    }

    /// Waits outside a session until `until`, or a little less. Cancel-safe.
    pub(in crate::south) async fn wait_closed(&mut self, until: Option<Instant>) {
        let until = match (until, self.mark_at) {
            (Some(until), Some(mark)) => Some(until.min(mark)),
            (until, mark) => until.or(mark),
        };
        let Self { orders, inbox, shared, .. } = self;
        let sleep = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            order = next_order(orders) => inbox.extend(order),
            () = shared.control.notified() => {}
            () = sleep => {}
        }
        self.control();
        while let Some(order) = self.inbox.pop_front() {
            self.refuse(order, "the connection is down; nothing was sent");
        }
        if self.mark_at.is_some_and(|at| at <= Instant::now()) {
            self.mark_lost();
        }
    }
}

const fn lost_status(ever_read: bool) -> Status {
    if ever_read { Status::BAD_COMMUNICATION_ERROR } else { Status::BAD_NO_COMMUNICATION }
}

async fn next_order(orders: &mut Option<CommandQueue>) -> Option<Order> {
    match orders {
        Some(queue) => match queue.next().await {
            Some(order) => Some(order),
            // A new owner has the points; nothing will come any more.
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}
