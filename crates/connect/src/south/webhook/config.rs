//! The configuration file of `kind = "webhook"`, as it is written.

use crate::north::Switch;
use crate::south::messages::Device;
use model::config::SecretRef;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Values that others post to this gateway.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct File {
    /// The kind of connection: "webhook"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// What a post must show as `Authorization: Bearer ...`: { secret = "NAME" }, at least 16 characters, given with `ironbridge secret set NAME`
    pub token: SecretRef,
    /// Most posts a second; more are answered with 429
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_rate: u32,
    /// Longest body that is taken, in bytes; longer ones are answered with 413
    #[serde(default = "one_mebibyte")]
    #[schemars(range(min = 100, max = 8_388_608))]
    pub max_body: u32,
    /// "on": what messages ask for under [device.NAME.commands] is done, on the one command path
    #[serde(default)]
    pub commands: Switch,
    /// What the posts speak of, by name. `at` of a tag is the path behind the connection's address, "/" for the address itself
    pub device: BTreeMap<String, Device>,
}

const fn hundred() -> u32 {
    100
}
const fn one_mebibyte() -> u32 {
    1_048_576
}
