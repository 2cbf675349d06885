//! Whether a packet comes from the machine whose address it carries, and took no detour.
//!
//! ```text
//!   announced card ≠ sender's or receiver's card ─▶ diverted        (somebody stands between: ARP was poisoned before)
//!   announced by two cards                       ─▶ contested, or moved (only the second one goes on)
//!   hops of another kind than always             ─▶ another machine (the same address, another network stack)
//!   data on a connection that nobody opened      ─▶ put in          (the capture has been running long enough to know)
//! ```

use crate::core::{Core, Talk};
use crate::detect::{Rule, net};
use crate::flow::{Flow, Stray};
use crate::hosts::{Claim, Host, HostId};
use crate::monitor::Context;
use crate::protocol::Realm;
use wire::net::{Mac, Segment, flag, ip};

/// So many packets say what the hops of a host are.
const LEARNED: u16 = 8;
/// From then on every connection that lives was seen to open, or to be there from the start.
const SETTLED_NS: i64 = 300_000_000_000;
/// A connection that was silent for so long comes back.
const ASLEEP_NS: i64 = 60_000_000_000;
/// Whoever has a connection takes its data within this.
const PATIENCE_NS: i64 = 1_000_000_000;
/// Bytes that may be on their way when the other end answers something older.
const WINDOW: u32 = 65_535;
/// Whose address it was has spoken within this, if it is still there.
const MOVED_NS: i64 = 5_000_000_000;
/// In the first minute all kinds of hops that come are usual: several machines may share an address.
const LEARNING_NS: i64 = 60_000_000_000;

/// Numbers of hops that machines begin with.
const BEGINNINGS: [u8; 4] = [32, 64, 128, 255];

/// Which of them a packet began with, from what is left of it.
fn first_hops(left: u8) -> usize {
    BEGINNINGS.iter().position(|first| left <= *first).unwrap_or_default()
}

/// A set of them in words.
fn hops_of(set: u8) -> String {
    let words = BEGINNINGS.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
    words.map(|(_, hops)| hops.to_string()).collect::<Vec<_>>().join(" or ")
}

/// Looks at a TCP segment with data, before its conversation takes note of it; `talk` says who speaks. Whether its hops are
/// not those that its sender had until now.
pub fn judge(core: &mut Core, context: &Context<'_>, ip: &ip::Packet<'_>, flow: &Flow, talk: &Talk) -> bool {
    let is_ot = flow.protocol.is_some_and(|protocol| protocol.realm() == Realm::Ot);
    !diverted(core, context, talk) && is_ot && another_machine(core, ip.ttl, talk)
}

fn diverted(core: &mut Core, context: &Context<'_>, talk: &Talk) -> bool {
    let (from, to) = if talk.from_client { (talk.client, talk.server) } else { (talk.server, talk.client) };
    // A device that was replaced has another card, too, but then the first is gone.
    let rival = |host: Option<&Host>, mac| {
        let host = host.filter(|host| host.is_contested(talk.time_ns))?;
        host.claim.map(|claim| claim.card).filter(|card| Some(*card) == mac)
    };
    let card = rival(core.hosts.get(from), context.frame.source)
        .or_else(|| rival(core.hosts.get(to), context.frame.destination));
    if let Some(card) = card {
        core.findings.raise(&net::diverted::RULE, talk.scene(), format_args!("over {card}"));
    }
    card.is_some()
}

fn another_machine(core: &mut Core, hops: u8, talk: &Talk) -> bool {
    let bit = 1 << first_hops(hops);
    let Some(host) = core.hosts.get_mut(talk.sender()) else { return false };
    let (usual, count) = &mut host.hops;
    if *usual & bit != 0 {
        *count = count.saturating_add(1);
        return false;
    }
    let is_strange = *count > 0;
    if talk.time_ns.saturating_sub(host.first_ns) < LEARNING_NS {
        (*usual, *count) = (*usual | bit, 1);
    } else if *count < LEARNED {
        (*usual, *count) = (bit, 1);
    } else {
        let (usual, hops, address) = (hops_of(*usual), hops_of(bit), host.endpoint);
        let role = if talk.from_client { "as a client" } else { "as a device" };
        let what = format_args!("{address} speaks {role} with {hops} hops to go, not {usual} as always");
        core.findings.raise(&net::impostor::RULE, talk.scene(), what);
    }
    is_strange
}

/// Looks at a conversation behind a segment with data: does it belong to a connection that was seen to open?
pub fn unopened(
    core: &mut Core,
    flow: &mut Flow,
    (talk, from_low): (&Talk, bool),
    segment: &Segment<'_>,
    (before_ns, is_strange): (Option<i64>, bool),
) {
    let asleep = before_ns.is_none_or(|before| talk.time_ns.saturating_sub(before) >= ASLEEP_NS);
    let settled = flow.first_ns.saturating_sub(core.coverage.since_ns) >= SETTLED_NS;
    let is_ot = flow.protocol.is_some_and(|protocol| protocol.realm() == Realm::Ot);
    // Where conversations had to be let go, their beginning may have been seen all the same.
    if asleep && settled && is_ot && !flow.opened && core.coverage.evicted_flows == 0 {
        let length = u32::try_from(segment.payload.len()).unwrap_or(0);
        core.strays = core.strays.saturating_add(1);
        flow.stray = Some(Stray {
            is_strange,
            talk: *talk,
            from_low,
            end: segment.sequence.wrapping_add(length),
            next: segment.acknowledged,
        });
    }
}

/// A connection that is older than the capture and seldom used looks the same, but there both ends agree on what was said: the
/// other end acknowledges just these data and goes on where their sender waits. Who knows of no connection resets it; where
/// somebody speaks for one of them, the numbers do not fit, or the hops.
pub fn taken(core: &mut Core, flow: &mut Flow, from_low: bool, segment: &Segment<'_>) {
    let Some(stray) = flow.stray.filter(|stray| stray.from_low != from_low) else { return };
    let missing = stray.end.wrapping_sub(segment.acknowledged);
    let fits = segment.sequence == stray.next;
    if segment.has(flag::RST) || missing > WINDOW || !fits || stray.is_strange {
        flow.stray = None;
        tell(core, flow, &stray.talk);
    } else if missing == 0 {
        (flow.stray, flow.opened) = (None, true);
    }
}

/// Nobody took the data in time.
pub fn untaken(core: &mut Core, flow: &mut Flow, now_ns: i64) {
    let late = |stray: &mut Stray| now_ns.saturating_sub(stray.talk.time_ns) >= PATIENCE_NS;
    if let Some(stray) = flow.stray.take_if(late) {
        tell(core, flow, &stray.talk);
    }
    core.strays += u32::from(flow.stray.is_some());
}

fn tell(core: &mut Core, flow: &Flow, talk: &Talk) {
    let contested = |host| core.hosts.get(host).is_some_and(|host| host.is_contested(talk.time_ns));
    if !contested(talk.client) && !contested(talk.server) {
        let protocol = flow.protocol.map_or("", |protocol| protocol.name());
        let what = format_args!("{protocol} on port {}", talk.port);
        core.findings.raise(&net::unopened::RULE, talk.scene(), what);
    }
}

/// Looks at who speaks under an address that another card was announced for, too.
///
/// ```text
///   both go on            ─▶ two cards fight for it
///   only the other one    ─▶ it moved: a partner took over, a device was replaced
/// ```
pub fn claimed(core: &mut Core, id: HostId, card: Option<Mac>, talk: &Talk) {
    let Some(host) = core.hosts.get_mut(id) else { return };
    let Some(claim) = host.claim else { return };
    if host.macs.first().copied() == card {
        host.contested_ns = Some(talk.time_ns);
        if !claim.told {
            host.claim = Some(Claim { told: true, ..claim });
            raise(core, &net::ARP, id, &claim);
        }
    } else if card == Some(claim.card)
        && !claim.told
        && talk.time_ns.saturating_sub(claim.scene.time_ns) >= MOVED_NS
    {
        // From here on it is the other one's.
        host.claim = None;
        if let Some(at) = host.macs.iter().position(|mac| *mac == claim.card) {
            host.macs.swap(0, at);
        }
        host.hops = (0, 0);
        let first = claim.first;
        raise(core, &net::moved::RULE, id, &Claim { first, ..claim });
    }
}

fn raise(core: &mut Core, rule: &'static Rule, id: HostId, claim: &Claim) {
    let Some(address) = core.hosts.get(id).map(|host| host.endpoint) else { return };
    let what = format_args!("{address} was at {}, then also at {}", claim.first, claim.card);
    core.findings.raise(rule, claim.scene, what);
}
