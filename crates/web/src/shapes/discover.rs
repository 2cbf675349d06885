use super::Millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Whom to ask for what. Fields left out take what is gentle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscoverAsk {
    /// Addresses (`10.20.1.0/24`, `10.20.1.10-40`, `10.20.1.11`), names, or `neighbours`; at most 64 entries. May be
    /// left out with `interface`.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Addresses that get nothing, in the same forms.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Names of protocols; empty for all.
    #[serde(default)]
    pub protocols: Vec<String>,
    /// Other ports than the protocol's own.
    #[serde(default)]
    pub ports: BTreeMap<String, Vec<u16>>,
    /// Modbus unit ids; 1 and 255 if left out.
    pub units: Option<Vec<u8>>,
    /// Addresses asked at the same time, 1-64; default 16.
    pub at_once: Option<usize>,
    /// How long to wait for an answer, 100-10,000 ms; default 1,000.
    pub timeout_ms: Option<u64>,
    /// Silence between two questions to one address, at most 10,000 ms; default 100.
    pub pause_ms: Option<u64>,
    /// Interface on whose cable everybody is asked at once, by one packet for each protocol that has that, e.g. `eth0`.
    pub interface: Option<String>,
    /// How long that cable is listened to, 3-120 s; default 35, because switches say every 30 s who they are.
    pub listen_s: Option<u64>,
}

/// Protocols that can be asked for, and profiles that give a device its points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiscoverProtocols {
    /// Protocols.
    pub protocols: Vec<DiscoverProtocol>,
    /// Profiles of devices.
    pub profiles: Vec<DeviceProfile>,
}

/// A protocol that can be asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiscoverProtocol {
    /// Its name in `protocols` and `ports`.
    pub name: String,
    /// For people.
    pub title: String,
    /// Its own port.
    pub port: u16,
    /// `tcp` or `udp`.
    pub transport: String,
    /// What is asked, in words.
    pub asks: String,
}

/// The points of a device, from its manual.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeviceProfile {
    /// Its name in a connection file.
    pub name: String,
    /// For people.
    pub title: String,
    /// Maker.
    pub vendor: String,
    /// Products it holds for.
    pub models: Vec<String>,
    /// Points.
    pub points: usize,
    /// The manual it was made from.
    pub source: String,
    /// What of it was confirmed, and where.
    pub confirmed: String,
}

/// What a scan would do. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiscoverPlan {
    /// What was asked.
    pub targets: Vec<String>,
    /// Addresses that would be asked.
    pub addresses: usize,
    /// At the same time.
    pub at_once: usize,
    /// Packets if nobody answers.
    pub packets_least: u64,
    /// Packets if everybody answers and tells all; never more. The yes repeats this number.
    pub packets_most: u64,
    /// The most that one address gets.
    pub packets_per_address_most: u64,
    /// Time if every address refuses at once, s.
    pub seconds_least: f64,
    /// Time if everybody answers at the last moment, s.
    pub seconds_most: f64,
    /// All of it in one sentence.
    pub sentence: String,
    /// Named addresses that are known without asking: this machine talked to them lately, or a connection does.
    pub known: usize,
    /// By protocol.
    pub protocols: Vec<DiscoverShare>,
    /// Who would not be asked, and why.
    pub skipped: Vec<DiscoverSkipped>,
}

/// What one protocol contributes to a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiscoverShare {
    /// Name.
    pub name: String,
    /// For people.
    pub title: String,
    /// `tcp` or `udp`.
    pub transport: String,
    /// Ports.
    pub ports: Vec<u16>,
    /// Packets if nobody answers.
    pub packets_least: u64,
    /// Packets if everybody answers and tells all.
    pub packets_most: u64,
    /// What is asked, in words.
    pub asks: String,
}

/// An address that gets nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiscoverSkipped {
    /// The address.
    pub address: String,
    /// Why.
    pub why: String,
    /// The connection that talks to it already.
    pub connection: Option<String>,
}

/// The yes to a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiscoverStart {
    /// What was asked.
    pub ask: DiscoverAsk,
    /// `packets_most` of the plan that was shown.
    pub packets_most: u64,
}

/// Scans, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiscoverScans {
    /// The last few.
    pub scans: Vec<DiscoverScan>,
}

/// A scan under way or done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiscoverScan {
    /// Tells scans apart.
    pub id: String,
    /// Who said yes.
    pub who: String,
    /// When it began, ms.
    pub started: Millis,
    /// When it ended, ms.
    pub ended: Option<Millis>,
    /// `running`, `done` or `stopped`.
    pub state: String,
    /// What was agreed.
    pub plan: DiscoverPlan,
    /// Addresses that were asked.
    pub addresses_done: usize,
    /// Addresses in all.
    pub addresses_total: usize,
    /// Packets sent.
    pub packets_sent: u64,
    /// Devices.
    pub found: Vec<DiscoverFound>,
    /// What a person should read.
    pub remarks: Vec<DiscoverRemark>,
    /// Conversations that broke.
    pub faults: u64,
    /// Addresses that were left alone after faults.
    pub backed_off: u64,
    /// Devices and remarks that were too many to keep.
    pub dropped: u64,
}

/// A device, in its own words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiscoverFound {
    /// Its number in this scan.
    pub index: usize,
    /// Name of the protocol.
    pub protocol: String,
    /// The protocol, for people.
    pub title: String,
    /// Where it answered.
    pub address: String,
    /// On which port.
    pub port: u16,
    /// Its hardware address, if this machine knows it.
    pub hardware: Option<String>,
    /// Which part of it, e.g. `unit 1`; may be empty.
    #[serde(rename = "where")]
    pub place: String,
    /// Maker.
    pub vendor: String,
    /// Product.
    pub model: String,
    /// Version of its firmware.
    pub firmware: String,
    /// Serial number.
    pub serial: String,
    /// The name people gave it.
    pub name: String,
    /// More that it said.
    pub details: Vec<DiscoverDetail>,
    /// How well its protocol protects traffic, in words.
    pub security: String,
    /// A profile that fits it.
    pub profile: Option<String>,
    /// Whether a connection file can be drafted.
    pub can_draft: bool,
}

/// Something that a device said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiscoverDetail {
    /// What.
    pub name: String,
    /// Its words.
    pub value: String,
}

/// Something a person should read about an address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiscoverRemark {
    /// The address.
    pub address: String,
    /// Name of the protocol.
    pub protocol: String,
    /// What was seen.
    pub text: String,
}

/// Which device to draft a connection file for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftAsk {
    /// Its number in the scan.
    pub index: usize,
    /// Name of the connection; made of what the device says if left out.
    pub name: Option<String>,
    /// Profile; the proposed one if left out, none if empty.
    pub profile: Option<String>,
}

/// A file to review, of a connection, a type or an asset. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DraftFile {
    /// Where it would stand in the plant folder.
    pub file: String,
    /// TOML.
    pub text: String,
    /// Points it would read.
    pub tags: usize,
    /// What could not be taken over, and what to look at.
    pub notes: Vec<DraftNote>,
    /// What `check` says to it; empty if it has no mistakes.
    pub mistakes: String,
    /// Files that belong to it: a model becomes one for each type and each asset.
    #[serde(default)]
    pub others: Vec<DraftText>,
}

/// Another file of a draft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DraftText {
    /// Where it would stand in the plant folder.
    pub file: String,
    /// TOML.
    pub text: String,
}

/// A note on a draft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DraftNote {
    /// Line of the file it was made from.
    pub line: Option<usize>,
    /// In words.
    pub text: String,
}

/// A tag list of another program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportAsk {
    /// Name of the format, as `GET /api/import/formats` lists them.
    pub format: String,
    /// File name, for messages.
    pub file: String,
    /// The file in Base64 (RFC 4648), at most 8 MiB of it.
    pub data: String,
    /// Kind of connection, where the format leaves a choice.
    pub kind: Option<String>,
    /// Name of the connection; made of the file name if left out.
    pub name: Option<String>,
    /// Name or address of the device.
    pub host: Option<String>,
    /// Which device's tags, where the file has those of several.
    pub device: Option<String>,
}

/// Formats that can be imported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportFormats {
    /// The formats.
    pub formats: Vec<ImportFormat>,
}

/// A format that can be imported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportFormat {
    /// Name.
    pub name: String,
    /// For people.
    pub title: String,
    /// File names it has.
    pub files: String,
    /// Where the other program writes it.
    pub text: String,
    /// Kinds of connection that it can become; none for a model, which becomes types and assets.
    pub kinds: Vec<String>,
}

/// A connection file, with or without tags, whose device is to be looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BrowseAsk {
    /// File name, e.g. `connections/press.toml`.
    pub file: String,
    /// TOML.
    pub text: String,
}
