use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an apply of the plant folder would do now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlanShape {
    /// Mistakes in the folder. With any, nothing can be applied and the rest is empty.
    pub mistakes: Vec<MistakeShape>,
    /// The folder says what runs already.
    pub nothing: bool,
    /// All of it in figures.
    pub totals: PlanTotals,
    /// What is not touched.
    pub kept: KeptShape,
    /// Connections that are opened, closed or changed.
    pub connections: Vec<ConnectionPlan>,
    /// Destinations that are opened, closed or changed.
    pub destinations: Vec<DestinationPlan>,
    /// Destinations that tell their far side anew what there is (Sparkplug births).
    pub rebirths: Vec<DestinationPlan>,
    /// Changes of the plant's own settings that take effect.
    pub settings: Vec<String>,
    /// Changes that only a restart brings in.
    pub restart: Vec<String>,
    /// What somebody should know beforehand: secrets that files name and that nobody has set.
    pub notes: Vec<String>,
    /// The files that changed since the last apply.
    pub files: Vec<FileDiff>,
}

/// A plan in figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlanTotals {
    /// Connections that are opened.
    pub opened: usize,
    /// Connections that are closed.
    pub closed: usize,
    /// Connections that are closed and opened anew.
    pub changed: usize,
    /// Connections that stay open and are not touched.
    pub kept: usize,
    /// Points of the connections that are opened, closed or changed.
    pub points: PointsPlan,
    /// Requests per second that the scans of all connections need, the untouched ones too.
    pub requests_per_s: NowThen,
    /// Destinations that tell their far side anew what there is (Sparkplug births).
    pub rebirths: usize,
}

/// A mistake in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MistakeShape {
    /// Relative to the plant folder.
    pub file: String,
    /// From 1; 0 for the whole file.
    pub line: usize,
    /// From 1; 0 for the whole file.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

/// How many are not touched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KeptShape {
    /// Connections.
    pub connections: usize,
    /// Destinations.
    pub destinations: usize,
}

/// What happens to a connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionPlan {
    /// Name of its file.
    pub name: String,
    /// `open`, `close` or `change`.
    pub action: String,
    /// Its points.
    pub points: PointsPlan,
    /// The first 200 of the points that are added, removed or changed.
    pub paths: Vec<PointPlan>,
    /// Requests per second that its scans need.
    pub requests_per_s: NowThen,
    /// Requests per second that the budget of its endpoint allows; null without a budget.
    pub budget: NowThen,
    /// Share of the budget that its scans need; more than 1 does not fit. Null without a budget.
    pub share: NowThen,
    /// Share (0 to 1) of the time for which the device is busy with them, at the response time measured now.
    pub busy: NowThen,
    /// What is to be known of it: e.g. scans that do not fit the budget, with what to do.
    pub notes: Vec<String>,
    /// What its plan keeps to because the device was measured, in words; empty for nothing.
    pub measured: String,
}

/// How many points change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PointsPlan {
    /// New ones.
    pub added: usize,
    /// Ones that leave; their history stays.
    pub removed: usize,
    /// Ones with another unit, type, address, scan, limit, ...
    pub changed: usize,
    /// Ones that stay as they are.
    pub same: usize,
}

/// What happens to a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PointPlan {
    /// Where it lives.
    pub path: String,
    /// `added`, `removed` or `changed`.
    pub what: String,
    /// In words, e.g. `unit kPa, was bar`.
    pub text: String,
}

/// A figure before and after; null where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NowThen {
    /// Before.
    pub now: Option<f64>,
    /// After.
    pub then: Option<f64>,
}

/// What happens to a destination.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DestinationPlan {
    /// Name of its file.
    pub name: String,
    /// `open`, `close`, `change` or `rebirth`.
    pub action: String,
    /// In words.
    pub text: String,
}

/// How a file differs from what was applied last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FileDiff {
    /// Relative to the plant folder.
    pub file: String,
    /// Unified diff; empty where the file is too large to be compared by line.
    pub diff: String,
}

/// What an apply did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AppliedShape {
    /// The plant runs as the folder says.
    pub applied: bool,
    /// It was tried, and the plant runs as it did before.
    pub rolled_back: bool,
    /// One line.
    pub summary: String,
    /// Why it was rolled back.
    pub why: String,
    /// What else there is to know.
    pub notes: Vec<String>,
    /// How long it took, ms.
    pub took_ms: f64,
}
