use super::{Millis, MonitorPacket};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A technique of ATT&CK for ICS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MonitorTechnique {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its id before version 19 (April 2026), where that was another.
    pub was: Option<String>,
}

/// Somebody's decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorDecision {
    /// Who.
    pub by: String,
    /// When, ms.
    pub at: Millis,
    /// In their words.
    pub note: String,
    /// Until when, for a mute, ms.
    pub until: Option<Millis>,
}

/// A step in the history of a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorStep {
    /// When, ms.
    pub at: Millis,
    /// Who; `monitor` for the monitor itself.
    pub by: String,
    /// `opened`, `acknowledged`, `muted`, `unmuted`, `closed` or `reopened`.
    pub what: String,
    /// In their words.
    pub note: String,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorFinding {
    /// Stable, also over restarts: the id of its event.
    pub id: String,
    /// Id of the detection, e.g. `IB-S7-001`.
    pub rule: String,
    /// What happened.
    pub title: String,
    /// What it means.
    pub meaning: String,
    /// What to check next.
    pub next: String,
    /// 1-1000.
    pub severity: u16,
    /// `info`, `low`, `medium`, `high` or `critical`.
    pub level: String,
    /// Techniques of ATT&CK for ICS.
    pub techniques: Vec<MonitorTechnique>,
    /// Who did it: id of the asset.
    pub source: String,
    /// Its name.
    pub source_name: String,
    /// To whom: id of the asset.
    pub target: String,
    /// Its name.
    pub target_name: String,
    /// `open`, `acknowledged`, `muted` or `closed`.
    pub state: String,
    /// How often.
    pub count: u64,
    /// First time, ms.
    pub first: Millis,
    /// Last time, ms.
    pub last: Millis,
    /// The first different cases.
    pub details: Vec<String>,
    /// The point that it is about.
    pub path: Option<String>,
    /// The window of expected work in which it happened: then it is for the record.
    pub window: Option<String>,
    /// Who acknowledged it.
    pub acknowledged: Option<MonitorDecision>,
    /// Who muted it, why, until when.
    pub muted: Option<MonitorDecision>,
    /// Who closed it.
    pub closed: Option<MonitorDecision>,
    /// The first packets that show it, since the monitor started.
    pub evidence: Vec<MonitorPacket>,
    /// Packets that are kept for download.
    pub packets: u64,
    /// Size of the download, bytes.
    pub packet_bytes: u64,
    /// When its latest event was told, by the gateway's clock; left out as long as there was none. How long after `last` that
    /// is says how fast the monitor is.
    pub told: Option<Millis>,
    /// What was done with it; empty in lists.
    pub history: Vec<MonitorStep>,
}

/// Findings, the worst and newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorFindings {
    /// At most 1,000.
    pub findings: Vec<MonitorFinding>,
    /// There are more.
    pub more: bool,
    /// What was not seen: no list of findings is better than this.
    pub coverage: Vec<String>,
}

/// Which findings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorFindingsAsk {
    /// `open`, `acknowledged`, `muted`, `closed`; left out: all but closed.
    pub state: Option<String>,
    /// Only of this asset.
    pub asset: Option<String>,
    /// At least this severity.
    pub min: Option<u16>,
}

/// A note to a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorNote {
    /// At most 2,000 characters.
    pub note: String,
}

/// A mute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MonitorMute {
    /// Why.
    pub reason: String,
    /// Until when, ms; at most a year ahead.
    pub until: Millis,
}
