//! Hears messages: datagrams, or streams that carry one message after the other.

use super::config::Transport;
use crate::kind::Secrets;
use crate::south::port::udp_fault;
use model::Fault;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::UdpSocket;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use transport::tls::ClientAuthority;
use transport::{Incoming, Listener, TlsServer};
use wire::syslog::{Frame, frame};

/// Longest message, in bytes (RFC 5424, 6.1 asks for 2,048; EVE records are longer).
const LONGEST: usize = 64 * 1024;
/// Messages that wait for the driver.
const QUEUE: usize = 1_024;
/// Streams that are open at a time.
const STREAMS: usize = 256;
/// A TLS handshake may take so long.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A stream without a message for so long is closed.
const SILENT: Duration = Duration::from_secs(3_600);

/// One message, and where it came from.
pub(super) type Heard = (IpAddr, Vec<u8>);

/// Counts what is not let in.
pub(super) type Reject = Arc<dyn Fn() + Send + Sync>;

/// Who may send, and what is done with the others.
#[derive(Clone)]
pub(super) struct Door {
    /// Addresses that are known.
    pub known: Arc<[IpAddr]>,
    /// Strangers and garbage.
    pub reject: Reject,
    /// Messages for which the queue has no room.
    pub full: Reject,
}

/// An open port; dropping it closes it and every stream.
pub(super) struct Ears {
    /// What is heard.
    pub(super) heard: mpsc::Receiver<Heard>,
    _tasks: JoinSet<()>,
}

/// Opens the port.
///
/// # Errors
/// It cannot be opened, or the certificates do not fit; in words.
pub(super) async fn open(
    transport: Transport,
    address: SocketAddr,
    clients_ca: Option<&PathBuf>,
    secrets: &dyn Secrets,
    door: Door,
) -> Result<Ears, Fault> {
    let (send, heard) = mpsc::channel(QUEUE);
    let mut tasks = JoinSet::new();
    if transport == Transport::Udp {
        let socket = std::net::UdpSocket::bind(address).map_err(|error| {
            udp_fault(address, &error, "rsyslog (comment out its `imudp` lines)", "syslog")
        })?;
        let bound = socket.set_nonblocking(true).and_then(|()| UdpSocket::from_std(socket));
        let socket = bound.map_err(|error| Fault::Connect(format!("UDP {address}: {error}").into()))?;
        tasks.spawn(datagrams(socket, send, door));
    } else {
        let tls = (transport == Transport::Tls).then(|| server(clients_ca, secrets)).transpose()?;
        let listener = Listener::bind(address, tls).await?;
        tasks.spawn(streams(listener, send, door));
    }
    Ok(Ears { heard, _tasks: tasks })
}

fn server(clients_ca: Option<&PathBuf>, secrets: &dyn Secrets) -> Result<TlsServer, Fault> {
    let clients = match clients_ca {
        Some(path) => ClientAuthority::Required(std::fs::read(path).map_err(|error| {
            Fault::Config(format!("clients_ca: {} cannot be read: {error}", path.display()).into())
        })?),
        None => ClientAuthority::Anyone,
    };
    secrets.listener(&clients)
}

async fn datagrams(socket: UdpSocket, send: mpsc::Sender<Heard>, door: Door) {
    let mut buffer = vec![0; LONGEST];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) => door.take(from.ip(), buffer.get(..length).unwrap_or_default(), &send),
            // What ICMP says of an earlier datagram; nothing was sent.
            Err(error) => {
                tracing::debug!(%error, "syslog");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

impl Door {
    fn take(&self, from: IpAddr, message: &[u8], send: &mpsc::Sender<Heard>) {
        let from = from.to_canonical();
        if !self.known.contains(&from) {
            (self.reject)();
        } else if send.try_send((from, message.to_vec())).is_err() {
            (self.full)();
        }
    }
}

async fn streams(listener: Listener, send: mpsc::Sender<Heard>, door: Door) {
    let (room, mut open) = (Arc::new(Semaphore::new(STREAMS)), JoinSet::new());
    loop {
        let came = listener.accept().await;
        while open.try_join_next().is_some() {}
        match (came, room.clone().try_acquire_owned()) {
            (Ok(incoming), Ok(permit)) if door.known.contains(&incoming.peer().ip().to_canonical()) => {
                let (send, door) = (send.clone(), door.clone());
                open.spawn(async move {
                    stream(incoming, send, &door).await;
                    drop(permit);
                });
            }
            (Ok(_), _) => (door.reject)(),
            (Err(_), _) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// One sender, until it goes, is silent for long, or sends what cannot be cut into messages. A full queue makes it wait.
async fn stream(incoming: Incoming, send: mpsc::Sender<Heard>, door: &Door) {
    let from = incoming.peer().ip().to_canonical();
    let Ok(mut stream) = incoming.open(HANDSHAKE).await else { return (door.reject)() };
    let mut buffer = Vec::with_capacity(4_096);
    loop {
        let (mut done, mut garbage) = (0, false);
        while let Some(rest) = buffer.get(done..) {
            match frame(rest, LONGEST) {
                Frame::Whole { skip, length, taken } => {
                    let message = rest.get(skip..skip + length).unwrap_or_default().to_vec();
                    if !message.is_empty() && send.send((from, message)).await.is_err() {
                        return;
                    }
                    done += taken;
                }
                Frame::Part => break,
                Frame::TooLong => {
                    garbage = true;
                    break;
                }
            }
        }
        buffer.drain(..done.min(buffer.len()));
        if garbage {
            return (door.reject)();
        }
        match tokio::time::timeout(SILENT, stream.read_buf(&mut buffer)).await {
            Ok(Ok(count)) if count > 0 => {}
            _ => break,
        }
    }
    // A last line without its end (RFC 6587, 3.4.2: closing the stream ends it too).
    if !buffer.is_empty() {
        let _ = send.send((from, buffer)).await;
    }
}
