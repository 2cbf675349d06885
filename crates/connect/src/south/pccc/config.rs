//! The configuration file of a PCCC connection, as it is written.

use super::value::Type;
use crate::south::tags::{DeviceKeys, FileKeys, TagEntry, TagKeys};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wire::enip::pccc::Family;

/// `kind = "pccc"`: one controller.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct File {
    /// The kind of connection: "pccc"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// Name or address of the controller or of its Ethernet module, e.g. "10.20.1.40"
    pub host: String,
    /// TCP port, 44818 unless something forwards it
    #[serde(default = "port_44818")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// What it is: "slc" (SLC 500 and MicroLogix) or "plc-5"
    #[serde(default)]
    pub processor: Processor,
    /// Most bytes of data in one request: 82 for an SLC 5/01 or 5/02, otherwise up to 236
    #[serde(default = "two_hundred")]
    #[schemars(range(min = 6, max = 236))]
    pub max_bytes: u8,
    /// Most bytes between two tags of a data file that are read along
    #[serde(default = "twenty")]
    #[schemars(range(max = 200))]
    pub max_gap: u8,
    /// What all protocols have in common
    #[serde(flatten)]
    pub keys: FileKeys,
    /// The controller, or its parts, by name
    pub device: BTreeMap<String, Device>,
}

/// The family of the controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Processor {
    /// SLC 500 and MicroLogix.
    #[default]
    #[serde(rename = "slc")]
    Slc,
    /// PLC-5.
    #[serde(rename = "plc-5")]
    Plc5,
}

impl Processor {
    /// How its files are addressed.
    pub const fn family(self) -> Family {
        match self {
            Self::Slc => Family::Slc,
            Self::Plc5 => Family::Plc5,
        }
    }
}

/// A controller, or a part of one that has its place in the plant.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Device {
    /// Elements that are never touched, e.g. ["N7:100-199", "N20"]; `N20` is the whole file
    #[serde(default)]
    pub exclude: Vec<String>,
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
    /// The address as in the program: "N7:0", "F8:3", "B3:0/4", "T4:0.ACC", "C5:1/DN", "ST9:0", "L10:2", "I:1/3", "S:1"
    pub at: String,
    /// What a word holds: i16 or u16; without it N, T, C and R are i16, words of B, I, O and S are u16. The others say it themselves
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
const fn two_hundred() -> u8 {
    200
}
const fn twenty() -> u8 {
    20
}
