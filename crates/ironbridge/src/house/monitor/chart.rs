//! The map: assets, and what passes between them.

use super::{Watching, rows};
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, HashMap, HashSet};
use watch::book::{AssetBook, Standing};
use watch::report::LinkRow;
use web::shapes as api;

const MAX_NODES: usize = 2_000;
const MAX_EDGES: usize = 8_000;

impl Watching {
    pub(super) fn map(&self) -> api::MonitorMap {
        let (seen, around) = (self.seen.load(), self.around.load());
        let findings = self.findings.lock();
        let (open, assets) = (findings.open_by_asset(), self.assets.lock());
        let mut nodes: Vec<api::MonitorAsset> =
            assets.assets.iter().map(|(id, known)| rows::asset(id, known, &around, &open)).collect();
        let mut between: HashMap<(&str, &str), (usize, u16)> = HashMap::new();
        for kept in findings.findings.values().filter(|kept| kept.standing == Standing::Open) {
            let sum = between.entry((kept.source.as_str(), kept.target.as_str())).or_default();
            *sum = (sum.0 + 1, sum.1.max(kept.severity));
        }
        let mut edges = edges(&seen.report.links, &assets, &between);
        let mut more = nodes.len() > MAX_NODES || edges.len() > MAX_EDGES;
        // The busiest, but first what has findings.
        nodes.sort_by_key(|node| Reverse((node.worst, node.live, node.sent + node.received)));
        nodes.truncate(MAX_NODES);
        edges.sort_by_key(|edge| Reverse((edge.worst, edge.packets)));
        edges.truncate(MAX_EDGES);
        let there: HashSet<&str> = nodes.iter().map(|node| node.id.as_str()).collect();
        let before = edges.len();
        edges.retain(|edge| there.contains(edge.client.as_str()) && there.contains(edge.server.as_str()));
        more |= edges.len() < before;
        let mut zones: Vec<String> = nodes.iter().map(|node| node.zone.clone()).collect();
        zones.sort();
        zones.dedup();
        let mut levels: Vec<Option<f64>> = nodes.iter().map(|node| node.level).collect();
        levels.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
        levels.dedup();
        api::MonitorMap { nodes: nodes.into_iter().map(node).collect(), edges, zones, levels, more }
    }
}

fn node(asset: api::MonitorAsset) -> api::MonitorNode {
    api::MonitorNode {
        label: if asset.name.is_empty() { asset.id.clone() } else { asset.name },
        id: asset.id,
        role: asset.role,
        level: asset.level,
        zone: asset.zone,
        approved: asset.approved,
        own: asset.own,
        connection: asset.connection,
        live: asset.live,
        serves: asset.serves,
        asks: asset.asks,
        findings: asset.findings,
        worst: asset.worst,
    }
}

/// Links summed up by who asks whom; groups of addresses are left out.
fn edges(
    links: &[LinkRow],
    assets: &AssetBook,
    between: &HashMap<(&str, &str), (usize, u16)>,
) -> Vec<api::MonitorEdge> {
    let mut edges: BTreeMap<(&str, &str), api::MonitorEdge> = BTreeMap::new();
    for link in links {
        let ends = (link.client.as_str(), link.server.as_str());
        if !assets.assets.contains_key(ends.0) || !assets.assets.contains_key(ends.1) {
            continue;
        }
        let edge = edges.entry(ends).or_insert_with(|| {
            let findings = between.get(&ends).copied();
            api::MonitorEdge {
                client: link.client.clone(),
                server: link.server.clone(),
                protocols: Vec::new(),
                packets: 0,
                bytes: 0,
                changes: 0,
                encrypted: false,
                one_way: false,
                findings: findings.map_or(0, |(count, _)| count),
                worst: findings.map(|(_, worst)| worst),
                last: 0.0,
            }
        });
        let key = link.protocol.key();
        if !edge.protocols.iter().any(|known| known == key) {
            edge.protocols.push(key.to_owned());
        }
        edge.packets += link.packets_to_client + link.packets_to_server;
        edge.bytes += link.bytes_to_client + link.bytes_to_server;
        edge.changes += link.changes;
        edge.encrypted |= rows::seen(link) == "encrypted";
        edge.one_way |= rows::seen(link) == "one-way";
        edge.last = edge.last.max(link.last.millis_f64());
    }
    edges.into_values().collect()
}
