//! State models that a type can name instead of writing them out.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A state model that everybody means the same by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StateModel {
    /// the machine states of PackML (ISA-TR88.00.02-2022)
    Packml,
}

/// The names of states 1 to 17 (ISA-TR88.00.02-2022, section 4.2).
const PACKML: [&str; 17] = [
    "Clearing",
    "Stopped",
    "Starting",
    "Idle",
    "Suspended",
    "Execute",
    "Stopping",
    "Aborting",
    "Aborted",
    "Holding",
    "Held",
    "Unholding",
    "Suspending",
    "Unsuspending",
    "Resetting",
    "Completing",
    "Completed",
];

impl StateModel {
    /// Numbers and names, as a type writes them.
    pub fn states(self) -> BTreeMap<String, String> {
        let Self::Packml = self;
        PACKML.iter().enumerate().map(|(at, name)| ((at + 1).to_string(), (*name).to_owned())).collect()
    }

    /// The model whose states these are.
    pub fn of(states: &BTreeMap<String, String>) -> Option<Self> {
        Some(Self::Packml).filter(|model| model.states() == *states)
    }

    /// As written in a file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Packml => "packml",
        }
    }
}
