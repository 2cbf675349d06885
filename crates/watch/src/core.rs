//! What is known: decoders add to it, rules look at it, reports are made of it.

use crate::coverage::Coverage;
use crate::decode::is_server_port;
use crate::detect::{self, Rule, Seen};
use crate::findings::{Findings, Scene};
use crate::flow::{Booked, Flow};
use crate::guard::{Guard, Written};
use crate::hosts::{Evidence, Field, HostId, Hosts};
use crate::limits::Limits;
use crate::links::{LinkId, LinkKey, Links, changes};
use crate::operation::{Kind, Operation, Outcome};
use crate::points::{PointKey, Points, Touch};
use crate::protocol::{Protocol, Realm};
use crate::publishers::Publishers;
use crate::stream::Stamp;
use crate::sweep::Sweeps;
use std::fmt::Display;
use std::net::IpAddr;

/// Most rules that fire at one operation.
const MAX_FIRED: usize = 6;

/// Who speaks, when and in which packet.
#[derive(Debug, Clone, Copy)]
pub struct Talk {
    pub time_ns: i64,
    pub evidence: Evidence,
    pub client: HostId,
    pub server: HostId,
    /// Port of the server.
    pub port: u16,
    /// Port of the client.
    pub client_port: u16,
    pub from_client: bool,
    /// The beginning of the conversation was seen.
    pub opened: bool,
    /// Bytes are missing shortly before these.
    pub torn: bool,
}

impl Talk {
    /// One frame from one to the other, where there are no connections and no ports.
    pub const fn layer2((time_ns, evidence): Stamp, client: HostId, server: HostId) -> Self {
        let (from_client, opened, torn) = (true, true, false);
        Self { time_ns, evidence, client, server, port: 0, client_port: 0, from_client, opened, torn }
    }

    /// The same the other way round, for protocols whose roles are not those of the connection.
    pub const fn with_client(mut self, sender_is_client: bool) -> Self {
        if self.from_client != sender_is_client {
            (self.client, self.server) = (self.server, self.client);
            self.from_client = sender_is_client;
        }
        self
    }

    /// The same with the other end as the server, on this port.
    pub const fn turned(self, port: u16) -> Self {
        let (client, server) = (self.server, self.client);
        Self { client, server, port, from_client: !self.from_client, ..self }
    }

    /// The same at another time, in another packet.
    pub const fn at(mut self, (time_ns, evidence): Stamp) -> Self {
        (self.time_ns, self.evidence) = (time_ns, evidence);
        self
    }

    /// Who sent the packet.
    pub const fn sender(&self) -> HostId {
        if self.from_client { self.client } else { self.server }
    }

    /// From who sent the packet to who gets it.
    pub const fn sent_scene(&self) -> Scene {
        let (source, target) =
            if self.from_client { (self.client, self.server) } else { (self.server, self.client) };
        Scene { source, target, ..self.scene() }
    }

    pub const fn scene(&self) -> Scene {
        Scene {
            source: self.client,
            target: self.server,
            time_ns: self.time_ns,
            evidence: self.evidence,
            window: 0,
        }
    }
}

/// Sees every message with its packet.
pub type Tap = Box<dyn FnMut(Evidence, &Operation<'_>) + Send>;

/// All tables.
pub struct Core {
    pub hosts: Hosts,
    pub links: Links,
    pub points: Points,
    pub publishers: Publishers,
    pub findings: Findings,
    pub sweeps: Sweeps,
    /// Who gives out addresses, by VLAN.
    pub givers: Vec<(Option<u16>, HostId)>,
    pub coverage: Coverage,
    pub guard: Guard,
    pub tap: Option<Tap>,
    /// Conversations with data that nobody took yet, at least.
    pub strays: u32,
    /// The packet at hand was captured in part: what it lacks is not its sender's fault.
    pub partial: bool,
}

impl Core {
    pub fn new(limits: &Limits) -> Self {
        Self {
            hosts: Hosts::new(limits.hosts),
            links: Links::new(limits.links),
            points: Points::new(limits.points),
            publishers: Publishers::new(limits.hosts),
            findings: Findings::new(limits.findings),
            sweeps: Sweeps::default(),
            givers: Vec::new(),
            coverage: Coverage::default(),
            guard: Guard::default(),
            tap: None,
            strays: 0,
            partial: false,
        }
    }

    /// The link of a conversation in a protocol.
    pub fn link(&mut self, talk: &Talk, protocol: Protocol) -> Option<LinkId> {
        let key = LinkKey { client: talk.client, server: talk.server, protocol, port: talk.port };
        let known = self.links.len();
        let id = self.links.id(key, talk.time_ns)?;
        if self.links.len() > known {
            self.new_link(id, talk);
        }
        Some(id)
    }

    /// Takes a message that a decoder saw.
    pub fn operation(&mut self, talk: &Talk, op: &Operation<'_>) {
        self.coverage.messages += u64::from(op.protocol.realm() == Realm::Ot);
        if let Some(tap) = &mut self.tap {
            tap(talk.evidence, op);
        }
        let Some(id) = self.link(talk, op.protocol) else { return };
        let Some(link) = self.links.get_mut(id) else { return };
        link.begun |= talk.opened;
        let counted = link.count(op, talk.time_ns);
        if op.kind == Kind::Request && (link.requests == 1 || (link.changes == 1 && changes(op.effect))) {
            let trusted = |host| self.hosts.get(host).is_some_and(|host| !host.searches);
            let newcomer = self.links.is_newcomer(id, trusted);
            self.links.get_mut(id).into_iter().for_each(|link| link.newcomer = newcomer);
        }
        match op.kind {
            Kind::Request => {
                if let Some(client) = self.hosts.get_mut(talk.client) {
                    client.asks |= op.protocol.bit();
                    client.engineers |= op.effect.is_engineering();
                }
            }
            Kind::Response | Kind::Notice => {
                if let Some(server) = self.hosts.get_mut(talk.server) {
                    server.serves |= op.protocol.bit();
                }
            }
        }
        self.counted(id, counted, talk, op);
        let mut fired: [Option<&'static Rule>; MAX_FIRED] = [None; MAX_FIRED];
        if let (Some(link), Some(client), Some(server)) =
            (self.links.get(id), self.hosts.get(talk.client), self.hosts.get(talk.server))
        {
            let seen = Seen { op, link, client, server };
            let hits = detect::rules(op.protocol).iter().copied().filter(|rule| (rule.trigger)(&seen));
            fired.iter_mut().zip(hits).for_each(|(place, rule)| *place = Some(rule));
        }
        let window = if op.effect.is_engineering() { self.window(talk.server, talk.time_ns) } else { 0 };
        // What a person said yes to looks like a search to every rule; changes are no part of it.
        let is_agreed = !changes(op.effect) && self.is_announced(talk.client, talk.server, talk.time_ns);
        for rule in fired.into_iter().flatten() {
            if !is_agreed && !self.knows_better(rule, &talk.scene()) {
                self.findings.raise(rule, Scene { window, ..talk.scene() }, op);
            }
        }
    }

    /// Takes that a host asked whether somebody is at an address.
    pub fn asked_for(&mut self, by: HostId, address: IpAddr, talk: &Talk) {
        if self.is_searching(by, talk.time_ns) {
            return;
        }
        let Some(count) = self.sweeps.asked(by, address, talk.time_ns, &self.hosts) else { return };
        self.hosts.get_mut(by).into_iter().for_each(|host| host.searches = true);
        let scene = Scene { source: by, target: by, ..talk.scene() };
        self.findings.raise(&detect::net::SWEEP, scene, format_args!("{count} and more, the last {address}"));
    }

    /// Takes what a host said of itself.
    pub fn identity(&mut self, host: HostId, field: Field, value: &[u8], source: &'static str, talk: &Talk) {
        self.hosts.fact(host, field, value, source, talk.evidence);
    }

    /// Takes data that were read or written.
    pub fn point(
        &mut self,
        talk: &Talk,
        protocol: Protocol,
        (unit, space, first, count): (u32, u64, u32, u32),
        touch: Touch,
        name: impl FnOnce() -> String,
    ) {
        let key = PointKey { server: talk.server, protocol, unit, space, first, count };
        match touch {
            Touch::Read => {
                if self.points.touch(key, talk.client, touch, (talk.time_ns, talk.evidence), name) {
                    self.new_read(&key, talk);
                }
            }
            Touch::Write(value) => self.write(talk, key, Written { value, bytes: &[] }, name),
        }
    }

    /// Takes whether what a conversation says can be read by everybody.
    pub fn hidden(&mut self, talk: &Talk, protocol: Protocol, hidden: bool) {
        self.coverage.encrypted_flows += u64::from(hidden);
        if let Some(link) = self.link(talk, protocol).and_then(|id| self.links.get_mut(id)) {
            link.hidden = hidden;
        }
    }

    /// Takes a message that breaks the rules of its protocol.
    pub fn malformed(&mut self, talk: &Talk, protocol: Protocol, what: impl Display) {
        if self.partial || talk.torn {
            return;
        }
        self.coverage.malformed_messages += 1;
        if let Some(link) = self.link(talk, protocol).and_then(|id| self.links.get_mut(id)) {
            link.malformed += 1;
        }
        let contested = |host| self.hosts.get(host).is_some_and(|host| host.is_contested(talk.time_ns));
        // Where somebody stands between and changes lengths, streams do not fit any more: that is told by other findings.
        if !contested(talk.client) && !contested(talk.server) {
            self.findings.raise(detect::malformed(protocol), talk.sent_scene(), what);
        }
    }

    /// Adds what a conversation carried to its link, and counts it once.
    pub fn account(&mut self, flow: &mut Flow) {
        let protocol = match (flow.protocol, flow.data) {
            (Some(protocol), _) => protocol,
            (None, true) if flow.key.is_tcp() => Protocol::Tcp,
            (None, true) => Protocol::Udp,
            (None, false) => Protocol::Silent,
        };
        let talk = Talk {
            time_ns: flow.first_ns,
            evidence: flow.first,
            client: flow.client(),
            server: flow.server(),
            port: if protocol == Protocol::Silent { 0 } else { flow.server_port() },
            client_port: flow.client_port(),
            from_client: true,
            opened: flow.opened,
            torn: false,
        };
        let key = LinkKey { client: talk.client, server: talk.server, protocol, port: talk.port };
        if let Some(moved) = flow.booked.take_if(|booked| booked.key != key) {
            self.take_back(flow, moved);
        }
        let one_way = flow.seen != (true, true);
        let is_new = flow.booked.is_none();
        let booked = match flow.booked {
            Some(booked) => booked,
            None => {
                let Some(link) = self.link(&talk, protocol) else { return };
                let client_is_low = flow.client_is_low;
                Booked { key, link, low: (0, 0), high: (0, 0), client_is_low, one_way: false }
            }
        };
        let Some(link) = self.links.get_mut(booked.link) else { return };
        link.last_ns = link.last_ns.max(flow.last_ns);
        let (there, back) = if flow.client_is_low { (flow.low, flow.high) } else { (flow.high, flow.low) };
        for (sum, new) in [(&mut link.to_server, there), (&mut link.to_client, back)] {
            *sum = (sum.0 + new.0, sum.1 + new.1);
        }
        let add = |sum: (u64, u64), new: (u64, u64)| (sum.0 + new.0, sum.1 + new.1);
        let (low, high) = (add(booked.low, flow.low), add(booked.high, flow.high));
        (flow.low, flow.high) = ((0, 0), (0, 0));
        flow.booked = Some(Booked { low, high, one_way, ..booked });
        self.coverage.one_way_flows += u64::from(one_way);
        self.coverage.one_way_flows = self.coverage.one_way_flows.saturating_sub(booked.one_way.into());
        if is_new {
            self.counted_flow(flow, &talk, booked);
        }
    }

    /// What a conversation that is counted for the first time means for those who hold it.
    fn counted_flow(&mut self, flow: &Flow, talk: &Talk, booked: Booked) {
        let protocol = booked.key.protocol;
        let Some(link) = self.links.get_mut(booked.link) else { return };
        link.flows += 1;
        if flow.probed || !flow.key.is_tcp() {
            link.tried(flow.server_port());
        }
        let ports = link.tried_ports();
        if protocol.realm() != Realm::Unknown && flow.seen == (true, true) {
            self.hosts.get_mut(talk.client).into_iter().for_each(|host| host.asks |= protocol.bit());
            self.hosts.get_mut(talk.server).into_iter().for_each(|host| host.serves |= protocol.bit());
        }
        self.coverage.encrypted_flows += u64::from(protocol.is_encrypted());
        self.coverage.unknown_flows += u64::from(is_unknown(protocol));
        if flow.data && is_side_talk(protocol, flow) {
            let is_controller =
                |host: HostId| self.hosts.get(host).is_some_and(|host| host.serves & Protocol::OT_BITS != 0);
            if is_controller(talk.client) && is_controller(talk.server) {
                let what = format_args!("{} on port {}", protocol.name(), talk.port);
                self.findings.raise(&detect::net::side_talk::RULE, talk.scene(), what);
            }
        }
        if protocol == Protocol::Silent
            && flow.key.is_tcp()
            && flow.probed
            && ports >= detect::SCAN_PORTS
            && !self.is_announced(talk.client, talk.server, talk.time_ns)
        {
            self.findings.raise(
                &detect::net::SCAN,
                talk.scene(),
                format_args!("port {}", flow.server_port()),
            );
        }
    }

    /// Takes a conversation out of the link in which it was counted before more was known of it.
    fn take_back(&mut self, flow: &mut Flow, booked: Booked) {
        let Booked { low, high, client_is_low, key, .. } = booked;
        let (there, back) = if client_is_low { (low, high) } else { (high, low) };
        self.links.take_back(booked.link, there, back);
        for (sum, given) in [(&mut flow.low, low), (&mut flow.high, high)] {
            *sum = (sum.0 + given.0, sum.1 + given.1);
        }
        let coverage = &mut self.coverage;
        coverage.one_way_flows = coverage.one_way_flows.saturating_sub(booked.one_way.into());
        coverage.unknown_flows = coverage.unknown_flows.saturating_sub(is_unknown(key.protocol).into());
        coverage.encrypted_flows =
            coverage.encrypted_flows.saturating_sub(key.protocol.is_encrypted().into());
    }

    /// Notes an outcome of a refused or done request.
    pub const fn outcome(refused: Option<u32>) -> Outcome {
        match refused {
            Some(code) => Outcome::Refused(code),
            None => Outcome::Done,
        }
    }
}

/// Whether somebody said something that is not understood.
const fn is_unknown(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Tcp | Protocol::Udp)
}

/// Whether a conversation is one that controllers have no reason for: no protocol of theirs, no known port.
fn is_side_talk(protocol: Protocol, flow: &Flow) -> bool {
    let hidden = matches!(protocol, Protocol::Tls | Protocol::Ssh | Protocol::Tcp);
    hidden && !is_server_port(flow.server_port()) && !is_server_port(flow.client_port())
}
