//! The configuration files of the Modbus kinds, as they are written.

use super::types::{Order, Packing, Type};
use crate::south::tags::{DeviceKeys, FileKeys, TagEntry, TagKeys};
use model::config::Period;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `kind = "modbus-tcp"`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct TcpFile {
    /// The kind of connection: "modbus-tcp"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// Name or address of the device or gateway, e.g. "10.20.1.11"
    pub host: String,
    /// TCP port, 502 unless the device says otherwise
    #[serde(default = "port_502")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Everything the kinds have in common
    #[serde(flatten)]
    pub common: Common,
}

/// `kind = "modbus-rtu-tcp"`: RTU frames through a terminal server.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RtuTcpFile {
    /// The kind of connection: "modbus-rtu-tcp"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// Name or address of the terminal server
    pub host: String,
    /// TCP port of the serial line on the terminal server
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Everything the kinds have in common
    #[serde(flatten)]
    pub common: Common,
}

/// `kind = "modbus-tls"`: Modbus/TCP Security.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct TlsFile {
    /// The kind of connection: "modbus-tls"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// Name or address of the device; its certificate must carry it, unless tls.server_name says otherwise
    pub host: String,
    /// TCP port, 802 unless the device says otherwise
    #[serde(default = "port_802")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Certificates: whom to trust and how to show oneself
    pub tls: Tls,
    /// Everything the kinds have in common
    #[serde(flatten)]
    pub common: Common,
}

/// Certificates of a Modbus/TCP Security connection.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file of the authority that signed the device's certificate; without it, those the machine trusts
    pub ca: Option<String>,
    /// PEM file of our own certificate; the standard asks for it (its role decides what we may do)
    pub certificate: String,
    /// PEM file of the private key of our own certificate
    pub key: String,
    /// The name in the device's certificate, if it is not the host
    pub server_name: Option<String>,
}

/// `kind = "modbus-rtu"`: a serial line.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RtuFile {
    /// The kind of connection: "modbus-rtu"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// The serial line, e.g. "/dev/ttyUSB0" or, better, its stable name under "/dev/serial/by-id/"
    pub line: String,
    /// Bits per second
    #[serde(default = "baud_19200")]
    #[schemars(range(min = 50, max = 4_000_000))]
    pub baud: u32,
    /// Parity: "even" is the standard's default
    #[serde(default)]
    pub parity: Parity,
    /// Stop bits: 1, or 2 (the standard asks for 2 without parity)
    #[schemars(range(min = 1, max = 2))]
    pub stop_bits: Option<u8>,
    /// Everything the kinds have in common
    #[serde(flatten)]
    pub common: Common,
}

/// Parity of a serial line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Parity {
    /// None.
    None,
    /// Even.
    #[default]
    Even,
    /// Odd.
    Odd,
}

/// What all Modbus connections have in common.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Common {
    /// What all protocols have in common
    #[serde(flatten)]
    pub keys: FileKeys,
    /// Silence after connecting, for devices that need a moment
    #[serde(default)]
    pub pause_after_connect: Period,
    /// Silence between an answer and the next request
    #[serde(default)]
    pub request_delay: Period,
    /// Requests that may be under way at once; more than 1 only for devices known to take it; without
    /// it 1, or what was measured
    #[schemars(range(min = 1, max = 16))]
    pub pipeline: Option<u8>,
    /// The devices at this endpoint, by name
    pub device: BTreeMap<String, Device>,
}

/// One device (unit) of an endpoint.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Device {
    /// Unit id, 0 to 255; devices reached directly mostly take 1 or 255
    #[serde(default = "one")]
    pub unit: u8,
    /// Order of words and bytes of its numbers
    #[serde(default)]
    pub order: Order,
    /// Addresses that are never touched, e.g. ["40900-40999"]
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Largest gap between two tags that is read along, in registers
    #[serde(default = "gap_registers")]
    #[schemars(range(max = 124))]
    pub max_gap: u16,
    /// Largest gap between two tags that is read along, in coils or discrete inputs
    #[serde(default = "gap_bits")]
    #[schemars(range(max = 1999))]
    pub max_gap_bits: u16,
    /// Most registers the device gives in one answer
    #[serde(default = "limit_registers")]
    #[schemars(range(min = 1, max = 125))]
    pub max_registers: u16,
    /// Most coils or discrete inputs the device gives in one answer
    #[serde(default = "limit_bits")]
    #[schemars(range(min = 1, max = 2000))]
    pub max_bits: u16,
    /// Always write with functions 15 and 16, for devices without 5 and 6
    #[serde(default)]
    pub write_multiple: bool,
    /// Profile that gives its points, e.g. "janitza-umg-96rm"; `ironbridge profiles` lists them
    pub profile: Option<String>,
    /// Which points of the profile, e.g. ["energy_*", "power_active"]; without it all
    #[serde(default)]
    pub select: Vec<String>,
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
    /// Where it is: "40101" (Modicon, 1-based) or "holding 100" (wire offset); a bit as "40120.3"
    pub at: String,
    /// What stands there: bool, i16, u16, i32, u32, i64, u64, f32, f64, bcd16, bcd32, text
    #[serde(rename = "type")]
    pub kind: Option<Type>,
    /// Order of words and bytes, if it differs from the device's
    pub order: Option<Order>,
    /// Characters of a text
    #[schemars(range(min = 1, max = 250))]
    pub length: Option<u16>,
    /// How characters lie in registers
    pub packing: Option<Packing>,
    /// What the tags of all protocols have in common
    #[serde(flatten)]
    pub keys: TagKeys,
}

impl TagEntry for Tag {
    const COLUMNS: &'static [&'static str] = &["at", "type", "order", "length", "packing"];

    fn keys(&self) -> &TagKeys {
        &self.keys
    }
}

const fn port_502() -> u16 {
    502
}
const fn port_802() -> u16 {
    802
}
const fn baud_19200() -> u32 {
    19_200
}
const fn one() -> u8 {
    1
}
const fn gap_registers() -> u16 {
    50
}
const fn gap_bits() -> u16 {
    400
}
const fn limit_registers() -> u16 {
    125
}
const fn limit_bits() -> u16 {
    2_000
}
