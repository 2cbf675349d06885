//! Hosts that are one machine become one asset.

use crate::hosts::{Endpoint, Evidence, Field, Host, HostId, Hosts};
use crate::links::{Link, Links};
use crate::protocol::{Protocol, Realm};
use crate::vendor::vendor;
use model::Time;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use wire::net::Mac;

/// What an asset is, judged by what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Answers in a protocol of machines.
    Controller,
    /// Reads and writes controllers.
    Supervisor,
    /// Changes programs, modes or settings of controllers.
    Engineering,
    /// Forwards for others.
    Network,
    /// Serves others in protocols of offices.
    Server,
    /// Anything else.
    Host,
    /// Others sent to it, it never sent anything.
    Silent,
}

impl Role {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Controller => "controller or field device",
            Self::Supervisor => "HMI, SCADA or gateway",
            Self::Engineering => "engineering station",
            Self::Network => "network device",
            Self::Server => "server",
            Self::Host => "host",
            Self::Silent => "never answered",
        }
    }
}

/// Something that an asset said of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssetFact {
    /// What about.
    pub field: Field,
    /// The text, made safe.
    pub value: String,
    /// Where it was learned.
    pub source: &'static str,
    /// In which packet.
    pub evidence: Evidence,
}

/// One machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asset {
    /// Its name in this report: its first address.
    pub id: String,
    /// IP addresses.
    pub addresses: Vec<IpAddr>,
    /// Hardware addresses.
    pub macs: Vec<String>,
    /// Who made its network card.
    pub card: Option<&'static str>,
    /// What it is, judged by what it does.
    pub role: Role,
    /// VLAN in which it was seen first.
    pub vlan: Option<u16>,
    /// What it said of itself.
    pub facts: Vec<AssetFact>,
    /// Protocols that it answers in.
    pub serves: Vec<Protocol>,
    /// Protocols that it asks in.
    pub asks: Vec<Protocol>,
    /// Packets sent.
    pub sent: u64,
    /// Packets sent to it.
    pub received: u64,
    /// First seen.
    pub first: Time,
    /// Last seen.
    pub last: Time,
}

impl Asset {
    /// The first that it said about something.
    #[must_use]
    pub fn fact(&self, field: Field) -> Option<&str> {
        self.facts.iter().find(|fact| fact.field == field).map(|fact| fact.value.as_str())
    }

    /// What is known of it in a line: name, model, firmware.
    #[must_use]
    pub fn identity(&self) -> String {
        let parts = [Field::Vendor, Field::Model, Field::Firmware, Field::Name]
            .into_iter()
            .filter_map(|field| self.fact(field));
        parts.collect::<Vec<_>>().join(" · ")
    }
}

/// Names of hosts in a report.
pub struct Names(HashMap<HostId, String>);

impl Names {
    pub fn of(&self, id: HostId) -> String {
        self.0.get(&id).cloned().unwrap_or_else(|| "(others)".into())
    }
}

const fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Addresses of each card that are its own, not those of hosts behind it: announced by ARP, link-local, or the only
/// one of its family.
fn owners(hosts: &Hosts) -> HashMap<HostId, Mac> {
    let mut by_card: BTreeMap<Mac, Vec<(HostId, &Host)>> = BTreeMap::new();
    for (id, host) in hosts.iter().filter(|(_, host)| matches!(host.endpoint, Endpoint::Ip(_))) {
        host.macs.iter().take(1).for_each(|mac| by_card.entry(*mac).or_default().push((id, host)));
    }
    let mut own = HashMap::new();
    for (mac, behind) in by_card {
        let ip = |host: &Host| if let Endpoint::Ip(ip) = host.endpoint { Some(ip) } else { None };
        let announced = behind.iter().any(|(_, host)| host.announced);
        for (id, host) in &behind {
            let Some(ip) = ip(host) else { continue };
            let alone = behind.iter().filter(|(_, other)| {
                matches!(other.endpoint, Endpoint::Ip(other) if other.is_ipv4() == ip.is_ipv4() && !is_link_local(other))
            });
            if host.announced || is_link_local(ip) || (alone.count() == 1 && (!announced || ip.is_ipv6())) {
                own.insert(*id, mac);
            }
        }
    }
    own
}

/// Who asks and who answers in what is not recognised: that is only as sure as the links are.
type Unrecognised = HashMap<HostId, (u64, u64)>;

fn unrecognised(links: &Links) -> Unrecognised {
    let mut roles = Unrecognised::new();
    let both = |link: &&Link| link.to_server.0 > 0 && link.to_client.0 > 0;
    let unknown = |link: &&Link| matches!(link.key.protocol, Protocol::Tcp | Protocol::Udp);
    for link in links.iter().filter(unknown).filter(both) {
        let bit = link.key.protocol.bit();
        roles.entry(link.key.client).or_default().0 |= bit;
        roles.entry(link.key.server).or_default().1 |= bit;
    }
    roles
}

/// All assets, and what each host is called.
pub fn assets(hosts: &Hosts, links: &Links) -> (Vec<Asset>, Names) {
    let (own, unrecognised) = (owners(hosts), unrecognised(links));
    let mut names = HashMap::new();
    let mut groups: BTreeMap<(u8, Endpoint), Vec<(HostId, &Host)>> = BTreeMap::new();
    for (id, host) in hosts.iter() {
        let is_group = !host.endpoint.is_unicast() || (host.group && host.sent == 0);
        if is_group {
            names.insert(id, format!("{} (everybody)", host.endpoint));
            continue;
        }
        let key = match (own.get(&id), host.endpoint) {
            (Some(mac), _) => Endpoint::Mac(*mac),
            (None, endpoint) => endpoint,
        };
        groups.entry((0, key)).or_default().push((id, host));
    }
    let mut assets: Vec<Asset> = groups
        .into_values()
        .map(|members| {
            let asset = asset(&members, &unrecognised);
            members.iter().for_each(|(id, _)| drop(names.insert(*id, asset.id.clone())));
            asset
        })
        .collect();
    assets.sort_by(|a, b| (a.addresses.first(), &a.macs).cmp(&(b.addresses.first(), &b.macs)));
    (assets, Names(names))
}

fn asset(members: &[(HostId, &Host)], unrecognised: &Unrecognised) -> Asset {
    let mut addresses: Vec<IpAddr> = members
        .iter()
        .filter_map(|(_, host)| if let Endpoint::Ip(ip) = host.endpoint { Some(ip) } else { None })
        .collect();
    // What people call a machine by comes first.
    addresses.sort_by_key(|ip| (is_link_local(*ip), ip.is_ipv6(), *ip));
    let mut macs: Vec<Mac> = members.iter().flat_map(|(_, host)| host.macs.iter().copied()).collect();
    macs.extend(
        members
            .iter()
            .filter_map(|(_, host)| if let Endpoint::Mac(mac) = host.endpoint { Some(mac) } else { None }),
    );
    macs.sort_unstable();
    macs.dedup();
    let sum = |of: fn(&Host) -> u64| members.iter().map(|(_, host)| of(host)).sum::<u64>();
    let set = |of: fn(&Host) -> u64| members.iter().fold(0, |set, (_, host)| set | of(host));
    let (mut serves, mut asks, sent) =
        (set(|host| host.serves), set(|host| host.asks), sum(|host| host.sent));
    for (more_asked, more_served) in members.iter().filter_map(|(id, _)| unrecognised.get(id)) {
        (asks, serves) = (asks | more_asked, serves | more_served);
    }
    let facts = members.iter().flat_map(|(_, host)| &host.facts).map(|fact| AssetFact {
        field: fact.field,
        value: fact.value.to_string(),
        source: fact.source,
        evidence: fact.evidence,
    });
    let id = addresses
        .first()
        .map_or_else(|| macs.first().map(Mac::to_string).unwrap_or_default(), ToString::to_string);
    Asset {
        id,
        card: macs.iter().find_map(|mac| vendor(*mac)),
        role: role(members, serves, asks, sent),
        vlan: members.iter().find_map(|(_, host)| host.vlan),
        facts: facts.collect(),
        serves: protocols(serves),
        asks: protocols(asks),
        sent,
        received: sum(|host| host.received),
        first: Time(members.iter().map(|(_, host)| host.first_ns).min().unwrap_or_default()),
        last: Time(members.iter().map(|(_, host)| host.last_ns).max().unwrap_or_default()),
        macs: macs.iter().map(Mac::to_string).collect(),
        addresses,
    }
}

fn role(members: &[(HostId, &Host)], serves: u64, asks: u64, sent: u64) -> Role {
    let realm = |set: u64, realm: Realm| protocols(set).iter().any(|protocol| protocol.realm() == realm);
    let any = |of: fn(&Host) -> bool| members.iter().any(|(_, host)| of(host));
    if sent == 0 {
        Role::Silent
    } else if realm(serves, Realm::Ot) {
        Role::Controller
    } else if any(|host| host.bridge) {
        Role::Network
    } else if any(|host| host.engineers) {
        Role::Engineering
    } else if realm(asks, Realm::Ot) {
        Role::Supervisor
    } else if realm(serves, Realm::It) {
        Role::Server
    } else {
        Role::Host
    }
}

fn protocols(set: u64) -> Vec<Protocol> {
    Protocol::ALL.iter().copied().filter(|protocol| set & protocol.bit() != 0).collect()
}
