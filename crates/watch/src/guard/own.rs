//! Our own traffic: what the plans of the connections say, and what they do not.

use super::Core;
use crate::baseline::Ranges;
use crate::core::Talk;
use crate::decode::{BVLL, function_name};
use crate::detect::own;
use crate::hosts::{Endpoint, HostId};
use crate::links::{LinkId, LinkKey, changes};
use crate::operation::{Effect, Operation};
use crate::points::PointKey;
use crate::protocol::{Protocol, Realm};
use model::Declaration;
use model::expected::{Coding, ExpectedTraffic, is_named};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use wire::s7;

/// A point whose place on the wire is known.
#[derive(Debug, Clone)]
pub struct Known {
    pub first: u32,
    pub last: u32,
    pub point: Arc<Declaration>,
    pub coding: Option<Arc<dyn Coding>>,
}

/// Where devices are that are found by asking everybody (BACnet).
const ANYWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// A table of a unit.
type Table = (u32, u64);

#[derive(Debug, Default)]
struct Planned {
    connection: Arc<str>,
    requests: HashMap<Table, Ranges>,
    /// Tables of which not every request had room.
    crowded: HashSet<Table>,
    points: HashMap<Table, Vec<Known>>,
}

/// What Ironbridge itself will send, and where its points lie.
#[derive(Debug, Default)]
pub struct Expected {
    own: HashSet<IpAddr>,
    devices: HashSet<IpAddr>,
    endpoints: HashMap<(IpAddr, u16, Protocol), Planned>,
    /// Requests for which there was no room: their tables are not judged.
    pub(crate) no_room: u64,
}

/// The protocol of a plan.
fn protocol(word: &str) -> Option<Protocol> {
    Some(match word {
        "opc-ua" => Protocol::OpcUa,
        other => Protocol::from_key(other)?,
    })
}

/// The same place in the words of plans: S7 in bytes without the size of an element.
pub(super) fn plain(key: &PointKey) -> PointKey {
    if key.protocol != Protocol::S7 {
        return *key;
    }
    let code = u8::try_from(key.space & 0xFF).unwrap_or(0);
    let size = s7::Size::from_code(code);
    let is_numbered = matches!(size, Some(s7::Size::Counter | s7::Size::Timer));
    let bytes = u32::try_from(size.map_or(1, s7::Size::bytes)).unwrap_or(1);
    let (first, count) =
        if is_numbered { (key.first, key.count) } else { (key.first >> 3, key.count.saturating_mul(bytes)) };
    PointKey { space: key.space & !0xFF, first, count, ..*key }
}

impl Expected {
    /// What is expected of these own addresses; `names` are the addresses of devices that are configured by name.
    #[must_use]
    pub fn new(
        own: impl IntoIterator<Item = IpAddr>,
        traffic: &[ExpectedTraffic],
        names: &HashMap<String, Vec<IpAddr>>,
    ) -> Self {
        let mut expected = Self { own: own.into_iter().collect(), ..Self::default() };
        for one in traffic {
            let Some(protocol) = protocol(one.protocol) else { continue };
            let named = names.get(&*one.host).into_iter().flatten().copied();
            let anywhere = one.host.is_empty().then_some(ANYWHERE);
            for address in one.address().into_iter().chain(named).chain(anywhere) {
                expected.devices.insert(address);
                let planned = expected.endpoints.entry((address, one.port, protocol)).or_default();
                planned.connection = Arc::clone(&one.connection);
                expected.no_room += u64::from(!planned.add(one));
            }
        }
        expected
    }

    pub(super) fn is_empty(&self) -> bool {
        self.own.is_empty()
    }

    fn is_own(&self, endpoint: Option<Endpoint>) -> bool {
        matches!(endpoint, Some(Endpoint::Ip(ip)) if self.own.contains(&ip))
    }

    /// Whether it is ourselves or one of our devices.
    pub(super) fn knows(&self, endpoint: Endpoint) -> bool {
        matches!(endpoint, Endpoint::Ip(ip) if self.own.contains(&ip) || self.devices.contains(&ip))
    }

    fn planned(&self, core: &Core, server: HostId, port: u16, protocol: Protocol) -> Option<&Planned> {
        match core.hosts.get(server)?.endpoint {
            Endpoint::Ip(ip) => {
                let anywhere = (ANYWHERE, port, protocol);
                self.endpoints.get(&(ip, port, protocol)).or_else(|| self.endpoints.get(&anywhere))
            }
            Endpoint::Mac(_) => None,
        }
    }

    /// Whether a link is one of our connections.
    pub(super) fn plans(&self, core: &Core, link: &LinkKey) -> bool {
        self.is_own(core.hosts.get(link.client).map(|host| host.endpoint))
            && self.planned(core, link.server, link.port, link.protocol).is_some()
    }

    /// Points that stand where a client of anybody's touches a device.
    pub(super) fn points(&self, core: &Core, key: &PointKey, port: u16) -> Vec<Known> {
        let Some(planned) = self.planned(core, key.server, port, key.protocol) else { return Vec::new() };
        let key = plain(key);
        let last = key.first.saturating_add(key.count.max(1) - 1);
        let known = planned.points.get(&(key.unit, key.space)).map(Vec::as_slice).unwrap_or_default();
        let from = known.partition_point(|known| known.last < key.first);
        known.iter().skip(from).take_while(|known| known.first <= last).take(16).cloned().collect()
    }

    /// Points of the endpoint of which it is known how writing them looks.
    pub(super) fn shown(&self, core: &Core, key: &PointKey, port: u16) -> Vec<Arc<Declaration>> {
        let planned = self.planned(core, key.server, port, key.protocol).into_iter();
        planned
            .flat_map(|planned| planned.points.values().flatten())
            .map(|known| known.point.clone())
            .collect()
    }

    /// The connection to an endpoint.
    pub(super) fn connection(&self, core: &Core, key: &PointKey, port: u16) -> Option<&str> {
        self.planned(core, key.server, port, key.protocol).map(|planned| &*planned.connection)
    }
}

impl Planned {
    /// Adds a request. False if there is no room for it.
    fn add(&mut self, one: &ExpectedTraffic) -> bool {
        if one.count == 0 {
            return true;
        }
        let last = one.first.saturating_add(one.count - 1);
        let table = (one.unit, one.space);
        // Names may be asked one by one, or all of a controller at once: only numbers are planned.
        let room = is_named(one.space) || self.requests.entry(table).or_default().add(one.first, last);
        if !room {
            self.crowded.insert(table);
        }
        if let Some(point) = &one.point {
            let known =
                Known { first: one.first, last, point: Arc::clone(point), coding: one.coding.clone() };
            let list = self.points.entry(table).or_default();
            let at = list.partition_point(|other| other.last <= last);
            list.insert(at, known);
        }
        room
    }
}

impl Core {
    /// Sets what Ironbridge itself sends. What waits to be found was judged by an older plan.
    pub(crate) fn expect(&mut self, expected: Expected) {
        self.guard.expected = expected;
        self.guard.pending.retain(|pending| pending.rule.id != own::UNPLANNED.id);
    }

    pub(crate) fn is_own(&self, id: HostId) -> bool {
        !self.guard.expected.is_empty()
            && self.guard.expected.is_own(self.hosts.get(id).map(|host| host.endpoint))
    }

    /// A link of our own that no connection explains.
    pub(super) fn own_link(&mut self, id: LinkId, talk: &Talk) {
        if !self.is_own(talk.client) || self.is_announced(talk.client, talk.server, talk.time_ns) {
            return;
        }
        let Some(key) = self.links.get(id).map(|link| link.key) else { return };
        if key.protocol.realm() == Realm::Ot && !self.guard.expected.plans(self, &key) {
            let words = format!("{} to port {}", key.protocol.name(), key.port);
            self.differs(&own::UNPLANNED, talk.scene(), words);
        }
    }

    /// A request of our own: whatever changes a device and is no write of data is in no plan.
    pub(super) fn own_request(&mut self, id: LinkId, talk: &Talk, op: &Operation<'_>) {
        if op.effect == Effect::Write || !changes(op.effect) || !self.is_own(talk.client) {
            return;
        }
        // Registering with a BBMD is how our connection to BACnet is reached at all.
        let planned = self.links.get(id).is_some_and(|link| self.guard.expected.plans(self, &link.key));
        if planned && op.protocol == Protocol::Bacnet && op.function >= BVLL {
            return;
        }
        let words = function_name(op.protocol, op.function).into_owned();
        self.guard.explained.commands_unmatched += 1;
        self.findings.raise(&own::WRITE, talk.scene(), words);
    }

    /// Data that we read: the plan has them, or somebody else speaks with our address.
    pub(super) fn own_read(&mut self, key: &PointKey, talk: &Talk) {
        if !self.is_own(talk.client) || self.is_announced(talk.client, talk.server, talk.time_ns) {
            return;
        }
        let planned = self.guard.expected.planned(self, key.server, talk.port, key.protocol);
        let Some(planned) = planned.filter(|planned| !planned.requests.is_empty()) else { return };
        let place = plain(key);
        let last = place.first.saturating_add(place.count.max(1) - 1);
        let table = (place.unit, place.space);
        let in_plan = planned.crowded.contains(&table)
            || planned.requests.get(&table).is_some_and(|ranges| ranges.covers(place.first, last));
        if !in_plan && let Some(point) = self.points.get(key) {
            let words = format!("{}: {}", key.protocol.name(), crate::baseline::place_of(key, &point.name));
            self.differs(&own::UNPLANNED, talk.scene(), words);
        }
    }
}
