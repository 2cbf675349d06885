//! Connections: bytes in, bytes out, one task each.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use wire::modbus::{Response, mbap, rtu};

use super::answer::answer;
use super::behaviour::{Conduct, Lie};
use super::station::{Counters, Station, UnknownUnit};
use crate::talk::{self, Door, Housed, Mouth, Next};

/// How frames are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// MBAP, on TCP or inside TLS.
    Tcp,
    /// RTU, on a serial line or inside TCP.
    Rtu,
}

/// Silence that ends a frame on RTU over TCP: far longer than 3.5 characters, because TCP delays.
const RTU_SILENCE: Duration = Duration::from_millis(30);
/// Most connections that a black hole makes to fill its own queue.
const BLACKHOLE_FILLERS: usize = 16;

struct Session {
    station: Arc<Station>,
    framing: Framing,
    mouth: Mouth,
}

impl Session {
    /// Puts the answer to one request into the buffer.
    fn take(&mut self, transaction: u16, id: u8, pdu: &[u8]) -> Next {
        Counters::add(&self.station.counters.requests, 1);
        let station = Arc::clone(&self.station);
        if id == 0 && self.framing == Framing::Rtu {
            return self.broadcast(pdu);
        }
        let Some(unit) = station.unit(id) else {
            return self.unknown(transaction, id, pdu);
        };
        let number = unit.count_request();
        let behaviour = unit.behaviour();
        if unit.is_resting(behaviour.ability.rest) {
            return Next::Go;
        }
        let conduct = behaviour.conduct_of(number);
        let start = self.mouth.out.len();
        match conduct {
            Conduct::Silent => return Next::Go,
            Conduct::Hangup => return Next::Hangup,
            Conduct::Refuse(code) => {
                let function = pdu.first().copied().unwrap_or_default() & 0x7F;
                self.wrap(transaction, id, |out| Response::Exception { function, code }.emit(out));
            }
            Conduct::Sound | Conduct::Lie(_) => {
                self.wrap(transaction, id, |out| answer(unit, &behaviour.ability.limits, pdu, out));
            }
        }
        if self.is_empty_answer(start) {
            self.mouth.out.truncate(start);
            return Next::Go;
        }
        Counters::add(&station.counters.responses, 1);
        let jitter = behaviour.jitter.mul_f64(self.mouth.rng.unit());
        let delay = behaviour.delay + jitter;
        unit.answered_after(delay);
        match conduct {
            Conduct::Lie(Lie::Endless) => return Next::Endless,
            Conduct::Lie(Lie::Dribble) => return Next::Dribble(delay),
            Conduct::Lie(lie) => lie.apply(self.framing, &mut self.mouth.out, start, &mut self.mouth.rng),
            _ => {}
        }
        if delay.is_zero() { Next::Go } else { Next::After(delay) }
    }

    /// Every unit on the line carries it out, none answers.
    fn broadcast(&mut self, pdu: &[u8]) -> Next {
        let (station, start) = (Arc::clone(&self.station), self.mouth.out.len());
        for unit in station.units() {
            unit.count_request();
            answer(unit, &unit.behaviour().ability.limits, pdu, &mut self.mouth.out);
            self.mouth.out.truncate(start);
        }
        Next::Go
    }

    fn unknown(&mut self, transaction: u16, id: u8, pdu: &[u8]) -> Next {
        if let UnknownUnit::Exception(code) = self.station.unknown_unit() {
            let function = pdu.first().copied().unwrap_or_default() & 0x7F;
            self.wrap(transaction, id, |out| Response::Exception { function, code }.emit(out));
            Counters::add(&self.station.counters.responses, 1);
        }
        Next::Go
    }

    fn wrap(&mut self, transaction: u16, id: u8, emit: impl FnOnce(&mut Vec<u8>)) {
        match self.framing {
            Framing::Tcp => mbap::emit_adu_with(transaction, id, &mut self.mouth.out, emit),
            Framing::Rtu => rtu::emit_adu_with(id, &mut self.mouth.out, emit),
        }
    }

    fn is_empty_answer(&self, start: usize) -> bool {
        let overhead = if self.framing == Framing::Tcp { mbap::HEADER } else { 3 };
        self.mouth.out.len() - start <= overhead
    }
}

enum Deframer {
    Tcp(mbap::Deframer),
    Rtu(rtu::RequestDeframer),
}

/// Serves one stream until the peer closes it, it stops being Modbus, or a behaviour hangs up. The stream may be
/// anything that was accepted already: TCP, TLS, a serial port, a pipe in a test.
///
/// # Errors
/// What reading or writing the stream gave.
pub async fn serve<S>(mut stream: S, framing: Framing, station: Arc<Station>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let seed = station.seed ^ station.counters.connections.load(Relaxed) << 32;
    let mut session = Session { station, framing, mouth: Mouth::new(seed) };
    let mut deframer = match framing {
        Framing::Tcp => Deframer::Tcp(mbap::Deframer::new()),
        Framing::Rtu => Deframer::Rtu(rtu::RequestDeframer::new()),
    };
    let mut buffer = vec![0u8; 8192];
    loop {
        let pending = matches!(&deframer, Deframer::Rtu(d) if d.pending() > 0);
        let count = if pending {
            match tokio::time::timeout(RTU_SILENCE, stream.read(&mut buffer)).await {
                Ok(read) => read?,
                Err(_) => {
                    if !silence(&mut deframer, &mut session, &mut stream).await? {
                        return Ok(());
                    }
                    continue;
                }
            }
        } else {
            stream.read(&mut buffer).await?
        };
        if count == 0 {
            return Ok(());
        }
        let mut input = buffer.get(..count).unwrap_or_default();
        while let Some((next, start)) = take_next(&mut deframer, &mut session, &mut input) {
            if !session.mouth.follow(next, start, &mut stream).await? {
                return Ok(());
            }
            if session.mouth.out.len() > 32 * 1024 {
                session.mouth.flush(&mut stream).await?;
            }
        }
        session.mouth.flush(&mut stream).await?;
    }
}

/// The next request in `input`, answered into the session's buffer; a stream that is not Modbus hangs up.
fn take_next(deframer: &mut Deframer, session: &mut Session, input: &mut &[u8]) -> Option<(Next, usize)> {
    let start = session.mouth.out.len();
    let next = match deframer {
        Deframer::Tcp(deframer) => match deframer.feed(input) {
            Ok(frame) => frame.map(|f| session.take(f.transaction, f.unit, f.pdu))?,
            Err(_) => {
                Counters::add(&session.station.counters.desync, 1);
                Next::Hangup
            }
        },
        Deframer::Rtu(deframer) => {
            let skipped = deframer.skipped();
            let next = deframer.feed(input).map(|f| session.take(0, f.unit, f.pdu));
            Counters::add(&session.station.counters.skipped, deframer.skipped() - skipped);
            next?
        }
    };
    Some((next, start))
}

async fn silence<S>(deframer: &mut Deframer, session: &mut Session, stream: &mut S) -> io::Result<bool>
where
    S: AsyncWrite + Unpin,
{
    let Deframer::Rtu(deframer) = deframer else { return Ok(true) };
    let skipped = deframer.skipped();
    loop {
        let start = session.mouth.out.len();
        let Some(next) = deframer.silence().map(|f| session.take(0, f.unit, f.pdu)) else { break };
        if !session.mouth.follow(next, start, stream).await? {
            return Ok(false);
        }
    }
    Counters::add(&session.station.counters.skipped, deframer.skipped() - skipped);
    session.mouth.flush(stream).await?;
    Ok(true)
}

/// A listening station. Dropping it stops it.
pub type Server = talk::Server<Station>;

/// Listens on `address` (port 0: a free one) and serves every connection with `station`.
///
/// # Errors
/// If the address cannot be bound.
pub async fn listen(address: SocketAddr, framing: Framing, station: Station) -> io::Result<Server> {
    let listener = TcpListener::bind(address).await?;
    let serve = move |stream, station| serve(stream, framing, station);
    Server::start(listener, Arc::new(station), serve, std::future::ready(()))
}

impl Housed for Station {
    fn door(&self) -> Door<'_> {
        let Counters { connections, refused, open, .. } = &self.counters;
        Door { most: self.most_connections(), connections, refused, open }
    }
}

/// A port that takes no connection: its queue is full, so that the system drops every further SYN and a client
/// waits until its own time-out, as with a device that is switched off behind a firewall.
pub struct Blackhole {
    address: SocketAddr,
    _listener: TcpListener,
    _fillers: Vec<TcpStream>,
}

impl Blackhole {
    /// Binds a port and fills its queue.
    ///
    /// # Errors
    /// If the address cannot be bound, or the system does not bound the queue.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind(address)?;
        let listener = socket.listen(0)?;
        let (address, mut fillers) = (listener.local_addr()?, Vec::new());
        // The queue takes one or two more than asked for; the first that does not connect at once proves it full.
        for _ in 0..BLACKHOLE_FILLERS {
            let attempt = TcpStream::connect(address);
            match tokio::time::timeout(Duration::from_millis(100), attempt).await {
                Ok(stream) => fillers.push(stream?),
                Err(_) => return Ok(Self { address, _listener: listener, _fillers: fillers }),
            }
        }
        Err(io::Error::other("this system goes on accepting connections beyond the queue"))
    }

    /// Where it does not listen.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}
