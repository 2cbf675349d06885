//! What the tables of the monitor hold, as a baseline.

use super::{Area, Baseline, LinkName, Place, Rate, WHOLE, add};
use crate::core::Core;
use crate::decode::function_name;
use crate::hosts::{Endpoint, Host, HostId};
use crate::links::LinkKey;
use crate::monitor::DYNAMIC_PORT;
use crate::points::{Point, PointKey};
use crate::protocol::{Protocol, Realm};
use crate::text::clean_text;
use std::collections::HashSet;
use std::net::IpAddr;
use wire::net::Mac;

/// Whether a host is one that a baseline lists: it spoke, and for itself.
pub(crate) fn is_asset(host: &Host) -> bool {
    let lists = match host.endpoint {
        Endpoint::Ip(IpAddr::V6(ip)) => !ip.is_unicast_link_local(),
        Endpoint::Ip(_) => true,
        Endpoint::Mac(mac) => mac.is_station(),
    };
    lists && host.sent > 0 && host.endpoint.is_unicast() && !host.group
}

/// Hardware addresses of hosts that speak IP: the same machines, not others.
pub(crate) fn cards(core: &Core) -> HashSet<Mac> {
    let ip = core.hosts.iter().filter(|(_, host)| matches!(host.endpoint, Endpoint::Ip(_)));
    ip.flat_map(|(_, host)| host.macs.iter().copied()).collect()
}

/// The name of a link, if a baseline lists links of this kind.
pub(crate) fn link_name(core: &Core, key: &LinkKey) -> Option<LinkName> {
    let lists = key.protocol.realm() != Realm::Network && key.protocol != Protocol::Silent;
    if !lists || key.client == HostId(0) || key.server == HostId(0) {
        return None;
    }
    let unnamed = matches!(key.protocol, Protocol::Tcp | Protocol::Udp) && key.port < DYNAMIC_PORT;
    Some(LinkName {
        client: core.hosts.get(key.client)?.endpoint.to_string(),
        server: core.hosts.get(key.server)?.endpoint.to_string(),
        protocol: key.protocol,
        port: if unnamed { key.port } else { 0 },
    })
}

/// Which data a touch was about: numbers of an area where the name says so, else the name itself.
pub(crate) fn place_of(key: &PointKey, name: &str) -> Place {
    let last = key.first.saturating_add(key.count.max(1) - 1);
    let numbers =
        if last > key.first { format!(" {}..{last}", key.first) } else { format!(" {}", key.first) };
    let (area, first, last) = match name.strip_suffix(&numbers) {
        Some(area) => (area, key.first, last),
        None => (name, WHOLE, WHOLE),
    };
    Place { area: Area { unit: key.unit, name: clean_text(area) }, first, last }
}

impl Baseline {
    /// What is in the tables: with links that were active since a time.
    pub(crate) fn seen(core: &Core, since_ns: i64) -> Self {
        let mut seen =
            Self { since_ns: core.coverage.first_ns, until_ns: core.coverage.last_ns, ..Self::default() };
        let cards = cards(core);
        for (_, host) in core.hosts.iter().filter(|(_, host)| host.last_ns >= since_ns && is_asset(host)) {
            let is_card = matches!(host.endpoint, Endpoint::Mac(mac) if cards.contains(&mac));
            if !is_card {
                seen.assets.insert(host.endpoint.to_string(), host.first_ns);
            }
        }
        for link in core.links.iter().filter(|link| link.last_ns >= since_ns) {
            let Some(name) = link_name(core, &link.key) else { continue };
            let norm = seen.links.entry(name).or_default();
            norm.first_ns = if norm.first_ns == 0 { link.first_ns } else { norm.first_ns.min(link.first_ns) };
            for count in &link.functions {
                let name = || function_name(link.key.protocol, count.function).into_owned();
                norm.functions.entry(count.function).or_insert_with(|| (name(), count.effect));
            }
            let (low, high, minutes) = link.minutes.range();
            if minutes > 0 {
                let rate = Rate { low, high, minutes };
                norm.rate = Some(norm.rate.map_or(rate, |known| known.merge(rate)));
            }
        }
        for (key, point) in core.points.iter() {
            seen.touched(core, key, point);
        }
        seen
    }

    fn touched(&mut self, core: &Core, key: &PointKey, point: &Point) {
        let place = place_of(key, &point.name);
        for (peers, written) in [(&point.readers, false), (&point.writers, true)] {
            for peer in peers {
                let link = LinkKey { client: *peer, server: key.server, protocol: key.protocol, port: 0 };
                let Some(norm) = link_name(core, &link).and_then(|name| self.links.get_mut(&name)) else {
                    continue;
                };
                let areas = if written { &mut norm.writes } else { &mut norm.reads };
                let (_, room) = add(areas, &place);
                self.no_room += u64::from(!room);
            }
        }
    }
}
