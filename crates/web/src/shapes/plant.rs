use super::{EventShape, LeftOut, Millis, OrderWay};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The first page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    /// The plant in one sentence.
    pub sentence: String,
    /// `normal`, `attention` or `alarm`.
    pub level: String,
    /// Production lines and their state.
    pub lines: Vec<Line>,
    /// The ten most severe things that last.
    pub abnormal: Vec<EventShape>,
    /// Whether the data can be trusted.
    pub data_health: DataHealth,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Line {
    /// Where it stands.
    pub path: String,
    /// Display name.
    pub name: String,
    /// `normal`, `attention` or `alarm`.
    pub level: String,
    /// What it does.
    pub state: Option<StateNow>,
    /// Its machines.
    pub units: Vec<Unit>,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Unit {
    /// Where it stands.
    pub path: String,
    /// Display name.
    pub name: String,
    /// Asset type.
    #[serde(rename = "type")]
    pub asset_type: String,
    /// What it does.
    pub state: Option<StateNow>,
    /// Points at and below it.
    pub points: usize,
    /// Points of bad quality at and below it.
    pub bad: usize,
}

/// The state of a line or machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StateNow {
    /// In words, e.g. `Execute`.
    pub text: String,
    /// Since when, ms.
    pub since: Option<Millis>,
    /// Quality of the state point.
    pub quality: String,
    /// Its number.
    pub number: Option<i64>,
}

/// Whether the data can be trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DataHealth {
    /// Connections by state.
    pub connections: ConnectionCounts,
    /// Points by quality.
    pub points: PointCounts,
    /// Share of good points, 0-100.
    pub good_percent: f64,
    /// Age of the oldest sample that a destination still has to get, s.
    pub oldest_unsent_s: Option<f64>,
    /// Hours of outage that still fit.
    pub outage_hours: Option<f64>,
    /// Days until the disk is full.
    pub disk_days_left: Option<f64>,
    /// Disk.
    pub disk: Disk,
    /// The gateway's clock.
    pub clock: ClockHealth,
    /// How much of the network the monitor sees; null without one.
    pub monitor_coverage: Option<String>,
    /// Journal.
    pub journal: JournalHealth,
    /// Samples per second, now.
    pub rate_per_s: f64,
}

/// Connections by state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionCounts {
    /// All.
    pub total: usize,
    /// Connected.
    pub connected: usize,
    /// Lost, failed or not yet connected.
    pub lost: usize,
    /// Paused by a person.
    pub paused: usize,
}

/// Points by quality.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PointCounts {
    /// All.
    pub total: usize,
    /// Good.
    pub good: usize,
    /// Uncertain.
    pub uncertain: usize,
    /// Bad.
    pub bad: usize,
}

/// Disk of the data folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Disk {
    /// Used by journal and history.
    pub used_bytes: u64,
    /// Free.
    pub free_bytes: u64,
}

/// The gateway's clock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClockHealth {
    /// Offset from its time source, ms, if known.
    pub offset_ms: Option<f64>,
    /// Counts as synchronised.
    pub synchronised: bool,
}

/// Journal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JournalHealth {
    /// `ok`, `slow` or `failing`.
    pub state: String,
    /// In words.
    pub text: String,
}

/// All connections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Connections {
    /// By name.
    pub connections: Vec<Connection>,
}

/// One connection: an endpoint with its devices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Connection {
    /// Name of its file.
    pub name: String,
    /// Kind, e.g. `modbus-tcp`.
    pub kind: String,
    /// Address.
    pub endpoint: String,
    /// How it is protected.
    pub security: Security,
    /// `connected`, `connecting`, `lost`, `paused` or `failed`.
    pub state: String,
    /// Since when, ms.
    pub since: Option<Millis>,
    /// Points declared.
    pub points: usize,
    /// Points of good quality.
    pub good: usize,
    /// Points of bad quality.
    pub bad: usize,
    /// Requests per second, now.
    pub requests_per_s: f64,
    /// What the endpoint is asked at most; null without a budget.
    pub budget: Option<Budget>,
    /// Time from request to answer.
    pub response_ms: Option<ResponseTime>,
    /// Scan classes.
    pub scans: Vec<Scan>,
    /// Faults since start.
    pub faults: FaultCounts,
    /// What came and was not taken, since start.
    pub left_out: LeftOut,
    /// Devices behind the endpoint.
    pub devices: Vec<Device>,
    /// The first of the points that are not Good although their device answers and refuses nothing.
    pub doubtful: Vec<Doubtful>,
    /// What its messages may ask to be written.
    pub orders: Vec<OrderWay>,
    /// The last thing that went wrong.
    pub last_error: Option<LastError>,
}

/// A point that is not Good by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Doubtful {
    /// Its path.
    pub path: String,
    /// Its quality.
    pub quality: String,
}

/// How a connection is protected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Security {
    /// `none` or `tls`.
    pub level: String,
    /// In words.
    pub text: String,
}

/// What an endpoint is asked at most, by all that Ironbridge does there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Budget {
    /// Requests per second at most; null for no limit.
    pub requests_per_s: Option<f64>,
    /// Share (0 to 1) of them that is used now.
    pub share: Option<f64>,
    /// Connections at most; null for no limit.
    pub connections: Option<u16>,
    /// Connections that are open or being opened, where they are limited.
    pub open: Option<u16>,
    /// How often a request had to wait for the budget, since start.
    pub held_back: u64,
}

/// Time from request to answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResponseTime {
    /// Median, ms.
    pub p50: f64,
    /// 99th percentile, ms.
    pub p99: f64,
}

/// A scan class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Scan {
    /// Name.
    pub name: String,
    /// Period, ms.
    pub period_ms: f64,
    /// How long the last one took, ms.
    pub last_ms: Option<f64>,
    /// Scans skipped because the one before was not done.
    pub overruns: u64,
    /// Points read.
    pub points: usize,
    /// Requests for them.
    pub requests: usize,
}

/// Faults since start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FaultCounts {
    /// No answer in time.
    pub timeouts: u64,
    /// Answers with an error of the protocol.
    pub exceptions: u64,
    /// Answers after their time-out, discarded.
    pub late: u64,
    /// Sessions ended because answers no longer matched requests.
    pub desync: u64,
    /// Reconnects.
    pub reconnects: u64,
    /// Frames that were none.
    pub bad_frames: u64,
}

/// One device behind an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// Name in the connection's file.
    pub name: String,
    /// Unit, station or slot.
    pub unit: Option<String>,
    /// `ok`, `demoted`, `paused` or `waiting`.
    pub state: String,
    /// Since when, ms.
    pub since: Option<Millis>,
    /// When a demoted device is tried next, ms since 1970.
    pub next_probe_ms: Option<f64>,
    /// Addresses that the device refuses.
    pub quarantined: Vec<Quarantined>,
    /// Address ranges that are never touched.
    pub excluded: Vec<String>,
}

/// An address that the device refuses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Quarantined {
    /// Address in the configuration's words.
    pub address: String,
    /// Points that need it.
    pub points: Vec<String>,
    /// What the device answered.
    pub reason: String,
}

/// The last thing that went wrong.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LastError {
    /// ms
    pub time: Option<Millis>,
    /// What happened.
    pub title: String,
    /// What it means for the plant.
    pub meaning: String,
    /// The next step.
    pub next: String,
}

/// Which device to pause or resume.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichDevice {
    /// The device; null for the whole connection.
    #[serde(default)]
    pub device: Option<String>,
}

/// All destinations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Destinations {
    /// By name.
    pub destinations: Vec<Destination>,
}

/// One destination.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Destination {
    /// Name of its file.
    pub name: String,
    /// Kind, e.g. `mqtt`.
    pub kind: String,
    /// Address.
    pub endpoint: String,
    /// `connected`, `connecting`, `lost`, `paused` or `waiting`.
    pub state: String,
    /// Since when, ms.
    pub since: Option<Millis>,
    /// `live_first` or `in_order`.
    pub catch_up: String,
    /// Age of the oldest sample not yet acknowledged, s.
    pub lag_s: Option<f64>,
    /// Records not yet acknowledged.
    pub lag_samples: u64,
    /// What is still to be caught up after an outage.
    pub backlog: Option<Backlog>,
    /// Samples per second, now.
    pub rate_per_s: f64,
    /// Samples since start.
    pub sent: u64,
    /// When the far side last acknowledged, ms.
    pub last_ack: Option<Millis>,
    /// Hours of outage that still fit.
    pub outage_hours: Option<f64>,
    /// Samples that the far side refused.
    pub rejects: u64,
    /// What became of them.
    pub letters: Letters,
    /// What is sent again on request, or was last.
    pub replay: Option<Replay>,
    /// Down-sampling: samples that came after their interval was sent.
    pub late: u64,
    /// Whether it still has what it acknowledged.
    pub proof: Proof,
    /// Ranges that were lost to retention.
    pub skipped: Vec<Skipped>,
    /// `off` or `on`.
    pub commands: String,
    /// The last thing that went wrong.
    pub last_error: Option<LastError>,
    /// How it is protected.
    pub security: Security,
}

/// What is still to be caught up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Backlog {
    /// ms
    pub from: Option<Millis>,
    /// ms
    pub to: Option<Millis>,
    /// Records, if known.
    pub remaining: Option<u64>,
}

/// Dead letters: what the far side refused for good.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Letters {
    /// Waiting to be sent again or dropped.
    pub waiting: u64,
    /// Sent again and taken, since start.
    pub resent: u64,
    /// Dropped by a person, since start.
    pub dropped: u64,
    /// Fallen out of the full list, since start.
    pub fallen_out: u64,
}

/// What the far side said when it was asked whether it still has what it acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Proof {
    /// How often it is asked, s; absent when it is not, or cannot be.
    pub every_s: Option<f64>,
    /// How often it had it, since start.
    pub found: u64,
    /// How often it did not.
    pub gone: u64,
    /// When it last had it, ms.
    pub last: Option<Millis>,
    /// Why it cannot be asked; empty when it can.
    pub trouble: String,
}

/// What is sent again from history.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Replay {
    /// Its first time, ms.
    pub from: Millis,
    /// The time before which it ends, ms.
    pub to: Millis,
    /// Everything before this time is there again, ms.
    pub done: Millis,
    /// Samples and events sent again.
    pub sent: u64,
    /// When it was over, ms.
    pub finished: Option<Millis>,
    /// What holds it up, or ended it early; empty when nothing does.
    pub trouble: String,
}

/// What to send again.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskReplay {
    /// From this time on, ms.
    pub from: Millis,
    /// Before this time, ms; null for now.
    #[serde(default)]
    pub to: Option<Millis>,
}

/// Which dead letters.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichLetters {
    /// Their numbers; null for all.
    #[serde(default)]
    pub ids: Option<Vec<u64>>,
}

/// How many dead letters it was about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LettersDone {
    /// Number of letters.
    pub letters: u64,
}

/// A range that was lost to retention.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Skipped {
    /// Positions.
    pub range: String,
    /// Samples, if known.
    pub count: Option<u64>,
    /// When, ms.
    pub time: Option<Millis>,
}

/// What a destination refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rejects {
    /// Newest first.
    pub rejects: Vec<Reject>,
}

/// One refused sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reject {
    /// Its number, to send it again or drop it.
    pub id: u64,
    /// Position of its record.
    pub position: String,
    /// The point, if known.
    pub path: Option<String>,
    /// What the far side said.
    pub reason: String,
    /// ms
    pub time: Option<Millis>,
    /// Why it could not be sent again, if somebody asked for it; empty otherwise.
    pub trouble: String,
}
