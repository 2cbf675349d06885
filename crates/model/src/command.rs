//! Commands: the one way in which anything is written to the plant.

use crate::{Path, Time, Value};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// What a person or a program may do. Each includes the ones before it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Writes points that may be written.
    Operator,
    /// Pauses, changes configuration, secrets, tokens.
    Engineer,
    /// Users as well.
    Administrator,
}

impl Role {
    /// The name used in configuration and API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Engineer => "engineer",
            Self::Administrator => "administrator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Role {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Viewer, Self::Operator, Self::Engineer, Self::Administrator]
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| format!("`{text}` is no role; write viewer, operator, engineer or administrator"))
    }
}

/// Who asks. Made only by `access`, or for Ironbridge's own doings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Principal {
    /// For the ledger: `user:anna`, `token:mes`, `local:1000`, `destination:hq`, `connection:mes`, `system`.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// If set, only points under this prefix.
    pub prefix: Option<String>,
}

impl Principal {
    /// Ironbridge itself. May read and record; never writes to the plant.
    pub fn system() -> Self {
        Self { name: "system".into(), role: Role::Viewer, prefix: None }
    }

    /// Whether the principal may see `path`.
    pub fn sees(&self, path: &Path) -> bool {
        self.prefix.as_deref().is_none_or(|prefix| path.is_under(prefix))
    }
}

/// How the effect of a write is confirmed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Confirm {
    /// Read the point back.
    #[default]
    Readback,
    /// Another point takes the value within the time.
    Point {
        /// The path of that point.
        path: Path,
        /// How long to wait for it.
        within: Duration,
    },
    /// Nothing to read back: a self-resetting pulse.
    None,
}

/// One wish to write one value to one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Chosen by the requester; the same id is never executed twice.
    pub id: String,
    /// The point.
    pub path: Path,
    /// The value in engineering units.
    pub value: Value,
    /// Never executed after this.
    pub expires: Time,
    /// Why, in the requester's words.
    pub reason: String,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome")]
pub enum Outcome {
    /// The device took it and the read-back agrees.
    Confirmed {
        /// What was read back.
        readback: Value,
    },
    /// The device took it; nothing was read back, by configuration.
    Accepted,
    /// Not sent.
    Rejected {
        /// Which rule.
        why: String,
    },
    /// Sent and refused by the device, or the read-back differs.
    Failed {
        /// What the device said.
        why: String,
    },
    /// Sent, and nobody knows: the link was lost or the reply never came.
    Unknown {
        /// What is known.
        why: String,
    },
}

impl Outcome {
    /// Shorthand.
    pub fn rejected(why: impl Into<String>) -> Self {
        Self::Rejected { why: why.into() }
    }

    /// The one word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Confirmed { .. } => "Confirmed",
            Self::Accepted => "Accepted",
            Self::Rejected { .. } => "Rejected",
            Self::Failed { .. } => "Failed",
            Self::Unknown { .. } => "Unknown",
        }
    }

    /// The reason; empty where none is needed.
    pub fn why(&self) -> &str {
        match self {
            Self::Rejected { why } | Self::Failed { why } | Self::Unknown { why } => why,
            _ => "",
        }
    }
}
