//! What destinations send, for those who read it.

use super::Millis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Exactly what a destination sends, for those who read it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DestinationSchema {
    /// Name of its file.
    pub destination: String,
    /// Kind, e.g. `mqtt`.
    pub kind: String,
    /// Which version this is, from 1: one more with each change.
    pub version: u32,
    /// Since when it holds, ms.
    pub since: Millis,
    /// Until when it held, ms; null for what holds now.
    pub until: Option<Millis>,
    /// In a word, e.g. `flat-json`, `avro`, `tables`.
    pub format: String,
    /// Everything that can come from it.
    pub messages: Vec<SchemaMessage>,
    /// All versions that are kept, the oldest first.
    pub versions: Vec<SchemaVersion>,
    /// Versions before those, which are no longer kept.
    pub forgotten: u64,
}

/// One sort of message, row or file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SchemaMessage {
    /// What it is about: `sample`, `samples` (of one device and scan), `event`.
    pub of: String,
    /// Where it goes, e.g. `topic {path}`.
    pub place: String,
    /// What names it there; empty where nothing does.
    pub key: String,
    /// Media type.
    pub media: String,
    /// Language of the schema: `json-schema`, `avro`, `protobuf`, `sql`, `iceberg`, `parquet` or `text`.
    pub language: String,
    /// The schema.
    pub schema: String,
    /// What else a reader has to know; may be empty.
    pub note: String,
}

/// When a version held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SchemaVersion {
    /// Its number.
    pub version: u32,
    /// Since when, ms.
    pub since: Millis,
    /// Until when, ms; null for what holds now.
    pub until: Option<Millis>,
}
