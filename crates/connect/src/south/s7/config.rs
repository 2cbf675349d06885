//! The configuration file of the S7 kind, as it is written.

use super::types::Type;
use crate::south::tags::{DeviceKeys, FileKeys, TagEntry, TagKeys};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `kind = "s7"`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct File {
    /// The kind of connection: "s7"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// Name or address of the CPU or its communication module, e.g. "10.20.1.21"
    pub host: String,
    /// TCP port
    #[serde(default = "port_102")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Rack of the CPU, mostly 0
    #[schemars(range(max = 7))]
    pub rack: Option<u8>,
    /// Slot of the CPU: 1 for S7-1200/1500, 2 for S7-300, as in the hardware configuration for S7-400
    #[schemars(range(max = 31))]
    pub slot: Option<u8>,
    /// Which of the CPU's connections to take: "basic" (others), "op" (panels) or "pg" (programming device)
    #[serde(default)]
    pub connect_as: ConnectAs,
    /// Selectors instead of rack and slot, as for LOGO! or a CP 243: { local = "02.00", remote = "02.00" }
    pub tsap: Option<Tsaps>,
    /// Largest PDU to ask for, in bytes; without it 960, or what was measured; the CPU may give less
    #[schemars(range(min = 112, max = 960))]
    pub pdu: Option<u16>,
    /// Most requests under way at once; without it 8, or what was measured; the CPU may allow fewer
    #[schemars(range(min = 1, max = 16))]
    pub jobs: Option<u8>,
    /// What all protocols have in common
    #[serde(flatten)]
    pub keys: FileKeys,
    /// The machine or machines whose data the CPU holds, by name
    pub device: BTreeMap<String, Device>,
}

/// Selectors of both sides.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tsaps {
    /// Ours, two bytes in hexadecimal, e.g. "01.00"
    pub local: String,
    /// The device's, e.g. "03.02"
    pub remote: String,
}

/// Which of the CPU's connections to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConnectAs {
    /// One of those for all others.
    #[default]
    Basic,
    /// One of those for panels.
    Op,
    /// One of those for programming devices.
    Pg,
}

impl ConnectAs {
    /// First byte of the selector.
    pub const fn code(self) -> u8 {
        match self {
            Self::Pg => 1,
            Self::Op => 2,
            Self::Basic => 3,
        }
    }
}

/// One machine in the CPU.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Device {
    /// What is never touched, e.g. ["DB99", "DB10.DBB20-39", "MB100-110"]
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Largest gap between two tags that is read along, in bytes
    #[serde(default = "gap_bytes")]
    #[schemars(range(max = 900))]
    pub max_gap: u16,
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
    /// Where it is, as in the program: "DB10.DBD4", "DB1.DBX0.3", "M10.2", "IW4", "T5", "C3", or "cpu.state"
    pub at: String,
    /// What stands there: bool, i16, f32, string ... or INT, REAL, STRING ... as in the program
    #[serde(rename = "type")]
    pub kind: Option<Type>,
    /// Characters of a string, as declared: 20 for STRING[20]
    #[schemars(range(min = 1, max = 16_382))]
    pub length: Option<u16>,
    /// What the tags of all protocols have in common
    #[serde(flatten)]
    pub keys: TagKeys,
}

impl TagEntry for Tag {
    const COLUMNS: &'static [&'static str] = &["at", "type", "length"];

    fn keys(&self) -> &TagKeys {
        &self.keys
    }
}

const fn port_102() -> u16 {
    wire::s7::PORT
}
const fn gap_bytes() -> u16 {
    32
}
