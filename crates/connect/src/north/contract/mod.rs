//! The contract of a destination: exactly what it sends and where to, for those who read it, with a version that changes
//! when the shape does.
//!
//! ```text
//! Sink::contract() ─▶ Telling ─▶ Book: NAME.schema.json, every version with the time from which it held ─▶ page, API
//! ```

mod book;

pub use book::{Book, Opening, Version, Versions};

use model::{Declaration, Path};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a destination sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// In a word, e.g. "flat-json", "avro", "tables".
    pub format: String,
    /// Everything that can come from it.
    pub messages: Vec<Message>,
}

impl Contract {
    /// All that can come, in a format of that name.
    pub fn new(format: &str, messages: Vec<Message>) -> Self {
        Self { format: format.into(), messages }
    }
}

/// One sort of message, row or file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// What it is about: "sample", "samples" of one device and scan, "event".
    pub of: String,
    /// Where it goes, e.g. "topic {path}", "table ironbridge.sample".
    pub place: String,
    /// What names it there, e.g. "{path}"; empty where nothing does.
    #[serde(default)]
    pub key: String,
    /// Media type, e.g. "application/json".
    pub media: String,
    /// In which language the schema is: see [`Language`].
    pub language: Language,
    /// The schema.
    pub schema: String,
    /// What else a reader has to know; may be empty.
    #[serde(default)]
    pub note: String,
}

/// The languages of schemas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// JSON Schema, draft 2020-12.
    JsonSchema,
    /// Avro, a JSON declaration.
    Avro,
    /// Protocol Buffers, a `.proto` file.
    Protobuf,
    /// SQL that makes the tables.
    Sql,
    /// Iceberg, the schema of a table in JSON.
    Iceberg,
    /// Parquet, a message type.
    Parquet,
    /// Plain words.
    #[default]
    Text,
}

impl Language {
    /// Its word in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::JsonSchema => "json-schema",
            Self::Avro => "avro",
            Self::Protobuf => "protobuf",
            Self::Sql => "sql",
            Self::Iceberg => "iceberg",
            Self::Parquet => "parquet",
            Self::Text => "text",
        }
    }
}

/// What a contract is told from.
pub struct Known {
    /// `enterprise/site`.
    pub site: Path,
    /// The live points of the selection, in the order of their paths; only for a [`Telling`] that asks for them, and none if
    /// there are too many to be named one by one.
    pub points: Vec<Arc<Declaration>>,
    /// Whether events are sent.
    pub events: bool,
    /// Values of intervals are sent: a mean of whole numbers is none.
    pub intervals: bool,
}

impl Known {
    /// A destination that sends everything, without its points.
    #[cfg(test)]
    pub(crate) fn everything(site: &str) -> Option<Self> {
        Some(Self { site: Path::new(site).ok()?, points: Vec::new(), events: true, intervals: false })
    }
}

/// Tells the contract of a destination, also while its sink is at work.
pub struct Telling {
    of_points: bool,
    tell: Box<dyn Fn(&Known) -> Contract + Send + Sync>,
}

impl Telling {
    /// A contract that does not change while it runs.
    pub fn new(tell: impl Fn(&Known) -> Contract + Send + Sync + 'static) -> Self {
        Self { of_points: false, tell: Box::new(tell) }
    }

    /// Whether it names points: then it changes as they do.
    #[must_use]
    pub fn of_points(mut self, names_points: bool) -> Self {
        self.of_points = names_points;
        self
    }

    /// The contract now.
    pub fn tell(&self, known: &Known) -> Contract {
        (self.tell)(known)
    }
}
