//! One asset: what it is, what its type promises, and what there is of it.

use super::PointLive;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Everything about one asset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AssetPage {
    /// Where it stands.
    pub path: String,
    /// Display name.
    pub name: String,
    /// Type, e.g. `Filler`.
    #[serde(rename = "type")]
    pub asset_type: String,
    /// ISA-95 level, e.g. `work-unit`.
    pub level: String,
    /// Who answers for it on the plant side.
    pub owner_ot: Option<String>,
    /// Who answers for it on the IT side.
    pub owner_it: Option<String>,
    /// Security zone.
    pub zone: Option<String>,
    /// What its type promises; null if the type is only a word.
    pub contract: Option<ContractShape>,
    /// Its points: those of the type first, then others right below it.
    pub points: Vec<AssetPoint>,
    /// There are more points than one answer holds.
    pub more: bool,
    /// Assets right below it.
    pub below: Vec<AssetAt>,
    /// The asset that it stands in.
    pub within: Option<AssetAt>,
}

/// A type and whether its promise is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ContractShape {
    /// What such a thing is.
    pub description: String,
    /// The types that it extends, nearest first.
    pub extends: Vec<String>,
    /// Whether everything that it must have is there.
    pub kept: bool,
    /// What it must have and has not, in words.
    pub missing: Vec<String>,
    /// Parts that stand below it.
    pub parts: Vec<AssetPart>,
}

/// A point of an asset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AssetPoint {
    /// Its name.
    pub name: String,
    /// What the type wants, e.g. `a number in bar`; null if the type does not have it.
    pub wanted: Option<String>,
    /// Whether the type demands it.
    pub required: bool,
    /// The point and its newest value; null if nothing feeds it.
    pub point: Option<PointLive>,
}

/// A part of an asset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AssetPart {
    /// Its name: the last segment of its path.
    pub name: String,
    /// The type that it must be of.
    #[serde(rename = "type")]
    pub asset_type: String,
    /// Whether the type demands it.
    pub required: bool,
    /// What stands there.
    pub found: Option<AssetAt>,
}

/// Another asset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AssetAt {
    /// Where it stands.
    pub path: String,
    /// Display name.
    pub name: String,
    /// Type.
    #[serde(rename = "type")]
    pub asset_type: String,
}
