//! Ports of this gateway on which others send.

use super::tags::Plan;
use model::Fault;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// An address as it is written at `at`; a mistake goes to the plan. `help` is what to write.
pub(in crate::south) fn address(plan: &mut Plan<'_>, at: &[&str], text: &str, help: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| {
        plan.mistake(at, format!("`{text}` is no address"), format!("write {help}"));
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    })
}

/// Why a UDP port cannot be opened, and what to do. `taker` is the program that mostly has it, and how it is stopped; `page` of
/// the manual says how the right is given.
pub(in crate::south) fn udp_fault(address: SocketAddr, error: &io::Error, taker: &str, page: &str) -> Fault {
    let port = address.port();
    let why = match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "UDP port {port} may only be opened with a right that this service does not have: write e.g. port = {} \
             and have the devices send there, or give it the right CAP_NET_BIND_SERVICE as the page `{page}` of the \
             manual says",
            port.saturating_add(if port < 1_024 { 1_000 } else { 1 })
        ),
        io::ErrorKind::AddrInUse => {
            format!("UDP port {port} is taken by another program, mostly {taker}, or write another port")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("this machine has no address {}: write `listen` as one of its own", address.ip())
        }
        _ => format!("UDP {address} cannot be opened: {error}"),
    };
    Fault::Config(why.into())
}
