//! Conversations: packets between two ports, both directions together.

use crate::core::Talk;
use crate::decode::Decoder;
use crate::hosts::{Evidence, HostId};
use crate::links::{LinkId, LinkKey};
use crate::protocol::Protocol;
use crate::stream::Half;
use std::collections::HashMap;
use std::net::IpAddr;

/// What names a conversation: the smaller end first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowKey {
    low: (IpAddr, u16),
    high: (IpAddr, u16),
    tcp: bool,
}

impl FlowKey {
    /// The key, and whether the sender is the smaller end.
    pub fn new(source: (IpAddr, u16), destination: (IpAddr, u16), tcp: bool) -> (Self, bool) {
        if source <= destination {
            (Self { low: source, high: destination, tcp }, true)
        } else {
            (Self { low: destination, high: source, tcp }, false)
        }
    }

    pub const fn is_tcp(&self) -> bool {
        self.tcp
    }
}

/// Where a conversation is counted. What was not recognised yet, or by a guess the wrong way round, moves when more is known.
#[derive(Debug, Clone, Copy)]
pub struct Booked {
    pub key: LinkKey,
    pub link: LinkId,
    /// Packets and bytes that were counted there, from the smaller end and from the other.
    pub low: (u64, u64),
    pub high: (u64, u64),
    pub client_is_low: bool,
    /// Counted as seen in one direction only.
    pub one_way: bool,
}

/// Data that may be put into a connection of others.
#[derive(Debug, Clone, Copy)]
pub struct Stray {
    pub talk: Talk,
    pub from_low: bool,
    /// What whoever takes it acknowledges, and from where it goes on.
    pub end: u32,
    pub next: u32,
    /// Its sender's hops are not those that it had before.
    pub is_strange: bool,
}

/// One conversation. Of pairs, the first is of the smaller end.
pub struct Flow {
    pub key: FlowKey,
    pub hosts: (HostId, HostId),
    /// Whether the smaller end is the client.
    pub client_is_low: bool,
    /// The client is known by its SYN, not guessed.
    pub certain: bool,
    pub halves: (Half, Half),
    pub protocol: Option<Protocol>,
    pub decoder: Option<Box<dyn Decoder>>,
    /// Pieces of data that were looked at in vain.
    pub tries: u8,
    /// What was sent last while the roles were not known, and whether the smaller end sent it.
    pub unsure: Option<(bool, u64)>,
    pub booked: Option<Booked>,
    /// Packets and bytes from the smaller end, and from the other, since they were accounted.
    pub low: (u64, u64),
    pub high: (u64, u64),
    /// Ever seen: packets from the smaller end, from the other.
    pub seen: (bool, bool),
    pub data: bool,
    /// Its beginning was seen.
    pub opened: bool,
    /// A segment that begins a connection, or belongs to none, as scanners send them: without an acknowledgement.
    pub probed: bool,
    /// Data of a connection that was never seen to open, and that nobody took yet.
    pub stray: Option<Stray>,
    pub first: Evidence,
    pub first_ns: i64,
    pub last_ns: i64,
}

impl Flow {
    pub const fn client(&self) -> HostId {
        if self.client_is_low { self.hosts.0 } else { self.hosts.1 }
    }

    pub const fn server(&self) -> HostId {
        if self.client_is_low { self.hosts.1 } else { self.hosts.0 }
    }

    /// The direction from the smaller end, or the other.
    pub const fn half(&self, from_low: bool) -> &Half {
        if from_low { &self.halves.0 } else { &self.halves.1 }
    }

    pub const fn half_mut(&mut self, from_low: bool) -> &mut Half {
        if from_low { &mut self.halves.0 } else { &mut self.halves.1 }
    }

    pub const fn server_port(&self) -> u16 {
        if self.client_is_low { self.key.high.1 } else { self.key.low.1 }
    }

    pub const fn client_port(&self) -> u16 {
        if self.client_is_low { self.key.low.1 } else { self.key.high.1 }
    }

    /// Who speaks if a packet comes from the smaller end, or from the other; when and in which packet is for [`Talk::at`].
    pub fn talk(&self, from_low: bool) -> Talk {
        Talk {
            time_ns: self.last_ns,
            evidence: self.first,
            client: self.client(),
            server: self.server(),
            port: self.server_port(),
            client_port: self.client_port(),
            from_client: self.client_is_low == from_low,
            opened: self.opened,
            torn: false,
        }
    }
}

/// The table of conversations.
pub struct Flows {
    places: HashMap<FlowKey, usize>,
    list: Vec<Flow>,
    limit: usize,
}

impl Flows {
    pub fn new(limit: usize) -> Self {
        Self { places: HashMap::new(), list: Vec::new(), limit: limit.max(8) }
    }

    pub fn place(&self, key: &FlowKey) -> Option<usize> {
        self.places.get(key).copied()
    }

    pub fn at(&mut self, place: usize) -> Option<&mut Flow> {
        self.list.get_mut(place)
    }

    pub const fn is_full(&self) -> bool {
        self.list.len() >= self.limit
    }

    /// Takes an eighth of all out of the table: those that were silent longest.
    pub fn evict(&mut self) -> Vec<Flow> {
        let mut ages: Vec<i64> = self.list.iter().map(|flow| flow.last_ns).collect();
        let count = (ages.len() / 8).max(1).min(ages.len().saturating_sub(1));
        let (_, limit, _) = ages.select_nth_unstable(count);
        let limit = *limit;
        let mut gone = Vec::with_capacity(count);
        let mut at = 0;
        while at < self.list.len() && gone.len() < count {
            if self.list.get(at).is_some_and(|flow| flow.last_ns <= limit) {
                let flow = self.list.swap_remove(at);
                self.places.remove(&flow.key);
                if let Some(moved) = self.list.get(at) {
                    self.places.insert(moved.key, at);
                }
                gone.push(flow);
            } else {
                at += 1;
            }
        }
        gone
    }

    pub fn insert(&mut self, flow: Flow) -> usize {
        let at = self.list.len();
        self.places.insert(flow.key, at);
        self.list.push(flow);
        at
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Flow> {
        self.list.iter_mut()
    }
}
