//! One session: connect, negotiate, then fill the window, wait for bytes, jobs or time, and take answers apart.
//!
//! A session ends when the stream is lost or is not S7 any more; everything else is a matter of one request.

use super::build::Session;
use super::conclude::{Answer, header_fault};
use super::driver::{InFlight, Purpose, S7, Talk};
use super::group::Reply;
use crate::south::dial::Dial;
use crate::south::job::Work;
use crate::south::{Job, Link};
use crate::witness;
use model::Fault;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use transport::Stream;
use wire::s7::cotp::{self, Connect, Joiner, Tpdu};
use wire::s7::tpkt::{self, Deframer};
use wire::s7::{MIN_PDU, Request, Response, Setup, repr, szl};

/// PDUs that answer nothing, in a row, after which the peer is not believed any more.
const MAX_STRANGERS: u32 = 64;
/// TPDU size that is asked for: 2^10 bytes hold the largest PDU.
const TPDU_SIZE: u8 = 10;

/// A session that is ready for jobs.
pub(super) struct Opened {
    pub(super) stream: Stream,
    pub(super) deframer: Deframer,
    /// Jobs that the CPU agreed to.
    pub(super) window: usize,
    /// Bytes that it agreed to.
    pub(super) pdu: u16,
}

/// Dials, connects to the selector, negotiates.
///
/// # Errors
/// Why not, in words that name rack and slot where they are the likely reason.
pub(super) async fn open(dial: &mut Dial, settings: Session) -> Result<Opened, Fault> {
    let patience = settings.timing.connect_timeout;
    let mut stream = dial.open(patience).await?;
    let mut deframer = Deframer::new();
    let greeted = timeout(patience, greet(&mut stream, &mut deframer, settings)).await;
    let timeout_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
    let (window, pdu) = greeted.unwrap_or(Err(Fault::Timeout { timeout_ms }))?;
    Ok(Opened { stream, deframer, window, pdu })
}

async fn greet(
    stream: &mut Stream,
    deframer: &mut Deframer,
    settings: Session,
) -> Result<(usize, u16), Fault> {
    let (calling, called) = (settings.local, settings.remote);
    let connect = Connect { destination: 0, source: 1, tpdu_size: TPDU_SIZE, calling, called };
    let mut out = Vec::new();
    tpkt::emit_with(&mut out, |out| Tpdu::ConnectRequest(connect).emit(out));
    let answer = match exchange(stream, deframer, &out).await {
        Err(Fault::Lost(_)) => return Err(not_there(settings, "it closes the connection")),
        answer => answer?,
    };
    let confirmed = match Tpdu::parse(&answer).map_err(|error| Fault::Protocol(error.to_string().into()))? {
        Tpdu::ConnectConfirm(confirmed) => confirmed,
        Tpdu::Disconnect { reason } => return Err(not_there(settings, cotp::reason(reason))),
        _ => return Err(Fault::Protocol("no answer to the connect request".into())),
    };
    let wanted = Setup { calling: settings.jobs, called: settings.jobs, pdu: settings.pdu };
    let setup = Request::Setup(wanted);
    out.clear();
    cotp::emit_data_with(&mut out, |out| setup.emit(0, out));
    let answer = exchange(stream, deframer, &out).await?;
    let Ok(Tpdu::Data { last: true, payload }) = Tpdu::parse(&answer) else {
        return Err(Fault::Protocol("no answer to the negotiation".into()));
    };
    match Response::parse(&setup, payload) {
        Ok(Response::Setup(agreed)) => {
            // A device that grants more than was asked for is not taken at its word.
            let jobs = agreed.calling.min(agreed.called).clamp(1, settings.jobs.max(1));
            let packet = (1u32 << confirmed.tpdu_size).saturating_sub(3);
            let pdu = agreed.pdu.min(settings.pdu).min(u16::try_from(packet).unwrap_or(u16::MAX));
            if pdu < MIN_PDU {
                return Err(Fault::Protocol(
                    format!("it offers PDUs of {pdu} bytes; {MIN_PDU} are needed").into(),
                ));
            }
            Ok((jobs.into(), pdu))
        }
        Ok(Response::Refused(error)) => Err(header_fault(error)),
        Ok(_) => Err(Fault::Protocol("no answer to the negotiation".into())),
        Err(error) => Err(Fault::Protocol(error.to_string().into())),
    }
}

fn not_there(settings: Session, why: &str) -> Fault {
    let [rack, slot] = settings.whom;
    let whom = if settings.by_slot {
        format!(
            "rack {rack}, slot {slot} (TSAP {}): {why}. Look into the hardware configuration; an S7-1200/1500 has slot 1, an S7-300 slot 2",
            settings.remote
        )
    } else {
        format!("TSAP {}: {why}", settings.remote)
    };
    Fault::Connect(format!("the device answers, but takes no connection for {whom}").into())
}

/// Sends, and waits for one packet.
async fn exchange(stream: &mut Stream, deframer: &mut Deframer, out: &[u8]) -> Result<Vec<u8>, Fault> {
    let io = |error: std::io::Error| match transport::fault_from_io(&error) {
        Fault::Connect(why) => Fault::Lost(why),
        fault => fault,
    };
    stream.write_all(out).await.map_err(io)?;
    stream.flush().await.map_err(io)?;
    // Byte by byte at most one packet's worth: nothing of what follows may be lost.
    let mut byte = [0];
    loop {
        if stream.read(&mut byte).await.map_err(io)? == 0 {
            return Err(Fault::Lost("the other side closed the connection".into()));
        }
        match deframer.feed(&mut byte.as_slice()) {
            Ok(Some(tpdu)) => return Ok(tpdu.to_vec()),
            Ok(None) => {}
            Err(desync) => return Err(Fault::Protocol(desync.to_string().into())),
        }
    }
}

impl Talk {
    fn new(window: usize, pdu: u16) -> Self {
        Self {
            inflight: Vec::new(),
            reference: 0,
            window,
            pdu,
            strangers: 0,
            delayed: Vec::new(),
            out: Vec::with_capacity(300),
            ends: None,
        }
    }
}

impl S7 {
    /// Serves one session to its end.
    pub(super) async fn talk(&mut self, opened: Opened, link: &mut Link) -> Fault {
        let Opened { mut stream, mut deframer, window, pdu } = opened;
        self.agree(pdu, link);
        let mut talk = Talk::new(window, pdu);
        talk.ends = witness::ends(&stream);
        let mut joiner = Joiner::default();
        let mut buffer = [0u8; 2048];
        loop {
            if let Err(fault) = self.send_due(&mut stream, &mut talk, link).await {
                return fault;
            }
            if talk.inflight.is_empty() && link.is_deserted() {
                let timeout_ms = u64::try_from(self.settings.timing.timeout.as_millis()).unwrap_or(u64::MAX);
                return Fault::Timeout { timeout_ms };
            }
            let deadlines = talk.inflight.iter().map(|flight| flight.deadline);
            let until = deadlines.chain(talk.delayed.iter().map(|(at, _)| *at)).min();
            tokio::select! {
                biased;
                read = stream.read(&mut buffer) => {
                    let bytes = match read {
                        Ok(0) => return Fault::Lost("the other side closed the connection".into()),
                        Ok(count) => buffer.get(..count).unwrap_or_default(),
                        Err(error) => return transport::fault_from_io(&error),
                    };
                    link.received(bytes.len());
                    if let Err(fault) = self.take_bytes(bytes, &mut deframer, &mut joiner, &mut talk, link) {
                        if matches!(fault, Fault::Protocol(_)) {
                            link.desync();
                        }
                        return fault;
                    }
                }
                () = link.wait(until) => {}
            }
            self.expire(&mut talk, link);
        }
    }

    async fn send_due(&mut self, stream: &mut Stream, talk: &mut Talk, link: &mut Link) -> Result<(), Fault> {
        let now = Instant::now();
        while talk.inflight.len() < talk.window {
            if let Some(at) = talk.delayed.iter().position(|(at, _)| *at <= now) {
                let (_, writing) = talk.delayed.swap_remove(at);
                self.start_readback(writing, talk, link);
                continue;
            }
            let Some(job) = link.take() else { break };
            self.start(job, talk, link);
        }
        flush(stream, talk, self.settings.timing.timeout).await
    }

    /// Turns a job into its next request.
    fn start(&mut self, job: Job, talk: &mut Talk, link: &mut Link) {
        match job.work {
            Work::Scan { group, fresh } => self.start_scan(job, group, fresh, talk, link),
            Work::Probe { device, attempt } => {
                let timeout = link.probe_timeout(attempt);
                if let Some(request) = self.probe(device) {
                    launch((device, request, Purpose::Probe), timeout, talk, link);
                }
            }
            Work::Recheck { group } => self.start_recheck(group, talk, link),
            Work::Write(order) => self.start_write(*order, talk, link),
            Work::Readback { .. } => {}
        }
    }

    fn start_scan(&mut self, job: Job, group: usize, fresh: bool, talk: &mut Talk, link: &mut Link) {
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
        launch((device, request, purpose), self.settings.timing.timeout, talk, link);
    }

    fn start_recheck(&mut self, group: usize, talk: &mut Talk, link: &mut Link) {
        let Some(book) = self.groups.get_mut(group) else { return };
        let rows: Vec<u32> = book.refused.iter().skip(book.recheck).map(|refused| refused.row).collect();
        let Some(read) = book.singles(rows) else {
            book.recheck = 0;
            return link.schedule_recheck(group);
        };
        book.recheck += read.rows().len();
        let (device, request) = (book.device, read.request());
        let purpose = Purpose::Recheck { group, read };
        launch((device, request, purpose), self.settings.timing.timeout, talk, link);
    }

    // ---- bytes in ----------------------------------------------------------------------------------------------

    fn take_bytes(
        &mut self,
        mut bytes: &[u8],
        deframer: &mut Deframer,
        joiner: &mut Joiner,
        talk: &mut Talk,
        link: &mut Link,
    ) -> Result<(), Fault> {
        let broken = |why: String| Fault::Protocol(why.into());
        loop {
            let tpdu = match deframer.feed(&mut bytes) {
                Ok(Some(tpdu)) => tpdu,
                Ok(None) => return Ok(()),
                Err(desync) => return Err(broken(desync.to_string())),
            };
            match Tpdu::parse(tpdu).map_err(|error| broken(error.to_string()))? {
                Tpdu::Data { last, payload } => {
                    let whole = joiner.take(last, payload).map_err(|error| broken(error.to_string()))?;
                    if let Some(pdu) = whole {
                        self.take_pdu(pdu, talk, link)?;
                        joiner.clear();
                    }
                }
                Tpdu::Disconnect { reason } => {
                    let why = format!("the device ended the connection: {}", cotp::reason(reason));
                    return Err(Fault::Lost(why.into()));
                }
                _ => return Err(broken("a transport message that has no place here".into())),
            }
        }
    }

    fn take_pdu(&mut self, pdu: &[u8], talk: &mut Talk, link: &mut Link) -> Result<(), Fault> {
        let Some(reference) = repr::reference(pdu) else {
            return Err(Fault::Protocol("a PDU that is not S7".into()));
        };
        let Some(at) = talk.inflight.iter().position(|flight| flight.reference == reference) else {
            link.late();
            talk.strangers += 1;
            if talk.strangers > MAX_STRANGERS {
                return Err(Fault::Protocol("endless answers to nothing".into()));
            }
            return Ok(());
        };
        let mut flight = talk.inflight.swap_remove(at);
        talk.strangers = 0;
        self.witness.answered(talk.ends, reference, pdu, link.clock().as_ref());
        let took = Instant::now() - flight.sent;
        let response = match Response::parse(&flight.request, pdu) {
            Ok(response) => response,
            Err(error) => {
                link.bad_frame();
                let fault = Fault::Protocol(error.to_string().into());
                link.failed(flight.device, &fault);
                self.conclude(flight, Answer::Failed(fault), talk, link);
                return Ok(());
            }
        };
        link.answered(flight.device, took);
        match response {
            Response::Read(items) => self.conclude(flight, Answer::Reply(Reply::Items(&items)), talk, link),
            Response::Write(codes) => {
                let code = codes.first().copied().unwrap_or(wire::s7::ReturnCode(0));
                self.conclude(flight, Answer::Written(code), talk, link);
            }
            Response::Szl { sequence, last, data, .. } => {
                flight.list.extend_from_slice(data);
                if last || flight.list.len() > szl::MAX_LIST {
                    let list = std::mem::take(&mut flight.list);
                    self.conclude(flight, Answer::Reply(Reply::List(&list)), talk, link);
                } else {
                    flight.request = Request::SzlNext { sequence };
                    relaunch(flight, talk, link);
                }
            }
            Response::SzlRefused { .. } => self.conclude(flight, Answer::Reply(Reply::NoList), talk, link),
            Response::Refused(error) => {
                link.exception(flight.device, &header_fault(error));
                self.conclude(flight, Answer::Refused(error), talk, link);
            }
            Response::Setup(_) => {}
        }
        Ok(())
    }

    /// Gives up what has waited too long.
    fn expire(&mut self, talk: &mut Talk, link: &mut Link) {
        let now = Instant::now();
        while let Some(at) = talk.inflight.iter().position(|flight| flight.deadline <= now) {
            let flight = talk.inflight.swap_remove(at);
            let timeout_ms = u64::try_from(flight.timeout.as_millis()).unwrap_or(u64::MAX);
            let fault = Fault::Timeout { timeout_ms };
            link.failed(flight.device, &fault);
            self.conclude(flight, Answer::Failed(fault), talk, link);
        }
    }
}

/// Puts a request on the wire.
pub(super) fn launch(
    (device, request, purpose): (usize, Request<'static>, Purpose),
    timeout: Duration,
    talk: &mut Talk,
    link: &Link,
) {
    let (reference, sent) = (0, Instant::now());
    let flight =
        InFlight { reference, device, request, sent, deadline: sent, timeout, purpose, list: Vec::new() };
    relaunch(flight, talk, link);
}

/// The same with what is known of a request already, under a new reference.
pub(super) fn relaunch(mut flight: InFlight, talk: &mut Talk, link: &Link) {
    let before = talk.out.len();
    let reference = next_reference(talk);
    cotp::emit_data_with(&mut talk.out, |out| flight.request.emit(reference, out));
    link.sent(talk.out.len() - before);
    let sent = Instant::now();
    (flight.reference, flight.sent, flight.deadline) = (reference, sent, sent + flight.timeout);
    talk.inflight.push(flight);
}

/// Never 0, which the negotiation had.
pub(super) fn next_reference(talk: &mut Talk) -> u16 {
    talk.reference = talk.reference.checked_add(1).unwrap_or(1);
    talk.reference
}

/// Sends what is collected.
async fn flush(stream: &mut Stream, talk: &mut Talk, patience: Duration) -> Result<(), Fault> {
    if talk.out.is_empty() {
        return Ok(());
    }
    let written = timeout(patience.max(Duration::from_secs(1)), async {
        stream.write_all(&talk.out).await?;
        stream.flush().await
    })
    .await;
    talk.out.clear();
    match written {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(transport::fault_from_io(&error)),
        Err(_) => Err(Fault::Lost("the other side takes no more bytes".into())),
    }
}
