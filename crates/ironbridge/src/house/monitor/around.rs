//! What the plant says of the network: which addresses connections talk to, where their points stand, which are ours.

use crate::house::House;
use connect::discover::host_of;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for the addresses of a name.
const RESOLVE: Duration = Duration::from_secs(2);
/// Points of a connection that are asked where they stand.
const LOOK: usize = 64;
/// Most names that are looked up in one go.
const MAX_NAMES: usize = 64;

/// A connection of the plant.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    pub name: String,
    pub kind: &'static str,
    /// The other side as people read it.
    pub text: String,
    /// Its addresses; empty if it has none, or its name is not known.
    pub addresses: Vec<IpAddr>,
    pub port: Option<u16>,
    /// It is reached over IP.
    pub is_ip: bool,
    /// Zone of the assets that hold its points.
    pub zone: String,
}

/// Everything.
#[derive(Default)]
pub struct Around {
    pub endpoints: Vec<Endpoint>,
    /// Address to place in `endpoints`.
    by_address: HashMap<IpAddr, usize>,
    own: HashSet<IpAddr>,
}

impl Around {
    /// The connection that talks to an address.
    pub fn connection(&self, address: &str) -> Option<&Endpoint> {
        let address: IpAddr = address.parse().ok()?;
        self.endpoints.get(*self.by_address.get(&address)?)
    }

    /// Addresses of this machine.
    pub const fn own(&self) -> &HashSet<IpAddr> {
        &self.own
    }

    /// Whether an address is this machine's.
    pub fn is_own(&self, address: &str) -> bool {
        address.parse().is_ok_and(|address| self.own.contains(&address))
    }
}

/// Looks around.
pub async fn look(house: &Arc<House>) -> Around {
    let mut endpoints = endpoints(house);
    let mut names = 0;
    for endpoint in &mut endpoints {
        let Some(host) = host_of(&endpoint.text).map(str::to_owned) else { continue };
        endpoint.is_ip = true;
        if let Ok(address) = host.parse() {
            endpoint.addresses.push(address);
        } else if names < MAX_NAMES {
            names += 1;
            let found = tokio::time::timeout(RESOLVE, tokio::net::lookup_host((host, 0))).await;
            let found = found.ok().and_then(Result::ok).into_iter().flatten();
            endpoint.addresses.extend(found.map(|address| address.ip()));
        }
    }
    let places = endpoints.iter().enumerate();
    let by_address = places.flat_map(|(at, one)| one.addresses.iter().map(move |ip| (*ip, at))).collect();
    let own = tokio::task::spawn_blocking(pnet_datalink::interfaces).await.unwrap_or_default();
    let own = own.into_iter().flat_map(|interface| interface.ips).map(|network| network.ip()).collect();
    Around { endpoints, by_address, own }
}

fn endpoints(house: &House) -> Vec<Endpoint> {
    let facts = house.facts.load();
    let zones: HashMap<&str, &str> = facts
        .assets
        .iter()
        .filter(|asset| !asset.zone.is_empty())
        .map(|asset| (asset.path.as_str(), asset.zone.as_str()))
        .collect();
    let running = house.connections.lock();
    let endpoint = |(name, one): (&String, &super::super::Running<connect::south::Handle>)| {
        let status = one.handle.status();
        let points = one.handle.points();
        let mut paths = points.iter().take(LOOK).filter_map(|id| house.namespace.meta(*id));
        let zone = paths.find_map(|point| zone_above(point.path.as_str(), &zones)).unwrap_or_default();
        Endpoint {
            name: name.clone(),
            kind: status.kind,
            port: port_of(&status.endpoint),
            text: status.endpoint,
            zone: zone.to_owned(),
            ..Endpoint::default()
        }
    };
    running.iter().map(endpoint).collect()
}

/// The zone of the nearest asset above a path.
fn zone_above<'a>(path: &str, zones: &HashMap<&str, &'a str>) -> Option<&'a str> {
    let above = std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(above, _)| above));
    above.skip(1).find_map(|path| zones.get(path).copied())
}

/// The port at the end of the authority, e.g. of `10.20.1.11:502` or `opc.tcp://plc-1:4840/x`.
fn port_of(endpoint: &str) -> Option<u16> {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let authority = rest.split(['/', ' ']).next()?;
    authority.rsplit_once(':')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_zone_counts() {
        let zones = HashMap::from([("acme/leeds/a", "wide"), ("acme/leeds/a/b", "narrow")]);
        assert_eq!(zone_above("acme/leeds/a/b/c/x", &zones), Some("narrow"));
        assert_eq!(zone_above("acme/leeds/a/c", &zones), Some("wide"));
        assert_eq!(zone_above("acme/leeds/ab/c", &zones), None);
    }

    #[test]
    fn ports_of_endpoints() {
        for (text, port) in [
            ("10.20.1.11:502", Some(502)),
            ("opc.tcp://plc-1:4840/x", Some(4840)),
            ("[fe80::1]:102", Some(102)),
            ("/dev/ttyUSB0", None),
            ("http://meter/values", None),
        ] {
            assert_eq!(port_of(text), port, "{text}");
        }
    }
}
