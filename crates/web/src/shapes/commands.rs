use super::{MayWrite, Millis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Commands: first those under way, then those that ended, each newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Commands {
    /// The commands.
    pub commands: Vec<CommandShape>,
}

/// One command with everything that happened to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CommandShape {
    /// Chosen by the requester; unique.
    pub id: String,
    /// The point.
    pub path: String,
    /// Its display name.
    pub name: String,
    /// Its unit.
    pub unit: Option<String>,
    /// The value asked for.
    pub value: serde_json::Value,
    /// The value when it was asked for.
    pub before: serde_json::Value,
    /// Who asked: `user:anna`, `token:mes`, `destination:hq`, `local:1000`.
    pub who: String,
    /// Why, in their words.
    pub reason: String,
    /// ms
    pub asked: Millis,
    /// Never sent after this, ms.
    pub expires: Millis,
    /// ms
    pub ended: Option<Millis>,
    /// `waiting` (for a second person), `queued`, `sending` or `done`.
    pub state: String,
    /// `Confirmed`, `Accepted`, `Rejected`, `Failed` or `Unknown`; null while it is under way.
    pub outcome: Option<String>,
    /// Why, where it was not confirmed.
    pub why: String,
    /// What was read back.
    pub readback: serde_json::Value,
    /// From the wish to the outcome, ms.
    pub took_ms: Option<f64>,
    /// The second person; null if none is needed.
    pub approval: Option<ApprovalShape>,
    /// What happened, in order.
    pub steps: Vec<StepShape>,
    /// What the asker of this page may do with it.
    pub may: MayDecide,
}

/// The second person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalShape {
    /// Lowest role that may approve.
    pub role: String,
    /// Who did; null while it waits.
    pub by: Option<String>,
}

/// One thing that happened to a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StepShape {
    /// ms
    pub time: Millis,
    /// Who did it.
    pub who: String,
    /// `asked`, `waiting`, `approved`, `denied`, `cancelled`, `sending`, or the outcome.
    pub what: String,
    /// More, in words.
    pub text: String,
}

/// What somebody may do with a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MayDecide {
    /// Approve or deny it.
    pub approve: MayWrite,
    /// Take it back.
    pub cancel: MayWrite,
}

/// A decision about a command.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// The command.
    pub id: String,
    /// Why, for the audit record.
    #[serde(default)]
    pub reason: String,
}

/// Who holds the right to write what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Leases {
    /// By path.
    pub leases: Vec<LeaseShape>,
}

/// The right of one person to write what is at and under a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LeaseShape {
    /// An asset, a folder or a point.
    pub path: String,
    /// Who holds it.
    pub holder: String,
    /// ms
    pub since: Millis,
    /// It ends by itself, ms.
    pub until: Millis,
    /// Why, in the holder's words.
    pub reason: String,
    /// It is the asker's own.
    pub mine: bool,
    /// The asker may end it.
    pub may_release: bool,
}

/// Taking or prolonging a lease.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeLease {
    /// An asset, a folder or a point.
    pub path: String,
    /// 1 to 480.
    pub minutes: u32,
    /// Why, for the others and the audit record.
    #[serde(default)]
    pub reason: String,
}

/// Which lease.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichLease {
    /// Its path.
    pub path: String,
}
