//! What a type's file says.

use super::states::StateModel;
use model::ValueType;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// One type of assets. Its name is its file's name.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssetType {
    /// what such a thing is
    #[serde(default)]
    pub description: String,
    /// the type whose points and parts it has as well, e.g. "PackMachine"
    #[serde(default)]
    pub extends: Option<String>,
    /// points that every asset of the type has, by name: `Speed = { type = "number", unit = "/min" }`
    #[serde(default)]
    pub points: BTreeMap<String, PointType>,
    /// parts that stand below it, by the last segment of their path: `Infeed = { type = "Conveyor" }`
    #[serde(default)]
    pub parts: BTreeMap<String, PartType>,
}

/// One point of a type.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PointType {
    /// what its values are: "bool", "whole", "number" or "text"
    #[serde(rename = "type")]
    pub kind: PointKind,
    /// unit in which the plant sees it; a tag in another unit of the same quantity is converted
    #[serde(default)]
    pub unit: String,
    /// false if an asset may do without it
    #[serde(default = "yes")]
    pub required: bool,
    /// lowest and highest expected value
    #[serde(default)]
    pub range: Option<(f64, f64)>,
    /// names of the values, e.g. { 0 = "Idle", 1 = "Execute" }: a state model of its own
    #[serde(default)]
    pub states: BTreeMap<String, String>,
    /// a state model that everybody knows, instead of `states`: "packml"
    #[serde(default)]
    pub state_model: Option<StateModel>,
    /// display name
    #[serde(default)]
    pub name: String,
    /// what it means
    #[serde(default)]
    pub description: String,
}

/// One part of a type.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartType {
    /// its type
    #[serde(rename = "type")]
    pub kind: String,
    /// false if an asset may do without it
    #[serde(default = "yes")]
    pub required: bool,
}

impl PointType {
    /// The names of its values, of whichever model.
    pub fn names(&self) -> BTreeMap<String, String> {
        self.state_model.map_or_else(|| self.states.clone(), StateModel::states)
    }

    /// What it must be, in words: `a number in bar`.
    pub fn wanted(&self) -> String {
        if self.unit.is_empty() { self.kind.to_string() } else { format!("{} in {}", self.kind, self.unit) }
    }
}

const fn yes() -> bool {
    true
}

/// What the values of a point are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PointKind {
    /// true or false
    Bool,
    /// a whole number
    Whole,
    /// any number
    Number,
    /// a text
    Text,
}

impl PointKind {
    /// The type of values that holds all of them; a whole number beyond 63 bits is none.
    pub(super) const fn value_type(self) -> ValueType {
        match self {
            Self::Bool => ValueType::Bool,
            Self::Whole => ValueType::I64,
            Self::Number => ValueType::F64,
            Self::Text => ValueType::Text,
        }
    }

    pub(super) const fn takes(self, value: ValueType) -> bool {
        match self {
            Self::Bool => matches!(value, ValueType::Bool),
            Self::Whole => matches!(value, ValueType::I64 | ValueType::U64),
            Self::Number => matches!(value, ValueType::I64 | ValueType::U64 | ValueType::F64),
            Self::Text => matches!(value, ValueType::Text),
        }
    }
}

impl fmt::Display for PointKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "a bool",
            Self::Whole => "a whole number",
            Self::Number => "a number",
            Self::Text => "a text",
        })
    }
}
