//! Accepting connections: for servers, simulated devices and tests.

use crate::dial::tune;
use crate::words::fault_from_io;
use crate::{Stream, TlsServer};
use model::Fault;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// An open port.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsServer>,
}

/// A connection that was accepted; its TLS handshake has not begun, so that a slow one delays nobody else.
pub struct Incoming {
    tcp: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsServer>,
}

impl Listener {
    /// Opens `address` (port 0 takes a free one). With `tls`, every connection is encrypted.
    ///
    /// # Errors
    /// [`Fault::Config`] when the port is taken, the address is not this machine's, or rights are missing.
    pub async fn bind(address: SocketAddr, tls: Option<TlsServer>) -> Result<Self, Fault> {
        use std::io::ErrorKind;
        let tcp = TcpListener::bind(address).await.map_err(|error| {
            let why = match error.kind() {
                ErrorKind::AddrInUse => "another program uses this port".to_owned(),
                ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
                ErrorKind::PermissionDenied => {
                    "ports below 1024 need a right (CAP_NET_BIND_SERVICE); take a higher one".to_owned()
                }
                _ => error.to_string(),
            };
            Fault::Config(format!("cannot listen on {address}: {why}").into())
        })?;
        Ok(Self { tcp, tls })
    }

    /// The address in use, with the real port.
    ///
    /// # Errors
    /// [`Fault::Lost`] when the operating system closed the socket.
    pub fn address(&self) -> Result<SocketAddr, Fault> {
        self.tcp.local_addr().map_err(|error| fault_from_io(&error))
    }

    /// Waits for the next connection. Cancel-safe.
    ///
    /// # Errors
    /// [`Fault::Lost`]; the listener stays usable (too many open files, or the caller went away at once), wait a
    /// moment before the next call.
    pub async fn accept(&self) -> Result<Incoming, Fault> {
        let (tcp, peer) = self.tcp.accept().await.map_err(|error| fault_from_io(&error))?;
        tune(&tcp);
        Ok(Incoming { tcp, peer, tls: self.tls.clone() })
    }
}

impl Incoming {
    /// Who called.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Finishes the TLS handshake within `timeout`; without TLS returns at once.
    ///
    /// # Errors
    /// [`Fault::Security`] when certificates do not fit, [`Fault::Lost`] when the caller went away or was too slow.
    pub async fn open(self, timeout: Duration) -> Result<Stream, Fault> {
        match self.tls {
            None => Ok(Stream::Tcp(self.tcp)),
            Some(tls) => tls.accept(self.tcp, timeout).await,
        }
    }

    /// The bare connection of a listener without TLS, for a protocol that asks for TLS by itself.
    pub fn plain(self) -> Option<TcpStream> {
        self.tls.is_none().then_some(self.tcp)
    }
}
