//! What is known, as plain data: for a terminal, a page, JSON.

mod assets;
mod html;

pub use assets::{Asset, AssetFact, Role};

use crate::baseline::{Difference, DifferenceKind};
use crate::core::Core;
use crate::coverage::Coverage;
use crate::decode::function_name;
use crate::detect::Technique;
use crate::findings::{self, Finding};
use crate::guard::Explained;
use crate::hosts::{Endpoint, Evidence, HostId};
use crate::operation::Effect;
use crate::protocol::{Protocol, Realm};
use assets::Names;
use model::Time;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::net::Ipv4Addr;

/// Most differences from the baseline that are listed.
const MAX_DIFFERENCES: usize = 10_000;

/// What was read of one capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileNote {
    /// Its name.
    pub name: String,
    /// Packets.
    pub packets: u64,
    /// Why it could not be read (further), in a sentence.
    pub damage: Option<String>,
}

/// How often a function was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionRow {
    /// Its number.
    pub function: u32,
    /// Its name.
    pub name: String,
    /// What it does.
    pub effect: Effect,
    /// Requests.
    pub requests: u64,
    /// Answers that are no refusal.
    pub answers: u64,
    /// Refusals.
    pub refused: u64,
}

impl FunctionRow {
    /// The most frequent comes first.
    pub(crate) fn rank(&self) -> (Reverse<u64>, u32) {
        (Reverse(self.requests.max(self.answers)), self.function)
    }
}

/// A link between two assets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRow {
    /// Who asks.
    pub client: String,
    /// Who is asked.
    pub server: String,
    /// In which protocol.
    pub protocol: Protocol,
    /// Whose protocol that is.
    pub realm: Realm,
    /// Port of the server, 0 where there is none.
    pub port: u16,
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
    /// First seen.
    pub first: Time,
    /// Last seen.
    pub last: Time,
    /// S7: the selector that the device accepted: kind of connection, then rack * 32 + slot.
    pub called: Option<u16>,
    /// What was asked of late is encrypted, in a protocol that need not be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// Functions used, the most frequent first.
    pub functions: Vec<FunctionRow>,
}

impl LinkRow {
    /// Protocols of machines come first.
    pub(crate) fn rank(&self) -> impl Ord + '_ {
        (self.realm, self.protocol, self.client.as_str(), self.server.as_str(), self.port)
    }
}

/// Data that were touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointRow {
    /// Of which device.
    pub server: String,
    /// In which protocol.
    pub protocol: Protocol,
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
    #[serde(default, skip_serializing_if = "is_none")]
    pub others: u64,
    /// Value of the last write, where it is one number.
    pub last_value: Option<i64>,
    /// Packet of the last write, if this run saw it.
    #[serde(skip_deserializing)]
    pub last_write: Option<Evidence>,
    /// First touched.
    pub first: Time,
    /// Last touched.
    pub last: Time,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingRow {
    /// Stable: the same thing between the same two has it again, also after a restart.
    pub id: String,
    /// Id of the detection.
    pub rule: &'static str,
    /// What happened.
    pub title: &'static str,
    /// 1 to 1000.
    pub severity: u16,
    /// In a word: low, medium, high, critical.
    pub level: &'static str,
    /// Techniques of ATT&CK for ICS.
    pub techniques: Vec<Technique>,
    /// Who did it.
    pub source: String,
    /// To whom.
    pub target: String,
    /// How often.
    pub count: u64,
    /// First time.
    pub first: Time,
    /// Last time.
    pub last: Time,
    /// The first different cases.
    pub details: Vec<String>,
    /// What it means.
    pub meaning: &'static str,
    /// What to check next.
    pub next: &'static str,
    /// The first packets that show it.
    pub evidence: Vec<Evidence>,
    /// The last packet that shows it.
    pub latest: Evidence,
    /// The window of expected work in which it happened.
    pub window: Option<String>,
    /// The point that it is about.
    pub path: Option<String>,
}

/// A difference from the baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DifferenceRow {
    /// What kind.
    pub kind: DifferenceKind,
    /// Who is new, or who asks.
    pub source: String,
    /// Who is asked; empty for an asset.
    pub target: String,
    /// What it is about.
    pub what: String,
    /// First seen of the asset or link.
    pub first: Time,
}

/// Everything.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Captures that were read; filled by whoever read them.
    pub captures: Vec<FileNote>,
    /// What was seen and what was not.
    pub coverage: Coverage,
    /// How much of our own traffic was explained.
    pub explained: Explained,
    /// Findings, the worst first.
    pub findings: Vec<FindingRow>,
    /// Assets.
    pub assets: Vec<Asset>,
    /// Links.
    pub links: Vec<LinkRow>,
    /// Data touched.
    pub points: Vec<PointRow>,
    /// What differs from the baseline, if it was held against one: one by one, to be approved.
    pub differences: Vec<DifferenceRow>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

/// In a word, how bad a severity is.
#[must_use]
pub const fn level(severity: u16) -> &'static str {
    match severity {
        0..=299 => "low",
        300..=599 => "medium",
        600..=799 => "high",
        _ => "critical",
    }
}

/// Words for many or for one: of `{many|one}` what fits.
fn in_number(words: &str, one: bool) -> String {
    let mut out = String::with_capacity(words.len());
    for (at, part) in words.split(['{', '}']).enumerate() {
        out.push_str(match part.split_once('|') {
            Some((_, singular)) if at % 2 == 1 && one => singular,
            Some((plural, _)) if at % 2 == 1 => plural,
            _ => part,
        });
    }
    out
}

/// A time as people read it, to the second.
fn at(time: Time) -> String {
    let text = time.to_string();
    let whole = text.split(['.', 'Z']).next().unwrap_or_default();
    format!("{} UTC", whole.replacen('T', " ", 1))
}

impl Report {
    pub(crate) fn new(core: &Core) -> Self {
        let (assets, names) = assets::assets(&core.hosts, &core.links);
        let mut coverage = core.coverage;
        coverage.no_room = core.hosts.refused
            + core.links.refused
            + core.points.refused
            + core.findings.refused
            + core.publishers.refused
            + core.guard.expected.no_room;
        coverage.crowded = core.points.crowded;
        Self {
            captures: Vec::new(),
            coverage,
            explained: core.guard.explained,
            findings: findings(core, &names),
            assets,
            links: links(core, &names),
            points: points(core, &names),
            differences: if core.guard.is_guarding() { differences(core) } else { Vec::new() },
        }
    }

    /// As a page that needs nothing else.
    #[must_use]
    pub fn html(&self) -> String {
        html::page(self)
    }

    /// What limits this report, in sentences: never empty.
    #[must_use]
    pub fn limits(&self) -> Vec<String> {
        let c = &self.coverage;
        let mut out = Vec::new();
        let mut say = |count: u64, words: &str| {
            if count > 0 {
                out.push(format!("{count} {}", in_number(words, count == 1)));
            }
        };
        say(
            c.truncated,
            "{packets were|packet was} captured only in part (snap length): what they carried behind that is not known",
        );
        say(c.unread_link, "{packets have|packet has} a link type that is not read");
        say(c.malformed_headers, "{packets have|packet has} headers that cannot be right");
        say(
            c.gaps,
            "{places in TCP connections were|place in a TCP connection was} never captured: messages in them are not known",
        );
        say(c.undecoded_bytes, "{bytes|byte} of connections could not be cut into messages");
        say(
            c.one_way_flows,
            "{conversations were|conversation was} seen in one direction only: the other side's answers are not known",
        );
        say(
            c.encrypted_flows,
            "{conversations are|conversation is} encrypted: who talks is known, not what is said",
        );
        say(
            c.http2_flows,
            "{conversations speak|conversation speaks} HTTP/2 in the clear: who talks is known, what is asked and answered is not read",
        );
        say(
            c.unknown_flows,
            "{conversations speak protocols that are|conversation speaks a protocol that is} not recognised",
        );
        say(
            c.evicted_flows,
            "{conversations were|conversation was} let go because too many were open at once",
        );
        say(c.lost_fragments, "{packets|packet} in fragments never became whole");
        say(c.no_room, "hosts, links, points, findings or planned requests had no room in the tables");
        say(
            c.crowded,
            "{reads and writes|read or write} came from more machines than are listed for one point: the others are counted, not named",
        );
        say(
            c.repeated,
            "TCP {segments|segment} came more than once (sent again, or seen at two mirror ports) and {were|was} counted once",
        );
        for file in self.captures.iter().filter(|file| file.damage.is_some()) {
            out.push(format!("{}: {}", file.name, file.damage.as_deref().unwrap_or_default()));
        }
        if out.is_empty() {
            out.push("everything that was captured was read".into());
        }
        out
    }
}

fn differences(core: &Core) -> Vec<DifferenceRow> {
    let missing = core.differences(MAX_DIFFERENCES);
    let row = |one: Difference| DifferenceRow {
        kind: one.kind,
        first: Time(one.first_ns),
        source: one.source,
        target: one.target,
        what: one.what,
    };
    missing.into_iter().map(row).collect()
}

fn findings(core: &Core, names: &Names) -> Vec<FindingRow> {
    let mut rows: Vec<FindingRow> = core
        .findings
        .iter()
        .map(|finding| FindingRow {
            id: id(core, finding),
            rule: finding.rule.id,
            title: finding.rule.title,
            severity: finding.severity(),
            level: level(finding.severity()),
            techniques: finding.rule.techniques.to_vec(),
            source: names.of(finding.source),
            target: names.of(finding.target),
            count: finding.count,
            first: Time(finding.first_ns),
            last: Time(finding.last_ns),
            details: finding.details.iter().map(ToString::to_string).collect(),
            meaning: finding.rule.meaning,
            next: finding.rule.next,
            evidence: finding.evidence.clone(),
            window: core.guard.windows.id(finding.window).map(str::to_owned),
            path: finding.path.as_deref().map(str::to_owned),
            latest: finding.latest,
        })
        .collect();
    rows.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then_with(|| (a.first, a.rule, &a.source).cmp(&(b.first, b.rule, &b.source)))
    });
    rows
}

fn id(core: &Core, finding: &Finding) -> String {
    let end =
        |host| core.hosts.get(host).map_or(Endpoint::Ip(Ipv4Addr::UNSPECIFIED.into()), |it| it.endpoint);
    let window = core.guard.windows.id(finding.window).unwrap_or_default();
    findings::id(finding.rule.id, end(finding.source), end(finding.target), window)
}

fn links(core: &Core, names: &Names) -> Vec<LinkRow> {
    let mut rows: Vec<LinkRow> = core
        .links
        .iter()
        .map(|link| {
            let protocol = link.key.protocol;
            let mut functions: Vec<FunctionRow> = link
                .functions
                .iter()
                .map(|count| FunctionRow {
                    function: count.function,
                    name: function_name(protocol, count.function).into_owned(),
                    effect: count.effect,
                    requests: count.requests,
                    answers: count.answers,
                    refused: count.refused,
                })
                .collect();
            functions.sort_by_key(FunctionRow::rank);
            LinkRow {
                called: link.called,
                hidden: link.hidden,
                client: names.of(link.key.client),
                server: names.of(link.key.server),
                protocol,
                realm: protocol.realm(),
                port: link.key.port,
                connections: link.flows,
                packets_to_server: link.to_server.0,
                bytes_to_server: link.to_server.1,
                packets_to_client: link.to_client.0,
                bytes_to_client: link.to_client.1,
                changes: link.changes,
                malformed: link.malformed,
                first: Time(link.first_ns),
                last: Time(link.last_ns),
                functions,
            }
        })
        .collect();
    rows.sort_by(|a, b| a.rank().cmp(&b.rank()));
    rows
}

fn points(core: &Core, names: &Names) -> Vec<PointRow> {
    let all = |hosts: &[HostId]| hosts.iter().map(|host| names.of(*host)).collect();
    let mut rows: Vec<_> = core.points.iter().collect();
    rows.sort_by_key(|(key, point)| {
        (key.protocol, key.server, key.unit, key.space, key.first, key.count, &point.name)
    });
    rows.into_iter()
        .map(|(key, point)| PointRow {
            server: names.of(key.server),
            protocol: key.protocol,
            unit: key.unit,
            name: crate::text::clean_text(&point.name),
            reads: point.reads,
            writes: point.writes,
            readers: all(&point.readers),
            writers: all(&point.writers),
            others: point.others,
            last_value: point.last_value,
            last_write: point.last_write,
            first: Time(point.first_ns),
            last: Time(point.last_ns),
        })
        .collect()
}
