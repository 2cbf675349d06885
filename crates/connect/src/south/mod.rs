//! Connections: one endpoint each, its devices and their tags.
//!
//! ```text
//!                       ┌──────────── one task per endpoint ────────────┐
//!  Handle ─ pause, stop ┤ runner ─ serve ─▶ Driver ─ take, done ─▶ Link ├─▶ namespace
//!                       └──────────────────────────────────────────────-┘
//! ```
//! The driver speaks the protocol. The link owns what is the same for all protocols: when which group of points is due
//! (absolute deadlines on a shared wheel), which job goes first (lanes), which device is demoted, paused or quarantined,
//! what quality points get when the link is lost, counters and events.
//!
//! Rationale: a protocol that had to do this itself would do it differently, and the plant would learn each one.

mod backoff;
mod bacnet;
pub mod budget;
mod classes;
mod counters;
mod device;
mod dial;
pub mod ethernet_ip;
mod http;
mod job;
mod link;
pub(crate) mod messages;
pub mod modbus;
mod mqtt;
mod names;
mod nats;
pub mod opcua;
mod pccc;
mod planner;
mod port;
mod postgres;
mod rate;
mod runner;
pub mod s7;
mod scan;
mod snmp;
mod sparkplug;
pub mod status;
mod survey;
mod syslog;
pub mod tags;
#[cfg(test)]
mod testing;
mod turns;
mod webhook;
mod wheel;
mod write;

pub use job::{Job, Lane, Work};
pub use link::{Arrival, Link, Origin};
pub use messages::Answer as OrderAnswer;
pub use runner::{Handle, run};
pub use status::Status;
pub use wheel::Wheel;
pub use write::Writing;

use crate::characterise::Surveyor;
use crate::discover::{Probe, mdns};
use crate::draft::Draft;
use crate::kind::{Context, Kind};
use futures_util::future::BoxFuture;
use model::config::{Diagnostic, Document};
use model::{Fault, Time};
use std::time::Duration;

/// Every kind of connection.
pub static KINDS: &[&Kind<dyn Driver>] = &[
    &bacnet::KIND,
    &ethernet_ip::KIND,
    &http::KIND,
    &modbus::TCP,
    &modbus::RTU,
    &modbus::RTU_TCP,
    &modbus::TLS,
    &opcua::KIND,
    &pccc::KIND,
    &s7::KIND,
    &snmp::KIND,
    &snmp::TRAPS,
    &mqtt::KIND,
    &nats::KIND,
    &postgres::KIND,
    &sparkplug::KIND,
    &syslog::KIND,
    &syslog::EVE,
    &webhook::KIND,
];

/// How devices are found: the protocols that have a probe.
pub static PROBES: &[&Probe] = &[
    &modbus::PROBE,
    &opcua::PROBE,
    &s7::PROBE,
    &snmp::PROBE,
    &ethernet_ip::PROBE,
    &bacnet::PROBE,
    &mdns::PROBE,
];

/// Kinds whose devices tell what they hold.
pub static BROWSERS: &[&Browser] = &[&ethernet_ip::BROWSER, &opcua::BROWSER, &bacnet::BROWSER];

/// How devices of a kind are measured, if they can be.
pub fn surveyor(kind: &str) -> Option<&'static Surveyor> {
    surveyors().find(|surveyor| surveyor.kind == kind)
}

/// Kinds whose devices can be measured.
pub fn surveyors() -> impl Iterator<Item = &'static Surveyor> {
    modbus::SURVEYORS.iter().chain([&s7::SURVEYOR, &ethernet_ip::SURVEYOR])
}

/// Why devices of a kind are not measured, in words.
pub fn why_not_measured(kind: &str) -> &'static str {
    match kind {
        "opc-ua" => "an OPC UA server says itself how much it takes at once, and Ironbridge keeps to that",
        "bacnet-ip" => {
            "a BACnet device says itself how long a message may be, and gets one request at a time"
        }
        "snmp" | "http" | "pccc" => {
            "it is asked one question at a time, so there is no size or depth to find out"
        }
        _ => "nothing is asked there: its values come by themselves",
    }
}

/// How a kind looks around in a device.
pub struct Browser {
    /// The kind.
    pub kind: &'static str,
    /// Signs in as a connection file says (it needs no tags yet), looks at everything, and drafts the file with tags.
    /// Nothing is changed on the device.
    pub browse: for<'a> fn(&'a Document, &'a Context, Time) -> BoxFuture<'a, Result<Draft, BrowseError>>,
}

/// What can go wrong when a device is looked at.
#[derive(Debug)]
pub enum BrowseError {
    /// The file has mistakes.
    File(Vec<Diagnostic>),
    /// The device does not do it.
    Device(Fault),
}

/// One physical endpoint.
pub trait Driver: Send {
    /// Devices, groups and times. Asked once, before the first `serve`.
    fn layout(&self) -> Layout;

    /// How many requests one round of a group takes, as planned; `None` if that is not known beforehand.
    fn requests(&self, _group: usize) -> Option<usize> {
        None
    }

    /// What its plan keeps to because it was measured, in words; empty for nothing.
    fn measured(&self) -> &str {
        ""
    }

    /// From connect to lost: dials, takes jobs from the link until something ends the session, says what it was.
    /// Dropping the future closes the connection; a write under way is then answered Unknown.
    fn serve<'a>(&'a mut self, link: &'a mut Link) -> BoxFuture<'a, Fault>;
}

/// What the link must know of an endpoint.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The devices behind the endpoint.
    pub devices: Vec<DeviceLayout>,
    /// Points that are read together, with one period.
    pub groups: Vec<GroupLayout>,
    /// How long a request may take.
    pub timeout: Duration,
    /// Attempts after the first.
    pub retries: u32,
    /// How often what the device refused is tried again.
    pub recheck: Duration,
    /// What the endpoint is asked at most.
    pub budget: budget::Limits,
    /// What its messages may ask to be written.
    pub orders: Vec<OrderWay>,
}

/// One thing that messages of a connection may ask to be written. Serialises as the HTTP API gives it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct OrderWay {
    /// Its name in the file.
    pub command: String,
    /// What it comes with: a topic, a subject, the path of a post, a table.
    pub at: String,
    /// Path of the point that is written.
    pub target: String,
    /// Path of the point that says what became of the last order.
    pub outcome: String,
    /// `commands = "on"` stands in the file.
    pub allowed: bool,
}

/// One device.
#[derive(Clone, Debug)]
pub struct DeviceLayout {
    /// Name in the configuration.
    pub name: String,
    /// Unit, slot or similar, in words.
    pub unit: String,
    /// What is never touched, in words.
    pub excluded: Vec<String>,
}

/// Points of one device and one scan class that are read together.
#[derive(Clone, Debug)]
pub struct GroupLayout {
    /// Index of the device.
    pub device: usize,
    /// Name of the scan class.
    pub class: String,
    /// Its period; zero for groups that arrive by themselves.
    pub period: Duration,
    /// Indices into the declared points, in row order. At most 4,000.
    pub points: Vec<usize>,
}

/// Consecutive failures after which a device is demoted to probes.
pub const DEMOTE_AFTER: u32 = 3;

#[cfg(test)]
mod tests;
