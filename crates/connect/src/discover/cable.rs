//! Who is on a cable, whatever its address: PROFINET devices say their names when one frame asks everybody.
//!
//! Rationale: a device fresh from its box has no address, or a wrong one, and no probe of addresses can find it. The frame
//! goes to everybody on the cable, so it is sent only where a person named the interface. It needs the right to send raw
//! frames; without it that is said in one line, and the rest of the scan goes on.

use super::{Found, clean};
use pnet_datalink::{Channel, Config, NetworkInterface};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use wire::profinet::identify::{self, Identity};

/// Name of what it finds.
pub(super) const PROTOCOL: &str = "profinet-dcp";
/// Packets that it sends.
pub(super) const PACKETS: u64 = 1;
/// How long it listens: devices spread their answers over 1.28 s.
pub(super) const LISTENS: Duration = Duration::from_secs(3);
/// How long one look for a frame takes.
const LOOK: Duration = Duration::from_millis(100);
/// Most frames that are looked at, and most devices.
const MOST_FRAMES: usize = 200_000;
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

/// Asks everybody and listens. Blocks for [`LISTENS`].
///
/// # Errors
/// Why not, and what to do, in words.
pub(super) fn ask(name: &str, transaction: u32) -> Result<Vec<Found>, String> {
    let interface = interface(name).ok_or_else(|| format!("there is no interface `{name}`"))?;
    let mac = interface.mac.ok_or_else(|| format!("`{name}` has no hardware address"))?;
    let config = Config { read_timeout: Some(LOOK), promiscuous: false, ..Config::default() };
    let (mut send, mut receive) = match pnet_datalink::channel(&interface, config) {
        Ok(Channel::Ethernet(send, receive)) => (send, receive),
        Ok(_) => return Err(format!("`{name}` does not carry Ethernet frames")),
        Err(why) if is_forbidden(&why) => {
            return Err("PROFINET names are not asked for: the right to send raw frames is missing. Grant it with `systemctl \
                        edit ironbridge`: CapabilityBoundingSet=CAP_NET_RAW, AmbientCapabilities=CAP_NET_RAW and \
                        RestrictAddressFamilies=AF_PACKET; without systemd with setcap cap_net_raw+ep on the program"
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
    let (end, mut found) = (Instant::now() + LISTENS, Vec::<Found>::new());
    for _ in 0..MOST_FRAMES {
        if Instant::now() >= end || found.len() >= MOST_DEVICES {
            break;
        }
        match receive.next() {
            Ok(frame) => found.extend(identify::answer(transaction, frame).map(|it| device(name, &it))),
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
        protocol: PROTOCOL,
        title: "PROFINET",
        address: IpAddr::V4(address),
        port: 0,
        place: format!("on {interface}"),
        vendor: String::new(),
        model: clean(&identity.kind),
        firmware: String::new(),
        serial: String::new(),
        name: clean(&identity.name),
        details,
        kind: None,
        keys: Vec::new(),
        device_keys: Vec::new(),
        profile: None,
    }
}
