//! Who is there, by EtherNet/IP: one datagram, ListIdentity (CIP Networks Library, Volume 2, 2-4.2).

use crate::discover::{Ask, Asker, Broadcast, Effort, Found, Probe, Reply, Transport, clean};
use crate::south::pccc;
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

/// What reads a Rockwell product, by the bulletin in front of its catalogue number: controllers with data files instead of
/// tags (1747 SLC 500, 1761 to 1766 MicroLogix and 1761-NET-ENI, 1785 PLC-5; manuals 1747-UM011, 1763-UM001, 1766-UM001,
/// 1785-UM012), and Micro800 (2080-UM002), which has no backplane to go through.
fn reads(name: &str, found: &mut Found) {
    const DATA_FILES: [&str; 7] = ["1747-", "1761-", "1762-", "1763-", "1764-", "1766-", "1785-"];
    if DATA_FILES.iter().any(|bulletin| name.starts_with(bulletin)) {
        found.kind = Some(pccc::KIND.name);
    }
    if name.starts_with("1785-") {
        found.keys.push(("processor", "\"plc-5\"".into()));
    }
    if name.starts_with("2080-") {
        found.device_keys.push(("route", "\"\"".into()));
    }
}

fn found(address: IpAddr, port: u16, identity: &Identity) -> Found {
    let vendor = identity.vendor_name().map_or_else(|| format!("vendor {}", identity.vendor), str::to_owned);
    let device = identity.type_name().map_or_else(|| format!("type {}", identity.device_type), str::to_owned);
    let (major, minor) = identity.revision;
    let mut found = Found {
        vendor,
        model: clean(&identity.name),
        firmware: format!("{major}.{minor:03}"),
        serial: format!("{:08X}", identity.serial),
        details: vec![("device".into(), device), ("product code".into(), identity.product.to_string())],
        kind: Some(super::KIND.name),
        ..Found::new(&PROBE, address, port)
    };
    reads(identity.name.trim_start(), &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_number_says_what_reads_it() {
        for (name, kind, keys) in [
            ("1756-L83E/B", "ethernet-ip", ""),
            ("1747-L551/C C/10 - DC 3.46", "pccc", ""),
            ("1763-L16BWA B/14.00", "pccc", ""),
            ("1785-L40E", "pccc", "processor \"plc-5\""),
            ("2080-LC50-24QWB", "ethernet-ip", "route \"\""),
        ] {
            let identity = Identity {
                vendor: 1,
                device_type: 14,
                product: 1,
                revision: (1, 1),
                status: 0,
                serial: 1,
                name: name.into(),
            };
            let found = found(IpAddr::from([127, 0, 0, 1]), PORT, &identity);
            let told: Vec<String> = found
                .keys
                .iter()
                .chain(&found.device_keys)
                .map(|(key, value)| format!("{key} {value}"))
                .collect();
            assert_eq!((found.kind, told.join(",").as_str()), (Some(kind), keys), "{name}");
        }
    }
}
