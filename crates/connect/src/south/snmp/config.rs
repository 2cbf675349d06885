//! The configuration file of an SNMP connection, as it is written.

use super::types::Type;
use crate::south::tags::{DeviceKeys, FileKeys, TagEntry, TagKeys};
use model::config::SecretRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `kind = "snmp"`: one agent.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct File {
    /// The kind of connection: "snmp"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// Name or address of the device, e.g. "10.20.1.2"
    pub host: String,
    /// UDP port, 161 unless the device says otherwise
    #[serde(default = "port_161")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// What it must be shown
    #[serde(flatten)]
    pub who: Who,
    /// Most objects asked for in one request; small devices take few
    #[serde(default = "twenty")]
    #[schemars(range(min = 1, max = 100))]
    pub max_objects: u8,
    /// What all protocols have in common
    #[serde(flatten)]
    pub keys: FileKeys,
    /// The device, or its parts, by name
    pub device: BTreeMap<String, Device>,
}

/// What two sides show each other.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Who {
    /// Version of the protocol: "3" (with authentication and encryption) or "2c" (in the clear)
    pub version: Version,
    /// Version 2c: the community, { secret = "NAME" }, given with `ironbridge secret set NAME`
    pub community: Option<SecretRef>,
    /// Version 3: the user
    pub user: Option<String>,
    /// Version 3: how messages are authenticated; "sha256" unless the device knows only older ones
    #[serde(default)]
    pub auth: Auth,
    /// Version 3: password for authentication, { secret = "NAME" }, at least 8 characters
    pub auth_password: Option<SecretRef>,
    /// Version 3: how messages are encrypted
    #[serde(default)]
    pub privacy: Privacy,
    /// Version 3: password for encryption, { secret = "NAME" }, at least 8 characters
    pub privacy_password: Option<SecretRef>,
    /// Version 3: name of the context, for devices that have several
    pub context: Option<String>,
}

/// Version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Version {
    /// Communities in the clear.
    #[serde(rename = "2c")]
    TwoC,
    /// The user-based security model (RFC 3414).
    #[serde(rename = "3")]
    Three,
}

/// Authentication of version 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// HMAC-MD5-96 (RFC 3414): broken, for old devices only.
    Md5,
    /// HMAC-SHA-96 (RFC 3414).
    Sha1,
    /// RFC 7860.
    Sha224,
    /// RFC 7860.
    #[default]
    Sha256,
    /// RFC 7860.
    Sha384,
    /// RFC 7860.
    Sha512,
}

/// Encryption of version 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Privacy {
    /// AES-128-CFB (RFC 3826).
    #[default]
    Aes128,
    /// AES-192-CFB with Blumenthal's key extension.
    Aes192,
    /// AES-256-CFB with Blumenthal's key extension.
    Aes256,
}

/// A device, or a part of one that has its place in the plant.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Device {
    /// What the devices of all protocols have in common
    #[serde(flatten)]
    pub keys: DeviceKeys,
    /// The tags, by name
    #[serde(default)]
    pub tags: BTreeMap<String, Tag>,
}

/// One tag.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Tag {
    /// The object: "1.3.6.1.2.1.2.2.1.8.1", or a known name with its instance like "ifOperStatus.1", "sysUpTime.0"
    pub at: String,
    /// What it holds: bool, integer, unsigned, counter, ticks, float, text, bytes, mac, ip, oid; known names have their own
    #[serde(rename = "type")]
    pub kind: Option<Type>,
    /// What the tags of all protocols have in common
    #[serde(flatten)]
    pub keys: TagKeys,
}

impl TagEntry for Tag {
    const COLUMNS: &'static [&'static str] = &["at", "type"];

    fn keys(&self) -> &TagKeys {
        &self.keys
    }
}

const fn port_161() -> u16 {
    161
}
const fn twenty() -> u8 {
    20
}
