//! What a file says of messages: devices, tags, patterns, and how payloads are read.

use super::payload::{Format, QualityCodes, TimeUnit};
use crate::south::tags::{DeviceKeys, TagEntry, TagKeys};
use model::ValueType;
use model::config::Period;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One device: topics that speak of one thing.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Device {
    /// What the devices of all protocols have in common
    #[serde(flatten)]
    pub keys: DeviceKeys,
    /// How its payloads are read, where a tag does not say otherwise
    #[serde(flatten)]
    pub reading: Reading,
    /// The tags, by name
    #[serde(default)]
    pub tags: BTreeMap<String, Tag>,
    /// Patterns of topics that make points by themselves, by name
    #[serde(default)]
    pub patterns: BTreeMap<String, Pattern>,
    /// Writes to other points that its messages ask for, by name: the outcome is a point of that name
    #[serde(default)]
    pub commands: BTreeMap<String, Ask>,
}

/// How payloads are read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Reading {
    /// How payloads are written: "json", "raw" (the value alone, as text), "csv" (columns), "xml" (e.g. B2MML) or "ironbridge" (what another gateway sends with format = "json")
    pub format: Option<Format>,
    /// Where the value stands: a JSON pointer like "/temperature" or "/values[name=temperature]/value" (without it the whole payload), or the number of a column, from 1
    pub value: Option<String>,
    /// Where the time of the value stands, likewise; without it the time of arrival counts
    pub time: Option<String>,
    /// What a number there counts since 1970: "s", "ms", "us" or "ns"; texts are read as RFC 3339
    pub time_unit: Option<TimeUnit>,
    /// Where the quality of the value stands, likewise; true, "good" and good codes are good
    pub quality: Option<String>,
    /// What a number there means: "opc" (192 is good) or "opc-ua" (0 is good)
    pub quality_codes: Option<QualityCodes>,
    /// Between columns: one character, "," if left out
    pub separator: Option<String>,
    /// Without a message for this long the value counts as doubtful (UncertainLastUsableValue); never if left out
    pub stale: Option<Period>,
    /// What a retained message without a time is: "uncertain" (nobody knows how old), "good", or "ignore"
    pub retained: Option<Retained>,
}

/// What a retained message is whose age nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Retained {
    /// A value whose age nobody knows.
    #[default]
    Uncertain,
    /// The present value: whoever publishes there keeps it up to date.
    Good,
    /// Nothing.
    Ignore,
}

/// One tag.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Tag {
    /// The topic, e.g. "plant/oven/temperature"
    pub at: String,
    /// What it is: bool, i64, u64, f64, text, bytes
    #[serde(rename = "type")]
    pub kind: ValueType,
    /// How its payloads are read, where it differs from the device's
    #[serde(flatten)]
    pub reading: Reading,
    /// Topic to which a write is published
    pub command: Option<String>,
    /// Payload of a write, e.g. '{"target":{value}}'; the value alone if left out
    pub payload: Option<String>,
    /// What the tags of all protocols have in common
    #[serde(flatten)]
    pub keys: TagKeys,
}

impl TagEntry for Tag {
    const COLUMNS: &'static [&'static str] = &[
        "at",
        "type",
        "format",
        "value",
        "time",
        "time_unit",
        "quality",
        "quality_codes",
        "separator",
        "stale",
        "retained",
        "command",
        "payload",
    ];

    fn keys(&self) -> &TagKeys {
        &self.keys
    }
}

/// A write that messages ask for.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
pub struct Ask {
    /// The topic, as of a tag
    pub at: String,
    /// The point that is written, below enterprise/site, e.g. "packaging/line-1/filler/target"; its own rule holds
    pub write: String,
    /// Where the value stands: a JSON pointer like "/quantity" or "/parameter[name=speed]/value"
    pub value: String,
    /// What it is: f64, i64, u64, bool or text; f64 if left out
    #[serde(rename = "type")]
    pub kind: Option<ValueType>,
    /// Numbers that stand for words, e.g. { "COLA-050" = 3 }; a word that is not there is rejected
    #[serde(default)]
    pub values: BTreeMap<String, f64>,
    /// Where the orders stand, if a message holds a list of them: a JSON pointer like "/orders"; the other pointers then begin at each of them
    pub each: Option<String>,
    /// Where the order's own id stands, likewise: the same id is carried out once
    pub id: String,
    /// Where it stands when the order was given; the moment of arrival if left out
    pub time: Option<String>,
    /// What a number there counts since 1970: "s", "ms", "us" or "ns"; texts are read as RFC 3339
    pub time_unit: Option<TimeUnit>,
    /// Never carried out later than this after it was given, at most "1h"
    #[serde(default = "half_a_minute")]
    pub ttl: Period,
    /// What must stand elsewhere in the message, e.g. { "/state" = "released" }
    #[serde(default)]
    pub when: BTreeMap<String, String>,
}

/// A pattern of topics.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
pub struct Pattern {
    /// The topics, with a name in braces for each level that differs, e.g. "plant/{machine}/{tag}"; {name...} stands for all levels that follow
    pub at: String,
    /// Where the points live below the device's home, e.g. "{machine}/{tag}"; all names one after the other if left out
    pub path: Option<String>,
    /// What the values are; without it each point takes the type of its first JSON value
    #[serde(rename = "type")]
    pub kind: Option<ValueType>,
    /// Unit of all of them
    #[serde(default)]
    pub unit: String,
    /// Most points that may appear; what comes beyond is counted and left out
    #[serde(default = "thousand")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_points: usize,
    /// How the payloads are read, where it differs from the device's; `value` may have one name in braces, too
    #[serde(flatten)]
    pub reading: Reading,
}

impl Reading {
    /// This one, and the device's where it says nothing.
    pub fn or(&self, device: &Self) -> Self {
        let (own, device) = (self.clone(), device.clone());
        Self {
            format: own.format.or(device.format),
            value: own.value.or(device.value),
            time: own.time.or(device.time),
            time_unit: own.time_unit.or(device.time_unit),
            quality: own.quality.or(device.quality),
            quality_codes: own.quality_codes.or(device.quality_codes),
            separator: own.separator.or(device.separator),
            stale: own.stale.or(device.stale),
            retained: own.retained.or(device.retained),
        }
    }
}

const fn half_a_minute() -> Period {
    Period::millis(30_000)
}
const fn thousand() -> usize {
    1_000
}
