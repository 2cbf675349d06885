//! Who is on a cable, whatever its address: PROFINET devices say their names when one frame asks everybody, switches say
//! theirs by LLDP without being asked.
//!
//! Rationale: a device fresh from its box has no address, or a wrong one, and no probe of addresses can find it. The frame
//! goes to everybody on the cable, so it is sent only where a person named the interface. It needs the right to send raw
//! frames; without it that is said in one line, and the rest of the scan goes on.

use super::{Found, clean};
use pnet_datalink::{Channel, Config, NetworkInterface};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use wire::net::{Content, Frame, LinkType, ethertype, lldp};
use wire::profinet::identify::{self, Identity};

/// Names of what it finds.
pub(super) const PROTOCOL: &str = "profinet-dcp";
const LLDP: &str = "lldp";
/// Packets that it sends.
pub(super) const PACKETS: u64 = 1;
/// How long one look for a frame takes.
const LOOK: Duration = Duration::from_millis(100);
/// Most devices.
const MOST_DEVICES: usize = 1_024;

/// Whether the machine has an interface of that name that frames can leave by.
pub(super) fn exists(name: &str) -> bool {
    interface(name).is_some()
}

fn interface(name: &str) -> Option<NetworkInterface> {
    let usable = |it: &NetworkInterface| it.name == name && it.mac.is_some() && !it.is_loopback();
    pnet_datalink::interfaces().into_iter().find(usable)
}

/// Names of the interfaces that frames can leave by.
pub(super) fn interfaces() -> Vec<String> {
    let usable = |it: &NetworkInterface| it.mac.is_some() && !it.is_loopback();
    pnet_datalink::interfaces().into_iter().filter(usable).map(|it| it.name).collect()
}

/// Address, mask and address of everybody of each IPv4 network of an interface that has more than two hosts.
pub(super) fn networks(name: &str) -> Vec<(Ipv4Addr, Ipv4Addr, Ipv4Addr)> {
    let ips = interface(name).map(|it| it.ips).unwrap_or_default();
    let known = ips.into_iter().filter_map(|ip| match (ip.ip(), ip.mask()) {
        (IpAddr::V4(own), IpAddr::V4(mask)) if ip.prefix() < 31 => {
            Some((own, mask, Ipv4Addr::from(u32::from(own) | !u32::from(mask))))
        }
        _ => None,
    });
    known.collect()
}

/// Asks everybody for PROFINET names, and listens so long to what is said, LLDP included. Blocks.
///
/// # Errors
/// Why not, and what to do, in words.
pub(super) fn frames(name: &str, transaction: u32, listen: Duration) -> Result<Vec<Found>, String> {
    let interface = interface(name).ok_or_else(|| format!("there is no interface `{name}`"))?;
    let mac = interface.mac.ok_or_else(|| format!("`{name}` has no hardware address"))?;
    // What is said to a group, as LLDP is, many adapters let pass only so.
    let config = Config { read_timeout: Some(LOOK), promiscuous: true, ..Config::default() };
    let (mut send, mut receive) = match pnet_datalink::channel(&interface, config) {
        Ok(Channel::Ethernet(send, receive)) => (send, receive),
        Ok(_) => return Err(format!("`{name}` does not carry Ethernet frames")),
        Err(why) if is_forbidden(&why) => {
            return Err("PROFINET and LLDP names are not asked for: the right to send and hear raw frames is missing. Grant it \
                        with `systemctl edit ironbridge`: CapabilityBoundingSet=CAP_NET_RAW, AmbientCapabilities=CAP_NET_RAW \
                        and RestrictAddressFamilies=AF_PACKET; without systemd with setcap cap_net_raw+ep on the program"
                .into());
        }
        Err(why) => return Err(format!("`{name}` cannot be used: {why}")),
    };
    let frame = identify::identify_all(mac.octets(), transaction);
    match send.send_to(&frame, None) {
        Some(Ok(())) => {}
        Some(Err(why)) => return Err(format!("`{name}` does not take the frame: {why}")),
        None => return Err(format!("`{name}` does not take the frame")),
    }
    let (end, mut found) = (Instant::now() + listen, Vec::<Found>::new());
    while Instant::now() < end && found.len() < MOST_DEVICES {
        match receive.next() {
            Ok(frame) => {
                let one = identify::answer(transaction, frame).map(|it| device(name, &it));
                let one = one.or_else(|| switch(name, frame));
                // What is said every 30 s, or by a device of several ports, is one.
                found.extend(one.filter(|one| !found.contains(one)));
            }
            Err(why)
                if matches!(
                    why.kind(),
                    ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted
                ) => {}
            Err(why) => return Err(format!("`{name}` gives no more frames: {why}")),
        }
    }
    Ok(found)
}

/// Neither root nor CAP_NET_RAW, or a service that may not use this sort of socket (EAFNOSUPPORT).
fn is_forbidden(why: &std::io::Error) -> bool {
    const NO_SUCH_FAMILY: i32 = 97;
    why.kind() == ErrorKind::PermissionDenied || why.raw_os_error() == Some(NO_SUCH_FAMILY)
}

fn device(interface: &str, identity: &Identity) -> Found {
    let address = identity.address.unwrap_or(Ipv4Addr::UNSPECIFIED);
    let hardware = identity.hardware.map(|byte| format!("{byte:02x}")).join(":");
    let mut details = vec![("hardware address".to_owned(), hardware)];
    if address.is_unspecified() {
        details.push(("address".to_owned(), "none yet: it waits for one".to_owned()));
    }
    if let Some((vendor, device)) = identity.device {
        details.push(("vendor and device number".to_owned(), format!("{vendor:04X} {device:04X} (hex)")));
    }
    let roles = [(1, "device"), (2, "controller"), (4, "multidevice"), (8, "supervisor")];
    let roles: Vec<&str> =
        roles.iter().filter(|(bit, _)| identity.role & bit != 0).map(|(_, word)| *word).collect();
    if !roles.is_empty() {
        details.push(("role".to_owned(), roles.join(", ")));
    }
    Found {
        model: clean(&identity.kind),
        name: clean(&identity.name),
        details,
        ..unread(PROTOCOL, "PROFINET", address, interface)
    }
}

/// Who says by LLDP what it is (IEEE 802.1AB): a switch, an access point, many controllers and drives.
fn switch(interface: &str, bytes: &[u8]) -> Option<Found> {
    let frame = Frame::new(LinkType::ETHERNET, bytes);
    let Content::Other { ethertype: ethertype::LLDP, payload } = frame.content else { return None };
    let told = lldp::read(payload);
    let text = |bytes: &[u8]| clean(&String::from_utf8_lossy(bytes));
    // Subtype 7 of both is a name that the maker gives; PROFINET devices put the station's name there.
    let given = |id: Option<(u8, &[u8])>| id.filter(|(subtype, _)| *subtype == 7).map(|(_, id)| text(id));
    let name = told.name.map(text).or_else(|| given(told.chassis));
    let mut details = Vec::new();
    let hardware = frame.source.map(|mac| mac.0.map(|byte| format!("{byte:02x}")).join(":"));
    details.extend(hardware.map(|hardware| ("hardware address".to_owned(), hardware)));
    let port = told.port.map(text).or_else(|| given(told.port_id)).filter(|port| !port.is_empty());
    details.extend(port.map(|port| ("its port on this cable".to_owned(), port)));
    let roles = [(1 << 2, "bridge"), (1 << 3, "access point"), (1 << 4, "router"), (1 << 7, "station")];
    let roles: Vec<&str> =
        roles.iter().filter(|(bit, _)| told.capabilities & bit != 0).map(|(_, word)| *word).collect();
    if !roles.is_empty() {
        details.push(("role".to_owned(), roles.join(", ")));
    }
    let address = told.management.map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from);
    let model = told.description.map(text).unwrap_or_default();
    Some(Found { model, name: name.unwrap_or_default(), details, ..unread(LLDP, "LLDP", address, interface) })
}

/// Somebody on the cable whom no kind of connection reads by this.
fn unread(protocol: &'static str, title: &'static str, address: Ipv4Addr, interface: &str) -> Found {
    Found {
        protocol,
        title,
        address: IpAddr::V4(address),
        port: 0,
        place: format!("on {interface}"),
        vendor: String::new(),
        model: String::new(),
        firmware: String::new(),
        serial: String::new(),
        name: String::new(),
        details: Vec::new(),
        kind: None,
        keys: Vec::new(),
        device_keys: Vec::new(),
        tags: Vec::new(),
        profile: None,
    }
}
