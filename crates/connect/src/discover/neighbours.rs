//! What this machine knows without asking: the addresses it has talked to, and their hardware addresses.
//!
//! Rationale: the kernel tells its table of neighbours by rtnetlink(7), IPv4 and IPv6 alike; `/proc/net/arp` has IPv4 only.

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, recv, send, socket};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

/// Most neighbours that are kept.
const MOST: usize = 8_192;
/// Largest piece of the table that the kernel hands over at once, and most pieces.
const PIECE: usize = 64 * 1024;
const MOST_PIECES: usize = 1_024;

/// Messages of rtnetlink(7), and a message that ends or refuses the table (netlink(7)).
const GET: u16 = 30;
const NEW: u16 = 28;
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// A request for the whole table: NLM_F_REQUEST, NLM_F_ROOT, NLM_F_MATCH.
const DUMP: u16 = 0x301;
/// Attributes: the address, the hardware address.
const ADDRESS: u16 = 1;
const HARDWARE: u16 = 2;
/// States in which somebody has answered: reachable, stale, delay, probe, permanent.
const ANSWERED: u16 = 0x02 | 0x04 | 0x08 | 0x10 | 0x80;

/// Address to hardware address, e.g. `00:80:f4:01:02:03`.
pub type Neighbours = BTreeMap<IpAddr, String>;

/// The neighbours now; empty where the kernel does not tell. Sends nothing to anybody but the kernel.
pub fn neighbours() -> Neighbours {
    table().unwrap_or_default()
}

fn table() -> rustix::io::Result<Neighbours> {
    // No protocol named is NETLINK_ROUTE.
    let socket = socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    // The header (length, type, flags, sequence, port) and an empty ndmsg: any family, any interface.
    let mut request = Vec::with_capacity(28);
    request.extend_from_slice(&28_u32.to_ne_bytes());
    request.extend_from_slice(&GET.to_ne_bytes());
    request.extend_from_slice(&DUMP.to_ne_bytes());
    request.resize(28, 0);
    send(&socket, &request, SendFlags::empty())?;
    let (mut found, mut piece) = (Neighbours::new(), vec![0_u8; PIECE]);
    for _ in 0..MOST_PIECES {
        let (count, _) = recv(&socket, piece.as_mut_slice(), RecvFlags::empty())?;
        if count == 0 || !take(piece.get(..count).unwrap_or_default(), &mut found) {
            break;
        }
    }
    Ok(found)
}

/// Takes one piece of the table; whether more comes.
fn take(mut piece: &[u8], found: &mut Neighbours) -> bool {
    while let (Some(length), Some(kind)) = (number(piece, 0), half(piece, 4)) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(message) = piece.get(16..length) else { return false };
        match kind {
            NEW if found.len() < MOST => found.extend(neighbour(message)),
            DONE | ERROR => return false,
            _ => {}
        }
        piece = piece.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    true
}

/// One neighbour: ndmsg (family, interface, state, flags, type) and its attributes.
fn neighbour(message: &[u8]) -> Option<(IpAddr, String)> {
    if half(message, 8)? & ANSWERED == 0 {
        return None;
    }
    let (mut address, mut hardware, mut rest) = (None, None, message.get(12..)?);
    while let (Some(length), Some(kind)) = (half(rest, 0), half(rest, 2)) {
        let length = usize::from(length);
        let Some(value) = rest.get(4..length) else { break };
        match kind {
            ADDRESS => address = read(value),
            HARDWARE if value.iter().any(|byte| *byte != 0) => {
                let bytes: Vec<String> = value.iter().take(20).map(|byte| format!("{byte:02x}")).collect();
                hardware = Some(bytes.join(":"));
            }
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some((address?, hardware?))
}

/// An address of a device. Link-local ones say nothing without their interface, and multicast ones are nobody.
fn read(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(four)).filter(|it| !it.is_multicast());
    }
    let six = Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?);
    (!six.is_multicast() && !six.is_unicast_link_local()).then_some(IpAddr::V6(six))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, state: u16, address: &[u8], hardware: &[u8]) -> Vec<u8> {
        let mut body = vec![0_u8; 8];
        body.extend_from_slice(&state.to_ne_bytes());
        body.extend_from_slice(&[0, 0]);
        for (kind, value) in [(ADDRESS, address), (HARDWARE, hardware)] {
            body.extend_from_slice(&u16::try_from(value.len() + 4).unwrap().to_ne_bytes());
            body.extend_from_slice(&kind.to_ne_bytes());
            body.extend_from_slice(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut whole = u32::try_from(body.len() + 16).unwrap().to_ne_bytes().to_vec();
        whole.extend_from_slice(&kind.to_ne_bytes());
        whole.resize(16, 0);
        whole.extend_from_slice(&body);
        whole
    }

    #[test]
    fn only_answers_count() {
        const MAC: [u8; 6] = [0, 0x80, 0xF4, 1, 2, 3];
        let global = "fd00::9".parse::<Ipv6Addr>().unwrap().octets();
        let local = "fe80::9".parse::<Ipv6Addr>().unwrap().octets();
        let piece = [
            message(NEW, 0x02, &[10, 20, 1, 11], &MAC),
            message(NEW, 0x20, &[10, 20, 1, 12], &MAC),
            message(NEW, 0x02, &[10, 20, 1, 13], &[0; 6]),
            message(NEW, 0x04, &global, &MAC),
            message(NEW, 0x04, &local, &MAC),
            message(NEW, 0x02, &[1, 2], &MAC),
        ];
        let mut found = Neighbours::new();
        assert!(take(&piece.concat(), &mut found));
        let told: Vec<String> = found.keys().map(ToString::to_string).collect();
        assert_eq!(told, ["10.20.1.11", "fd00::9"]);
        assert_eq!(found[&"fd00::9".parse::<IpAddr>().unwrap()], "00:80:f4:01:02:03");
        assert!(!take(&message(DONE, 0, &[], &[]), &mut found));
        for length in 0..60 {
            take(piece[0].get(..length).unwrap_or_default(), &mut Neighbours::new());
        }
    }

    #[test]
    fn the_kernel_tells_its_table() {
        assert!(table().is_ok());
    }
}
