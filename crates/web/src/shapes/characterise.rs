use super::Millis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which device to measure: that of a connection, or of a connection file that nobody applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CharacteriseAsk {
    /// Name of a connection in the plant folder.
    pub connection: Option<String>,
    /// Or the name of a connection file, e.g. `connections/press.toml`, with its text.
    pub file: Option<String>,
    /// TOML of that file.
    pub text: Option<String>,
}

/// What measuring would do. Nothing was sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CharacterisePlan {
    /// Name of the connection.
    pub connection: String,
    /// Where.
    pub endpoint: String,
    /// Whom, and what is read.
    pub devices: Vec<CharacteriseDevice>,
    /// Requests at most.
    pub requests_most: u64,
    /// Packets at most. The yes repeats this number.
    pub packets_most: u64,
    /// Time if every answer comes at once, s.
    pub seconds_least: f64,
    /// Time if every answer comes at the last moment, s.
    pub seconds_most: f64,
    /// Whether a running connection is paused meanwhile.
    pub pauses: bool,
    /// All of it in words.
    pub sentence: String,
    /// When it was measured before, as its file says.
    pub measured: Option<String>,
}

/// A device that would be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CharacteriseDevice {
    /// Its name in the file.
    pub name: String,
    /// Its unit, in words.
    pub unit: String,
    /// What is read, in words.
    pub touches: String,
}

/// The yes to a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CharacteriseStart {
    /// What was asked.
    pub ask: CharacteriseAsk,
    /// `packets_most` of the plan that was shown.
    pub packets_most: u64,
}

/// Runs, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CharacteriseRuns {
    /// The last few.
    pub runs: Vec<CharacteriseRun>,
}

/// A run under way or done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CharacteriseRun {
    /// Tells runs apart.
    pub id: String,
    /// Who said yes.
    pub who: String,
    /// When it began, ms.
    pub started: Millis,
    /// When it ended, ms.
    pub ended: Option<Millis>,
    /// `running`, `done`, `stopped` or `failed`.
    pub state: String,
    /// What was agreed.
    pub plan: CharacterisePlan,
    /// What it does now, in words.
    pub step: String,
    /// Requests sent.
    pub requests_sent: u64,
    /// Packets sent.
    pub packets_sent: u64,
    /// Answers that were missing, broken or none of the protocol.
    pub faults: u64,
    /// Lines that were too many to keep.
    pub dropped: u64,
    /// Why it failed, in words; empty if it did not.
    pub problem: String,
    /// What was learned.
    pub lines: Vec<CharacteriseLine>,
    /// The file that the planner looks into, e.g. `measured/line-1.toml`.
    pub file: String,
    /// Its text, to review and save; empty unless all was measured.
    pub text: String,
}

/// Something that was learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CharacteriseLine {
    /// The device; empty for the endpoint.
    pub device: String,
    /// What, e.g. `largest block`.
    pub what: String,
    /// How much, e.g. `60 registers`.
    pub value: String,
    /// What it means.
    pub text: String,
}
