//! A site on a socket.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::site::Site;

/// How often changes are looked for.
const LOOK: Duration = Duration::from_millis(50);

/// A listening site. Dropping it stops it.
pub struct Server {
    address: SocketAddr,
    site: Arc<Mutex<Site>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its devices and subscribers.
    #[must_use]
    pub const fn site(&self) -> &Arc<Mutex<Site>> {
        &self.site
    }

    /// Closes the socket and waits until it is closed.
    pub async fn shutdown(mut self) {
        self.task.abort();
        // The result says "cancelled", which is what was asked for.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens on `address` (port 0: a free one).
///
/// # Errors
/// If the address cannot be bound.
pub async fn listen(address: SocketAddr, site: Site) -> io::Result<Server> {
    let socket = UdpSocket::bind(address).await?;
    let address = socket.local_addr()?;
    let site = Arc::new(Mutex::new(site));
    let task = tokio::spawn(serve(socket, Arc::clone(&site)));
    Ok(Server { address, site, task })
}

async fn serve(socket: UdpSocket, site: Arc<Mutex<Site>>) {
    let mut buffer = [0; wire::bacnet::MAX_MESSAGE];
    let mut looks = tokio::time::interval(LOOK);
    loop {
        let mut out = Vec::new();
        tokio::select! {
            received = socket.recv_from(&mut buffer) => match received {
                Ok((count, SocketAddr::V4(from))) => {
                    let datagram = buffer.get(..count).unwrap_or_default();
                    site.lock().take(from, datagram, Instant::now(), &mut out);
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "receive failed"),
            },
            _ = looks.tick() => site.lock().tell(Instant::now(), &mut out),
        }
        for (to, datagram) in out {
            send(&socket, to, &datagram).await;
        }
    }
}

async fn send(socket: &UdpSocket, to: SocketAddrV4, datagram: &[u8]) {
    if let Err(error) = socket.send_to(datagram, to).await {
        tracing::debug!(%error, "send failed");
    }
}
