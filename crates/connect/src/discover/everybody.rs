//! One datagram to everybody on a cable, for the protocols that have such a question.

use super::{Broadcast, Found, Probe, cable};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

/// How long answers are waited for: EtherNet/IP devices spread theirs over 2 s.
const WAITS: Duration = Duration::from_secs(3);
/// Largest datagram that is looked at.
const MOST_BYTES: usize = 2_048;
/// Most datagrams and most devices.
const MOST_DATAGRAMS: usize = 20_000;
const MOST_DEVICES: usize = 1_024;

/// Asks, and listens for [`WAITS`].
///
/// # Errors
/// Why not, and what to do, in words.
pub(super) async fn ask(
    interface: &str,
    probe: &'static Probe,
    broadcast: Broadcast,
) -> Result<Vec<Found>, String> {
    let networks = cable::networks(interface);
    let Some((_, _, to)) = networks.first().copied() else {
        return Err(format!(
            "nobody is asked for {}: `{interface}` has no IPv4 address; give it one of the devices' network",
            probe.title
        ));
    };
    let socket = open(broadcast.from, probe).await?;
    let refused = |why: std::io::Error| format!("`{interface}` takes no question for {}: {why}", probe.title);
    socket.set_broadcast(true).map_err(refused)?;
    socket.send_to(&(broadcast.question)(), (to, probe.port)).await.map_err(refused)?;
    let (end, mut found, mut piece) = (Instant::now() + WAITS, Vec::<Found>::new(), vec![0_u8; MOST_BYTES]);
    for _ in 0..MOST_DATAGRAMS {
        let Ok(received) = timeout_at(end, socket.recv_from(&mut piece)).await else { break };
        // One who refuses is no reason not to hear the others.
        let Ok((count, from)) = received else { continue };
        if !networks.iter().any(|(network, mask, _)| is_in(from, *network, *mask)) {
            continue;
        }
        let heard = (broadcast.hear)(from, piece.get(..count).unwrap_or_default());
        if let Some(one) = heard.filter(|one| !found.iter().any(|known| known.is_same_part(one))) {
            found.push(one);
        }
        if found.len() >= MOST_DEVICES {
            break;
        }
    }
    Ok(found)
}

async fn open(from: u16, probe: &Probe) -> Result<UdpSocket, String> {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, from)).await.map_err(|why| {
        format!(
            "nobody is asked for {}: answers come to UDP port {from} of this machine, which cannot be had ({why}). Pause the \
             connection or stop the program that uses it, then ask again",
            probe.title
        )
    })
}

fn is_in(from: SocketAddr, network: Ipv4Addr, mask: Ipv4Addr) -> bool {
    let IpAddr::V4(from) = from.ip() else { return false };
    u32::from(from) & u32::from(mask) == u32::from(network) & u32::from(mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_cables_own_devices_count() {
        let (network, mask) = (Ipv4Addr::new(10, 20, 1, 5), Ipv4Addr::new(255, 255, 255, 0));
        assert!(is_in(([10, 20, 1, 200], 1).into(), network, mask));
        assert!(!is_in(([10, 20, 2, 200], 1).into(), network, mask));
        assert!(!is_in(([0_u16; 8], 1).into(), network, mask));
    }
}
