//! `ironbridge.toml`: the plant's name and what concerns the whole.

use model::config::Period;
use schemars::JsonSchema;
use serde::Deserialize;

/// The settings of a plant.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// first segment of every path: the company, e.g. "acme"
    pub enterprise: String,
    /// second segment of every path: the site, e.g. "leeds"
    pub site: String,
    /// whether Ironbridge may write to machines: "off" (READ-ONLY, the default) or "on"
    #[serde(default)]
    pub writes: Switch,
    /// how far a device's clock may be from ours before its stamps are not believed (default "5s")
    #[serde(default = "max_skew")]
    pub max_skew: Period,
    /// the web interface and HTTP API
    #[serde(default)]
    pub web: Web,
    /// how long history is kept
    #[serde(default)]
    pub history: History,
    /// the journal: every sample and event passes through it, destinations read from it
    #[serde(default)]
    pub journal: JournalSettings,
    /// the monitor of the network: what passes at a span port is watched
    #[serde(default)]
    pub monitor: MonitorSettings,
    /// interfaces that others connect to: an OPC UA server, SQL
    #[serde(default)]
    pub serve: super::serve::Serve,
}

/// "on" or "off".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// not allowed
    #[default]
    Off,
    /// allowed
    On,
}

/// The web interface.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    /// address and port, e.g. "127.0.0.1:8080"; any address but loopback needs `tls`
    pub listen: String,
    /// further host names under which people reach this page, e.g. ["ironbridge.plant.example"]
    pub names: Vec<String>,
    /// encrypt the page: "built-in" makes a certificate by Ironbridge's own authority, or give your own files
    pub tls: Option<Tls>,
}

impl Default for Web {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8080".into(), names: Vec::new(), tls: None }
    }
}

/// Where a listener's certificate comes from.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Tls {
    /// "built-in"
    BuiltIn(BuiltIn),
    /// your own PEM files
    Files(TlsFiles),
}

/// The word "built-in".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum BuiltIn {
    /// a certificate by Ironbridge's own authority
    #[serde(rename = "built-in")]
    BuiltIn,
}

/// A certificate of your own.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// PEM file with the certificate and its chain
    pub certificate: String,
    /// PEM file with the private key, readable by the service only
    pub key: String,
}

/// Retention of history.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct History {
    /// rules, the first that matches counts; what no rule matches is kept as long as the disk allows
    pub keep: Vec<Keep>,
    /// largest size of all history on disk, in gigabytes (10^9 bytes)
    pub max_gb: Option<f64>,
}

/// One retention rule.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    /// which points, e.g. "acme/leeds/utilities/**"
    pub select: String,
    /// how long, e.g. "730d"
    #[serde(rename = "for")]
    pub period: Period,
}

/// Bounds of the journal.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JournalSettings {
    /// largest size on disk, in gigabytes; beyond it the oldest goes, and an event says what a destination lost
    pub max_gb: f64,
    /// longest age, e.g. "7d"
    pub max_age: Period,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self { max_gb: 20.0, max_age: Period(std::time::Duration::from_secs(7 * 86_400)) }
    }
}

/// The monitor of the network. Nothing is ever sent to the interfaces that it listens to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorSettings {
    /// interfaces at span ports or taps, e.g. ["eth1"]; none: no monitor
    #[schemars(length(max = 16))]
    pub interfaces: Vec<String>,
    /// room for packets that wait to be read, for each interface, in MB (default 32)
    #[schemars(range(min = 2, max = 1024))]
    pub ring_mb: usize,
    /// newest packets of each interface in memory, from which those that show a finding are taken, in MB (default 32)
    #[schemars(range(min = 1, max = 4096))]
    pub recent_mb: usize,
    /// packets that show findings, on disk, in MB (default 256)
    #[schemars(range(min = 1, max = 1_000_000))]
    pub evidence_mb: usize,
    /// bytes of a packet that are looked at (default 262144: all)
    #[schemars(range(min = 64, max = 1_048_576))]
    pub snap_bytes: u32,
}

impl Default for MonitorSettings {
    fn default() -> Self {
        let capture::live::Options { ring_mb, snap, .. } = capture::live::Options::default();
        Self { interfaces: Vec::new(), ring_mb, recent_mb: 32, evidence_mb: 256, snap_bytes: snap }
    }
}

impl MonitorSettings {
    /// How interfaces are opened.
    pub fn options(&self) -> capture::live::Options {
        capture::live::Options { ring_mb: self.ring_mb, snap: self.snap_bytes, promiscuous: true }
    }
}

fn max_skew() -> Period {
    Period::millis(5000)
}

/// Loopback may be plain; any other address needs TLS.
///
/// # Errors
/// Message and help.
pub fn check_listen(web: &Web) -> Result<std::net::SocketAddr, (String, &'static str)> {
    listen_address(
        &web.listen,
        web.tls.is_some(),
        "add `tls = \"built-in\"` to [web], or listen on 127.0.0.1",
    )
}

/// An address to listen on; `help` is for one that needs TLS and has none.
///
/// # Errors
/// Message and help.
pub(super) fn listen_address(
    listen: &str,
    tls: bool,
    help: &'static str,
) -> Result<std::net::SocketAddr, (String, &'static str)> {
    let address: std::net::SocketAddr = listen.parse().map_err(|_| {
        (
            format!("`{listen}` is no address with a port"),
            "write it like \"127.0.0.1:8080\" or \"[::1]:8080\"",
        )
    })?;
    if !address.ip().is_loopback() && !tls {
        return Err((format!("{listen} leaves this machine and must be encrypted"), help));
    }
    Ok(address)
}
