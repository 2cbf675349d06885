//! The configuration file of `kind = "snmp-traps"`, as it is written.

use super::super::config::{Tag, Who};
use crate::south::tags::DeviceKeys;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What devices send by themselves: one port for all of them.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct File {
    /// The kind of connection: "snmp-traps"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// Address of this gateway on which it listens; all of them if left out
    #[serde(default = "everywhere")]
    pub listen: String,
    /// UDP port, 162 unless the devices can be told another; below 1024 the service needs the right to open it
    #[serde(default = "port_162")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Most traps and informs a second of one device; more are left out and counted
    #[serde(default = "twenty")]
    #[schemars(range(min = 1, max = 1_000))]
    pub max_rate: u32,
    /// The devices that may send, by name
    pub device: BTreeMap<String, Device>,
}

/// One device.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Device {
    /// Address from which it sends, e.g. "10.20.1.2"; nothing is taken from another
    pub host: String,
    /// What it must show
    #[serde(flatten)]
    pub who: Who,
    /// What the devices of all protocols have in common
    #[serde(flatten)]
    pub keys: DeviceKeys,
    /// Objects that its traps carry, by name of the point; every trap is an event, with or without tags
    #[serde(default)]
    pub tags: BTreeMap<String, Tag>,
}

fn everywhere() -> String {
    "0.0.0.0".to_owned()
}
const fn port_162() -> u16 {
    162
}
const fn twenty() -> u32 {
    20
}
