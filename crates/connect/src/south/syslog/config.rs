//! The configuration file of `kind = "syslog"`, as it is written.

use model::EventKind;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What devices and servers write into their logs: one port for all of them.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct File {
    /// The kind of connection: "syslog"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// Address of this gateway on which it listens; all of them if left out
    #[serde(default = "everywhere")]
    pub listen: String,
    /// Port; 514 is usual for UDP, 6514 for TLS. Below 1024 the service needs the right to open it
    #[serde(default = "port_5514")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// How it comes: "tls" where the sender can, else "tcp" or "udp"
    #[serde(default)]
    pub transport: Transport,
    /// PEM file with the authority of the senders' certificates; only with TLS. A sender must then show one
    pub clients_ca: Option<String>,
    /// Most messages a second of one device; more are left out and counted
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_rate: u32,
    /// Who may send, by name
    pub device: BTreeMap<String, Device>,
}

/// One device.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Device {
    /// Address from which it sends, e.g. "10.20.0.1"; nothing is taken from another
    pub host: String,
    /// Least severe message that becomes an event; the others are counted only
    #[serde(default)]
    pub at_least: Level,
    /// What its messages are, unless they say so themselves (auth, authpriv and audit are findings)
    #[serde(default)]
    pub means: Means,
}

/// How messages travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// RFC 5426
    #[default]
    Udp,
    /// RFC 6587
    Tcp,
    /// RFC 5425
    Tls,
}

impl Transport {
    /// For people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }
}

/// Severities by their names in RFC 5424, most severe first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// 0
    Emergency,
    /// 1
    Alert,
    /// 2
    Critical,
    /// 3
    Error,
    /// 4
    #[default]
    Warning,
    /// 5
    Notice,
    /// 6
    Info,
    /// 7
    Debug,
}

impl Level {
    /// Its number.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// What messages of a device are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Means {
    /// Something about the device itself
    #[default]
    Fault,
    /// Security, e.g. of a firewall
    Finding,
    /// Configuration and access
    Change,
}

impl Means {
    /// The word of the event.
    pub const fn event(self) -> EventKind {
        match self {
            Self::Fault => EventKind::Fault,
            Self::Finding => EventKind::Finding,
            Self::Change => EventKind::Change,
        }
    }
}

fn everywhere() -> String {
    "0.0.0.0".to_owned()
}
const fn port_5514() -> u16 {
    5514
}
const fn hundred() -> u32 {
    100
}
