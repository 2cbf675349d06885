//! The configuration file of an HTTP connection, as it is written.

use super::document::{TimeFormat, Type};
use crate::south::tags::{DeviceKeys, FileKeys, TagKeys};
use model::config::SecretRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `kind = "http"`: one server.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct File {
    /// The kind of connection: "http"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// Where the paths of the tags begin: "https://10.20.1.30:8443/api" with TLS, "http://..." in the clear
    pub url: String,
    /// A token, { secret = "NAME" }, sent as `Authorization: Bearer ...`; given with `ironbridge secret set NAME`
    pub bearer: Option<SecretRef>,
    /// User name, where the server asks for one (basic authentication)
    pub user: Option<String>,
    /// Its password: { secret = "NAME" }
    pub password: Option<SecretRef>,
    /// Further headers, e.g. { Accept = "application/json" }
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Further headers whose values are secrets, e.g. { X-Api-Key = { secret = "NAME" } }
    #[serde(default)]
    pub secret_headers: BTreeMap<String, SecretRef>,
    /// Certificates for "https://"; the machine's own authorities are trusted if left out
    pub tls: Option<Tls>,
    /// Longest answer that is read, in bytes
    #[serde(default = "one_mebibyte")]
    #[schemars(range(min = 100, max = 16_777_216))]
    pub max_body: u32,
    /// What all protocols have in common
    #[serde(flatten)]
    pub keys: FileKeys,
    /// The devices behind the server, by name
    pub device: BTreeMap<String, Device>,
}

/// PEM files, beside the configuration file or in the plant folder.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file of the authorities that the server's certificate must come from
    pub ca: Option<String>,
    /// PEM file with our own certificate, where the server asks for one
    pub certificate: Option<String>,
    /// PEM file with its private key
    pub key: Option<String>,
    /// The name in the server's certificate, if it is not the host
    pub server_name: Option<String>,
}

/// A device, or a part of one that has its place in the plant.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Device {
    /// Where the documents carry their own time: a JSON pointer like "/timestamp"; without it, when they were received
    pub time: Option<String>,
    /// How that time is written: "rfc3339", or a number of "s", "ms", "us" or "ns" since 1970
    #[serde(default)]
    pub time_format: TimeFormat,
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
    /// Path of the request and, behind `#`, JSON pointer into its answer: "/status#/power/total", "/list#/0/value"
    pub at: String,
    /// What stands there: bool, f64, i64, u64, text; a number may also stand there as text
    #[serde(rename = "type")]
    pub kind: Option<Type>,
    /// JSON pointer to this tag's own time, if it differs from the device's
    pub time: Option<String>,
    /// What the tags of all protocols have in common
    #[serde(flatten)]
    pub keys: TagKeys,
}

const fn one_mebibyte() -> u32 {
    1_048_576
}
