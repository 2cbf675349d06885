//! Who is there, by EtherNet/IP: one datagram, ListIdentity (CIP Networks Library, Volume 2, 2-4.2).

use crate::discover::{Ask, Asker, Broadcast, Effort, Found, Probe, Reply, Transport, clean};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::net::{IpAddr, SocketAddr};
use wire::enip::encapsulation::{Command, Deframer, Header};
use wire::enip::{Identity, Limits, PORT};

/// Finds EtherNet/IP devices.
pub static PROBE: Probe = Probe {
    name: "ethernet-ip",
    title: "EtherNet/IP",
    port: PORT,
    transport: Transport::Udp,
    asks: "ListIdentity, one datagram an address",
    security: "EtherNet/IP has no password and no encryption unless CIP Security is set up: whoever reaches the port can read and write.",
    effort,
    broadcast: Some(Broadcast { from: 0, question, hear }),
    look,
};

/// Tells our answers from others.
const CONTEXT: u64 = 0x1B;

fn effort(_: &Ask) -> Effort {
    Effort { connections: 0, requests: 1 }
}

fn question() -> Vec<u8> {
    let mut request = Vec::new();
    Header::new(Command::ListIdentity, 0, CONTEXT).emit_with(&mut request, |_| {});
    request
}

fn answer(datagram: &[u8]) -> Option<Identity> {
    let (mut deframer, mut rest) = (Deframer::new(Limits::STANDARD.payload), datagram);
    let frame = deframer.feed(&mut rest).ok().flatten()?;
    let own = frame.header.command == Command::ListIdentity && frame.header.context == CONTEXT.to_le_bytes();
    if own { Identity::parse_list(frame.payload, &Limits::STANDARD).ok() } else { None }
}

fn hear(from: SocketAddr, datagram: &[u8]) -> Option<Found> {
    answer(datagram).map(|identity| found(from.ip(), from.port(), &identity))
}

fn look<'a>(asker: &'a mut Asker<'_>, _: &'a Ask) -> BoxFuture<'a, Vec<Found>> {
    async move {
        match asker.datagram(&question(), answer).await {
            Reply::Got(identity) => vec![found(asker.address(), asker.port(), &identity)],
            _ => Vec::new(),
        }
    }
    .boxed()
}

fn found(address: IpAddr, port: u16, identity: &Identity) -> Found {
    let vendor = identity.vendor_name().map_or_else(|| format!("vendor {}", identity.vendor), str::to_owned);
    let device = identity.type_name().map_or_else(|| format!("type {}", identity.device_type), str::to_owned);
    let (major, minor) = identity.revision;
    Found {
        vendor,
        model: clean(&identity.name),
        firmware: format!("{major}.{minor:03}"),
        serial: format!("{:08X}", identity.serial),
        details: vec![("device".into(), device), ("product code".into(), identity.product.to_string())],
        kind: Some(super::KIND.name),
        ..Found::new(&PROBE, address, port)
    }
}
