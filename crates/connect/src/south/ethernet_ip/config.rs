//! The configuration file of an EtherNet/IP connection, as it is written.

use super::value::Type;
use crate::south::tags::{DeviceKeys, FileKeys, TagEntry, TagKeys};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `kind = "ethernet-ip"`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct File {
    /// The kind of connection: "ethernet-ip"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// Name or address of the controller or of its Ethernet module, e.g. "10.20.1.15"
    pub host: String,
    /// TCP port, 44818 unless something forwards it
    #[serde(default = "port_44818")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// What all protocols have in common
    #[serde(flatten)]
    pub keys: FileKeys,
    /// The controllers behind this address, by name
    pub device: BTreeMap<String, Device>,
}

/// One controller.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Device {
    /// Slot of the controller in the chassis; 0 if neither this nor `route` is written
    pub slot: Option<u8>,
    /// Route from the address to the controller: pairs of port and address, e.g. "1,0" (backplane, slot 0) or
    /// "1,3,2,192.168.1.5,1,0"; "" for devices without a backplane (Micro800, drives)
    pub route: Option<String>,
    /// How requests travel: "auto" opens a connection and does without where the device has none
    #[serde(default)]
    pub messaging: Messaging,
    /// Largest message in bytes, sequence count included; without it 4002, or what was measured; smaller where the controller or the network says so
    #[schemars(range(min = 200, max = 4_002))]
    pub max_size: Option<u16>,
    /// Whether to read the controller's tag list: for arrays of BOOL and for better words about wrong tags
    #[serde(default = "yes")]
    pub tag_list: bool,
    /// What the devices of all protocols have in common
    #[serde(flatten)]
    pub keys: DeviceKeys,
    /// The tags, by name
    #[serde(default)]
    pub tags: BTreeMap<String, Tag>,
}

/// How requests travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Messaging {
    /// Connected, as large as both sides can; unconnected where the device has no connection for us.
    #[default]
    Auto,
    /// Each request for itself.
    Unconnected,
}

/// One tag.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Tag {
    /// The tag in the controller: "Speed", "Line1.Motor.Amps", "Counts[3]", "Status.5", "Program:Main.Count"
    pub at: String,
    /// What it is: bool, i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, text; without it the controller tells
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

const fn port_44818() -> u16 {
    wire::enip::PORT
}
const fn yes() -> bool {
    true
}
