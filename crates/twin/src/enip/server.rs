//! Connections: bytes in, bytes out, one task each.

use super::answer::{Told, UNCONNECTED, answer};
use super::behaviour::{Conduct, Lie};
use super::controller::{Controller, Counters, count};
use crate::talk::{self, Door, Housed, Mouth, Next};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use wire::enip::encapsulation::HEADER;
use wire::enip::packet::{emit_connected, emit_unconnected};
use wire::enip::repr::emit_error;
use wire::enip::{Command, Deframer, Header, Limits, Packet};

const L: Limits = Limits::STANDARD;
/// Largest payload that is taken.
const MAX_PAYLOAD: usize = 8_192;
/// Most TCP connections at a time.
const MAX_SESSIONS: usize = 256;

struct Session {
    controller: Arc<Controller>,
    local: Option<SocketAddr>,
    number: u32,
    registered: bool,
    mouth: Mouth,
}

impl Session {
    fn take(&mut self, header: &Header, payload: &[u8]) -> Next {
        let known = self.registered && header.session == self.number;
        let reply = Header { status: 0, ..*header };
        match header.command {
            Command::Nop => Next::Go,
            Command::ListIdentity => {
                let address = match self.local {
                    Some(SocketAddr::V4(v4)) => (v4.ip().octets(), v4.port()),
                    _ => ([0; 4], wire::enip::PORT),
                };
                let controller = Arc::clone(&self.controller);
                reply.emit_with(&mut self.mouth.out, |out| controller.identity.emit_list(address, 3, out));
                Next::Go
            }
            Command::ListServices => {
                // One item: version 1, CIP over TCP and class 0/1 over UDP, a name of 16 bytes (Volume 2, 2-4.6).
                reply.emit_with(&mut self.mouth.out, |out| {
                    out.extend_from_slice(&[1, 0, 0, 1, 20, 0, 1, 0, 0x20, 1]);
                    out.extend_from_slice(b"Communications\0\0");
                });
                Next::Go
            }
            Command::ListInterfaces => {
                reply.emit_with(&mut self.mouth.out, |out| out.extend_from_slice(&[0, 0]));
                Next::Go
            }
            Command::RegisterSession => {
                let refused = payload != [1, 0, 0, 0] || self.registered;
                self.registered |= !refused;
                let status = if refused { 0x69 } else { 0 };
                let session = if refused { 0 } else { self.number };
                Header { session, status, ..*header }
                    .emit_with(&mut self.mouth.out, |out| out.extend_from_slice(&[1, 0, 0, 0]));
                Next::Go
            }
            Command::UnregisterSession => Next::Hangup,
            Command::SendRrData | Command::SendUnitData if !known => {
                Header { status: 0x64, ..*header }.emit_with(&mut self.mouth.out, |_| {});
                Next::Go
            }
            Command::SendRrData | Command::SendUnitData => self.message(&reply, payload),
            Command::IndicateStatus | Command::Cancel => {
                Header { status: 0x01, ..*header }.emit_with(&mut self.mouth.out, |_| {});
                Next::Go
            }
        }
    }

    fn message(&mut self, header: &Header, payload: &[u8]) -> Next {
        let controller = Arc::clone(&self.controller);
        let number = controller.counters.messages.fetch_add(1, Relaxed);
        let behaviour = controller.behaviour();
        let conduct = behaviour.conduct_of(number);
        let Ok(packet) = Packet::parse(payload, &L) else {
            Header { status: 0x03, ..*header }.emit_with(&mut self.mouth.out, |_| {});
            return Next::Go;
        };
        let (message, route) = match packet {
            Packet::Unconnected { message } => (message, None),
            Packet::Connected { connection, sequence, message } => {
                // A message of a connection that is not there (any more) is dropped, as a controller does.
                let Some(known) = controller.connections.lock().get(&connection).copied() else {
                    return Next::Go;
                };
                (message, Some((known, sequence)))
            }
        };
        let capacity = route.map_or(UNCONNECTED, |(known, _)| usize::from(known.size).saturating_sub(2));
        let mut told = Vec::new();
        match conduct {
            Conduct::Silent => return Next::Go,
            Conduct::Hangup => return Next::Hangup,
            Conduct::Refuse(status) => emit_error(message.first().copied().unwrap_or(0), status, &mut told),
            Conduct::Sound | Conduct::Lie(_) => {
                if answer(&controller, message, capacity, &mut told) == Told::Hangup {
                    return Next::Hangup;
                }
            }
        }
        let lie = if let Conduct::Lie(lie) = conduct { Some(lie) } else { None };
        if lie == Some(Lie::Endless) {
            return Next::Endless;
        }
        self.send(header, route, &mut told, lie);
        let delay = behaviour.delay + behaviour.jitter.mul_f64(self.mouth.rng.unit());
        if delay.is_zero() { Next::Go } else { Next::After(delay) }
    }

    fn send(
        &mut self,
        header: &Header,
        route: Option<(super::controller::Connection, u16)>,
        told: &mut Vec<u8>,
        lie: Option<Lie>,
    ) {
        let mut header = *header;
        let mut shift = 0;
        let bump = |bytes: &mut [u8], at: usize| {
            bytes.iter_mut().skip(at).take(1).for_each(|b| *b = b.wrapping_add(1))
        };
        match lie {
            Some(Lie::Context) => {
                bump(&mut header.context, 0);
                shift = 1;
            }
            Some(Lie::Session) => header.session = header.session.wrapping_add(1),
            Some(Lie::Service) => bump(told, 0),
            Some(Lie::Type) => bump(told, 4),
            Some(Lie::Short) => told.truncate(told.len() - 1),
            _ => {}
        }
        let start = self.mouth.out.len();
        match route {
            None => emit_unconnected(&header, 0, &mut self.mouth.out, |out| out.extend_from_slice(told)),
            Some((known, sequence)) => {
                let sequence = sequence.wrapping_add(shift);
                emit_connected(&header, known.to_originator, sequence, &mut self.mouth.out, |out| {
                    out.extend_from_slice(told)
                });
            }
        }
        match lie {
            Some(Lie::Half) => {
                self.mouth.out.truncate(start + (self.mouth.out.len() - start).max(HEADER) / 2)
            }
            Some(Lie::Twice) => self.mouth.out.extend_from_within(start..),
            _ => {}
        }
    }
}

/// Serves one stream until the peer closes it, it stops being EtherNet/IP, or the behaviour hangs up.
///
/// # Errors
/// What reading or writing the stream gave.
pub async fn serve<S>(mut stream: S, controller: Arc<Controller>, local: Option<SocketAddr>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // Of several at once each has a number of its own, whatever was counted meanwhile.
    let number = controller.next_session.fetch_add(1, Relaxed) & 0xFFFF;
    let mouth = Mouth::new(u64::from(number) ^ 0xE141);
    let mut session = Session { controller, local, number: 0x0100_0000 | number, registered: false, mouth };
    let mut deframer = Deframer::new(MAX_PAYLOAD);
    let mut buffer = vec![0u8; 8_192];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let mut input = buffer.get(..read).unwrap_or_default();
        loop {
            let start = session.mouth.out.len();
            let next = match deframer.feed(&mut input) {
                Ok(Some(frame)) => session.take(&frame.header, frame.payload),
                Ok(None) => break,
                Err(_) => {
                    count(&session.controller.counters.desync);
                    return Ok(());
                }
            };
            if !session.mouth.follow(next, start, &mut stream).await? {
                return Ok(());
            }
        }
        session.mouth.flush(&mut stream).await?;
    }
}

/// A listening controller. Dropping it stops it.
pub type Server = talk::Server<Controller>;

/// Listens on `address` (port 0: a free one): TCP for everything, UDP for who it is.
///
/// # Errors
/// If the address cannot be bound.
pub async fn listen(address: SocketAddr, controller: Arc<Controller>) -> io::Result<Server> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let who = identify(UdpSocket::bind(address).await?, address, Arc::clone(&controller));
    let serve = |stream: TcpStream, controller| {
        let local = stream.local_addr().ok();
        serve(stream, controller, local)
    };
    Server::start(listener, controller, serve, who)
}

impl Housed for Controller {
    fn door(&self) -> Door<'_> {
        let Counters { sessions, refused, open, .. } = &self.counters;
        Door { most: MAX_SESSIONS, connections: sessions, refused, open }
    }
}

/// Answers ListIdentity on UDP, as a device does to a broadcast (Volume 2, 2-4.2.2).
async fn identify(socket: UdpSocket, address: SocketAddr, controller: Arc<Controller>) {
    let mut buffer = [0u8; 600];
    loop {
        let Ok((count, from)) = socket.recv_from(&mut buffer).await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let mut input = buffer.get(..count).unwrap_or_default();
        let mut deframer = Deframer::new(MAX_PAYLOAD);
        let Ok(Some(frame)) = deframer.feed(&mut input) else { continue };
        if frame.header.command != Command::ListIdentity {
            continue;
        }
        let own = match address {
            SocketAddr::V4(v4) => (v4.ip().octets(), v4.port()),
            SocketAddr::V6(_) => ([0; 4], wire::enip::PORT),
        };
        let mut out = Vec::new();
        frame.header.emit_with(&mut out, |out| controller.identity.emit_list(own, 3, out));
        if let Err(error) = socket.send_to(&out, from).await {
            tracing::debug!(%error, "identity");
        }
    }
}
