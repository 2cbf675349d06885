//! Connections: bytes in, bytes out, one task each.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpListener;
use wire::s7::cotp::{Connect, Joiner, Tpdu, Tsap, emit_data_with};
use wire::s7::tpkt::{self, Deframer};

use super::answer::Talk;
use super::behaviour::{Conduct, Lie};
use super::cpu::{Counters, Cpu};
use crate::talk::{self, Door, Housed, Mouth, Next};

/// Bytes around a PDU: TPKT and COTP.
const PACKET: usize = 7;

struct Session {
    cpu: Arc<Cpu>,
    mouth: Mouth,
    talk: Talk,
    joiner: Joiner,
}

impl Session {
    /// Puts the answer to one packet into the buffer.
    fn take(&mut self, tpdu: &[u8]) -> Next {
        match Tpdu::parse(tpdu) {
            Ok(Tpdu::ConnectRequest(wanted)) => self.connect(wanted),
            Ok(Tpdu::Data { last, payload }) => {
                let mut joiner = std::mem::take(&mut self.joiner);
                let next = match joiner.take(last, payload) {
                    Ok(Some(pdu)) => {
                        let next = self.request(pdu);
                        joiner.clear();
                        next
                    }
                    Ok(None) => Next::Go,
                    Err(_) => Next::Hangup,
                };
                self.joiner = joiner;
                next
            }
            _ => Next::Hangup,
        }
    }

    fn connect(&mut self, wanted: Connect) -> Next {
        let right = self.cpu.rules().place.is_none_or(|(rack, slot)| {
            // The kind of connection is the caller's choice.
            wanted.called.bytes().last() == Tsap::rack_slot(1, rack, slot).bytes().last()
        });
        let answer = if right {
            let tpdu_size = wanted.tpdu_size.min(10);
            Tpdu::ConnectConfirm(Connect { destination: wanted.source, source: 0x4431, tpdu_size, ..wanted })
        } else {
            Tpdu::Disconnect { reason: 3 }
        };
        tpkt::emit_with(&mut self.mouth.out, |out| answer.emit(out));
        if right { Next::Go } else { Next::Hangup }
    }

    fn request(&mut self, pdu: &[u8]) -> Next {
        let (cpu, start) = (Arc::clone(&self.cpu), self.mouth.out.len());
        let number = cpu.counters.requests.fetch_add(1, Relaxed);
        let behaviour = cpu.behaviour();
        let open = self.talk.pdu > 0;
        let conduct = if open { behaviour.conduct_of(number) } else { Conduct::Sound };
        match conduct {
            Conduct::Silent => return Next::Go,
            Conduct::Hangup => return Next::Hangup,
            _ => {}
        }
        let talk = &mut self.talk;
        emit_data_with(&mut self.mouth.out, |out| talk.answer(&cpu, conduct, pdu, out));
        let lost = cpu
            .rules()
            .mute_above
            .is_some_and(|most| self.mouth.out.len() - start > usize::from(most) + PACKET);
        if open && lost {
            self.mouth.out.truncate(start);
            return Next::Go;
        }
        cpu.counters.responses.fetch_add(1, Relaxed);
        let delay = behaviour.delay + behaviour.jitter.mul_f64(self.mouth.rng.unit());
        match conduct {
            Conduct::Lie(Lie::Endless) => return Next::Endless,
            Conduct::Lie(Lie::Dribble) => return Next::Dribble(delay),
            Conduct::Lie(lie) => lie.apply(&mut self.mouth.out, start, &mut self.mouth.rng),
            _ => {}
        }
        if delay.is_zero() || !open { Next::Go } else { Next::After(delay) }
    }
}

/// Serves one stream until the peer closes it, it stops being S7, or a behaviour hangs up.
///
/// # Errors
/// What reading or writing the stream gave.
pub async fn serve<S>(mut stream: S, cpu: Arc<Cpu>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let seed = cpu.seed ^ cpu.counters.connections.load(Relaxed) << 32;
    let mut session =
        Session { cpu, mouth: Mouth::new(seed), talk: Talk::default(), joiner: Joiner::default() };
    let mut deframer = Deframer::new();
    let mut buffer = vec![0u8; 8192];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let mut input = buffer.get(..count).unwrap_or_default();
        let mut at_once = 0;
        loop {
            let start = session.mouth.out.len();
            let next = match deframer.feed(&mut input) {
                Ok(Some(tpdu)) => session.take(tpdu),
                Ok(None) => break,
                Err(_) => {
                    session.cpu.counters.desync.fetch_add(1, Relaxed);
                    Next::Hangup
                }
            };
            at_once += 1;
            session.cpu.counters.waiting.fetch_max(at_once, Relaxed);
            if !session.mouth.follow(next, start, &mut stream).await? {
                return Ok(());
            }
        }
        session.mouth.flush(&mut stream).await?;
    }
}

/// A listening CPU. Dropping it stops it.
pub type Server = talk::Server<Cpu>;

/// Listens on `address` (port 0: a free one) and serves every connection with `cpu`.
///
/// # Errors
/// If the address cannot be bound.
pub async fn listen(address: SocketAddr, cpu: Arc<Cpu>) -> io::Result<Server> {
    Server::start(TcpListener::bind(address).await?, cpu, serve, std::future::ready(()))
}

impl Housed for Cpu {
    fn door(&self) -> Door<'_> {
        let Counters { connections, refused, open, .. } = &self.counters;
        Door { most: self.rules().connections, connections, refused, open }
    }
}
