use super::{Millis, MonitorExplained, MonitorFinding};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Where the monitor stands, what it sees and what it does not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorState {
    /// Whether there is a monitor: `[monitor]` in ironbridge.toml names an interface.
    pub on: bool,
    /// Why it is off or sees nothing.
    pub why: Option<String>,
    /// What to do about that.
    pub next: Option<String>,
    /// All of it in one sentence.
    pub sentence: Option<String>,
    /// When this run of the monitor began, ms: packets, losses and rates count from here.
    pub since: Option<Millis>,
    /// Since when links, data touched and assets are counted, over restarts, ms.
    pub counted_since: Option<Millis>,
    /// The time of this answer, ms.
    pub now: Millis,
    /// Numbers that grow when a list changes: `assets`, `links`, `findings`, `windows`, `baseline`.
    pub revision: BTreeMap<String, u64>,
    /// Open findings by level: `critical`, `high`, `medium`, `low`, `info`.
    pub open: BTreeMap<String, usize>,
    /// Interfaces that are listened to.
    pub interfaces: Vec<MonitorInterface>,
    /// What was seen and what was not, in figures, over all interfaces.
    pub coverage: MonitorCoverage,
    /// What was not seen, in sentences; never empty while it is on.
    pub not_seen: Vec<String>,
    /// Whether each connection is seen.
    pub connections: Vec<MonitorConnection>,
    /// What is seen of each zone.
    pub zones: Vec<MonitorZone>,
    /// Packets that are kept with findings.
    pub evidence: MonitorEvidenceStore,
    /// How much of this gateway's own traffic was explained.
    pub explained: MonitorExplained,
}

/// An interface that is listened to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorInterface {
    /// Name.
    pub name: String,
    /// `starting`, `up`, `down`, `missing`, `no-right` or `failed`.
    pub state: String,
    /// Why it is not up.
    pub why: Option<String>,
    /// What to do about that.
    pub next: Option<String>,
    /// Packets read.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Over the last seconds.
    pub packets_per_second: f64,
    /// Over the last seconds.
    pub bits_per_second: f64,
    /// Messages of control protocols, over the last seconds; all interfaces together.
    pub messages_per_second: f64,
    /// Packets for which the ring had no room: lost.
    pub dropped: u64,
    /// Packets that were left out on purpose in a flood.
    pub not_decoded: u64,
    /// What is left out now, in words.
    pub sampling: Option<String>,
    /// When the last packet came, ms.
    pub last_packet: Option<Millis>,
}

/// Counts of what was seen and of everything that limits it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorCoverage {
    /// Packets looked at.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Time of the first, ms.
    pub first: Option<Millis>,
    /// Time of the last, ms.
    pub last: Option<Millis>,
    /// Everything else, by name, e.g. `messages`, `repeated`, `gaps`, `one_way_flows`, `dropped`.
    #[serde(flatten)]
    pub counts: BTreeMap<String, u64>,
}

/// Whether the traffic of a connection is seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorConnection {
    /// Name of the connection.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// The other side.
    pub endpoint: String,
    /// `seen`, `encrypted`, `one-way`, `never`, or `not-ip` where there is no network to see.
    pub seen: String,
    /// The asset that it talks to.
    pub asset: Option<String>,
    /// Packets to and from it.
    pub packets: u64,
    /// When it was seen last, ms.
    pub last: Option<Millis>,
}

/// What is seen of a zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorZone {
    /// Its name; empty for assets without one.
    pub zone: String,
    /// Assets in it.
    pub assets: usize,
    /// Of them, approved.
    pub approved: usize,
    /// Links of its assets that were seen in both directions.
    pub seen: usize,
    /// Links that are encrypted.
    pub encrypted: usize,
    /// Links that were seen in one direction only.
    pub one_way: usize,
    /// Open findings.
    pub open_findings: usize,
    /// `learning` or `guarding`.
    pub mode: Option<String>,
}

/// Packets that are kept with findings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorEvidenceStore {
    /// Bytes on disk.
    pub bytes: u64,
    /// Most bytes.
    pub limit_bytes: u64,
    /// Findings whose packets had to make room for newer ones.
    pub removed: u64,
}

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MonitorPacket {
    /// Where it was seen.
    pub interface: String,
    /// Its number there, from 1, since the monitor started.
    pub packet: u64,
}

/// An asset in a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorAsset {
    /// Its first address.
    pub id: String,
    /// What people call it, or what it says of itself.
    pub name: String,
    /// What people call it.
    pub given_name: String,
    /// IP addresses.
    pub addresses: Vec<String>,
    /// Hardware addresses.
    pub macs: Vec<String>,
    /// Who made its network card.
    pub card: Option<String>,
    /// VLAN in which it was seen first.
    pub vlan: Option<u16>,
    /// `controller`, `supervisor`, `engineering`, `network`, `server`, `host` or `silent`.
    pub role: String,
    /// The same for people.
    pub role_words: String,
    /// Maker, as it says.
    pub vendor: Option<String>,
    /// Product, as it says.
    pub model: Option<String>,
    /// Firmware, as it says.
    pub firmware: Option<String>,
    /// Serial number, as it says.
    pub serial: Option<String>,
    /// Level of the Purdue model: 0, 1, 2, 3, 3.5, 4, 5.
    pub level: Option<f64>,
    /// A person gave the level; else it is guessed from the role.
    pub level_given: bool,
    /// Security zone; empty for none.
    pub zone: String,
    /// A person gave the zone; else it is that of the plant's assets behind its connection.
    pub zone_given: bool,
    /// Somebody said that it belongs here.
    pub approved: bool,
    /// A note.
    pub note: String,
    /// The connection that talks to it.
    pub connection: Option<String>,
    /// It is this gateway.
    pub own: bool,
    /// Keys of protocols that it answers in.
    pub serves: Vec<String>,
    /// Keys of protocols that it asks in.
    pub asks: Vec<String>,
    /// Packets sent.
    pub sent: u64,
    /// Packets sent to it.
    pub received: u64,
    /// First seen, ms.
    pub first: Millis,
    /// Last seen, ms.
    pub last: Millis,
    /// Seen since the monitor started; else remembered.
    pub live: bool,
    /// Open findings that it is part of.
    pub findings: usize,
    /// Severity of the worst of them, 1-1000.
    pub worst: Option<u16>,
}

/// Assets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorAssets {
    /// By id.
    pub assets: Vec<MonitorAsset>,
    /// There are more than an answer holds.
    pub more: bool,
}

/// Something that an asset said of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorFact {
    /// `vendor`, `model`, `firmware`, `serial`, `name` or `description`.
    pub field: String,
    /// The text, made safe.
    pub value: String,
    /// Where it was learned, e.g. `Modbus 43/14`.
    pub source: String,
    /// In which packet, if that was since the monitor started.
    pub evidence: Option<MonitorPacket>,
}

/// One asset with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorAssetPage {
    /// The asset.
    pub asset: MonitorAsset,
    /// What it said of itself.
    pub facts: Vec<MonitorFact>,
    /// Its links.
    pub links: Vec<MonitorLink>,
    /// Its data that were touched.
    pub points: Vec<MonitorPoint>,
    /// Its findings, all but closed ones.
    pub findings: Vec<MonitorFinding>,
    /// Kinds of connections that can be drafted for it; none if it answers in nothing that can be read.
    pub draft: Option<Vec<String>>,
}

/// What a person says of an asset; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorAssetChange {
    /// It belongs here.
    pub approved: Option<bool>,
    /// At most 64 characters; empty for none.
    pub name: Option<String>,
    /// At most 2,000 characters; empty for none.
    pub note: Option<String>,
    /// One of 0, 1, 2, 3, 3.5, 4, 5; `null`: as guessed.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<f64>)]
    pub level: Option<Option<f64>>,
    /// A segment; `null`: as the plant says.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub zone: Option<Option<String>>,
}

/// Tells `null` from left out.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// Assets to approve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MonitorIds {
    /// Ids, at most 10,000.
    pub ids: Vec<String>,
}

/// How many were approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MonitorApproved {
    /// So many.
    pub approved: usize,
}

/// Wishes for a draft.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorDraftAsk {
    /// Kind of the connection; the first that fits if left out.
    pub kind: Option<String>,
    /// Name of the connection.
    pub name: Option<String>,
}

/// A protocol that is told apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MonitorProtocol {
    /// Short word.
    pub key: String,
    /// For people.
    pub name: String,
    /// `ot`, `it`, `network` or `unknown`.
    pub realm: String,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MonitorProtocols {
    /// All of them.
    pub protocols: Vec<MonitorProtocol>,
}

/// How often a function was used on a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MonitorFunction {
    /// Its number.
    pub function: u32,
    /// Its name.
    pub name: String,
    /// What it does: `read`, `write`, `stop` ...
    pub effect: String,
    /// Requests.
    pub requests: u64,
    /// Answers that are no refusal.
    pub answers: u64,
    /// Refusals.
    pub refused: u64,
}

/// A link between two assets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorLink {
    /// Who asks.
    pub client: String,
    /// Who is asked.
    pub server: String,
    /// Key of the protocol.
    pub protocol: String,
    /// Whose protocol that is: `ot`, `it`, `network` or `unknown`.
    pub realm: String,
    /// Port of the server, 0 where there is none.
    pub port: u16,
    /// `both`, `one-way`, `encrypted`, or `silent`: attempts without data.
    pub seen: String,
    /// Connections or exchanges.
    pub connections: u64,
    /// Packets to the server.
    pub packets_to_server: u64,
    /// Bytes to the server.
    pub bytes_to_server: u64,
    /// Packets to the client.
    pub packets_to_client: u64,
    /// Bytes to the client.
    pub bytes_to_client: u64,
    /// Requests that change the device.
    pub changes: u64,
    /// Messages that break the rules of the protocol.
    pub malformed: u64,
    /// First seen, ms.
    pub first: Millis,
    /// Last seen, ms.
    pub last: Millis,
    /// This gateway is the client.
    pub own: bool,
    /// Functions used, the most frequent first.
    pub functions: Vec<MonitorFunction>,
}

/// Links.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorLinks {
    /// Control protocols first.
    pub links: Vec<MonitorLink>,
    /// There are more than an answer holds.
    pub more: bool,
}

/// Data that were touched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorPoint {
    /// Of which asset.
    pub server: String,
    /// Key of the protocol.
    pub protocol: String,
    /// Unit or station behind the address.
    pub unit: u32,
    /// Name or range.
    pub name: String,
    /// How often it was read.
    pub reads: u64,
    /// How often it was written.
    pub writes: u64,
    /// Who reads it.
    pub readers: Vec<String>,
    /// Who writes it.
    pub writers: Vec<String>,
    /// How often it was touched by others, for whom there is no room in these lists: at least.
    pub others: u64,
    /// Value of the last write, where it is one number.
    pub last_value: Option<i64>,
    /// Packet of the last write, if this run of the monitor saw it.
    pub last_write: Option<MonitorPacket>,
    /// First touched, ms.
    pub first: Millis,
    /// Last touched, ms.
    pub last: Millis,
}

/// Data of an asset that were touched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorPoints {
    /// The points.
    pub points: Vec<MonitorPoint>,
    /// There are more than an answer holds.
    pub more: bool,
}

/// An asset on the map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorNode {
    /// Of the asset.
    pub id: String,
    /// Its name, else its id.
    pub label: String,
    /// See [`MonitorAsset`].
    pub role: String,
    /// Level of the Purdue model.
    pub level: Option<f64>,
    /// Zone; empty for none.
    pub zone: String,
    /// Somebody said that it belongs here.
    pub approved: bool,
    /// It is this gateway.
    pub own: bool,
    /// The connection that talks to it.
    pub connection: Option<String>,
    /// Seen since the monitor started.
    pub live: bool,
    /// Keys of protocols that it answers in.
    pub serves: Vec<String>,
    /// Keys of protocols that it asks in.
    pub asks: Vec<String>,
    /// Open findings.
    pub findings: usize,
    /// Severity of the worst.
    pub worst: Option<u16>,
}

/// What passes between two assets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorEdge {
    /// Who asks.
    pub client: String,
    /// Who is asked.
    pub server: String,
    /// Keys of protocols.
    pub protocols: Vec<String>,
    /// Both directions.
    pub packets: u64,
    /// Both directions.
    pub bytes: u64,
    /// Requests that change the server.
    pub changes: u64,
    /// Something of it is encrypted.
    pub encrypted: bool,
    /// Something of it was seen in one direction only.
    pub one_way: bool,
    /// Open findings between these two.
    pub findings: usize,
    /// Severity of the worst.
    pub worst: Option<u16>,
    /// Last seen, ms.
    pub last: Millis,
}

/// The map.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorMap {
    /// At most 2,000 assets: the busiest.
    pub nodes: Vec<MonitorNode>,
    /// At most 8,000 pairs: the busiest.
    pub edges: Vec<MonitorEdge>,
    /// All zones of the nodes.
    pub zones: Vec<String>,
    /// All levels of the nodes; `null` for unknown.
    pub levels: Vec<Option<f64>>,
    /// Some are left out.
    pub more: bool,
}
