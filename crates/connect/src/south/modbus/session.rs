//! The exchange loop: fill the window, wait for bytes, jobs or time, take answers apart.
//!
//! One loop for all framings. A session ends when the stream is lost or is not Modbus any more; everything else is a
//! matter of one request.

use super::conclude::exception;
use super::driver::{Ask, Draining, Framing, InFlight, Modbus, Purpose, Session};
use super::rtu::Collected;
use crate::south::job::Work;
use crate::south::{Job, Link};
use crate::witness;
use model::Fault;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use transport::Stream;
use wire::modbus::mbap::{self, Deframer};
use wire::modbus::{ExceptionCode, Limits, Response, rtu};

/// Frames that answer nothing, in a row, after which the peer is not believed any more.
const MAX_STRANGERS: u32 = 64;
/// Longest draining before the session is given up.
const MAX_DRAIN: Duration = Duration::from_secs(2);

/// What became of a request.
pub(super) enum Answer<'a> {
    /// Register bytes or packed bits.
    Data(&'a [u8]),
    /// The device took a write.
    Done,
    /// The device says no.
    Exception(ExceptionCode),
    /// It could not be had.
    Failed(Fault),
}

impl Modbus {
    /// Serves one open stream to its end.
    pub(super) async fn exchange(&mut self, mut stream: Stream, link: &mut Link) -> Fault {
        let secure = matches!(stream.security(), transport::Security::Tls { .. });
        let mut heard = false;
        match self.converse(&mut stream, &mut heard, link).await {
            // In TLS 1.3 a client learns only after its handshake whether its certificate is accepted, and not every
            // device says so before it hangs up.
            Fault::Lost(_) if secure && !heard => {
                let why = "the other side hung up right after the TLS handshake; it seems not to accept our certificate";
                Fault::Security(why.into())
            }
            fault => fault,
        }
    }

    async fn converse(&mut self, stream: &mut Stream, heard: &mut bool, link: &mut Link) -> Fault {
        let mut session = Session::new(Instant::now() + self.timing.pause_after_connect);
        session.ends = witness::ends(stream);
        let mut deframer = Deframer::new();
        let mut buffer = [0u8; 512];
        loop {
            if let Err(fault) = self.send_due(stream, &mut session, link).await {
                return fault;
            }
            if session.inflight.is_empty() && link.is_deserted() {
                let timeout_ms = u64::try_from(self.timing.shared.timeout.as_millis()).unwrap_or(u64::MAX);
                return Fault::Timeout { timeout_ms };
            }
            let until = self.next_moment(&session);
            tokio::select! {
                biased;
                read = stream.read(&mut buffer) => {
                    let bytes = match read {
                        Ok(0) => return Fault::Lost("the other side closed the connection".into()),
                        Ok(count) => buffer.get(..count).unwrap_or_default(),
                        Err(error) => return transport::fault_from_io(&error),
                    };
                    link.received(bytes.len());
                    *heard = true;
                    let taken = match self.framing {
                        Framing::Tcp => self.take_tcp(bytes, &mut deframer, &mut session, link),
                        Framing::Rtu { silence } => self.take_rtu(bytes, silence, &mut session, link),
                    };
                    if let Err(fault) = taken {
                        link.desync();
                        return fault;
                    }
                }
                () = link.wait(until) => {}
            }
            if let Err(fault) = self.expire(stream, &mut session, link) {
                return fault;
            }
        }
    }

    /// The earliest moment at which something is to be done without bytes or jobs.
    fn next_moment(&self, session: &Session) -> Option<Instant> {
        let now = Instant::now();
        let deadlines = session.inflight.iter().map(|flight| flight.deadline);
        let delayed = session.delayed.iter().map(|(at, _)| *at);
        let quiet = Some(session.quiet_until).filter(|at| *at > now);
        let draining = session.draining.as_ref().map(|draining| draining.until);
        deadlines.chain(delayed).chain(quiet).chain(draining).min()
    }

    async fn send_due(
        &mut self,
        stream: &mut Stream,
        session: &mut Session,
        link: &mut Link,
    ) -> Result<(), Fault> {
        let now = Instant::now();
        while session.inflight.len() < self.window()
            && now >= session.quiet_until
            && session.draining.is_none()
        {
            if let Some(at) = session.delayed.iter().position(|(at, _)| *at <= now) {
                let (_, writing) = session.delayed.swap_remove(at);
                self.start_readback(writing, session, link);
                continue;
            }
            let Some(job) = link.take() else { break };
            self.start(job, session, link);
            // One request, one segment: not every device that takes several at once takes them in one.
            flush(stream, session, self.timing.shared.timeout).await?;
        }
        flush(stream, session, self.timing.shared.timeout).await
    }

    /// Turns a job into its next request.
    fn start(&mut self, job: Job, session: &mut Session, link: &mut Link) {
        match job.work {
            Work::Scan { group, fresh } => self.start_scan(job, group, fresh, session, link),
            Work::Probe { device, attempt } => {
                let timeout = link.probe_timeout(attempt);
                if let Some(request) = self.probe(device) {
                    self.launch(Ask { device, request, purpose: Purpose::Probe, timeout }, session, link);
                }
            }
            Work::Recheck { group } => self.start_recheck(group, session, link),
            Work::Write(order) => self.start_write(*order, session, link),
            Work::Readback { .. } => {}
        }
    }

    fn start_scan(&mut self, job: Job, group: usize, fresh: bool, session: &mut Session, link: &mut Link) {
        let Some(book) = self.groups.get_mut(group) else { return };
        if fresh {
            book.begin();
        }
        let (device, run) = (book.device, book.run.number);
        let Some((read, attempt)) = book.run.step(job, group, &book.reads, link) else {
            // Everything of it is refused, or on its way.
            return self.settle_scan(group, link);
        };
        let request = read.request();
        let purpose = Purpose::Scan { group, run, read, attempt };
        let timeout = self.timing.shared.timeout;
        self.launch(Ask { device, request, purpose, timeout }, session, link);
    }

    fn start_recheck(&mut self, group: usize, session: &mut Session, link: &mut Link) {
        let Some(book) = self.groups.get_mut(group) else { return };
        let Some(refused) = book.refused.get(book.recheck).copied() else {
            book.recheck = 0;
            return link.schedule_recheck(group);
        };
        book.recheck += 1;
        let device = book.device;
        if let Some(read) = book.single(refused.row) {
            let purpose = Purpose::Recheck { group, row: refused.row };
            let ask = Ask { device, request: read.request(), purpose, timeout: self.timing.shared.timeout };
            self.launch(ask, session, link);
        }
    }

    /// Puts a request on the wire, after the question that an owed answer may make necessary.
    pub(super) fn launch(&mut self, ask: Ask, session: &mut Session, link: &Link) {
        let Ask { device, request, purpose, timeout } = ask;
        let Some(spec) = self.devices.get(device) else { return };
        let unit = spec.unit;
        let (request, purpose) = match self.framing {
            Framing::Tcp => (request, purpose),
            Framing::Rtu { .. } => {
                let allowed = |table, first, count| self.allowed(device, table, first, count);
                match session.owed.question(unit, &request, allowed) {
                    Some(question) => (question, Purpose::Settle { then: Box::new((request, purpose)) }),
                    None => (request, purpose),
                }
            }
        };
        session.transaction = session.transaction.wrapping_add(1);
        let transaction = session.transaction;
        let before = session.out.len();
        match self.framing {
            Framing::Tcp => mbap::emit_adu_with(transaction, unit, &mut session.out, |out| request.emit(out)),
            Framing::Rtu { .. } => {
                session.collector.clear();
                rtu::emit_adu_with(unit, &mut session.out, |out| request.emit(out));
            }
        }
        link.sent(session.out.len() - before);
        let sent = Instant::now();
        session.inflight.push(InFlight {
            transaction,
            device,
            unit,
            request,
            sent,
            deadline: sent + timeout,
            timeout,
            purpose,
        });
    }

    // ---- bytes in ----------------------------------------------------------------------------------------------

    fn take_tcp(
        &mut self,
        mut bytes: &[u8],
        deframer: &mut Deframer,
        session: &mut Session,
        link: &mut Link,
    ) -> Result<(), Fault> {
        loop {
            let frame = match deframer.feed(&mut bytes) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(()),
                Err(desync) => return Err(Fault::Protocol(desync.to_string().into())),
            };
            let Some(at) = session.inflight.iter().position(|flight| flight.transaction == frame.transaction)
            else {
                link.late();
                stranger(session)?;
                continue;
            };
            let flight = session.inflight.swap_remove(at);
            session.strangers = 0;
            self.witness.answered(session.ends, frame.transaction, frame.pdu, link.clock().as_ref());
            if flight.unit == frame.unit {
                self.answer(flight, frame.pdu, session, link);
            } else {
                let why = format!("unit {} answered instead of unit {}", frame.unit, flight.unit);
                self.misfit(flight, why, session, link);
            }
        }
    }

    fn take_rtu(
        &mut self,
        bytes: &[u8],
        silence: Duration,
        session: &mut Session,
        link: &mut Link,
    ) -> Result<(), Fault> {
        let now = Instant::now();
        if let Some(draining) = &mut session.draining {
            draining.until = now + silence;
            if !std::mem::replace(&mut draining.heard, true) {
                link.late();
            }
            return if now > draining.give_up {
                Err(Fault::Protocol("the line does not fall silent".into()))
            } else {
                Ok(())
            };
        }
        session.collector.push(bytes);
        let Some(flight) = session.inflight.first() else {
            link.late();
            session.quiet_until = session.quiet_until.max(now + silence);
            session.collector.clear();
            return stranger(session);
        };
        let (unit, request) = (flight.unit, flight.request.clone());
        let mut strangers: Vec<u8> = Vec::new();
        let collected = session.collector.look(unit, &request, |from, _| strangers.push(from));
        for from in strangers {
            link.late();
            session.owed.came(from);
            stranger(session)?;
        }
        match collected {
            Collected::More => Ok(()),
            Collected::Flood => Err(Fault::Protocol("endless data instead of an answer".into())),
            Collected::Answer(pdu) => {
                session.strangers = 0;
                session.quiet_until = session.quiet_until.max(now + silence);
                let flight = session.inflight.swap_remove(0);
                self.answer(flight, &pdu, session, link);
                Ok(())
            }
            Collected::Damaged(why) => {
                let flight = session.inflight.swap_remove(0);
                drain(session, silence);
                self.misfit(flight, why, session, link);
                Ok(())
            }
        }
    }

    fn answer(&mut self, flight: InFlight, pdu: &[u8], session: &mut Session, link: &mut Link) {
        let now = Instant::now();
        session.quiet_until = session.quiet_until.max(now + self.timing.request_delay);
        let request = flight.request.clone();
        let answer = match Response::parse(&request, pdu, &Limits::STANDARD) {
            Ok(Response::Exception { code, .. }) => Answer::Exception(code),
            Ok(Response::ReadCoils { bits } | Response::ReadDiscreteInputs { bits }) => Answer::Data(bits),
            Ok(Response::ReadHoldingRegisters { registers } | Response::ReadInputRegisters { registers }) => {
                Answer::Data(registers)
            }
            Ok(_) => Answer::Done,
            Err(error) => return self.misfit(flight, error.to_string(), session, link),
        };
        let silent = matches!(
            answer,
            Answer::Exception(ExceptionCode::GATEWAY_PATH_UNAVAILABLE | ExceptionCode::GATEWAY_TARGET_FAILED)
        );
        match answer {
            Answer::Exception(code) if silent => {
                link.failed(flight.device, &exception(code));
            }
            Answer::Exception(code) => {
                link.answered(flight.device, now - flight.sent);
                link.exception(flight.device, &exception(code));
            }
            _ => link.answered(flight.device, now - flight.sent),
        }
        self.conclude(flight, answer, session, link);
    }

    /// A frame that is the answer by its id but does not fit the question.
    fn misfit(&mut self, flight: InFlight, why: String, session: &mut Session, link: &mut Link) {
        link.bad_frame();
        let fault = Fault::Protocol(why.into());
        link.failed(flight.device, &fault);
        self.conclude(flight, Answer::Failed(fault), session, link);
    }

    /// Gives up what has waited too long, and ends draining.
    fn expire(&mut self, stream: &Stream, session: &mut Session, link: &mut Link) -> Result<(), Fault> {
        let now = Instant::now();
        while let Some(at) = session.inflight.iter().position(|flight| flight.deadline <= now) {
            let flight = session.inflight.swap_remove(at);
            if let Framing::Rtu { silence } = self.framing {
                session.owed.timed_out(flight.unit, &flight.request);
                stream.discard_input();
                drain(session, silence);
            }
            let timeout_ms = u64::try_from(flight.timeout.as_millis()).unwrap_or(u64::MAX);
            let fault = Fault::Timeout { timeout_ms };
            link.failed(flight.device, &fault);
            self.conclude(flight, Answer::Failed(fault), session, link);
        }
        if session.draining.as_ref().is_some_and(|draining| draining.until <= now) {
            session.draining = None;
            session.collector.clear();
        }
        Ok(())
    }
}

/// Sends what is collected.
async fn flush(stream: &mut Stream, session: &mut Session, patience: Duration) -> Result<(), Fault> {
    if session.out.is_empty() {
        return Ok(());
    }
    let bytes = std::mem::take(&mut session.out);
    let patience = patience.max(Duration::from_secs(1));
    let written = timeout(patience, async {
        stream.write_all(&bytes).await?;
        stream.flush().await
    })
    .await;
    session.out = bytes;
    session.out.clear();
    match written {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(transport::fault_from_io(&error)),
        Err(_) => Err(Fault::Lost("the other side takes no more bytes".into())),
    }
}

fn stranger(session: &mut Session) -> Result<(), Fault> {
    session.strangers += 1;
    if session.strangers > MAX_STRANGERS {
        return Err(Fault::Protocol("endless answers to nothing".into()));
    }
    Ok(())
}

fn drain(session: &mut Session, silence: Duration) {
    let now = Instant::now();
    session.collector.clear();
    session.draining = Some(Draining { until: now + silence, give_up: now + MAX_DRAIN, heard: false });
}
