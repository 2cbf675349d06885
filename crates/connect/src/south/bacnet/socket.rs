//! Where datagrams come from and go to.

use model::Fault;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use tokio::net::UdpSocket;

/// Opens sockets.
pub(super) enum Door {
    /// Of this machine; 0 is any free port.
    Udp(u16),
    /// Tests hand over a socket of their own for each session.
    #[cfg(test)]
    Mock(Box<dyn FnMut() -> Mock + Send>),
}

/// One socket.
pub(super) enum Socket {
    /// Of this machine.
    Udp(UdpSocket),
    #[cfg(test)]
    Mock(Mock),
}

/// A socket without a network.
#[cfg(test)]
pub(super) struct Mock {
    pub(super) out: tokio::sync::mpsc::UnboundedSender<(SocketAddrV4, Vec<u8>)>,
    pub(super) back: tokio::sync::mpsc::UnboundedReceiver<(SocketAddrV4, Vec<u8>)>,
}

impl Door {
    pub(super) async fn open(&mut self) -> Result<Socket, Fault> {
        match self {
            Self::Udp(port) => {
                let opened = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, *port)).await;
                let why =
                    |error| Fault::Connect(format!("our own UDP port {port} cannot be had: {error}").into());
                opened.map(Socket::Udp).map_err(why)
            }
            #[cfg(test)]
            Self::Mock(open) => Ok(Socket::Mock(open())),
        }
    }
}

impl Socket {
    /// The next datagram and who sent it; the address is `None` if it came over IPv6. Cancel-safe.
    pub(super) async fn receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Option<SocketAddrV4>)> {
        match self {
            Self::Udp(socket) => {
                let (count, from) = socket.recv_from(buffer).await?;
                let from = match from {
                    SocketAddr::V4(from) => Some(from),
                    SocketAddr::V6(_) => None,
                };
                Ok((count, from))
            }
            #[cfg(test)]
            Self::Mock(mock) => match mock.back.recv().await {
                Some((from, datagram)) => {
                    let room = buffer.get_mut(..datagram.len()).ok_or(io::ErrorKind::InvalidData)?;
                    room.copy_from_slice(&datagram);
                    Ok((datagram.len(), Some(from)))
                }
                None => std::future::pending().await,
            },
        }
    }

    pub(super) async fn send(&mut self, to: SocketAddrV4, datagram: &[u8]) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send_to(datagram, to).await.map(drop),
            #[cfg(test)]
            Self::Mock(mock) => {
                mock.out.send((to, datagram.to_vec())).map_err(|_| io::ErrorKind::NotConnected.into())
            }
        }
    }
}

/// The IPv4 address of a name.
///
/// # Errors
/// It has none.
pub(super) async fn resolve(host: &str, port: u16) -> Result<SocketAddrV4, Fault> {
    let found = tokio::net::lookup_host((host, port)).await;
    let mut found =
        found.map_err(|error| Fault::Connect(format!("`{host}` cannot be looked up: {error}").into()))?;
    let v4 = found.find_map(|address| match address {
        SocketAddr::V4(address) => Some(address),
        SocketAddr::V6(_) => None,
    });
    v4.ok_or_else(|| {
        Fault::Connect(format!("`{host}` has no IPv4 address, and BACnet/IP has no other").into())
    })
}
