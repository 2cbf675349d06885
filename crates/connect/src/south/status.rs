//! What the Connections page and the metrics show of a connection.

use crate::kind::Security;
use crate::south::OrderWay;
use crate::south::budget::{Budget, Limits};
use crate::south::counters::Counters;
use model::{Fault, PointId, Status as Quality, Time};
use namespace::Namespace;
use serde::Serialize;
use std::collections::HashSet;
use std::sync::atomic::Ordering::Relaxed;

/// Points that a status lists one by one.
const MOST_DOUBTFUL: usize = 20;
/// Qualities that the state of a device explains.
const TOLD: [Quality; 3] =
    [Quality::BAD_COMMUNICATION_ERROR, Quality::BAD_NO_COMMUNICATION, Quality::BAD_OUT_OF_SERVICE];

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Answers.
    Connected,
    /// Being opened for the first time.
    Connecting,
    /// Answered once, or should have.
    Lost,
    /// Paused by a person.
    Paused,
    /// The driver failed inside Ironbridge.
    Failed,
}

/// Where a device stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceState {
    /// Scanned.
    Ok,
    /// Did not answer; only probed.
    Demoted,
    /// Paused by a person.
    Paused,
    /// Not asked yet, or the connection is down.
    Waiting,
}

/// Everything about one connection at one moment. Serialises as the HTTP API gives it.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Name of the connection.
    pub name: String,
    /// Name of its kind.
    pub kind: &'static str,
    /// The other side.
    pub endpoint: String,
    /// How the traffic is protected.
    pub security: Security,
    /// Where it stands.
    pub state: State,
    /// Since when, ms since 1970.
    pub since: f64,
    /// Points it feeds.
    pub points: usize,
    /// Of them, Good.
    pub good: usize,
    /// Of them, Bad.
    pub bad: usize,
    /// Requests per second, over the last seconds.
    pub requests_per_s: f64,
    /// What the endpoint is asked at most; `None` without a budget.
    pub budget: Option<BudgetStatus>,
    /// Response times; `None` before the first answer.
    pub response_ms: Option<ResponseMs>,
    /// By scan class.
    pub scans: Vec<ScanStatus>,
    /// Faults since start.
    pub faults: FaultCounts,
    /// What came and was not taken, since start.
    pub left_out: LeftOut,
    /// By device.
    pub devices: Vec<DeviceStatus>,
    /// The first of the points that are not Good although their device answers and refuses nothing.
    pub doubtful: Vec<Doubtful>,
    /// What its messages may ask to be written.
    pub orders: Vec<OrderWay>,
    /// What went wrong last.
    pub last_error: Option<LastError>,
    /// All counters since start, by name.
    pub counters: Vec<(&'static str, u64)>,
}

/// What an endpoint is asked at most, and how that goes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BudgetStatus {
    /// Requests a second at most.
    pub requests_per_s: Option<f64>,
    /// Connections at most.
    pub connections: Option<u16>,
    /// Connections that are open or being opened.
    pub open: Option<u16>,
    /// How often a request had to wait, since start.
    pub held_back: u64,
}

impl BudgetStatus {
    pub(super) fn of(budget: &Budget) -> Option<Self> {
        let Limits { requests_per_s, connections } = budget.limits();
        (requests_per_s.is_some() || connections.is_some()).then(|| Self {
            requests_per_s,
            connections,
            open: budget.connections_open(),
            held_back: budget.held_back(),
        })
    }
}

/// Response times in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ResponseMs {
    /// Half of the answers came within this.
    pub p50: f64,
    /// 99 of 100 answers came within this.
    pub p99: f64,
}

/// One scan class.
#[derive(Clone, Debug, Serialize)]
pub struct ScanStatus {
    /// Its name.
    pub name: String,
    /// Its period.
    pub period_ms: f64,
    /// How long the last scan of a group took, from due to done; `None` before the first.
    pub last_ms: Option<f64>,
    /// Scans skipped because the one before was not done.
    pub overruns: u64,
    /// Scans done.
    pub done: u64,
    /// Points read with it.
    pub points: usize,
    /// Requests that one round of it takes.
    pub requests: u64,
}

/// Faults since start.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct FaultCounts {
    /// No answer in time.
    pub timeouts: u64,
    /// Answers with an error of the protocol.
    pub exceptions: u64,
    /// Answers that came too late or to nobody, discarded.
    pub late: u64,
    /// Streams that were not the protocol any more.
    pub desync: u64,
    /// Sessions opened after the first.
    pub reconnects: u64,
    /// Frames that broke the protocol or did not fit their request.
    pub bad_frames: u64,
}

/// What came by itself and was not taken, since start.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct LeftOut {
    /// From somebody who may not, or more than is taken.
    pub rejected: u64,
    /// Beyond the room of this connection.
    pub no_room: u64,
    /// Read by no tag.
    pub unclaimed: u64,
    /// In the journal already.
    pub repeated: u64,
}

/// One device.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceStatus {
    /// Its name.
    pub name: String,
    /// Unit, slot or similar.
    pub unit: String,
    /// Where it stands.
    pub state: DeviceState,
    /// Since when, ms since 1970.
    pub since: f64,
    /// When it is probed next, ms since 1970.
    pub next_probe_ms: Option<f64>,
    /// What it refused.
    pub quarantined: Vec<Quarantined>,
    /// What is never touched.
    pub excluded: Vec<String>,
}

/// An address that the device refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Quarantined {
    /// In the protocol's words.
    pub address: String,
    /// Paths of the points concerned.
    pub points: Vec<String>,
    /// What the device said.
    pub reason: String,
}

/// A point that is not Good by itself: the value does not fit, the sensor failed, nothing came yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Doubtful {
    /// Its path.
    pub path: String,
    /// Its quality.
    pub quality: String,
}

/// What went wrong last.
#[derive(Clone, Debug, Serialize)]
pub struct LastError {
    /// When, ms since 1970.
    pub time: f64,
    /// What happened.
    pub title: String,
    /// What it means.
    pub meaning: &'static str,
    /// The next step.
    pub next: &'static str,
}

impl Doubtful {
    /// The first of `points` of which neither a lost device nor a refused address says why they are not Good.
    pub(super) fn of(namespace: &Namespace, points: &[PointId], devices: &[DeviceStatus]) -> Vec<Self> {
        let refused: HashSet<&str> = devices
            .iter()
            .flat_map(|device| &device.quarantined)
            .flat_map(|refused| refused.points.iter().map(String::as_str))
            .collect();
        let mut doubtful = Vec::new();
        namespace.visit(points, |_, declaration, last| {
            let told = last.status.is_good() || TOLD.contains(&last.status);
            if told || doubtful.len() >= MOST_DOUBTFUL {
                return;
            }
            let path = declaration.path.to_string();
            if !refused.contains(path.as_str()) {
                doubtful.push(Self { path, quality: last.status.to_string() });
            }
        });
        doubtful
    }
}

impl LastError {
    pub(super) fn new(at: Time, fault: &Fault, whom: &str) -> Self {
        let (title, meaning, next) = fault.words();
        let title = if whom.is_empty() { title } else { format!("{whom}: {title}") };
        Self { time: at.millis_f64(), title, meaning, next }
    }
}

impl FaultCounts {
    pub(super) fn of(counters: &Counters) -> Self {
        Self {
            timeouts: counters.timeouts.load(Relaxed),
            exceptions: counters.exceptions.load(Relaxed),
            late: counters.late.load(Relaxed),
            desync: counters.desync.load(Relaxed),
            reconnects: counters.reconnects.load(Relaxed),
            bad_frames: counters.bad_frames.load(Relaxed),
        }
    }
}

impl LeftOut {
    pub(super) fn of(counters: &Counters) -> Self {
        Self {
            rejected: counters.rejected.load(Relaxed),
            no_room: counters.no_room.load(Relaxed),
            unclaimed: counters.unclaimed.load(Relaxed),
            repeated: counters.repeated.load(Relaxed),
        }
    }
}

pub(super) fn all_counters(counters: &Counters) -> Vec<(&'static str, u64)> {
    let c = counters;
    [
        ("requests", &c.requests),
        ("answers", &c.answers),
        ("bytes_out", &c.bytes_out),
        ("bytes_in", &c.bytes_in),
        ("timeouts", &c.timeouts),
        ("exceptions", &c.exceptions),
        ("late", &c.late),
        ("desync", &c.desync),
        ("reconnects", &c.reconnects),
        ("bad_frames", &c.bad_frames),
        ("connect_failures", &c.connect_failures),
        ("notifications_lost", &c.notifications_lost),
        ("overflows", &c.overflows),
        ("samples", &c.samples),
        ("writes", &c.writes),
        ("panics", &c.panics),
        ("refused_orders", &c.refused_orders),
        ("unclaimed", &c.unclaimed),
        ("repeated", &c.repeated),
        ("rejected", &c.rejected),
        ("no_room", &c.no_room),
    ]
    .into_iter()
    .map(|(name, counter)| (name, counter.load(Relaxed)))
    .collect()
}
