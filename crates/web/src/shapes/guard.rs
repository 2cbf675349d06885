use super::Millis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much of this gateway's own traffic was explained, since start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MonitorExplained {
    /// Writes from our own addresses that an authorised command explains.
    pub commands_matched: u64,
    /// Writes from our own addresses that nothing explains.
    pub commands_unmatched: u64,
    /// Answers of devices that were the same on the wire and at the socket.
    pub answers_same: u64,
    /// Answers that were not.
    pub answers_changed: u64,
    /// Answers that were seen at one of the two only: nothing is known of them.
    pub answers_single: u64,
    /// What had no room in the tables, and answers that came faster than they could be compared.
    pub no_room: u64,
}

/// What is done with what is new, zone by zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorModes {
    /// The first is that of everything without a zone of its own here.
    pub modes: Vec<MonitorMode>,
}

/// What is done with what is new in a zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorMode {
    /// Name of the zone; empty for all the rest.
    pub zone: String,
    /// `learning` or `guarding`.
    pub mode: String,
    /// Since when, ms.
    pub since: Millis,
    /// Who said so.
    pub by: String,
    /// Seconds since something new was learned; `null` before anything was.
    pub quiet_s: Option<f64>,
}

/// A wish for a mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MonitorModeAsk {
    /// Name of the zone; empty for all the rest.
    pub zone: String,
    /// `learning` or `guarding`.
    pub mode: String,
}

/// What was seen and is not normal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorDifferences {
    /// One thing at a time.
    pub differences: Vec<MonitorDifference>,
    /// There are more.
    pub more: bool,
}

/// One thing that was seen and is not normal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorDifference {
    /// What names it.
    pub id: String,
    /// `asset`, `link`, `function`, `point-read`, `point-written` or `writer`.
    pub kind: String,
    /// In words.
    pub title: String,
    /// Who is new, or who asks.
    pub source: String,
    /// Who is asked; empty for an asset.
    pub target: String,
    /// Zone of who is asked, or of the asset.
    pub zone: String,
    /// First seen of the asset or link, ms.
    pub first: Millis,
    /// Last seen of the asset or link, ms.
    pub last: Millis,
    /// Always 1: each difference is one thing.
    pub count: u64,
    /// The finding that it raised.
    pub finding: Option<String>,
}

/// Windows of expected work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorWindows {
    /// The newest first.
    pub windows: Vec<MonitorWindow>,
}

/// Somebody works on devices for a time, and it is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorWindow {
    /// Its name, e.g. `W-7`.
    pub id: String,
    /// The person or firm who works.
    pub who: String,
    /// Assets that are worked on.
    pub assets: Vec<String>,
    /// Begin, ms.
    pub from: Millis,
    /// End, ms.
    pub until: Millis,
    /// The order it is done by.
    pub ticket: String,
    /// More, in words.
    pub note: String,
    /// Who opened it here.
    pub by: String,
    /// When, ms.
    pub created: Millis,
    /// `planned`, `open`, `over` or `ended`.
    pub state: String,
    /// Findings that were recorded quietly in it.
    pub findings: usize,
}

/// A wish for a window of expected work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MonitorWindowAsk {
    /// The person or firm who works.
    pub who: String,
    /// Assets that are worked on, by id or address.
    pub assets: Vec<String>,
    /// Begin, ms; now if left out.
    #[serde(default)]
    pub from: Option<Millis>,
    /// End, ms: at most 7 days after the begin.
    pub until: Millis,
    /// The order it is done by.
    pub ticket: String,
    /// More, in words.
    #[serde(default)]
    pub note: String,
}
