use super::Millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A point and its newest value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PointLive {
    /// Where it lives.
    pub path: String,
    /// Display name.
    pub name: String,
    /// `bool`, `i64`, `u64`, `f64`, `text` or `bytes`.
    #[serde(rename = "type")]
    pub value_type: String,
    /// Unit as configured.
    pub unit: Option<String>,
    /// Boolean, number, text or null. Integers beyond 2^53 and non-finite doubles are text, bytes are hexadecimal
    /// text. Kept when the quality turns bad.
    pub value: serde_json::Value,
    /// State text of an enumeration.
    pub state: Option<String>,
    /// Symbolic name of the OPC UA status code. `BadNodeIdUnknown`: there is no such point.
    pub quality: String,
    /// Severity Good.
    pub good: bool,
    /// OPC UA status code.
    pub status: u32,
    /// Time of the sample, ms.
    pub time: Option<Millis>,
    /// When it was received, ms.
    pub received: Option<Millis>,
    /// Position of its record.
    pub seq: Option<String>,
    /// The last value that was not bad.
    pub last_good: Option<LastGood>,
}

/// The last value that was not bad.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LastGood {
    /// The value.
    pub value: serde_json::Value,
    /// Its time, ms.
    pub time: Option<Millis>,
}

/// What stands directly below a prefix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tree {
    /// The prefix asked for.
    pub prefix: String,
    /// The prefix above; null at the root.
    pub parent: Option<String>,
    /// In path order.
    pub children: Vec<TreeChild>,
    /// There are more children than one answer holds; search with `/api/points`.
    pub more: bool,
}

/// A folder, an asset or a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TreeChild {
    /// Last segment of its path.
    pub segment: String,
    /// Its path.
    pub path: String,
    /// `folder`, `asset` or `point`.
    pub kind: String,
    /// Points at and below it.
    pub points: usize,
    /// Points with a bad quality at and below it, at most a second old.
    pub bad: usize,
    /// If it is an asset.
    pub asset: Option<AssetRef>,
    /// If it is a point.
    pub point: Option<PointLive>,
}

/// What an asset is, in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AssetRef {
    /// Type, e.g. `Filler`.
    #[serde(rename = "type")]
    pub asset_type: String,
    /// ISA-95 level, e.g. `work-unit`.
    pub level: String,
    /// Display name.
    pub name: String,
}

/// A page of points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PointPage {
    /// In path order.
    pub points: Vec<PointLive>,
    /// Give it as `after` for the next page.
    pub next: Option<String>,
    /// Points that match, on all pages.
    pub total: usize,
}

/// Everything about one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PointDetail {
    /// The point and its newest value.
    pub point: PointLive,
    /// Its permanent number.
    pub id: u32,
    /// What it means, in words.
    pub description: String,
    /// Expected lowest and highest value.
    pub range: Option<(f64, f64)>,
    /// Names of the values.
    pub states: Option<BTreeMap<String, String>>,
    /// Whether the configuration allows writing.
    pub writable: bool,
    /// Limits of a write.
    pub write: Option<WriteLimits>,
    /// Whether the asker may write it, and if not, why.
    pub may_write: MayWrite,
    /// Who holds the right to write here; null for nobody.
    pub lease: Option<super::LeaseShape>,
    /// The connection that feeds it.
    pub connection: Option<String>,
    /// The device within the connection.
    pub device: Option<String>,
    /// Address and type at the source.
    pub source: Option<String>,
    /// Period at which it is read.
    pub scan: Option<String>,
    /// The asset it belongs to.
    pub asset: Option<AssetDetail>,
    /// The destinations that get it.
    pub destinations: Vec<DestinationRef>,
    /// First and last sample in history.
    pub history: Extent,
}

/// Limits of a write, in the point's unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WriteLimits {
    /// Lowest value.
    pub min: Option<f64>,
    /// Highest value.
    pub max: Option<f64>,
    /// Largest change in one write.
    pub step: Option<f64>,
    /// `readback`, `none`, or the path of the point that confirms.
    pub confirm: String,
    /// How far the read-back may be off.
    pub tolerance: Option<f64>,
    /// How often.
    pub rate: Option<RateShape>,
    /// Lowest role that may write it.
    pub role: String,
    /// Lowest role of the second person who must approve; null if none is needed.
    pub approval: Option<String>,
    /// What must hold elsewhere.
    pub interlock: Option<InterlockShape>,
}

/// How often a point may be written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RateShape {
    /// So many times
    pub writes: u32,
    /// within so many seconds.
    pub per_s: f64,
}

/// What must hold elsewhere for a write to be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InterlockShape {
    /// The condition.
    pub allow_if: String,
    /// Names in the condition and the points that they stand for.
    pub points: BTreeMap<String, String>,
    /// Whether it lets a write through now.
    pub allows: bool,
    /// Why not; empty when it does.
    pub why: String,
}

/// Whether the asker may write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MayWrite {
    /// Whether.
    pub allowed: bool,
    /// Why not; empty when allowed.
    pub why: String,
}

impl From<Result<(), String>> for MayWrite {
    fn from(answer: Result<(), String>) -> Self {
        Self { allowed: answer.is_ok(), why: answer.err().unwrap_or_default() }
    }
}

/// An asset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AssetDetail {
    /// Where it stands.
    pub path: String,
    /// Type, e.g. `Filler`.
    #[serde(rename = "type")]
    pub asset_type: String,
    /// Display name.
    pub name: String,
    /// Who answers for it on the plant side.
    pub owner_ot: Option<String>,
    /// Who answers for it on the IT side.
    pub owner_it: Option<String>,
    /// Security zone.
    pub zone: Option<String>,
}

/// A destination that gets a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DestinationRef {
    /// Name of its file.
    pub name: String,
    /// Kind, e.g. `mqtt`.
    pub kind: String,
    /// As in `/api/destinations`.
    pub state: String,
}

/// First and last sample in history.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Extent {
    /// ms
    pub first: Option<Millis>,
    /// ms
    pub last: Option<Millis>,
}

/// A wish to write.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// The point.
    pub path: String,
    /// In the point's unit: boolean, number or text. Large integers may be given as text.
    pub value: serde_json::Value,
    /// Why, for the audit record.
    #[serde(default)]
    pub reason: String,
    /// Never executed after this many milliseconds: 100-300,000, default 10,000; where a second person has to approve,
    /// up to 3,600,000, default 900,000.
    #[serde(default)]
    pub ttl_ms: Option<u64>,
    /// Chosen by the requester; the same id is never executed twice. Made by the server when absent.
    #[serde(default)]
    pub id: Option<String>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Written {
    /// Id of the command, as in the audit record.
    pub id: String,
    /// `Confirmed`, `Accepted`, `Rejected`, `Failed` or `Unknown`; `Waiting` while a second person has to approve: then
    /// `/api/command?id=` tells what becomes of it.
    pub outcome: String,
    /// Why, where it was not confirmed.
    pub why: String,
    /// The value before.
    pub before: serde_json::Value,
    /// What was read back.
    pub readback: serde_json::Value,
    /// ms
    pub took_ms: f64,
}

/// A list of points.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Paths {
    /// At most 10,000.
    pub paths: Vec<String>,
}

/// Newest values, in the order asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Latest {
    /// The values.
    pub values: Vec<PointLive>,
}

/// What to watch.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Live {
    /// At most 2,000.
    pub paths: Vec<String>,
    /// At most one message per this many milliseconds (100-10,000, default 250).
    #[serde(default)]
    pub interval_ms: Option<u64>,
}

/// Data of the server-sent event `values`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LiveValues {
    /// The gateway's clock, ms.
    pub server_time: Millis,
    /// Index into the paths, value, quality, good, time.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    pub v: Vec<(usize, serde_json::Value, String, bool, Option<Millis>)>,
}
