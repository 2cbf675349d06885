//! The configuration file of an OPC UA connection, as it is written.

use crate::north::Deadband;
use crate::south::tags::{DeviceKeys, FileKeys, TagEntry, TagKeys};
use model::ValueType;
use model::config::{Period, SecretRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `kind = "opc-ua"`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct File {
    /// The kind of connection: "opc-ua"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// Where the server is, e.g. "opc.tcp://10.20.1.50:4840"
    pub url: String,
    /// Security policy: "best" is the strongest that the server offers; "none" must be written to go without
    #[serde(default)]
    pub security: Policy,
    /// Whether messages are encrypted, or only signed
    #[serde(default)]
    pub protect: Protection,
    /// User name, where the server asks for one
    pub user: Option<String>,
    /// Its password: { secret = "NAME" }, given with `ironbridge secret set NAME`
    pub password: Option<SecretRef>,
    /// DER or PEM file of a user certificate, where the server asks for one
    pub user_certificate: Option<String>,
    /// The private key of the user certificate in PEM: { secret = "NAME" }
    pub user_key: Option<SecretRef>,
    /// How values come: the server tells changes ("subscribe"), or it is asked in each scan ("poll")
    #[serde(default)]
    pub mode: Mode,
    /// How long a cut may last without losing a change: the server is asked to keep that many values
    #[serde(default = "thirty_seconds")]
    pub bridge: Period,
    /// After a longer cut: how far back the server's own history is read, where it keeps one ("0s": never)
    #[serde(default = "one_hour")]
    pub backfill: Period,
    /// More about scan classes, by their names: { slow = { publish = "5s", deadband = 0.5 } }
    #[serde(default)]
    pub class: BTreeMap<String, Class>,
    /// Keys that all protocols have
    #[serde(flatten)]
    pub keys: FileKeys,
    /// Parts of the server that belong together, by name
    #[serde(default)]
    pub device: BTreeMap<String, Device>,
}

/// Security policies that hold today (OPC 10000-7, 6.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Policy {
    /// The strongest that the server offers.
    #[default]
    #[serde(rename = "best")]
    Best,
    /// RSA-PSS, AES-256.
    #[serde(rename = "Aes256_Sha256_RsaPss")]
    Aes256Sha256RsaPss,
    /// RSA-OAEP, AES-256.
    #[serde(rename = "Basic256Sha256")]
    Basic256Sha256,
    /// RSA-OAEP, AES-128.
    #[serde(rename = "Aes128_Sha256_RsaOaep")]
    Aes128Sha256RsaOaep,
    /// In the clear.
    #[serde(rename = "none")]
    None,
}

impl Policy {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Aes256Sha256RsaPss => "Aes256_Sha256_RsaPss",
            Self::Basic256Sha256 => "Basic256Sha256",
            Self::Aes128Sha256RsaOaep => "Aes128_Sha256_RsaOaep",
            Self::None => "none",
        }
    }
}

/// What happens to messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    /// Nobody can read or change them.
    #[default]
    Encrypt,
    /// Nobody can change them.
    Sign,
}

/// How values come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The server tells changes.
    #[default]
    Subscribe,
    /// The server is asked in each scan.
    Poll,
}

/// More about one scan class; its period is how often the server looks at the value.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// How often the server sends what it found; without it, the class's period
    pub publish: Option<Period>,
    /// Values that the server keeps of each point; without it, as many as `bridge` needs
    #[schemars(range(min = 1, max = 10_000))]
    pub queue: Option<u32>,
    /// Smaller changes are not sent: a number in the server's unit, or a part of its range like "0.5 %range"
    pub deadband: Option<Deadband>,
}

/// One part of the server.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Device {
    /// The namespace that is meant where an address names none, e.g. "http://vendor.com/plc"
    pub namespace: Option<String>,
    /// Keys that all protocols have
    #[serde(flatten)]
    pub keys: DeviceKeys,
    /// The tags, by name
    #[serde(default)]
    pub tags: BTreeMap<String, Tag>,
}

/// One tag.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Tag {
    /// The node: "nsu=http://vendor.com/plc;s=Line1.Speed", or "s=Line1.Speed" in the device's `namespace`
    pub at: String,
    /// What the node holds: bool, i64 (whole numbers), u64, f64 (Float and Double, too), text (and times), bytes
    #[serde(rename = "type")]
    pub kind: Option<ValueType>,
    /// Which element of an array, from 0
    pub element: Option<u32>,
    /// Which member of a structure, e.g. "motor.speed" or "motor.zones[1]"
    pub member: Option<String>,
    /// The method of the object `at` that a write calls, e.g. "s=Press.Start"; the value is its argument, if it takes one
    pub call: Option<String>,
    /// Keys that all protocols have
    #[serde(flatten)]
    pub keys: TagKeys,
}

impl TagEntry for Tag {
    const COLUMNS: &'static [&'static str] = &["at", "type", "element", "member", "call"];

    fn keys(&self) -> &TagKeys {
        &self.keys
    }
}

const fn one_hour() -> Period {
    Period::millis(3_600_000)
}

const fn thirty_seconds() -> Period {
    Period::millis(30_000)
}
