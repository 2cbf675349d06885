//! Who asks for one address after the other.

use crate::hosts::{Endpoint, Host, HostId, Hosts};
use std::collections::HashMap;
use std::net::IpAddr;

/// A search is what happens within this, in nanoseconds.
const WINDOW_NS: i64 = 10_000_000_000;
/// Whoever is there has answered after this.
const PATIENCE_NS: i64 = 300_000_000;
/// So many addresses at which nobody is make a search.
const MANY: usize = 24;
/// Most addresses that are kept of one asker.
const MAX_ASKED: usize = 64;
/// Most askers; whoever asked longest ago gives way.
const MAX_ASKERS: usize = 1_024;

struct Asker {
    since_ns: i64,
    asked: Vec<(IpAddr, i64)>,
    told: bool,
}

/// The table of askers.
#[derive(Default)]
pub struct Sweeps {
    askers: HashMap<HostId, Asker>,
}

impl Sweeps {
    /// Notes that a host asked for an address. How many it asked for in vain, once per search.
    pub fn asked(&mut self, by: HostId, address: IpAddr, now_ns: i64, hosts: &Hosts) -> Option<usize> {
        if self.askers.len() >= MAX_ASKERS && !self.askers.contains_key(&by) {
            self.askers.retain(|_, asker| now_ns.saturating_sub(asker.since_ns) < WINDOW_NS);
            if self.askers.len() >= MAX_ASKERS {
                self.askers.clear();
            }
        }
        let fresh = || Asker { since_ns: now_ns, asked: Vec::new(), told: false };
        let asker = self.askers.entry(by).or_insert_with(fresh);
        if !(0..WINDOW_NS).contains(&now_ns.saturating_sub(asker.since_ns)) {
            *asker = fresh();
        }
        if asker.asked.len() < MAX_ASKED && !asker.asked.iter().any(|(known, _)| *known == address) {
            asker.asked.push((address, now_ns));
        }
        if asker.told || asker.asked.len() < MANY {
            return None;
        }
        let is_there = |host: Option<&Host>| host.is_some_and(|host| host.sent > 0);
        let in_vain = |(ip, since): &&(IpAddr, i64)| {
            now_ns.saturating_sub(*since) >= PATIENCE_NS && !is_there(hosts.find(Endpoint::Ip(*ip)))
        };
        let count = asker.asked.iter().filter(in_vain).count();
        (count >= MANY).then(|| {
            asker.told = true;
            count
        })
    }
}
