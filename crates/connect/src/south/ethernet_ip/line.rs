//! One TCP session: a request goes out, its answer comes in, everything else is counted.
//!
//! One request at a time: a controller's message router answers in order, and a connection of class 3 has one message
//! under way. What comes too late is known by its context or its sequence number, and discarded.

use crate::south::budget::Budget;
use model::Fault;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use transport::{Stream, Target};
use wire::enip::connection::{Patience, UnconnectedSend};
use wire::enip::encapsulation::{emit_register, status_words};
use wire::enip::packet::{emit_connected, emit_unconnected};
use wire::enip::{Command, Deframer, Header, Limits, Packet, Path, Request};

const L: Limits = Limits::STANDARD;
/// Largest frame that is taken: a large message and its packet.
const MAX_PAYLOAD: usize = 8_192;
/// Frames that answer nothing, in a row, after which the peer is not believed any more.
const MAX_STRANGERS: u32 = 64;

/// A CIP connection, from our side.
#[derive(Clone, Copy, Debug)]
pub(in crate::south) struct Connected {
    pub(in crate::south) to_target: u32,
    pub(in crate::south) to_originator: u32,
    pub(in crate::south) sequence: u16,
}

/// How a message travels.
pub(in crate::south) enum Way<'a> {
    /// For itself, along a route.
    Unconnected(&'a Path),
    /// In a connection.
    Connected(&'a mut Connected),
}

/// What is to be told to the link.
#[derive(Debug, Default)]
pub(in crate::south) struct Tally {
    pub(in crate::south) requests: u64,
    pub(in crate::south) sent: usize,
    pub(in crate::south) received: usize,
    pub(in crate::south) late: u32,
}

/// An open session.
pub(in crate::south) struct Line {
    stream: Stream,
    deframer: Deframer,
    session: u32,
    context: u64,
    strangers: u32,
    out: Vec<u8>,
    buffer: Vec<u8>,
    /// Bytes that were read and not yet looked at.
    rest: std::ops::Range<usize>,
    pub(in crate::south) tally: Tally,
    budget: Arc<Budget>,
}

/// What tells an answer from a stranger.
enum Mark {
    Session([u8; 8]),
    Unconnected([u8; 8]),
    /// Some devices answer with the id that we use towards them; the sequence number tells the answer all the same.
    Connected {
        ids: [u32; 2],
        sequence: u16,
    },
}

impl Line {
    /// Dials and opens a session.
    pub(in crate::south) async fn open(
        target: &Target,
        patience: Duration,
        budget: Arc<Budget>,
    ) -> Result<Self, Fault> {
        let deadline = Instant::now() + patience;
        let stream = transport::dial(target, patience).await?;
        let mut line = Self {
            stream,
            deframer: Deframer::new(MAX_PAYLOAD),
            session: 0,
            context: 1,
            strangers: 0,
            out: Vec::with_capacity(600),
            buffer: vec![0; 16 * 1024],
            rest: 0..0,
            tally: Tally::default(),
            budget,
        };
        emit_register(line.context, &mut line.out);
        let mark = Mark::Session(line.context.to_le_bytes());
        let wrong = |fault: Fault| match fault {
            Fault::Timeout { .. } => {
                Fault::Connect("the port is open, but nothing there speaks EtherNet/IP".into())
            }
            fault => fault,
        };
        line.flush(deadline).await.map_err(wrong)?;
        line.answer(&mark, deadline, patience).await.map_err(wrong)?;
        Ok(line)
    }

    /// Sends a message and waits for its answer.
    ///
    /// # Errors
    /// `Timeout` leaves the session usable; everything else ends it.
    pub(in crate::south) async fn ask(
        &mut self,
        way: Way<'_>,
        message: &[u8],
        patience: Duration,
    ) -> Result<Vec<u8>, Fault> {
        // The first request of a job finds its token there; those that follow it, as in a tag list, wait for theirs.
        self.budget.turn().await;
        let deadline = Instant::now() + patience;
        self.context = self.context.wrapping_add(1);
        let header = Header::new(Command::SendRrData, self.session, self.context);
        self.out.clear();
        let mark = match way {
            Way::Unconnected(route) => {
                let seconds = u16::try_from(patience.as_secs() + 1).unwrap_or(u16::MAX);
                if route.0.is_empty() {
                    emit_unconnected(&header, seconds, &mut self.out, |out| out.extend_from_slice(message));
                } else {
                    let routed = routed(message, route, patience)?;
                    emit_unconnected(&header, seconds, &mut self.out, |out| out.extend_from_slice(&routed));
                }
                Mark::Unconnected(header.context)
            }
            Way::Connected(it) => {
                it.sequence = it.sequence.wrapping_add(1);
                let (to, sequence) = (it.to_target, it.sequence);
                emit_connected(&header, to, sequence, &mut self.out, |out| out.extend_from_slice(message));
                Mark::Connected { ids: [it.to_originator, to], sequence }
            }
        };
        self.tally.requests += 1;
        self.tally.sent += self.out.len();
        self.flush(deadline).await?;
        self.answer(&mark, deadline, patience).await
    }

    async fn flush(&mut self, deadline: Instant) -> Result<(), Fault> {
        let written = timeout_at(deadline, async {
            self.stream.write_all(&self.out).await?;
            self.stream.flush().await
        });
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(transport::fault_from_io(&error)),
            Err(_) => Err(Fault::Lost("the other side takes no more bytes".into())),
        }
    }

    async fn answer(&mut self, mark: &Mark, deadline: Instant, patience: Duration) -> Result<Vec<u8>, Fault> {
        loop {
            if let Some(answer) = self.look(Some(mark))? {
                self.strangers = 0;
                return Ok(answer);
            }
            match timeout_at(deadline, self.read()).await {
                Ok(read) => read?,
                Err(_) => {
                    let timeout_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
                    return Err(Fault::Timeout { timeout_ms });
                }
            }
        }
    }

    /// Waits while nothing is asked; ends only when the session does. Cancel-safe.
    pub(in crate::south) async fn idle(&mut self) -> Fault {
        loop {
            if let Err(fault) = self.look(None) {
                return fault;
            }
            if let Err(fault) = self.read().await {
                return fault;
            }
        }
    }

    async fn read(&mut self) -> Result<(), Fault> {
        match self.stream.read(&mut self.buffer).await {
            Ok(0) => Err(Fault::Lost("the other side closed the connection".into())),
            Ok(count) => {
                self.tally.received += count;
                self.rest = 0..count;
                Ok(())
            }
            Err(error) => Err(transport::fault_from_io(&error)),
        }
    }

    /// Takes frames from what was read, up to the answer.
    fn look(&mut self, mark: Option<&Mark>) -> Result<Option<Vec<u8>>, Fault> {
        loop {
            let mut input = self.buffer.get(self.rest.clone()).unwrap_or_default();
            let frame = self.deframer.feed(&mut input);
            self.rest.start = self.rest.end - input.len();
            let frame = match frame {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(None),
                Err(desync) => return Err(Fault::Protocol(desync.to_string().into())),
            };
            if let Some(mark) = mark
                && mark.fits(&frame.header, frame.payload)
            {
                if frame.header.status != 0 {
                    // A device that says so hangs up as well, or should: the session is of no use any more.
                    let words = status_words(frame.header.status);
                    return Err(Fault::Lost(format!("the device refuses the message: {words}").into()));
                }
                if let Mark::Session(_) = mark {
                    self.session = frame.header.session;
                    return Ok(Some(Vec::new()));
                }
                return match Packet::parse(frame.payload, &L) {
                    Ok(Packet::Unconnected { message } | Packet::Connected { message, .. }) => {
                        Ok(Some(message.to_vec()))
                    }
                    Err(error) => Err(Fault::Protocol(error.to_string().into())),
                };
            }
            self.tally.late += 1;
            self.strangers += 1;
            if self.strangers > MAX_STRANGERS {
                return Err(Fault::Protocol("endless answers to nothing".into()));
            }
        }
    }
}

impl Mark {
    fn fits(&self, header: &Header, payload: &[u8]) -> bool {
        match self {
            Self::Session(context) => {
                header.command == Command::RegisterSession && header.context == *context
            }
            Self::Unconnected(context) => header.command == Command::SendRrData && header.context == *context,
            Self::Connected { ids, sequence } => {
                // A refusal of the encapsulation has no packet.
                let refused = header.status != 0;
                let ours = matches!(Packet::parse(payload, &L), Ok(Packet::Connected { connection, sequence: s, .. })
                    if ids.contains(&connection) && s == *sequence);
                header.command == Command::SendUnitData && (refused || ours)
            }
        }
    }
}

fn routed(message: &[u8], route: &Path, patience: Duration) -> Result<Vec<u8>, Fault> {
    // The routers give up before we do, so that they can say so.
    let millis = u64::try_from(patience.as_millis() * 3 / 4).unwrap_or(u64::MAX);
    let send = UnconnectedSend {
        patience: Patience::millis(millis),
        message: message.to_vec(),
        route: route.clone(),
    };
    let mut out = Vec::with_capacity(message.len() + 24);
    Request::UnconnectedSend(Box::new(send))
        .emit(&mut out)
        .map_err(|error| Fault::Config(error.to_string().into()))?;
    Ok(out)
}
