//! What was measured of the controllers of an endpoint, for the driver: message sizes, and what need not be found out again.

use super::super::route;
use super::super::target::Lacks;
use crate::south::survey::measured::{File, text};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use wire::enip::Path;

/// What was measured of the endpoint of an EtherNet/IP connection.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The kind of the connection
    pub kind: Option<String>,
    /// When, e.g. "2026-11-22T13:05:00Z"
    pub measured: String,
    /// Where, e.g. "10.20.1.15:44818": for another endpoint it does not hold
    pub endpoint: String,
    /// Connections that it held at the same time, of up to four; for people
    #[schemars(range(min = 1, max = 4))]
    pub connections: Option<u8>,
    /// Usual time of an answer, ms; for people
    pub answer_ms: Option<f64>,
    /// Its controllers, by their names in the connection file
    #[serde(default)]
    pub device: BTreeMap<String, OfDevice>,
}

/// What was measured of one controller.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfDevice {
    /// The route it was measured by, e.g. "route 1,0": for another one it does not hold
    pub route: String,
    /// Largest message that it answers, in bytes; a connection file that says `max_size` itself comes first
    #[schemars(range(min = 200, max = 4_002))]
    pub max_size: Option<u16>,
    /// Whether it has connections for us
    #[serde(default = "yes")]
    pub connected: bool,
    /// Whether it takes connections of more than 511 bytes
    #[serde(default = "yes")]
    pub large: bool,
    /// Whether it takes several tags in one message
    #[serde(default = "yes")]
    pub packets: bool,
    /// Whether it gives its tag list
    #[serde(default = "yes")]
    pub tag_list: bool,
    /// Whether it says that its program was changed
    #[serde(default = "yes")]
    pub program_changes: bool,
}

const fn yes() -> bool {
    true
}

impl File for Measured {
    fn about(&self) -> (&str, &str) {
        (&self.measured, &self.endpoint)
    }

    fn words(&self) -> String {
        let of = |(name, device): (&String, &OfDevice)| {
            let mut parts: Vec<String> =
                device.max_size.iter().map(|most| format!("at most {most} bytes a message")).collect();
            for (has, what) in [
                (device.connected, "no connection"),
                (device.packets, "one tag a message"),
                (device.tag_list, "no tag list"),
                (device.program_changes, "no word of changed programs"),
            ] {
                parts.extend((!has).then(|| what.to_owned()));
            }
            (!parts.is_empty()).then(|| format!("`{name}` {}", parts.join(", ")))
        };
        self.device.iter().filter_map(of).collect::<Vec<_>>().join("; ")
    }
}

impl Measured {
    /// That of one controller.
    pub(in crate::south::ethernet_ip) fn of(&self, name: &str, route: &Path) -> Option<&OfDevice> {
        self.device.get(name).filter(|device| device.route == route::words(route))
    }
}

impl OfDevice {
    pub(super) fn new(route: &Path, size: Option<u16>, lacks: Lacks) -> Self {
        Self {
            route: route::words(route),
            max_size: size,
            connected: !lacks.connections,
            large: !lacks.large,
            packets: !lacks.multiple,
            tag_list: !lacks.tag_list,
            program_changes: !lacks.changes,
        }
    }

    /// What a driver need not find out again.
    pub(in crate::south::ethernet_ip) fn lacks(&self) -> Lacks {
        Lacks {
            connections: !self.connected,
            large: !self.large,
            multiple: !self.packets,
            changes: !self.program_changes,
            tag_list: !self.tag_list,
        }
    }

    pub(super) fn text(&self, name: &str) -> String {
        let lacks = |has: bool| (!has).then(|| "false".to_owned());
        let lines = text(&[
            ("route", Some(crate::draft::quoted(&self.route))),
            ("max_size", self.max_size.map(|most| most.to_string())),
            ("connected", lacks(self.connected)),
            ("large", lacks(self.large)),
            ("packets", lacks(self.packets)),
            ("tag_list", lacks(self.tag_list)),
            ("program_changes", lacks(self.program_changes)),
        ]);
        format!("\n[device.{}]\n{lines}", crate::draft::key(name))
    }
}
