//! What a driver holds of Ironbridge while it serves: jobs in, samples and faults out.

use super::counters::add;
use super::device::{Device, Group};
use super::job::{Job, Lane, Work};
use super::runner::Shared;
use super::status::{DeviceState, LastError, Quarantined, State};
use super::{DEMOTE_AFTER, Layout, Wheel};
use model::event::severity;
use model::{Batch, Clock, Each, Event, EventKind, Fault, Outcome, PointId, Shape, Status, Value};
use namespace::{CommandQueue, Namespace, Order};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
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
    pub(super) shared: Arc<Shared>,
    namespace: Namespace,
    clock: Arc<dyn Clock>,
    wheel: Arc<Wheel>,
    orders: Option<CommandQueue>,
    inbox: VecDeque<Order>,
    devices: Vec<Device>,
    groups: Vec<Group>,
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
}

impl Link {
    pub(super) fn new(
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
                let ids: Vec<PointId> = group.points.iter().filter_map(|index| points.get(*index).copied()).collect();
                let known = namespace.last_of(&ids);
                Group {
                    device: group.device,
                    class: shared.class_index(&group.class),
                    period: group.period,
                    phase: wheel.phase(group.period),
                    ever_read: known.iter().flatten().any(|last| last.value != Value::None),
                    shape: Shape::new(ids),
                    busy: false,
                    due: now,
                    generation: 0,
                    last_good: None,
                    shown: None,
                    quarantined: Vec::new(),
                    recheck_pending: false,
                }
            })
            .collect();
        let devices: Vec<Device> = layout.devices.iter().map(|device| Device::new(device.name.clone())).collect();
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
        }
    }

    /// Name of the connection.
    pub fn name(&self) -> &str {
        &self.shared.name
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
        !self.devices.iter().any(Device::active) && self.devices.iter().any(|device| device.demoted && !device.paused)
    }

    /// The most urgent job that is due, if any.
    pub fn take(&mut self) -> Option<Job> {
        let now = Instant::now();
        self.fire(now);
        self.control();
        self.collect_orders(now);
        while let Some(job) = self.ready.pop() {
            if self.wanted(&job.work) {
                return Some(job);
            }
            self.discard(job);
        }
        None
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

    /// Waits until [`Link::take`] may have something new, or until `until`. Cancel-safe.
    pub async fn wait(&mut self, until: Option<Instant>) {
        // What is due is queued now, also while the driver's window is full: a timer left in the past would spin.
        self.fire(Instant::now());
        let next = match (self.timers.peek(), until) {
            (Some(Reverse((at, _))), Some(until)) => Some((*at).min(until)),
            (Some(Reverse((at, _))), None) => Some(*at),
            (None, until) => until,
        };
        if let Some(next) = next
            && self.sleep.deadline() != next
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

    /// Runs something that opens the session, while the link keeps its promises: points turn bad in time, orders are
    /// refused at once. Cancel-safe if `opening` is.
    ///
    /// # Errors
    /// What `opening` returns.
    pub async fn open<T>(&mut self, opening: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let mut opening = std::pin::pin!(opening);
        let opened = loop {
            tokio::select! {
                biased;
                opened = &mut opening => break opened,
                () = self.wait_closed(None) => {}
            }
        };
        if opened.is_ok() {
            self.opened();
        }
        opened
    }

    /// Waits outside a session until `until`, or a little less. Cancel-safe.
    pub(super) async fn wait_closed(&mut self, until: Option<Instant>) {
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

    // ---- what the driver reports -------------------------------------------------------------------------------

    /// A request goes out.
    pub fn sent(&self, bytes: usize) {
        add(&self.shared.counters.requests, 1);
        add(&self.shared.counters.bytes_out, bytes as u64);
    }

    /// Bytes came in.
    pub fn received(&self, bytes: usize) {
        add(&self.shared.counters.bytes_in, bytes as u64);
    }

    /// A frame that answers nothing any more was discarded.
    pub fn late(&self) {
        add(&self.shared.counters.late, 1);
    }

    /// A frame broke the protocol or did not fit its request.
    pub fn bad_frame(&self) {
        add(&self.shared.counters.bad_frames, 1);
    }

    /// The stream is not the protocol any more; the session ends.
    pub fn desync(&self) {
        add(&self.shared.counters.desync, 1);
    }

    /// A write goes out.
    pub fn write_sent(&self) {
        add(&self.shared.counters.writes, 1);
    }

    /// A device answered, be it with an exception: it is alive.
    pub fn answered(&mut self, device: usize, took: Duration) {
        add(&self.shared.counters.answers, 1);
        self.shared.response.record(took);
        if !self.answered {
            self.answered = true;
            self.regained();
        }
        let Some(book) = self.devices.get_mut(device) else { return };
        book.failures = 0;
        if !book.answered || book.demoted {
            book.answered = true;
            self.promote(device);
        }
    }

    /// An exception came from a device.
    pub fn exception(&mut self, device: usize, fault: &Fault) {
        add(&self.shared.counters.exceptions, 1);
        self.remember(device, fault);
    }

    /// A request to a device failed. Returns whether the device is demoted from now on.
    pub fn failed(&mut self, device: usize, fault: &Fault) -> bool {
        match fault {
            Fault::Timeout { .. } => add(&self.shared.counters.timeouts, 1),
            Fault::Exception { .. } => add(&self.shared.counters.exceptions, 1),
            _ => {}
        }
        self.remember(device, fault);
        let Some(book) = self.devices.get_mut(device) else { return false };
        book.failures = book.failures.saturating_add(1);
        if book.demoted {
            self.schedule_probe(device);
            return false;
        }
        if book.failures < DEMOTE_AFTER.max(self.retries.saturating_add(1)) {
            return false;
        }
        self.demote(device, fault);
        true
    }

    /// The time-out for a probe: short, where siblings have shown how fast answers come here, and the full one each
    /// third time, so that a slow device is found, too.
    pub fn probe_timeout(&self, attempt: u32) -> Duration {
        let usual = self.shared.response.quantile_ms(0.99).map(|ms| Duration::from_secs_f64(ms * 4.0 / 1_000.0));
        match usual {
            Some(usual) if self.devices.len() > 1 && !attempt.is_multiple_of(3) => {
                usual.max(Duration::from_millis(50)).min(self.timeout)
            }
            _ => self.timeout,
        }
    }

    /// Publishes one scan of a group and makes it idle again. `values` and `status` have a row for each point; rows
    /// that are in quarantine keep their quality whatever stands there.
    pub fn publish_scan(&mut self, group: usize, moments: Moments, values: Vec<Value>, status: Each<Status>) {
        let now = Instant::now();
        let wall = self.clock.now();
        let Some(book) = self.groups.get_mut(group) else { return };
        book.busy = false;
        let good = match &status {
            Each::All(status) => !status.is_bad(),
            Each::Rows(rows) => rows.iter().any(|status| !status.is_bad()),
        };
        if good {
            book.last_good = Some(now);
            book.ever_read = true;
            book.shown = None;
        }
        let at = |moment: Instant| wall.before(now.saturating_duration_since(moment));
        let received = match &moments {
            Moments::One(moment) => at(*moment),
            Moments::Each(rows) => rows.iter().max().map_or(wall, |last| at(*last)),
        };
        let count = values.len() as u64;
        let mut batch = Batch::polled(book.shape.clone(), received, status, values);
        if let Moments::Each(rows) = &moments
            && rows.iter().min().zip(rows.iter().max()).is_some_and(|(first, last)| *last - *first > ONE_MOMENT)
        {
            batch.time = Each::Rows(rows.iter().map(|moment| at(*moment)).collect());
        }
        let took = now.saturating_duration_since(book.due);
        self.shared.scan_done(book.class, took);
        add(&self.shared.counters.samples, count);
        self.namespace.publish(batch);
    }

    /// A scan that is given up without anything to publish.
    pub fn abandon_scan(&mut self, group: usize) {
        if let Some(book) = self.groups.get_mut(group) {
            book.busy = false;
        }
    }

    /// The status of rows that could not be read: BadNoCommunication before the first value, else
    /// BadCommunicationError.
    pub fn lost_status(&self, group: usize) -> Status {
        lost_status(self.groups.get(group).is_some_and(|book| book.ever_read))
    }

    /// How many requests one round of a group takes now.
    pub fn group_requests(&self, group: usize, before: usize, now: usize) {
        if let Some(book) = self.groups.get(group) {
            self.shared.class_requests(book.class, now as i64 - before as i64);
        }
    }

    /// What the device refuses in a group now: the rows, and words for all that it refuses. An empty list ends it.
    pub fn quarantine(&mut self, group: usize, mut rows: Vec<u32>, device_total: Vec<Quarantined>) {
        rows.sort_unstable();
        let (recheck, now) = (self.recheck, Instant::now());
        let Some(book) = self.groups.get_mut(group) else { return };
        let device = book.device;
        if !rows.is_empty() && !book.recheck_pending {
            book.recheck_pending = true;
            self.timers.push(Reverse((now + recheck, Timer::Recheck { group })));
        }
        book.quarantined = rows;
        self.tell_quarantine(device, &device_total);
        self.shared.with_devices(|devices| {
            if let Some(status) = devices.get_mut(device) {
                status.quarantined = device_total;
            }
        });
    }

    /// The point a row of a group stands for.
    pub fn point(&self, group: usize, row: u32) -> Option<PointId> {
        self.groups.get(group)?.points().get(row as usize).copied()
    }

    /// Answers an order that is not sent.
    pub fn refuse(&self, order: Order, why: &str) {
        add(&self.shared.counters.refused_orders, 1);
        let _ = order.respond.send(Outcome::rejected(why));
    }

    // ---- schedule ----------------------------------------------------------------------------------------------

    fn push(&mut self, lane: Lane, work: Work, deadline: Instant) {
        self.numbered += 1;
        self.ready.push(Job { lane, work, deadline, number: self.numbered });
    }

    fn fire(&mut self, now: Instant) {
        while let Some(Reverse((at, timer))) = self.timers.peek().copied() {
            if at > now {
                break;
            }
            self.timers.pop();
            match timer {
                Timer::Scan { group, generation } => self.fire_scan(group, generation, at, now),
                Timer::Probe { device, generation } => self.fire_probe(device, generation),
                Timer::Recheck { group } => {
                    if let Some(book) = self.groups.get_mut(group) {
                        book.recheck_pending = false;
                        self.push(Lane::Browse, Work::Recheck { group }, now);
                    }
                }
            }
        }
        if now >= self.fade_at {
            self.fade_at = now + FADE;
            self.shared.response.fade();
        }
    }

    fn fire_scan(&mut self, group: usize, generation: u32, at: Instant, now: Instant) {
        let Some(book) = self.groups.get_mut(group) else { return };
        if book.generation != generation {
            return;
        }
        let mut next = self.wheel.at_or_after(at + book.period / 2, book.period, book.phase);
        let mut missed = u64::from(book.busy);
        while next <= now {
            next += book.period;
            missed += 1;
        }
        if missed > 0 {
            self.shared.overrun(book.class, missed);
        }
        self.timers.push(Reverse((next, Timer::Scan { group, generation })));
        if !book.busy {
            book.busy = true;
            book.due = at;
            let deadline = at + book.period;
            self.push(Lane::Scan, Work::Scan { group, fresh: true }, deadline);
        }
    }

    fn fire_probe(&mut self, device: usize, generation: u32) {
        let now = Instant::now();
        let Some(book) = self.devices.get(device) else { return };
        if book.generation == generation && book.demoted && !book.paused {
            let attempt = book.backoff.failures();
            self.push(Lane::Browse, Work::Probe { device, attempt }, now);
        }
    }

    fn wanted(&self, work: &Work) -> bool {
        match work {
            Work::Scan { group, .. } | Work::Recheck { group } => {
                self.groups.get(*group).is_some_and(|book| self.is_active(book.device))
            }
            Work::Probe { device, .. } => self.devices.get(*device).is_some_and(|book| book.demoted && !book.paused),
            Work::Write(_) | Work::Readback { .. } => true,
        }
    }

    fn discard(&mut self, job: Job) {
        match job.work {
            Work::Scan { group, .. } => self.abandon_scan(group),
            Work::Recheck { group } => self.schedule_recheck(group),
            _ => {}
        }
    }

    /// Puts the next re-check of a group on the wheel, if something is in quarantine.
    pub fn schedule_recheck(&mut self, group: usize) {
        let at = Instant::now() + self.recheck;
        if let Some(book) = self.groups.get_mut(group)
            && !book.quarantined.is_empty()
            && !book.recheck_pending
        {
            book.recheck_pending = true;
            self.timers.push(Reverse((at, Timer::Recheck { group })));
        }
    }

    fn collect_orders(&mut self, now: Instant) {
        if let Some(orders) = &mut self.orders {
            while self.inbox.len() < INBOX {
                let Some(order) = orders.try_next() else { break };
                self.inbox.push_back(order);
            }
        }
        while let Some(order) = self.inbox.pop_front() {
            self.push(Lane::Write, Work::Write(Box::new(order)), now);
        }
    }

    /// Starts or restarts the scans of a device: at once, then on the wheel.
    fn activate(&mut self, device: usize) {
        let now = Instant::now();
        for (index, book) in self.groups.iter_mut().enumerate().filter(|(_, book)| book.device == device) {
            book.generation += 1;
            book.busy = false;
            if !book.period.is_zero() {
                self.timers.push(Reverse((now, Timer::Scan { group: index, generation: book.generation })));
            }
        }
    }

    fn deactivate(&mut self, device: usize) {
        let groups = &self.groups;
        self.ready.retain(|job| match job.work {
            Work::Scan { group, .. } => groups.get(group).is_none_or(|book| book.device != device),
            _ => true,
        });
        for book in self.groups.iter_mut().filter(|book| book.device == device) {
            book.generation += 1;
            book.busy = false;
        }
    }

    // ---- sessions ----------------------------------------------------------------------------------------------

    fn opened(&mut self) {
        self.answered = false;
        let reopened = self.shared.sessions.fetch_add(1, Relaxed) > 0;
        if reopened {
            add(&self.shared.counters.reconnects, 1);
        }
        for group in 0..self.groups.len() {
            self.schedule_recheck(group);
        }
        for device in 0..self.devices.len() {
            if self.is_active(device) {
                self.activate(device);
            } else if self.devices.get(device).is_some_and(|book| book.demoted && !book.paused) {
                self.enqueue(Lane::Browse, Work::Probe { device, attempt: 3 });
            }
        }
    }

    /// The session is over. Returns whether it had an answer.
    pub(super) fn closed(&mut self, fault: &Fault) -> bool {
        let answered = std::mem::take(&mut self.answered);
        self.timers.clear();
        for job in std::mem::take(&mut self.ready) {
            if let Work::Write(order) = job.work {
                self.refuse(*order, "the connection was lost before it was sent");
            }
        }
        let now = Instant::now();
        for book in &mut self.groups {
            book.busy = false;
            book.recheck_pending = false;
            book.generation += 1;
        }
        if *fault != Fault::Stopped {
            self.remember(usize::MAX, fault);
        }
        if answered && !self.marked {
            let patience = |book: &Group| (book.period * 2).max(self.timeout * (self.retries + 1));
            let due = self.groups.iter().map(|book| book.last_good.unwrap_or(now) + patience(book)).min();
            self.mark_at = due.map(|at| at.max(now));
        } else {
            self.mark_lost();
        }
        if let Fault::Connect(_) = fault {
            add(&self.shared.counters.connect_failures, 1);
        }
        answered
    }

    /// Gives every point the quality of a lost link, and says so once.
    fn mark_lost(&mut self) {
        self.mark_at = None;
        if self.marked {
            return;
        }
        self.marked = true;
        for group in 0..self.groups.len() {
            let device = self.groups.get(group).map_or(0, |book| book.device);
            if self.devices.get(device).is_some_and(|book| !book.paused) {
                self.show(group, self.lost_status(group));
            }
        }
        let at = self.clock.now();
        let (title, meaning, next) = match self.shared.last_error() {
            Some(error) => (error.title, error.meaning, error.next),
            None => ("no answer".to_owned(), "", ""),
        };
        let source = format!("connection/{}", self.shared.name);
        let id = format!("{source}/lost/{:x}", at.0);
        let title = format!("Connection {} ({}) is lost: {title}", self.shared.name, self.shared.endpoint);
        let event = Event::active(EventKind::Fault, id, source, at, severity::HIGH, title).explained(meaning, next);
        if self.lost.is_none() {
            self.namespace.event(event.clone());
            self.lost = Some(event);
        }
        self.shared.set_state(State::Lost, at);
        self.shared.with_devices(|devices| {
            for device in devices.iter_mut().filter(|device| device.state == DeviceState::Ok) {
                device.state = DeviceState::Waiting;
                device.since = at.millis_f64();
            }
        });
    }

    /// The first answer of a session.
    fn regained(&mut self) {
        self.marked = false;
        self.mark_at = None;
        let at = self.clock.now();
        self.shared.set_state(State::Connected, at);
        if let Some(event) = self.lost.take() {
            self.namespace.event(event.cleared(at));
        }
    }

    /// Everything paused: the points say so.
    pub(super) fn show_paused(&mut self) {
        self.mark_at = None;
        self.marked = true;
        for group in 0..self.groups.len() {
            self.show(group, Status::BAD_OUT_OF_SERVICE);
        }
        let at = self.clock.now();
        self.shared.set_state(State::Paused, at);
        if let Some(event) = self.lost.take() {
            self.namespace.event(event.cleared(at));
        }
    }

    /// The pause is over: points turn from out of service to lost or good in due time.
    pub(super) fn show_resumed(&mut self) {
        self.marked = false;
        self.mark_at = Some(Instant::now() + self.timeout * (self.retries + 1));
        self.shared.set_state(State::Connecting, self.clock.now());
    }

    /// The driver failed inside Ironbridge.
    pub(super) fn show_failed(&mut self) {
        add(&self.shared.counters.panics, 1);
        self.mark_lost();
        self.shared.set_state(State::Failed, self.clock.now());
    }

    fn show(&mut self, group: usize, status: Status) {
        let at = self.clock.now();
        let Some(book) = self.groups.get_mut(group) else { return };
        if book.shown == Some(status) || book.points().is_empty() {
            return;
        }
        book.shown = Some(status);
        let mut batch = Batch::quality(book.shape.clone(), at, status);
        if !book.quarantined.is_empty() && status != Status::BAD_OUT_OF_SERVICE {
            let mut rows = vec![status; book.points().len()];
            for row in &book.quarantined {
                if let Some(slot) = rows.get_mut(*row as usize) {
                    *slot = Status::BAD_CONFIGURATION_ERROR;
                }
            }
            batch.status = Each::Rows(rows.into());
        }
        self.namespace.publish(batch);
    }

    // ---- devices -----------------------------------------------------------------------------------------------

    fn remember(&self, device: usize, fault: &Fault) {
        let whom = self.devices.get(device).map_or("", |book| book.name.as_str());
        self.shared.set_error(LastError::new(self.clock.now(), fault, whom));
    }

    fn demote(&mut self, device: usize, fault: &Fault) {
        let Some(book) = self.devices.get_mut(device) else { return };
        book.demoted = true;
        book.generation += 1;
        book.backoff.reset();
        let name = book.name.clone();
        self.deactivate(device);
        for group in 0..self.groups.len() {
            if self.groups.get(group).is_some_and(|book| book.device == device) {
                self.show(group, self.lost_status(group));
            }
        }
        let at = self.clock.now();
        let source = format!("connection/{}", self.shared.name);
        let id = format!("{source}/{name}/silent/{:x}", at.0);
        let (title, meaning, next) = fault.words();
        let title = format!("Device {name} of {} does not answer: {title}", self.shared.name);
        let text = format!("{meaning} It is only probed from now on, so that it does not slow the other devices.");
        let event = Event::active(EventKind::Fault, id, source, at, severity::MEDIUM, title).explained(text, next);
        // Where it is the only device, the lost connection says the same; one event is enough.
        if self.devices.len() > 1
            && let Some(slot) = self.demotions.get_mut(device)
            && slot.is_none()
        {
            self.namespace.event(event.clone());
            *slot = Some(event);
        }
        self.schedule_probe(device);
        self.device_state(device, DeviceState::Demoted);
    }

    fn schedule_probe(&mut self, device: usize) {
        let Some(book) = self.devices.get_mut(device) else { return };
        let wait = book.backoff.next();
        let timer = Timer::Probe { device, generation: book.generation };
        self.timers.push(Reverse((Instant::now() + wait, timer)));
        let at = self.clock.now().after(wait).millis_f64();
        self.shared.with_devices(|devices| {
            if let Some(status) = devices.get_mut(device) {
                status.next_probe_ms = Some(at);
            }
        });
    }

    fn promote(&mut self, device: usize) {
        let Some(book) = self.devices.get_mut(device) else { return };
        if std::mem::take(&mut book.demoted) {
            book.generation += 1;
            book.backoff.reset();
            if !book.paused {
                self.activate(device);
            }
        }
        let at = self.clock.now();
        if let Some(event) = self.demotions.get_mut(device).and_then(Option::take) {
            self.namespace.event(event.cleared(at));
        }
        if self.devices.get(device).is_some_and(|book| !book.paused) {
            self.device_state(device, DeviceState::Ok);
        }
    }

    fn device_state(&self, device: usize, state: DeviceState) {
        let at = self.clock.now().millis_f64();
        self.shared.with_devices(|devices| {
            if let Some(status) = devices.get_mut(device) {
                status.state = state;
                status.since = at;
                if state != DeviceState::Demoted {
                    status.next_probe_ms = None;
                }
            }
        });
    }

    /// Takes over what people asked about devices.
    fn control(&mut self) {
        if !self.shared.take_control() {
            return;
        }
        for device in 0..self.devices.len() {
            let wanted = self.shared.is_device_paused(device);
            let Some(book) = self.devices.get_mut(device) else { continue };
            if book.paused == wanted {
                continue;
            }
            book.paused = wanted;
            book.failures = 0;
            if wanted {
                self.deactivate(device);
                for group in 0..self.groups.len() {
                    if self.groups.get(group).is_some_and(|book| book.device == device) {
                        self.show(group, Status::BAD_OUT_OF_SERVICE);
                    }
                }
                self.device_state(device, DeviceState::Paused);
            } else {
                self.resume(device);
            }
        }
    }

    fn resume(&mut self, device: usize) {
        let Some(book) = self.devices.get_mut(device) else { return };
        book.demoted = false;
        book.answered = false;
        book.generation += 1;
        self.device_state(device, DeviceState::Waiting);
        if self.marked {
            for group in 0..self.groups.len() {
                if self.groups.get(group).is_some_and(|book| book.device == device) {
                    self.show(group, self.lost_status(group));
                }
            }
        } else {
            self.activate(device);
        }
    }

    fn tell_quarantine(&mut self, device: usize, total: &[Quarantined]) {
        let at = self.clock.now();
        let Some(name) = self.devices.get(device).map(|book| book.name.clone()) else { return };
        let Some(slot) = self.quarantines.get_mut(device) else { return };
        let next = match (slot.take(), total.first()) {
            (Some(event), None) => {
                self.namespace.event(event.cleared(at));
                None
            }
            (None, None) => None,
            (before, Some(first)) => {
                let source = format!("connection/{}", self.shared.name);
                let id = format!("{source}/{name}/quarantine/{:x}", at.0);
                let title = format!("Device {name} of {} refuses {} address(es), e.g. {}", self.shared.name, total.len(), first.address);
                let text = format!("{}: {} Their points are bad, all others are read.", first.address, first.reason);
                let fresh = Event::active(EventKind::Fault, id, source, at, severity::LOW, title)
                    .explained(text, "Compare the addresses with the device's manual; they are tried again from time to time.");
                let mut event = match before {
                    Some(before) if before.title == fresh.title => before,
                    Some(before) => Event { id: before.id, start: before.start, revision: before.revision + 1, ..fresh },
                    None => fresh,
                };
                event.refs = total.iter().flat_map(|q| q.points.iter().cloned()).take(100).collect();
                self.namespace.event(event.clone());
                Some(event)
            }
        };
        if let Some(slot) = self.quarantines.get_mut(device) {
            *slot = next;
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
