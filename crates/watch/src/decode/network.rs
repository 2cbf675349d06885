//! What the network itself tells: ARP, LLDP, spanning tree, DHCP, and protocols directly on Ethernet.

use super::{Decoder, profinet};
use crate::core::{Core, Talk};
use crate::detect::{self, goose, net};
use crate::findings::Scene;
use crate::hosts::{Claim, Endpoint, Field, HostId};
use crate::impostor;
use crate::monitor::Context;
use crate::protocol::Protocol;
use crate::publishers::Verdict;
use crate::stream::Step;
use std::net::IpAddr;
use wire::goose::GooseView;
use wire::net::{Arp, Content, Mac, dhcp, ethertype, ip, lldp};

/// Takes a frame that carries no IP.
pub fn layer2(context: &Context<'_>, core: &mut Core) {
    match context.frame.content {
        Content::Arp(arp) => arp_seen(context, &arp, core),
        Content::Other { ethertype, payload } => {
            let protocol = match ethertype {
                ethertype::PROFINET if payload.first() == Some(&0xFE) => Protocol::ProfinetDcp,
                ethertype::PROFINET => Protocol::Profinet,
                ethertype::ETHERCAT => Protocol::Ethercat,
                ethertype::GOOSE => Protocol::Goose,
                ethertype::SAMPLED_VALUES => Protocol::SampledValues,
                ethertype::LLDP => Protocol::Lldp,
                ethertype::PTP => Protocol::Ptp,
                _ => Protocol::Ethernet,
            };
            let Some(talk) = between(context, protocol, core) else { return };
            match protocol {
                Protocol::Lldp => neighbour(&lldp::read(payload), &talk, core),
                Protocol::Goose => published(&GooseView::new(payload), &talk, core),
                Protocol::ProfinetDcp => profinet::dcp(payload, &talk, core),
                Protocol::Profinet => profinet::cyclic(payload, &talk, core),
                _ => {}
            }
        }
        Content::Llc { dsap, snap, .. } => {
            let protocol = match (dsap, snap) {
                (0x42, _) | (_, 0x0000_000C_010B) => Protocol::SpanningTree,
                (0xAA, 0x0000_000C_2000) => Protocol::Cdp,
                _ => Protocol::Ethernet,
            };
            let Some(talk) = between(context, protocol, core) else { return };
            if protocol == Protocol::SpanningTree
                && let Some(host) = core.hosts.get_mut(talk.client)
            {
                host.bridge = true;
            }
        }
        Content::Ip(_) | Content::Malformed(_) => {}
    }
}

/// Counts a frame between two stations and says who they are.
fn between(context: &Context<'_>, protocol: Protocol, core: &mut Core) -> Option<Talk> {
    let (source, destination) = (context.frame.source?, context.frame.destination.unwrap_or(Mac::BROADCAST));
    if !source.is_station() {
        return None;
    }
    let client = core.hosts.id(Endpoint::Mac(source), context.time_ns);
    let server = core.hosts.id(Endpoint::Mac(destination), context.time_ns);
    core.hosts.sent(client, Some(source), context.frame.vlan, context.time_ns);
    core.hosts.received(server, context.frame.destination, context.time_ns);
    let (time_ns, evidence) = (context.time_ns, context.evidence);
    let talk = Talk::layer2((time_ns, evidence), client, server);
    let link = core.link(&talk, protocol).and_then(|id| core.links.get_mut(id))?;
    link.to_server.0 += 1;
    link.to_server.1 += context.bytes;
    link.last_ns = link.last_ns.max(context.time_ns);
    Some(talk)
}

fn arp_seen(context: &Context<'_>, arp: &Arp, core: &mut Core) {
    let Some(talk) = between(context, Protocol::Arp, core) else { return };
    // A probe asks whether an address is free: nobody has it yet.
    if arp.sender.is_unspecified() || !arp.sender_mac.is_station() {
        return;
    }
    let id = core.hosts.id(Endpoint::Ip(IpAddr::V4(arp.sender)), context.time_ns);
    let Some(host) = core.hosts.get_mut(id) else { return };
    let known = host.macs.clone();
    let was_announced = std::mem::replace(&mut host.announced, true);
    core.hosts.sent(id, Some(arp.sender_mac), context.frame.vlan, context.time_ns);
    // The same address from another card, and the first one was announced too: somebody stands in between, two have the same
    // address, or it moves. Who speaks from now on tells.
    if id != HostId(0) && was_announced && known.first().is_some_and(|first| *first != arp.sender_mac) {
        let scene = Scene { source: talk.client, target: talk.client, ..talk.scene() };
        let first = known.first().copied().unwrap_or_default();
        let claim = Claim { card: arp.sender_mac, first, scene, told: false };
        if let Some(host) = core.hosts.get_mut(id).filter(|host| host.claim.is_none()) {
            host.claim = Some(claim);
        }
    }
    impostor::claimed(core, id, Some(arp.sender_mac), &talk);
    if !arp.is_reply && arp.sender != arp.target {
        core.asked_for(id, arp.target.into(), &talk);
    }
}

fn published(view: &GooseView<'_>, talk: &Talk, core: &mut Core) {
    if let Some(problem) = view.problem() {
        return core.malformed(talk, Protocol::Goose, format_args!("{view}: {problem}"));
    }
    let scene = talk.scene();
    match core.publishers.judge(view, talk.client) {
        Verdict::Sound => {}
        Verdict::Jump(state, sequence) => {
            let what = format_args!("{view}; the other count is at state {state}, sequence {sequence}");
            core.findings.raise(&goose::jump::RULE, scene, what);
        }
        Verdict::Anew(state, sequence) => {
            let what = format_args!("{view}; before it state {state}, sequence {sequence}");
            core.findings.raise(&goose::anew::RULE, Scene { target: scene.source, ..scene }, what);
        }
        Verdict::Sender(first) => {
            let scene = Scene { target: first, ..scene };
            core.findings.raise(&goose::sender::RULE, scene, view);
        }
    }
    if view.is_simulation() {
        core.findings.raise(&goose::simulation::RULE, scene, view);
    }
}

fn neighbour(seen: &lldp::Lldp<'_>, talk: &Talk, core: &mut Core) {
    // What LLDP says belongs to the address of its management, if it gives one.
    let host = match seen.management {
        Some(octets) => core.hosts.id(Endpoint::Ip(IpAddr::from(octets)), talk.time_ns),
        None => talk.client,
    };
    let mac = core.hosts.get(talk.client).and_then(|host| host.macs.first().copied());
    if host != talk.client {
        core.hosts.sent(host, mac, None, talk.time_ns);
        if let Some(host) = core.hosts.get_mut(host) {
            host.announced = true;
        }
    }
    for (field, value) in [(Field::Name, seen.name), (Field::Description, seen.description)] {
        value.into_iter().for_each(|value| core.identity(host, field, value, "LLDP", talk));
    }
    // Bridge or router.
    if seen.capabilities & 0x14 != 0
        && let Some(host) = core.hosts.get_mut(host)
    {
        host.bridge = true;
    }
}

/// Takes an IP packet that is neither TCP nor UDP.
pub fn other_ip(context: &Context<'_>, ip: &ip::Packet<'_>, core: &mut Core) {
    let protocol = match ip.protocol {
        ip::protocol::ICMP | ip::protocol::ICMPV6 => Protocol::Icmp,
        ip::protocol::IGMP => Protocol::Igmp,
        _ => Protocol::Ip,
    };
    let client = core.hosts.id(Endpoint::Ip(ip.source), context.time_ns);
    let server = core.hosts.id(Endpoint::Ip(ip.destination), context.time_ns);
    core.hosts.sent(client, context.frame.source, context.frame.vlan, context.time_ns);
    core.hosts.received(server, context.frame.destination, context.time_ns);
    let (time_ns, evidence) = (context.time_ns, context.evidence);
    // An answer belongs to the link of its question.
    let is_reply = match (ip.protocol, ip.payload.first()) {
        (ip::protocol::ICMP, Some(kind)) => matches!(kind, 0 | 3 | 11),
        (ip::protocol::ICMPV6, Some(kind)) => matches!(kind, 1..=4 | 129 | 136),
        _ => false,
    };
    let talk = Talk::layer2((time_ns, evidence), client, server).with_client(!is_reply);
    if let Some(link) = core.link(&talk, protocol).and_then(|id| core.links.get_mut(id)) {
        let side = if is_reply { &mut link.to_client } else { &mut link.to_server };
        side.0 += 1;
        side.1 += context.bytes;
        link.last_ns = link.last_ns.max(time_ns);
    }
}

/// A conversation's protocol is recognised: some are worth a word by themselves.
pub fn met(protocol: Protocol, talk: &Talk, core: &mut Core) {
    if let Some(rule) = detect::met(protocol) {
        core.findings.raise(rule, talk.scene(), format_args!("{} on port {}", protocol.name(), talk.port));
    }
}

/// Most networks whose DHCP server is known.
const MAX_NETWORKS: usize = 64;

/// Notes who gives out addresses in a network.
fn server(talk: &Talk, core: &mut Core) {
    let vlan = core.hosts.get(talk.sender()).and_then(|host| host.vlan);
    match core.givers.iter().find(|(known, _)| *known == vlan) {
        Some((_, first)) if *first != talk.sender() => {
            let scene = Scene { source: talk.sender(), target: *first, ..talk.scene() };
            core.findings.raise(&net::dhcp::RULE, scene, "the other one was there first");
        }
        None if core.givers.len() < MAX_NETWORKS => core.givers.push((vlan, talk.sender())),
        _ => {}
    }
}

/// DHCP: names of clients.
pub struct Dhcp;

impl Decoder for Dhcp {
    fn stream(&mut self, bytes: &[u8], _: &Talk, _: &mut Core) -> Step {
        Step::Took(bytes.len())
    }

    fn datagram(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) {
        let Some(seen) = dhcp::read(bytes) else { return };
        // A server that answers without a relay between is in this network.
        if bytes.first() == Some(&2) && bytes.get(24..28) == Some(&[0; 4]) && matches!(seen.kind, 2 | 5) {
            server(talk, core);
        }
        // What the client says of itself, not what a server repeats.
        if bytes.first() != Some(&1) || !seen.client.is_station() {
            return;
        }
        let host = match seen.address {
            Some(address) => core.hosts.id(Endpoint::Ip(address.into()), talk.time_ns),
            None => core.hosts.id(Endpoint::Mac(seen.client), talk.time_ns),
        };
        core.hosts.sent(host, Some(seen.client), None, talk.time_ns);
        for (field, value) in [(Field::Name, seen.name), (Field::Description, seen.vendor_class)] {
            value.into_iter().for_each(|value| core.identity(host, field, value, "DHCP", talk));
        }
    }
}
