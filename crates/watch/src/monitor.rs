//! The monitor: takes packets, keeps what they tell.

use crate::core::{Core, Talk};
use crate::coverage::Coverage;
use crate::decode::{self, Decoder, Sight};
use crate::detect;
use crate::flow::{Flow, FlowKey, Flows};
use crate::fragments::Fragments;
use crate::hosts::{Endpoint, Evidence};
use crate::impostor;
use crate::limits::Limits;
use crate::operation::Operation;
use crate::protocol::Protocol;
use crate::report::Report;
use crate::stream::{Half, Shared, Step, Take};
use std::net::IpAddr;
use wire::net::{Content, Datagram, Frame, LinkType, Segment, flag, ip};

/// Pieces of data of a conversation that are looked at to recognise its protocol.
const MAX_TRIES: u8 = 32;
/// Bytes at the beginning of a stream that wait for more, so that its protocol can be recognised.
const ENOUGH: usize = 24;
/// From here on ports are those that a system gives to whoever asks: that servers listen on one tells nothing.
pub(crate) const DYNAMIC_PORT: u16 = 32_768;
/// Without packets for so long, in nanoseconds, a capture was stopped or is another one.
const PAUSE_NS: i64 = 600_000_000_000;

/// A captured packet.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// Number of the capture, from 0.
    pub file: u32,
    /// Number of the packet in it, from 1.
    pub frame: u64,
    /// When, in nanoseconds since 1970 UTC.
    pub time_ns: i64,
    /// Link type of tcpdump.org's registry.
    pub link: u16,
    /// Bytes on the wire; the data may be fewer.
    pub original: u32,
    /// As captured.
    pub data: &'a [u8],
}

/// The monitor.
pub struct Monitor {
    flows: Flows,
    fragments: Fragments,
    pub(crate) core: Core,
    shared: Shared,
}

/// A packet on its way: what all layers need of it.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub frame: Frame<'a>,
    pub time_ns: i64,
    pub evidence: Evidence,
    pub bytes: u64,
}

impl Monitor {
    /// An empty monitor.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            flows: Flows::new(limits.flows),
            fragments: Fragments::new(limits.fragments),
            core: Core::new(&limits),
            shared: Shared { max_parked: limits.parked, max_pending: limits.pending, ..Shared::default() },
        }
    }

    /// Lets somebody see every message with its packet, before it is counted.
    pub fn tap(&mut self, tap: impl FnMut(Evidence, &Operation<'_>) + Send + 'static) {
        self.core.tap = Some(Box::new(tap));
    }

    /// Takes a packet.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        let coverage = &mut self.core.coverage;
        coverage.packets += 1;
        let bytes = u64::from(packet.original).max(packet.data.len() as u64);
        coverage.bytes += bytes;
        let partial = bytes > packet.data.len() as u64;
        coverage.truncated += u64::from(partial);
        if packet.time_ns != 0 {
            // Captures come in the order of their names, not of their times.
            coverage.first_ns = match coverage.first_ns {
                0 => packet.time_ns,
                first => first.min(packet.time_ns),
            };
            if !(-PAUSE_NS..PAUSE_NS).contains(&packet.time_ns.saturating_sub(coverage.last_ns)) {
                coverage.since_ns = packet.time_ns;
            }
            coverage.last_ns = coverage.last_ns.max(packet.time_ns);
            if packet.time_ns >= self.core.guard.due_ns {
                self.core.settle(packet.time_ns);
            }
        }
        self.core.partial = partial;
        let link = LinkType(packet.link);
        if !link.is_read() {
            self.core.coverage.unread_link += 1;
            return;
        }
        let evidence = Evidence { file: packet.file, frame: packet.frame };
        let frame = Frame::new(link, packet.data);
        let context = Context { frame, time_ns: packet.time_ns, evidence, bytes };
        match frame.content {
            Content::Ip(ip) => self.ip(&context, &ip),
            Content::Malformed(_) => self.core.coverage.malformed_headers += 1,
            _ => decode::layer2(&context, &mut self.core),
        }
    }

    fn ip(&mut self, context: &Context<'_>, ip: &ip::Packet<'_>) {
        if ip.fragment.is_none() {
            return self.transport(context, ip);
        }
        let whole = self.fragments.add(ip, context.time_ns);
        self.core.coverage.lost_fragments = self.fragments.lost;
        if let Some(payload) = whole {
            self.transport(context, &ip::Packet { fragment: None, payload: &payload, ..*ip });
        }
    }

    fn transport(&mut self, context: &Context<'_>, ip: &ip::Packet<'_>) {
        match ip.protocol {
            ip::protocol::TCP => match Segment::new(ip.payload) {
                Ok(segment) => self.tcp(context, ip, &segment),
                Err(_) => self.core.coverage.malformed_headers += 1,
            },
            ip::protocol::UDP => match Datagram::new(ip.payload) {
                Ok(datagram) => self.udp(context, ip, &datagram),
                Err(_) => self.core.coverage.malformed_headers += 1,
            },
            _ => decode::other_ip(context, ip, &mut self.core),
        }
    }

    fn tcp(&mut self, context: &Context<'_>, ip: &ip::Packet<'_>, segment: &Segment<'_>) {
        let ends = ((ip.source, segment.source), (ip.destination, segment.destination));
        let (key, from_low) = FlowKey::new(ends.0, ends.1, true);
        let opens = segment.has(flag::SYN);
        let client = opens.then(|| !segment.has(flag::ACK));
        let place = self.place(context, key, from_low, ends, client);
        let Self { flows, core, shared, .. } = self;
        let Some(flow) = flows.at(place) else { return };
        if client == Some(true) && flow.half(from_low).is_another(segment.sequence) {
            // The same ports again: another connection.
            restart(flow, core, shared, context);
        }
        if let Some(sender_is_client) = client.filter(|_| !flow.certain) {
            flow.client_is_low = sender_is_client == from_low;
            flow.certain = true;
        }
        let before_ns = flow.data.then_some(flow.last_ns);
        note(flow, core, context, from_low);
        let stamp = (context.time_ns, context.evidence);
        flow.opened |= opens;
        flow.probed |= segment.flags & (flag::ACK | flag::RST) == 0;
        impostor::taken(core, flow, from_low, segment);
        if opens {
            flow.half_mut(from_low).open(segment.sequence);
        }
        let was_known = flow.protocol.is_some();
        if segment.has(flag::ACK) {
            let number = segment.acknowledged;
            converse(flow, core, !from_low, |half, take| half.acknowledge(number, shared, take));
        }
        if !segment.payload.is_empty() {
            flow.data = true;
            let (sequence, data) = (segment.sequence, (segment.payload, stamp));
            converse(flow, core, from_low, |half, take| half.segment(sequence, data, shared, take));
            if !was_known && flow.protocol.is_some() {
                // What waited until the protocol was known; the client's words come first.
                for low in [flow.client_is_low, !flow.client_is_low] {
                    converse(flow, core, low, |half, take| half.again(stamp, shared, take));
                }
            }
            let talk = flow.talk(from_low).at(stamp);
            if std::mem::take(&mut shared.changed) {
                core.findings.raise(&detect::net::CHANGED, talk.scene(), "the same place, other bytes");
            }
            let is_strange = impostor::judge(core, context, ip, flow, &talk);
            impostor::unopened(core, flow, (&talk, from_low), segment, (before_ns, is_strange));
        }
        if segment.flags & (flag::FIN | flag::RST) != 0 {
            core.account(flow);
        }
    }

    fn udp(&mut self, context: &Context<'_>, ip: &ip::Packet<'_>, datagram: &Datagram<'_>) {
        let ends = ((ip.source, datagram.source), (ip.destination, datagram.destination));
        let (key, from_low) = FlowKey::new(ends.0, ends.1, false);
        let place = self.place(context, key, from_low, ends, None);
        let Self { flows, core, .. } = self;
        let Some(flow) = flows.at(place) else { return };
        note(flow, core, context, from_low);
        if datagram.payload.is_empty() {
            return;
        }
        flow.data = true;
        let talk = flow.talk(from_low).at((context.time_ns, context.evidence));
        Speaker::new(flow, core).0.take(datagram.payload, &talk);
    }

    /// Where the conversation of a packet stands in the table; makes it if it is new.
    fn place(
        &mut self,
        context: &Context<'_>,
        key: FlowKey,
        from_low: bool,
        (source, destination): ((IpAddr, u16), (IpAddr, u16)),
        client: Option<bool>,
    ) -> usize {
        if let Some(place) = self.flows.place(&key) {
            return place;
        }
        if self.flows.is_full() {
            for mut gone in self.flows.evict() {
                self.core.coverage.evicted_flows += 1;
                gone.halves.0.forget(&mut self.shared);
                gone.halves.1.forget(&mut self.shared);
                self.core.account(&mut gone);
            }
        }
        let mut host = |ip: IpAddr| self.core.hosts.id(Endpoint::Ip(ip), context.time_ns);
        let (sender, receiver) = (host(source.0), host(destination.0));
        let sender_is_client = client.unwrap_or_else(|| decode::sender_is_client(source.1, destination.1));
        self.core.coverage.flows += 1;
        self.flows.insert(Flow {
            key,
            hosts: if from_low { (sender, receiver) } else { (receiver, sender) },
            client_is_low: sender_is_client == from_low,
            certain: client.is_some(),
            halves: (Half::default(), Half::default()),
            protocol: None,
            decoder: None,
            tries: 0,
            unsure: None,
            booked: None,
            low: (0, 0),
            high: (0, 0),
            seen: (false, false),
            data: false,
            opened: !key.is_tcp(),
            probed: false,
            stray: None,
            first: context.evidence,
            first_ns: context.time_ns,
            last_ns: context.time_ns,
        })
    }

    /// No more packets come: what waits for a piece that is missing is read as it is.
    pub fn end(&mut self) {
        let Self { flows, core, shared, .. } = self;
        for flow in flows.iter_mut() {
            for from_low in [true, false] {
                converse(flow, core, from_low, |half, take| half.end(shared, take));
            }
            core.account(flow);
        }
        core.settle(i64::MAX);
        self.untaken(i64::MAX);
    }

    /// Judges data of connections that nobody opened, and that nobody took in time.
    pub(crate) fn untaken(&mut self, now_ns: i64) {
        if std::mem::take(&mut self.core.strays) == 0 {
            return;
        }
        for flow in self.flows.iter_mut() {
            impostor::untaken(&mut self.core, flow, now_ns);
        }
    }

    /// How many findings there are.
    #[must_use]
    pub const fn findings(&self) -> usize {
        self.core.findings.len()
    }

    /// What was seen and what was not, so far.
    #[must_use]
    pub const fn coverage(&self) -> &Coverage {
        &self.core.coverage
    }

    /// What is known now.
    #[must_use]
    pub fn report(&mut self) -> Report {
        self.untaken(self.core.coverage.last_ns);
        for flow in self.flows.iter_mut() {
            self.core.account(flow);
        }
        let coverage = &mut self.core.coverage;
        coverage.repeated = self.shared.repeated;
        coverage.gaps = self.shared.gaps;
        coverage.gap_bytes = self.shared.gap_bytes;
        coverage.undecoded_bytes = self.shared.undecoded_bytes;
        Report::new(&self.core)
    }
}

/// Counts a packet of a conversation.
fn note(flow: &mut Flow, core: &mut Core, context: &Context<'_>, from_low: bool) {
    let (sender, receiver) = if from_low { flow.hosts } else { (flow.hosts.1, flow.hosts.0) };
    let count = if from_low { &mut flow.low } else { &mut flow.high };
    count.0 += 1;
    count.1 += context.bytes;
    *(if from_low { &mut flow.seen.0 } else { &mut flow.seen.1 }) = true;
    flow.last_ns = context.time_ns;
    core.hosts.sent(sender, context.frame.source, context.frame.vlan, context.time_ns);
    if core.hosts.get(sender).is_some_and(|host| host.claim.is_some()) {
        let talk = flow.talk(from_low).at((context.time_ns, context.evidence));
        impostor::claimed(core, sender, context.frame.source, &talk);
    }
    core.hosts.received(receiver, context.frame.destination, context.time_ns);
}

/// Lets one direction of a conversation hand over what is in order.
fn converse(flow: &mut Flow, core: &mut Core, from_low: bool, feed: impl FnOnce(&mut Half, &mut Take<'_>)) {
    let talk = flow.talk(from_low);
    let (mut speaker, halves) = Speaker::new(flow, core);
    let half = if from_low { &mut halves.0 } else { &mut halves.1 };
    feed(half, &mut |bytes, stamp, torn| speaker.take(bytes, &Talk { torn, ..talk.at(stamp) }));
}

/// Ends what went over these ports before.
fn restart(flow: &mut Flow, core: &mut Core, shared: &mut Shared, context: &Context<'_>) {
    core.account(flow);
    core.coverage.flows += 1;
    flow.halves.0.forget(shared);
    flow.halves.1.forget(shared);
    flow.halves = (Half::default(), Half::default());
    (flow.decoder, flow.protocol, flow.booked, flow.tries) = (None, None, None, 0);
    (flow.certain, flow.data, flow.seen, flow.unsure) = (false, false, (false, false), None);
    (flow.opened, flow.probed, flow.stray) = (false, false, None);
    (flow.first, flow.first_ns) = (context.evidence, context.time_ns);
}

/// Brings bytes to the decoder of a conversation, once its protocol is recognised.
struct Speaker<'a> {
    decoder: &'a mut Option<Box<dyn Decoder>>,
    protocol: &'a mut Option<Protocol>,
    tries: &'a mut u8,
    unsure: &'a mut Option<(bool, u64)>,
    client_is_low: &'a mut bool,
    certain: bool,
    /// Port of the client, if the roles turn out to be the other way round.
    other_port: u16,
    turned: bool,
    /// It was recognised by an echo.
    echoed: bool,
    core: &'a mut Core,
    tcp: bool,
}

impl<'a> Speaker<'a> {
    fn new(flow: &'a mut Flow, core: &'a mut Core) -> (Self, &'a mut (Half, Half)) {
        let (tcp, certain, other_port) = (flow.key.is_tcp(), flow.certain, flow.client_port());
        let Flow { decoder, protocol, tries, unsure, client_is_low, halves, .. } = flow;
        let (turned, echoed) = (false, false);
        let speaker = Self {
            decoder,
            protocol,
            tries,
            unsure,
            client_is_low,
            certain,
            other_port,
            turned,
            echoed,
            core,
            tcp,
        };
        (speaker, halves)
    }

    fn take(&mut self, bytes: &[u8], talk: &Talk) -> Step {
        let mut talk = if self.turned { talk.turned(self.other_port) } else { *talk };
        let mut waits = false;
        if self.protocol.is_none() && *self.tries < MAX_TRIES {
            *self.tries += 1;
            let is_short = bytes.len() < ENOUGH || decode::is_beginning(bytes);
            waits = self.tcp && is_short && *self.tries < MAX_TRIES;
            if let Some((protocol, turns)) = self.recognise(bytes, &talk) {
                if turns {
                    talk = talk.turned(self.other_port);
                    self.turned = true;
                    *self.client_is_low = !*self.client_is_low;
                }
                *self.protocol = Some(protocol);
                // A greeting that several protocols share makes no link: what comes behind it tells.
                if !decode::is_greeting(protocol, bytes) {
                    self.core.link(&talk, protocol);
                }
                *self.decoder = decode::decoder(protocol);
                decode::met(protocol, &talk, self.core);
                if self.echoed {
                    // What it answers waits in the other direction and comes first.
                    return Step::Took(0);
                }
            }
        }
        match self.decoder {
            Some(decoder) if self.tcp => {
                let step = decoder.stream(bytes, &talk, self.core);
                if let Step::Is(protocol) = step {
                    *self.protocol = Some(protocol);
                    *self.decoder = decode::decoder(protocol);
                    self.core.link(&talk, protocol);
                }
                step
            }
            Some(decoder) => {
                decoder.datagram(bytes, &talk, self.core);
                Step::Took(bytes.len())
            }
            None if self.protocol.is_none() && waits => Step::Took(0),
            None => Step::Took(bytes.len()),
        }
    }

    /// The protocol, and whether who was taken for the client is the server.
    fn recognise(&mut self, bytes: &[u8], talk: &Talk) -> Option<(Protocol, bool)> {
        let here = Sight { bytes, port: talk.port, tcp: self.tcp, from_client: talk.from_client };
        let there = Sight { port: self.other_port, from_client: !talk.from_client, ..here };
        let by_port = [talk.port, self.other_port].map(decode::is_server_port);
        let found = decode::recognise(&here).map(|protocol| (protocol, false)).or_else(|| {
            // A server may open the connection, or its client was taken for one: the data tell.
            let may_turn = self.tcp && (by_port[1] || !self.certain);
            Some((decode::recognise(&there).filter(|_| may_turn)?, true))
        });
        let (protocol, turns) = found?;
        let port_tells = by_port[0] != by_port[1] && talk.port < DYNAMIC_PORT;
        // Whose connection it is does not tell who asks in DNP3, but its port does tell who listens.
        if self.certain || (port_tells && protocol == Protocol::Dnp3) {
            return Some((protocol, turns));
        }
        match decode::asks(protocol, bytes, talk.from_client != turns) {
            Some(asks) => Some((protocol, asks != talk.from_client)),
            None if port_tells || !self.tcp || *self.tries >= MAX_TRIES => Some((protocol, turns)),
            None => {
                self.echoed = self.is_echo(bytes, talk);
                self.echoed.then_some((protocol, talk.from_client))
            }
        }
    }

    /// Whether the other end said the very same before: then this is the answer to it.
    fn is_echo(&mut self, bytes: &[u8], talk: &Talk) -> bool {
        let from_low = *self.client_is_low == talk.from_client;
        let said = decode::hash(decode::adus(bytes).last().unwrap_or(bytes));
        self.unsure.replace((from_low, said)) == Some((!from_low, said))
    }
}
