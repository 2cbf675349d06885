//! What is kept of links and of data touched, beyond one run.
//!
//! ```text
//!   what earlier runs saw ─┐
//!   report of this run ────┴─▶ complete ─▶ report of all runs ─▶ pages
//!                                                 └─▶ kept ─▶ disk ─▶ what earlier runs saw, at the next start
//! ```
//! Rationale: what earlier runs saw stays as it was read at the start, and each report of this run is put together with it anew.
//! So nothing is counted twice however often a report is made, and whoever reads a report needs to know of one list only.

use super::{AssetBook, VERSION};
use crate::points::MAX_PEERS;
use crate::protocol::Protocol;
use crate::report::{LinkRow, PointRow, Report};
use model::Time;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::HashMap;

/// Most links that are kept; above that those go that were seen longest ago.
pub const MAX_LINKS: usize = 65_536;
/// Most points; the same.
pub const MAX_POINTS: usize = 131_072;
/// Most functions of a link.
const MAX_FUNCTIONS: usize = 128;

/// Links and points that earlier runs saw.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TrafficBook {
    /// Version of the format.
    pub version: u32,
    /// Since when is counted.
    pub since: Time,
    /// Links and points that made room for others, since then.
    #[serde(default)]
    pub forgotten: u64,
    links: Vec<LinkRow>,
    points: Vec<PointRow>,
}

/// The same for the disk, of rows that others hold.
#[derive(Debug, Serialize)]
pub struct KeptTraffic<'a> {
    version: u32,
    since: Time,
    forgotten: u64,
    links: Vec<&'a LinkRow>,
    points: Vec<&'a PointRow>,
}

impl Default for TrafficBook {
    fn default() -> Self {
        Self { version: VERSION, since: Time(0), forgotten: 0, links: Vec::new(), points: Vec::new() }
    }
}

type LinkName = (String, String, Protocol, u16);
type PointName = (String, Protocol, u32, String);

fn link_name(link: &LinkRow) -> LinkName {
    (link.client.clone(), link.server.clone(), link.protocol, link.port)
}

fn point_name(point: &PointRow) -> PointName {
    (point.server.clone(), point.protocol, point.unit, point.name.clone())
}

/// Brings what was seen earlier into rows: to the row of the same name, else behind them.
fn join<T: Clone, N: std::hash::Hash + Eq>(
    rows: &mut Vec<T>,
    earlier: impl Iterator<Item = T>,
    name: fn(&T) -> N,
    add: fn(&mut T, T),
) {
    let mut places: HashMap<N, usize> = rows.iter().enumerate().map(|(at, row)| (name(row), at)).collect();
    for old in earlier {
        let at = *places.entry(name(&old)).or_insert(rows.len());
        match rows.get_mut(at) {
            Some(row) => add(row, old),
            None => rows.push(old),
        }
    }
}

fn add_link(link: &mut LinkRow, old: LinkRow) {
    for (sum, more) in [
        (&mut link.connections, old.connections),
        (&mut link.packets_to_server, old.packets_to_server),
        (&mut link.bytes_to_server, old.bytes_to_server),
        (&mut link.packets_to_client, old.packets_to_client),
        (&mut link.bytes_to_client, old.bytes_to_client),
        (&mut link.changes, old.changes),
        (&mut link.malformed, old.malformed),
    ] {
        *sum = sum.saturating_add(more);
    }
    (link.first, link.last) = (link.first.min(old.first), link.last.max(old.last));
    link.called = link.called.or(old.called);
    join(
        &mut link.functions,
        old.functions.into_iter(),
        |function| function.function,
        |function, old| {
            function.requests = function.requests.saturating_add(old.requests);
            function.answers = function.answers.saturating_add(old.answers);
            function.refused = function.refused.saturating_add(old.refused);
        },
    );
    link.functions.sort_by_key(crate::report::FunctionRow::rank);
    link.functions.truncate(MAX_FUNCTIONS);
}

fn add_point(point: &mut PointRow, old: PointRow) {
    point.reads = point.reads.saturating_add(old.reads);
    point.writes = point.writes.saturating_add(old.writes);
    (point.first, point.last) = (point.first.min(old.first), point.last.max(old.last));
    point.last_value = point.last_value.or(old.last_value);
    point.others = point.others.saturating_add(old.others);
    for (peers, more) in [(&mut point.readers, old.readers), (&mut point.writers, old.writers)] {
        more.into_iter().for_each(|peer| {
            if !peers.contains(&peer) {
                peers.push(peer)
            }
        });
        point.others = point.others.saturating_add(peers.len().saturating_sub(MAX_PEERS) as u64);
        peers.truncate(MAX_PEERS);
    }
}

/// The newest rows, in the order in which they came, and how many had no room.
fn newest<T>(rows: &[T], most: usize, last: fn(&T) -> Time) -> (Vec<&T>, u64) {
    let gone = rows.len().saturating_sub(most);
    if gone == 0 {
        return (rows.iter().collect(), 0);
    }
    let mut by_age: Vec<(usize, &T)> = rows.iter().enumerate().collect();
    by_age.sort_by_key(|(_, row)| Reverse(last(row)));
    by_age.truncate(most);
    by_age.sort_by_key(|(at, _)| *at);
    (by_age.into_iter().map(|(_, row)| row).collect(), gone as u64)
}

impl TrafficBook {
    /// A run begins.
    pub fn begin(&mut self, now: Time) {
        if self.since == Time(0) {
            self.since = now;
        }
    }

    /// Makes a report of this run one of all runs. Machines that are listed otherwise today are named as today.
    pub fn complete(&self, report: &mut Report, assets: &AssetBook) {
        if self.links.is_empty() && self.points.is_empty() {
            return;
        }
        let names = assets.names();
        let now = |id: &mut String| {
            if let Some(name) = names.get(id.as_str()) {
                *id = (*name).to_owned();
            }
        };
        let links = self.links.iter().cloned().map(|mut link| {
            [&mut link.client, &mut link.server].into_iter().for_each(now);
            link
        });
        join(&mut report.links, links, link_name, add_link);
        report.links.sort_by(|a, b| a.rank().cmp(&b.rank()));
        let points = self.points.iter().cloned().map(|mut point| {
            now(&mut point.server);
            point.readers.iter_mut().chain(&mut point.writers).for_each(now);
            point
        });
        join(&mut report.points, points, point_name, add_point);
        report.points.sort_by(|a, b| (a.protocol, &a.server, a.unit).cmp(&(b.protocol, &b.server, b.unit)));
    }

    /// What is to be kept of a report that is complete.
    #[must_use]
    pub fn kept<'a>(&self, report: &'a Report) -> KeptTraffic<'a> {
        let (links, links_gone) = newest(&report.links, MAX_LINKS, |link| link.last);
        let (points, points_gone) = newest(&report.points, MAX_POINTS, |point| point.last);
        let forgotten = self.forgotten + links_gone + points_gone;
        KeptTraffic { version: VERSION, since: self.since, forgotten, links, points }
    }

    /// Forgets what earlier runs saw of an asset.
    pub fn forget(&mut self, id: &str) {
        self.links.retain(|link| link.client != id && link.server != id);
        self.points.retain(|point| point.server != id);
        for point in &mut self.points {
            point.readers.retain(|peer| peer != id);
            point.writers.retain(|peer| peer != id);
        }
    }
}

#[cfg(test)]
mod tests;
