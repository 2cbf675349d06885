//! The configuration file of the BACnet/IP kind, as it is written.

use super::types::Type;
use crate::south::tags::{DeviceKeys, FileKeys, TagEntry, TagKeys};
use model::config::Period;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `kind = "bacnet-ip"`: one address, be it a device or a router to many, or what a BBMD reaches.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct File {
    /// The kind of connection: "bacnet-ip"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// Name or address of the device, or of the router to the devices, e.g. "10.20.1.40"; without it, the devices are looked for through `bbmd`
    pub host: Option<String>,
    /// UDP port, 47808 (BAC0) unless the site uses another
    #[serde(default = "port_47808")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Our own UDP port; 0 takes any free one, 47808 suits devices that answer to no other
    #[serde(default)]
    pub local_port: u16,
    /// Broadcast management device at which to register as a foreign device, for devices on other subnets: { host = "10.20.1.2" }
    pub bbmd: Option<Bbmd>,
    /// Most devices that are asked at once; each gets one request at a time
    #[serde(default = "eight")]
    #[schemars(range(min = 1, max = 32))]
    pub at_once: u8,
    /// What all protocols have in common
    #[serde(flatten)]
    pub keys: FileKeys,
    /// The devices, by name
    pub device: BTreeMap<String, Device>,
}

/// A broadcast management device.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bbmd {
    /// Name or address
    pub host: String,
    /// UDP port
    #[serde(default = "port_47808")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// How long a registration lasts; it is renewed at half of it
    #[serde(default = "one_minute")]
    pub lifetime: Period,
}

/// One device.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Device {
    /// Device instance, as it is set on the device, e.g. 1001
    #[schemars(range(max = 4_194_302))]
    pub instance: u32,
    /// Network behind the router at `host`, e.g. 2001
    #[schemars(range(min = 1, max = 65_534))]
    pub network: Option<u16>,
    /// Address on that network: "7" on MS/TP, "10.0.0.5:47808" on IP, else bytes like "0A:1B"; without it the device is asked for by its instance
    pub address: Option<String>,
    /// Lets the device tell changes (COV) instead of being asked each time
    #[serde(default)]
    pub cov: bool,
    /// How long a subscription lasts; it is renewed at half of it
    #[serde(default = "five_minutes")]
    pub cov_lifetime: Period,
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
    /// The object, e.g. "analog-input 1" or "AI1"; another property than its value: "AI1 high-limit", "device system-status", "AV3 priority-array[8]"; "AV3 held": whether our priority holds a value
    pub at: String,
    /// What it holds, where object and property do not say: bool, unsigned, signed, enumerated, real, double, text, bytes, bits, date, time, datetime, object
    #[serde(rename = "type")]
    pub kind: Option<Type>,
    /// Priority of what is written, 1 (highest) to 16; without it the device takes 16
    #[schemars(range(min = 1, max = 16))]
    pub priority: Option<u8>,
    /// Whether the device tells changes of it, where that differs from the device's `cov`
    pub cov: Option<bool>,
    /// What the tags of all protocols have in common
    #[serde(flatten)]
    pub keys: TagKeys,
}

impl TagEntry for Tag {
    const COLUMNS: &'static [&'static str] = &["at", "type", "priority", "cov"];

    fn keys(&self) -> &TagKeys {
        &self.keys
    }
}

const fn port_47808() -> u16 {
    wire::bacnet::PORT
}
const fn eight() -> u8 {
    8
}
const fn one_minute() -> Period {
    Period::millis(60_000)
}
const fn five_minutes() -> Period {
    Period::millis(300_000)
}
