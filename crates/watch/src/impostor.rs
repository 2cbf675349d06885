//! Whether a packet comes from the machine whose address it carries, and took no detour.
//!
//! ```text
//!   announced card ≠ sender's or receiver's card ─▶ diverted        (somebody stands between: ARP was poisoned before)
//!   hops of another kind than always             ─▶ another machine (the same address, another network stack)
//!   data on a connection that nobody opened      ─▶ put in          (the capture has been running long enough to know)
//! ```

use crate::core::{Core, Talk};
use crate::detect::net;
use crate::flow::Flow;
use crate::hosts::Host;
use crate::monitor::Context;
use crate::protocol::Realm;
use wire::net::ip;

/// So many packets say what the hops of a host are.
const LEARNED: u16 = 8;
/// From then on every connection that lives was seen to open, or to be there from the start.
const SETTLED_NS: i64 = 300_000_000_000;
/// A connection that was silent for so long comes back.
const ASLEEP_NS: i64 = 60_000_000_000;

/// The number of hops that a machine begins with, from what is left of it: stacks begin with one of these.
const fn first_hops(left: u8) -> u8 {
    match left {
        0..=32 => 32,
        33..=64 => 64,
        65..=128 => 128,
        _ => 255,
    }
}

/// Looks at a TCP segment with data, before its conversation takes note of it; `talk` says who speaks.
pub fn judge(core: &mut Core, context: &Context<'_>, ip: &ip::Packet<'_>, flow: &Flow, talk: &Talk) {
    let diverted = diverted(core, context, talk);
    if !diverted && flow.protocol.is_some_and(|protocol| protocol.realm() == Realm::Ot) {
        another_machine(core, ip.ttl, talk);
    }
}

fn diverted(core: &mut Core, context: &Context<'_>, talk: &Talk) -> bool {
    let (from, to) = if talk.from_client { (talk.client, talk.server) } else { (talk.server, talk.client) };
    if let Some(host) = core.hosts.get_mut(from).filter(|host| host.rival.is_some())
        && context.frame.source.as_ref() == host.macs.first()
    {
        host.contested_ns = Some(talk.time_ns);
    }
    // A device that was replaced has another card, too, but then the first is gone.
    let rival = |host: Option<&Host>, mac| {
        let host = host.filter(|host| host.is_contested(talk.time_ns))?;
        host.rival.filter(|rival| Some(*rival) == mac)
    };
    let card = rival(core.hosts.get(from), context.frame.source)
        .or_else(|| rival(core.hosts.get(to), context.frame.destination));
    if let Some(card) = card {
        core.findings.raise(&net::diverted::RULE, talk.scene(), format_args!("over {card}"));
    }
    card.is_some()
}

fn another_machine(core: &mut Core, hops: u8, talk: &Talk) {
    let hops = first_hops(hops);
    let Some(host) = core.hosts.get_mut(talk.sender()) else { return };
    let (usual, count) = &mut host.hops;
    if *usual == hops {
        *count = count.saturating_add(1);
    } else if *count < LEARNED {
        host.hops = (hops, 1);
    } else {
        let (usual, address) = (*usual, host.endpoint);
        let role = if talk.from_client { "as a client" } else { "as a device" };
        let what = format_args!("{address} speaks {role} with {hops} hops to go, not {usual} as always");
        core.findings.raise(&net::impostor::RULE, talk.scene(), what);
    }
}

/// Looks at a conversation behind a segment with data: does it belong to a connection that was seen to open?
pub fn unopened(core: &mut Core, flow: &Flow, talk: &Talk, before_ns: Option<i64>) {
    let asleep = before_ns.is_none_or(|before| talk.time_ns.saturating_sub(before) >= ASLEEP_NS);
    let settled = flow.first_ns.saturating_sub(core.coverage.since_ns) >= SETTLED_NS;
    let is_ot = flow.protocol.is_some_and(|protocol| protocol.realm() == Realm::Ot);
    let contested = |host| core.hosts.get(host).is_some_and(|host| host.is_contested(talk.time_ns));
    // Where conversations had to be let go, their beginning may have been seen all the same.
    if asleep
        && settled
        && is_ot
        && !flow.opened
        && core.coverage.evicted_flows == 0
        && !contested(talk.client)
        && !contested(talk.server)
    {
        let protocol = flow.protocol.map_or("", |protocol| protocol.name());
        core.findings.raise(
            &net::unopened::RULE,
            talk.scene(),
            format_args!("{protocol} on port {}", talk.port),
        );
    }
}
