//! Runs one connection for as long as it is configured: dial, serve, back off, pause, stop; contains panics.

use super::backoff::Backoff;
use super::budget::Budget;
use super::classes::{Class, classes};
use super::counters::{Counters, Histogram, add};
use super::status::{
    BudgetStatus, DeviceState, DeviceStatus, Doubtful, FaultCounts, LastError, LeftOut, ResponseMs, State,
    Status, all_counters,
};
use super::{DeviceLayout, Driver, Layout, Link, OrderWay, Wheel};
use crate::kind::{Built, Security};
use futures_util::FutureExt;
use model::expected::ExpectedTraffic;
use model::fault::Consequence;
use model::{Access, Fault, PointId, Time};
use namespace::{CommandDesk, Namespace, NamespaceError};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// First and longest wait between attempts to open a session.
const DIAL_FIRST: Duration = Duration::from_millis(500);
const DIAL_MOST: Duration = Duration::from_secs(15);
/// Wait where a person has to change something first.
const SLOWLY: Duration = Duration::from_secs(30);
/// A session that answered and lasted this long is opened again at once.
const SOUND: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Desired {
    Run,
    Pause,
    /// Closed, and nothing is said of the points: something else feeds them.
    Hold,
    Stop,
}

struct Rate {
    at: Instant,
    count: u64,
    per_s: f64,
}

/// What the connection's task writes and everybody reads.
pub(super) struct Shared {
    pub(super) name: String,
    kind: &'static str,
    pub(super) endpoint: String,
    security: Security,
    expected: Arc<[ExpectedTraffic]>,
    points: Mutex<Arc<[PointId]>>,
    pub(super) counters: Counters,
    pub(super) response: Histogram,
    pub(super) budget: Arc<Budget>,
    pub(super) sessions: AtomicU64,
    pub(super) control: Notify,
    changed: AtomicBool,
    paused: Mutex<Vec<bool>>,
    classes: Vec<Class>,
    orders: Vec<OrderWay>,
    state: Mutex<(State, Time)>,
    devices: Mutex<Vec<DeviceStatus>>,
    error: Mutex<Option<LastError>>,
    rate: Mutex<Rate>,
}

impl Shared {
    pub(super) fn class_index(&self, name: &str) -> usize {
        self.classes.iter().position(|class| class.name == name).unwrap_or(0)
    }

    pub(super) fn class_requests(&self, class: usize, change: i64) {
        if let Some(class) = self.classes.get(class) {
            class.requests.fetch_add(change, Relaxed);
        }
    }

    pub(super) fn scan_done(&self, class: usize, took: Duration) {
        if let Some(class) = self.classes.get(class) {
            class.last_us.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
            add(&class.done, 1);
        }
    }

    pub(super) fn overrun(&self, class: usize, missed: u64) {
        if let Some(class) = self.classes.get(class) {
            add(&class.overruns, missed);
        }
    }

    pub(super) fn set_state(&self, state: State, at: Time) {
        let mut held = self.state.lock();
        if held.0 != state {
            *held = (state, at);
        }
    }

    pub(super) fn set_error(&self, error: LastError) {
        *self.error.lock() = Some(error);
    }

    pub(super) fn last_error(&self) -> Option<LastError> {
        self.error.lock().clone()
    }

    pub(super) fn with_devices(&self, change: impl FnOnce(&mut Vec<DeviceStatus>)) {
        change(&mut self.devices.lock());
    }

    /// A device showed up.
    pub(super) fn add_device(&self, layout: DeviceLayout, now: Time) {
        self.paused.lock().push(false);
        self.devices.lock().push(device_status(&layout, now));
    }

    /// Points showed up; those that are there already stay.
    pub(super) fn add_points(&self, fresh: &[PointId]) {
        let mut points = self.points.lock();
        let known: HashSet<PointId> = points.iter().copied().collect();
        let more = fresh.iter().copied().filter(|point| !known.contains(point));
        *points = points.iter().copied().chain(more).collect();
    }

    /// Points are there no more.
    pub(super) fn remove_points(&self, gone: &[PointId]) {
        let mut points = self.points.lock();
        let gone: HashSet<PointId> = gone.iter().copied().collect();
        *points = points.iter().copied().filter(|point| !gone.contains(point)).collect();
    }

    pub(super) fn take_control(&self) -> bool {
        self.changed.load(Relaxed) && self.changed.swap(false, Relaxed)
    }

    pub(super) fn is_device_paused(&self, device: usize) -> bool {
        self.paused.lock().get(device).copied().unwrap_or(false)
    }
}

/// A running connection. Dropping it ends the connection, too.
pub struct Handle {
    shared: Arc<Shared>,
    namespace: Namespace,
    desired: watch::Sender<Desired>,
    held: watch::Receiver<bool>,
    desk: Option<CommandDesk>,
    task: JoinHandle<()>,
}

/// Declares the points of a connection and starts it on the current runtime.
///
/// # Errors
/// The namespace refuses the points.
pub fn run(
    name: &str,
    kind: &'static str,
    built: Built<dyn Driver>,
    namespace: &Namespace,
    wheel: &Arc<Wheel>,
) -> Result<Handle, NamespaceError> {
    let layout = built.it.layout();
    let expected = built.expected.into();
    let writable: Vec<bool> = built.points.iter().map(|point| point.access != Access::Read).collect();
    let points: Arc<[PointId]> = namespace.declare(built.points)?.into();
    let commanded: Vec<PointId> =
        points.iter().zip(writable).filter(|(_, writable)| *writable).map(|(id, _)| *id).collect();
    let (orders, desk) = (!commanded.is_empty()).then(|| CommandDesk::open(&commanded)).unzip();
    desk.iter().for_each(|desk| namespace.give_to(desk));
    let now = namespace.clock().now();
    let shared = Arc::new(Shared {
        name: name.to_owned(),
        kind,
        endpoint: built.endpoint,
        security: built.security,
        expected,
        points: Mutex::new(points.clone()),
        counters: Counters::default(),
        response: Histogram::default(),
        budget: Budget::new(layout.budget),
        sessions: AtomicU64::new(0),
        control: Notify::new(),
        changed: AtomicBool::new(false),
        paused: Mutex::new(vec![false; layout.devices.len()]),
        classes: classes(&layout),
        orders: layout.orders.clone(),
        state: Mutex::new((State::Connecting, now)),
        devices: Mutex::new(devices(&layout, now)),
        error: Mutex::new(None),
        rate: Mutex::new(Rate { at: Instant::now(), count: 0, per_s: 0.0 }),
    });
    let link = Link::new(shared.clone(), namespace.clone(), wheel.clone(), &layout, &points, orders);
    let (desired, wanted) = watch::channel(Desired::Run);
    let (holding, held) = watch::channel(false);
    let task = tokio::spawn(supervise(built.it, link, wanted, holding));
    Ok(Handle { shared, namespace: namespace.clone(), desired, held, desk, task })
}

fn devices(layout: &Layout, now: Time) -> Vec<DeviceStatus> {
    layout.devices.iter().map(|device| device_status(device, now)).collect()
}

fn device_status(device: &DeviceLayout, now: Time) -> DeviceStatus {
    DeviceStatus {
        name: device.name.clone(),
        unit: device.unit.clone(),
        state: DeviceState::Waiting,
        since: now.millis_f64(),
        next_probe_ms: None,
        quarantined: Vec::new(),
        excluded: device.excluded.clone(),
    }
}

async fn supervise(
    mut driver: Box<dyn Driver>,
    mut link: Link,
    mut desired: watch::Receiver<Desired>,
    holding: watch::Sender<bool>,
) {
    let mut backoff = Backoff::new(DIAL_FIRST, DIAL_MOST);
    loop {
        // Nobody holds the handle any more: nobody could ever stop it otherwise.
        if desired.has_changed().is_err() {
            return;
        }
        let wanted = *desired.borrow_and_update();
        match wanted {
            Desired::Stop => return link.ended(),
            Desired::Hold => {
                holding.send_replace(true);
                link.rest_quietly(&mut desired, |desired| *desired == Desired::Hold).await;
                holding.send_replace(false);
                if *desired.borrow() == Desired::Run {
                    link.show_resumed();
                }
                backoff.reset();
                continue;
            }
            Desired::Pause => {
                link.show_paused();
                while *desired.borrow() == Desired::Pause {
                    tokio::select! {
                        changed = desired.changed() => if changed.is_err() { return },
                        () = link.wait_closed(None) => {}
                    }
                }
                link.show_resumed();
                backoff.reset();
                continue;
            }
            Desired::Run => {}
        }
        let started = Instant::now();
        let fault = session(driver.as_mut(), &mut link, &mut desired).await;
        let answered = link.closed(&fault);
        if fault == Fault::Stopped {
            continue;
        }
        let sound = answered && started.elapsed() >= SOUND;
        let wait = match fault.consequence() {
            Consequence::ReconnectSlowly => SLOWLY,
            _ if sound => {
                backoff.reset();
                Duration::ZERO
            }
            _ => backoff.next(),
        };
        tracing::info!(connection = link.name(), %fault, wait_ms = wait.as_millis() as u64, "session ended");
        rest(&mut link, &mut desired, Instant::now() + wait).await;
    }
}

/// One session, to its fault, or until something else is wanted.
async fn session(driver: &mut dyn Driver, link: &mut Link, desired: &mut watch::Receiver<Desired>) -> Fault {
    let outcome = {
        let serve = AssertUnwindSafe(driver.serve(link)).catch_unwind();
        tokio::select! {
            outcome = serve => outcome,
            _ = desired.wait_for(|desired| *desired != Desired::Run) => return Fault::Stopped,
        }
    };
    outcome.unwrap_or_else(|_| {
        tracing::error!(connection = link.name(), "the driver panicked; it is contained and started again");
        link.show_failed();
        Fault::Config("Ironbridge's driver failed; please report it with the log".into())
    })
}

/// Waits until `until` or until something else is wanted.
async fn rest(link: &mut Link, desired: &mut watch::Receiver<Desired>, until: Instant) {
    while Instant::now() < until {
        tokio::select! {
            _ = desired.wait_for(|desired| *desired != Desired::Run) => return,
            () = link.wait_closed(Some(until)) => {}
        }
    }
}

impl Handle {
    /// Name of the connection.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The other side, as its status shows it.
    pub fn endpoint(&self) -> &str {
        &self.shared.endpoint
    }

    /// What it sends, as planned when it was opened; nothing if nobody wanted to know.
    pub fn expected(&self) -> Arc<[ExpectedTraffic]> {
        self.shared.expected.clone()
    }

    /// The points it feeds now.
    pub fn points(&self) -> Arc<[PointId]> {
        self.shared.points.lock().clone()
    }

    /// Closes the connection; nothing is sent until [`Handle::resume`], the points are BadOutOfService.
    pub fn pause(&self) {
        self.desire(Desired::Pause);
    }

    /// Opens it again.
    pub fn resume(&self) {
        self.desire(Desired::Run);
    }

    /// Closes the connection and waits until it is closed. Unlike a pause it says nothing of the points, because another
    /// connection feeds them now; [`Handle::resume`] and [`Handle::pause`] take them back.
    pub async fn hold(&mut self) {
        self.desire(Desired::Hold);
        // An error means that the task is gone, which is closed enough.
        let _ = self.held.wait_for(|held| *held).await;
    }

    /// Takes back the commands of its points, after another connection had them.
    pub fn take_back(&self) {
        self.desk.iter().for_each(|desk| self.namespace.give_to(desk));
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.shared.state.lock().0
    }

    /// What went wrong last, in words; empty for nothing.
    pub fn last_error(&self) -> String {
        self.shared.last_error().map(|error| error.title).unwrap_or_default()
    }

    /// Names of the devices that a person has paused.
    pub fn paused_devices(&self) -> Vec<String> {
        let paused = self.shared.paused.lock().clone();
        let devices = self.shared.devices.lock();
        devices
            .iter()
            .zip(paused)
            .filter(|(_, paused)| *paused)
            .map(|(device, _)| device.name.clone())
            .collect()
    }

    fn desire(&self, wanted: Desired) {
        self.desired.send_if_modified(|desired| {
            let change = *desired != Desired::Stop && *desired != wanted;
            if change {
                *desired = wanted;
            }
            change
        });
    }

    /// Pauses or resumes one device: nothing is sent to it while paused. False if there is no such device.
    pub fn pause_device(&self, device: &str, pause: bool) -> bool {
        let index =
            self.shared.devices.lock().iter().position(|known| known.name.eq_ignore_ascii_case(device));
        let Some(index) = index else { return false };
        if let Some(slot) = self.shared.paused.lock().get_mut(index) {
            *slot = pause;
        }
        self.shared.changed.store(true, Relaxed);
        self.shared.control.notify_one();
        true
    }

    /// Ends the connection and waits until it is closed. Points keep their last quality; retire them if they are gone.
    pub async fn stop(self) {
        let _ = self.desired.send(Desired::Stop);
        if self.task.await.is_err() {
            tracing::error!(connection = self.shared.name, "the connection's task failed");
        }
    }

    /// Whether the task is still there. It always is, unless [`Handle::stop`] was called or Ironbridge has a defect.
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    /// What its endpoint is asked at most: whoever else talks to the endpoint shares it.
    pub fn budget(&self) -> Arc<Budget> {
        self.shared.budget.clone()
    }

    /// Requests a second that its scans need, as the driver has planned them by now.
    pub fn planned_requests_per_s(&self) -> f64 {
        let scans = self.shared.classes.iter().filter(|class| !class.period.is_zero());
        scans.map(|class| class.requests.load(Relaxed).max(0) as f64 / class.period.as_secs_f64()).sum()
    }

    /// Everything the page shows; a few short locks, none of them on the way of a sample.
    pub fn status(&self) -> Status {
        let shared = &self.shared;
        let (state, since) = *shared.state.lock();
        let points = self.points();
        let quality = self.namespace.count_quality(&points);
        let quantile = |q| shared.response.quantile_ms(q);
        let devices = shared.devices.lock().clone();
        Status {
            name: shared.name.clone(),
            kind: shared.kind,
            endpoint: shared.endpoint.clone(),
            security: shared.security.clone(),
            state,
            since: since.millis_f64(),
            points: points.len(),
            good: quality.good,
            bad: quality.bad,
            requests_per_s: self.rate(),
            budget: BudgetStatus::of(&shared.budget),
            response_ms: quantile(0.5).zip(quantile(0.99)).map(|(p50, p99)| ResponseMs { p50, p99 }),
            scans: shared.classes.iter().map(Class::status).collect(),
            faults: FaultCounts::of(&shared.counters),
            left_out: LeftOut::of(&shared.counters),
            doubtful: Doubtful::of(&self.namespace, &points, &devices),
            devices,
            orders: shared.orders.clone(),
            last_error: shared.last_error(),
            counters: all_counters(&shared.counters),
        }
    }

    fn rate(&self) -> f64 {
        let mut rate = self.shared.rate.lock();
        let elapsed = rate.at.elapsed().as_secs_f64();
        if elapsed >= 1.0 {
            let count = self.shared.counters.requests.load(Relaxed);
            rate.per_s = (count - rate.count) as f64 / elapsed;
            rate.count = count;
            rate.at = Instant::now();
        }
        rate.per_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::GroupLayout;
    use crate::south::budget::Limits;
    use futures_util::future::BoxFuture;
    use journal::{Journal, Options, RealDisk};
    use model::{Declaration, Path, SystemClock, ValueType};
    use namespace::{Authority, Entry, Ledger, Settings};

    struct Nobody;
    impl Authority for Nobody {
        fn may_write(&self, _: &model::Principal, _: &Path) -> Result<(), String> {
            Err("no".into())
        }
    }
    impl Ledger for Nobody {
        fn record(&self, _: Entry) -> Result<(), String> {
            Ok(())
        }
    }

    /// Panics in its first session, waits in the second.
    struct Fragile(u32);
    impl Driver for Fragile {
        fn layout(&self) -> Layout {
            let second = Duration::from_secs(1);
            Layout {
                devices: vec![DeviceLayout { name: "d".into(), unit: "1".into(), excluded: Vec::new() }],
                groups: vec![GroupLayout {
                    device: 0,
                    class: "normal".into(),
                    period: second,
                    points: vec![0],
                }],
                timeout: second,
                retries: 1,
                recheck: second,
                budget: Limits::default(),
                orders: Vec::new(),
            }
        }
        fn serve<'a>(&'a mut self, link: &'a mut Link) -> BoxFuture<'a, Fault> {
            async move {
                self.0 += 1;
                assert!(self.0 > 1, "a defect");
                let _ = link.open(async { Ok(()) }).await;
                link.answered(0, Duration::from_millis(1));
                std::future::pending().await
            }
            .boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_loud_contained_and_over_after_a_while() {
        let dir = tempfile::tempdir().unwrap();
        let clock = SystemClock::shared();
        let disk = Arc::new(RealDisk);
        let (journal, recovered) = Journal::open(Options::new(dir.path()), disk, clock.clone()).unwrap();
        let settings = Settings {
            max_skew: Duration::from_secs(5),
            writes_on: false,
            authority: Arc::new(Nobody),
            ledger: Arc::new(Nobody),
        };
        let namespace = Namespace::open(journal, recovered, clock, settings);
        let built: Built<dyn Driver> = Built {
            it: Box::new(Fragile(0)),
            points: vec![Arc::new(Declaration::new(Path::new("acme/leeds/x").unwrap(), ValueType::Bool))],
            claims: Vec::new(),
            expected: Vec::new(),
            endpoint: "x".into(),
            security: Security::none(""),
        };
        let handle = run("x", "test", built, &namespace, &Arc::new(Wheel::new())).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut failed = false;
        while handle.status().state != State::Connected {
            failed |= handle.status().state == State::Failed;
            assert!(Instant::now() < deadline && handle.is_running());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(failed, "the page says so meanwhile");
        assert!(handle.status().counters.contains(&("panics", 1)));
        assert!(namespace.active_events().is_empty());
        handle.stop().await;
    }
}
