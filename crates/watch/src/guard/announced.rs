//! Traffic of our own that a person said yes to: a search for devices, a measurement, a look at what a device holds.

use super::Core;
use crate::hosts::{Endpoint, Host, HostId};
use std::collections::HashSet;
use std::net::IpAddr;

/// Most that are remembered; those that are over go first.
const MAX: usize = 64;
/// How much earlier or later than told its packets may be: capture and gateway read their clocks apart.
const SLACK_NS: i64 = 2_000_000_000;

/// Who is asked, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// Tells them apart.
    pub id: String,
    /// Who is asked.
    pub addresses: HashSet<IpAddr>,
    /// Whether a question goes to everybody on a cable, too.
    pub everybody: bool,
    /// From this time on, nanoseconds since 1970 UTC.
    pub from_ns: i64,
    /// Until this time; [`i64::MAX`] while it goes on.
    pub until_ns: i64,
}

impl Announced {
    fn is_at(&self, time_ns: i64) -> bool {
        (self.from_ns.saturating_sub(SLACK_NS)..=self.until_ns.saturating_add(SLACK_NS)).contains(&time_ns)
    }

    fn asks(&self, host: &Host) -> bool {
        match host.endpoint {
            Endpoint::Ip(ip) if self.addresses.contains(&ip) => true,
            endpoint => self.everybody && (host.group || !endpoint.is_unicast()),
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Announcements(Vec<Announced>);

impl Announcements {
    /// Takes one; one with a known id is changed. False if there is no room.
    pub fn take(&mut self, announced: Announced) -> bool {
        if let Some(known) = self.0.iter_mut().find(|known| known.id == announced.id) {
            *known = announced;
            return true;
        }
        if self.0.len() >= MAX {
            self.0.retain(|known| known.is_at(announced.from_ns));
        }
        let room = self.0.len() < MAX;
        if room {
            self.0.push(announced);
        }
        room
    }

    pub fn asks(&self, host: &Host, time_ns: i64) -> bool {
        self.0.iter().any(|one| one.is_at(time_ns) && one.asks(host))
    }
}

impl Core {
    /// Whether we ask this host because a person said yes to it.
    pub(crate) fn is_announced(&self, client: HostId, server: HostId, time_ns: i64) -> bool {
        !self.guard.announced.0.is_empty()
            && self.is_own(client)
            && self.hosts.get(server).is_some_and(|host| self.guard.announced.asks(host, time_ns))
    }

    /// Whether we look for hosts because a person said yes to it.
    pub(crate) fn is_searching(&self, by: HostId, time_ns: i64) -> bool {
        self.guard.announced.0.iter().any(|one| one.is_at(time_ns)) && self.is_own(by)
    }
}
