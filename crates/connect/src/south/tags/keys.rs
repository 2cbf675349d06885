//! The keys that the files of all protocols share, as they are written.

use model::Role;
use model::config::{Period, schema_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Of the file: one endpoint.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct FileKeys {
    /// Scan classes, e.g. { fast = "250ms", normal = "1s" }; without it there is one, normal = "1s"
    #[serde(default)]
    pub scan: BTreeMap<String, Period>,
    /// How long to wait for an answer
    #[serde(default = "one_second")]
    pub timeout: Period,
    /// How often to ask again after a time-out
    #[serde(default = "one")]
    #[schemars(range(max = 10))]
    pub retries: u8,
    /// How long to wait for the connection to open
    #[serde(default = "three_seconds")]
    pub connect_timeout: Period,
    /// How often an address that the device refused is tried again
    #[serde(default = "five_minutes")]
    pub recheck: Period,
    /// What the endpoint is asked at most, by all that Ironbridge does there: { requests = 20, connections = 1 }
    #[serde(default)]
    pub budget: Budget,
}

/// What an endpoint is asked at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Requests a second, polling, writing and browsing together; without it as many as they need
    #[schemars(range(min = 0.1, max = 100_000))]
    pub requests: Option<f64>,
    /// Connections at the same time, polling and browsing together; without it as many as they need
    #[schemars(range(min = 1, max = 64))]
    pub connections: Option<u16>,
}

impl Default for FileKeys {
    /// Of a protocol whose files have none of these keys, because nothing is asked.
    fn default() -> Self {
        Self {
            scan: BTreeMap::new(),
            timeout: one_second(),
            retries: one(),
            connect_timeout: three_seconds(),
            recheck: five_minutes(),
            budget: Budget::default(),
        }
    }
}

/// Of one device.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct DeviceKeys {
    /// Where its points live below enterprise/site, e.g. "packaging/line-1/filler"; without it connection/device
    pub at: Option<String>,
    /// Scan class of tags that name none
    pub scan: Option<String>,
    /// Points of a safety controller are never written, whatever its tags say
    #[serde(default)]
    pub safety: bool,
    /// CSV file with more tags, as a spreadsheet writes it
    pub tags_file: Option<String>,
}

/// Of one tag.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct TagKeys {
    /// Unit, e.g. "bar", "/min", "Cel"
    #[serde(default)]
    pub unit: String,
    /// Scan class
    pub scan: Option<String>,
    /// Two raw numbers that stand for the two of `range`
    pub raw: Option<(f64, f64)>,
    /// Lowest and highest expected value
    pub range: Option<(f64, f64)>,
    /// Value = raw number * scale + offset
    pub scale: Option<f64>,
    /// Value = raw number * scale + offset
    pub offset: Option<f64>,
    /// Raw numbers above this mean a broken sensor
    pub bad_above: Option<f64>,
    /// Raw numbers below this mean a broken sensor
    pub bad_below: Option<f64>,
    /// Names of the values, e.g. { 0 = "Idle", 1 = "Execute" }
    #[serde(default)]
    pub states: BTreeMap<String, String>,
    /// Display name
    #[serde(default)]
    pub name: String,
    /// What it means
    #[serde(default)]
    pub description: String,
    /// Allows writing, within limits: { min = 0, max = 600, step = 50, confirm = "readback" }
    pub write: Option<Write>,
    /// Former paths below enterprise/site whose history this point continues
    #[serde(default)]
    pub was: Vec<String>,
}

/// Limits of a write.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// Lowest value allowed
    pub min: Option<f64>,
    /// Highest value allowed
    pub max: Option<f64>,
    /// Largest change in one write
    pub step: Option<f64>,
    /// How the effect is confirmed: "readback", "none" (self-resetting pulses), or another point within a time
    pub confirm: Option<Confirm>,
    /// How far what is read back may be off, in the tag's unit; without it, it must be equal
    pub tolerance: Option<f64>,
    /// How often it may be written, e.g. { writes = 6, per = "1min" }
    pub rate: Option<Rate>,
    /// Lowest role that may write it: "operator" (the default), "engineer" or "administrator"
    pub role: Option<Role>,
    /// A second person of this role or higher must approve each write
    pub approval: Option<Role>,
    /// What must hold elsewhere, e.g. { allow_if = "guard && speed < 10", points = { guard = "line-1/guard", speed = "line-1/speed" } }
    pub interlock: Option<Interlock>,
}

/// How often a tag may be written.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// So many times
    #[schemars(range(min = 1, max = 1000))]
    pub writes: u32,
    /// within any span of this length, at most a day
    pub per: Period,
}

/// What must hold elsewhere for a write to be sent.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interlock {
    /// The condition: names of `points`, numbers, 'texts', && || ! == != < <= > >= + - * / and brackets
    pub allow_if: String,
    /// Name in the condition and the path of its point below enterprise/site; a point that is not Good allows nothing
    pub points: BTreeMap<String, String>,
}

/// How the effect of a write is confirmed.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Confirm {
    /// One of the words.
    Word(ConfirmWord),
    /// Another point takes the value.
    Point(ConfirmPoint),
}

/// Ways that need no more than a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConfirmWord {
    /// Read the point back.
    Readback,
    /// Nothing to read back.
    None,
}

/// Another point that takes the value.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmPoint {
    /// Its path below enterprise/site
    pub point: String,
    /// How long to wait for it
    pub within: Period,
}

const fn one() -> u8 {
    1
}
const fn one_second() -> Period {
    Period::millis(1_000)
}
const fn three_seconds() -> Period {
    Period::millis(3_000)
}
const fn five_minutes() -> Period {
    Period::millis(300_000)
}

/// The schema of a struct into which shared keys are flattened: what no part of it knows is a mistake, at every level.
pub fn closed_schema<T: JsonSchema>() -> Json {
    let mut schema = schema_of::<T>();
    close(&mut schema);
    if let Some(parts) = schema.get_mut("$defs").and_then(Json::as_object_mut) {
        parts.values_mut().for_each(close);
    }
    schema
}

fn close(schema: &mut Json) {
    if let Some(schema) = schema.as_object_mut()
        && schema.contains_key("properties")
    {
        schema.remove("unevaluatedProperties");
        schema.insert("additionalProperties".into(), Json::Bool(false));
    }
}
