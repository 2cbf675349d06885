//! The baseline as a file: JSON with a version, in an order that gives small differences in git.

use super::{Area, Areas, Baseline, LinkName, LinkNorm, Ranges, Rate};
use crate::operation::Effect;
use crate::protocol::Protocol;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// The version that is written.
pub const VERSION: u32 = 1;

/// Why a file is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Written by a newer Ironbridge.
    Newer(u32),
    /// Names a protocol that is not known.
    Protocol(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer(version) => write!(
                f,
                "the baseline has version {version}, this Ironbridge reads up to {VERSION}: use the newer Ironbridge that \
                 wrote it, or learn anew"
            ),
            Self::Protocol(key) => {
                write!(f, "the baseline names the protocol \"{key}\", which is not known here")
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    since_ns: i64,
    until_ns: i64,
    last_new_ns: i64,
    #[serde(default)]
    no_room: u64,
    assets: BTreeMap<String, i64>,
    links: Vec<Link>,
}

#[derive(Serialize, Deserialize)]
struct Link {
    client: String,
    server: String,
    protocol: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    port: u16,
    first_ns: i64,
    functions: Vec<Function>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reads: Vec<Data>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    writes: Vec<Data>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requests_per_minute: Option<Minutes>,
}

#[derive(Serialize, Deserialize)]
struct Function {
    function: u32,
    name: String,
    effect: Effect,
}

#[derive(Serialize, Deserialize)]
struct Data {
    unit: u32,
    area: String,
    ranges: Vec<(u32, u32)>,
}

#[derive(Serialize, Deserialize)]
struct Minutes {
    low: u32,
    high: u32,
    minutes: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(port: &u16) -> bool {
    *port == 0
}

fn data(areas: &Areas) -> Vec<Data> {
    let data = |(area, ranges): (&Area, &Ranges)| Data {
        unit: area.unit,
        area: area.name.clone(),
        ranges: ranges.iter().collect(),
    };
    areas.iter().map(data).collect()
}

fn areas(list: Vec<Data>) -> Areas {
    let mut areas = Areas::new();
    for data in list {
        let ranges = areas.entry(Area { unit: data.unit, name: data.area }).or_default();
        for (first, last) in data.ranges {
            ranges.add(first, last);
        }
    }
    areas
}

impl Serialize for Baseline {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let link = |(name, norm): (&LinkName, &LinkNorm)| Link {
            client: name.client.clone(),
            server: name.server.clone(),
            protocol: name.protocol.key().into(),
            port: name.port,
            first_ns: norm.first_ns,
            functions: norm
                .functions
                .iter()
                .map(|(function, (name, effect))| Function {
                    function: *function,
                    name: name.clone(),
                    effect: *effect,
                })
                .collect(),
            reads: data(&norm.reads),
            writes: data(&norm.writes),
            requests_per_minute: norm.rate.map(|rate| Minutes {
                low: rate.low,
                high: rate.high,
                minutes: rate.minutes,
            }),
        };
        let file = File {
            version: VERSION,
            since_ns: self.since_ns,
            until_ns: self.until_ns,
            last_new_ns: self.last_new_ns,
            no_room: self.no_room,
            assets: self.assets.clone(),
            links: self.links.iter().map(link).collect(),
        };
        file.serialize(serializer)
    }
}

impl TryFrom<File> for Baseline {
    type Error = Refused;

    fn try_from(file: File) -> Result<Self, Refused> {
        if file.version > VERSION {
            return Err(Refused::Newer(file.version));
        }
        let mut links = BTreeMap::new();
        for link in file.links {
            let Some(protocol) = Protocol::from_key(&link.protocol) else {
                return Err(Refused::Protocol(link.protocol));
            };
            let functions = link.functions.into_iter();
            let norm = LinkNorm {
                first_ns: link.first_ns,
                functions: functions.map(|known| (known.function, (known.name, known.effect))).collect(),
                reads: areas(link.reads),
                writes: areas(link.writes),
                rate: link.requests_per_minute.map(|rate| Rate {
                    low: rate.low,
                    high: rate.high,
                    minutes: rate.minutes,
                }),
            };
            let name = LinkName { client: link.client, server: link.server, protocol, port: link.port };
            links.insert(name, norm);
        }
        Ok(Self {
            since_ns: file.since_ns,
            until_ns: file.until_ns,
            last_new_ns: file.last_new_ns,
            assets: file.assets,
            links,
            no_room: file.no_room,
        })
    }
}

impl<'de> Deserialize<'de> for Baseline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        File::deserialize(deserializer)
            .and_then(|file| Self::try_from(file).map_err(|refused| D::Error::custom(refused.to_string())))
    }
}

impl Refused {
    /// Whether a version can be read here.
    ///
    /// # Errors
    /// It is newer.
    pub const fn check(version: u32) -> Result<(), Self> {
        if version > VERSION { Err(Self::Newer(version)) } else { Ok(()) }
    }
}
