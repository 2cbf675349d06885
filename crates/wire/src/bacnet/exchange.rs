//! A client's side of the conversation (5.4): numbers of exchanges, parts of long answers, what devices say unasked.
//!
//! ```text
//!   ask ──▶ datagram                     datagram ──▶ hear ─┬▶ Answer (whole; parts are acknowledged on the way)
//!    └ number of the exchange                               ├▶ Told, IAm, Result
//!   forget (its time is over)                               └▶ Stranger, Broken
//! ```
//! Rationale: it knows no time and no socket. Who waits decides how long; an answer counts only if device, number and
//! service are those of the question.

use super::{
    Address, Apdu, Bvlc, CovNotification, Error, IAm, MAX_APDU, Npdu, Request, Segment, WhoIs, table,
};
use std::net::SocketAddrV4;

/// Parts of one answer that are put together: what our requests say; and most parts of a request.
const MAX_PARTS: usize = 64;
/// Octets of a request's head without parts, and what parts add to it (20.1.2).
const HEAD: usize = 4;
const PART_HEAD: usize = HEAD + 2;
/// Longest answer, in bytes.
pub const MAX_ANSWER: usize = MAX_PARTS * MAX_APDU;
/// Parts that may be under way.
const WINDOW: u8 = 16;
/// Exchanges under way at most; numbers are not used again so soon that a late answer could pass for another.
const MAX_OPEN: usize = 64;
/// Abort reasons (18.10) that a client gives: too long, not expected.
const BUFFER_OVERFLOW: u8 = 1;
const NOT_EXPECTED: u8 = 2;
/// Reject reason (18.9): the service is not known.
const UNKNOWN_SERVICE: u8 = 9;

/// Where a device is: an address on this network, and the one behind a router there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Peer {
    /// Address and UDP port.
    pub at: SocketAddrV4,
    /// Network and address behind it.
    pub beyond: Option<Address>,
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.at)?;
        match &self.beyond {
            Some(beyond) => write!(f, " {beyond}"),
            None => Ok(()),
        }
    }
}

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done.
    Done,
    /// Done, and these are the service's bytes.
    Data(Vec<u8>),
    /// Refused: error class and code (18).
    Error {
        /// Error class.
        class: u32,
        /// Error code.
        code: u32,
    },
    /// Not understood: reject reason (18.9).
    Reject(u8),
    /// Given up: abort reason (18.10).
    Abort(u8),
    /// The answer does not fit its question.
    Broken(Error),
}

/// What a datagram was.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// The end of an exchange.
    Answer {
        /// Its number.
        invoke: u8,
        /// How it ended.
        answer: Answer,
    },
    /// A part of an answer: the device is at it.
    Part {
        /// Number of the exchange.
        invoke: u8,
    },
    /// A value has changed. Where `confirm` is a number, the device waits for [`Exchange::acknowledge`] or
    /// [`Exchange::disown`].
    Told {
        /// Who says so.
        from: Peer,
        /// What.
        notification: CovNotification,
        /// Number of the device's exchange.
        confirm: Option<u8>,
    },
    /// A device says that it is there.
    IAm {
        /// Where it is.
        from: Peer,
        /// What it says.
        about: IAm,
    },
    /// What a broadcast management device says to a request: 0 is yes (J.2.1).
    Result {
        /// Who says so.
        from: SocketAddrV4,
        /// The code.
        code: u16,
    },
    /// Sound, but for nobody here, or too late.
    Stranger,
    /// No message.
    Broken(Error),
}

/// Exchanges under way over one socket.
#[derive(Debug, Default)]
pub struct Exchange {
    open: Vec<Open>,
    next: u8,
}

#[derive(Debug)]
struct Open {
    invoke: u8,
    peer: Peer,
    service: u8,
    parts: Option<Parts>,
    /// Parts of the request that are not acknowledged yet.
    sending: Option<Sending>,
}

/// A request that is longer than the device takes at once (5.4.4.1).
#[derive(Debug)]
struct Sending {
    body: Vec<u8>,
    /// Octets of the service in one part.
    size: usize,
    /// The first part that is not acknowledged.
    next: usize,
}

/// Parts of one answer.
#[derive(Debug)]
struct Parts {
    body: Vec<u8>,
    count: usize,
    /// Sequence number that comes next.
    next: u8,
    window: u8,
    /// Parts since the last acknowledgement.
    since: u8,
}

/// What a part leads to.
enum Step {
    /// Acknowledge; `true`: something is missing.
    Acknowledge(bool),
    /// Acknowledge: that was the last.
    Whole,
    /// More parts first.
    Wait,
    /// Too many.
    TooLong,
}

type Out = Vec<(SocketAddrV4, Vec<u8>)>;

impl Exchange {
    /// Begins an exchange. `None` if too many are under way.
    pub fn ask(&mut self, peer: &Peer, request: &Request) -> Option<(u8, Vec<u8>)> {
        self.ask_within(peer, request, MAX_APDU)
    }

    /// The same with a device that takes `most` octets at once, at least 50: what is longer goes in parts, the first of
    /// which is the datagram; the others follow as the device acknowledges. `None` also if it is too long for 64 parts.
    pub fn ask_within(&mut self, peer: &Peer, request: &Request, most: usize) -> Option<(u8, Vec<u8>)> {
        if self.open.len() >= MAX_OPEN {
            return None;
        }
        let mut invoke = self.next;
        while self.open.iter().any(|open| open.invoke == invoke) {
            invoke = invoke.wrapping_add(1);
        }
        let (service, body) = request.emit();
        let mut open = Open { invoke, peer: peer.clone(), service, parts: None, sending: None };
        let datagram = if body.len() + HEAD <= most {
            sealed(peer, true, &Apdu::request(invoke, service, &body))
        } else {
            let size = most.saturating_sub(PART_HEAD).max(1);
            let sending = Sending { body, size, next: 0 };
            if sending.count() > MAX_PARTS {
                return None;
            }
            // The first goes alone: with its acknowledgement the window is agreed (5.3).
            let first = sending.part(peer, (invoke, service), 0)?;
            open.sending = Some(sending);
            first
        };
        self.next = invoke.wrapping_add(1);
        self.open.push(open);
        Some((invoke, datagram))
    }

    /// Nobody waits for the answer any more.
    pub fn forget(&mut self, invoke: u8) {
        self.open.retain(|open| open.invoke != invoke);
    }

    /// The datagram that thanks for a notification.
    pub fn acknowledge(to: &Peer, invoke: u8) -> Vec<u8> {
        sealed(to, false, &Apdu::SimpleAck { invoke, service: super::service::confirmed::COV_NOTIFICATION })
    }

    /// The datagram that says that nobody wants a notification: services, unknown subscription (18.6).
    pub fn disown(to: &Peer, invoke: u8) -> Vec<u8> {
        let service = super::service::confirmed::COV_NOTIFICATION;
        let (class, code) = (table::class::SERVICES, table::code::UNKNOWN_SUBSCRIPTION);
        sealed(to, false, &Apdu::Error { invoke, service, class, code })
    }

    /// Takes a datagram; what has to be sent for it goes to `out`.
    pub fn hear(&mut self, from: SocketAddrV4, datagram: &[u8], out: &mut Out) -> Heard {
        self.take(from, datagram, out).unwrap_or_else(Heard::Broken)
    }

    fn take(&mut self, from: SocketAddrV4, datagram: &[u8], out: &mut Out) -> Result<Heard, Error> {
        let link = Bvlc::parse(datagram)?;
        let (at, npdu) = match link {
            Bvlc::Result(code) => return Ok(Heard::Result { from, code }),
            Bvlc::Forwarded { from, npdu } => (from, npdu),
            Bvlc::Unicast(npdu) | Bvlc::Broadcast(npdu) => (from, npdu),
            Bvlc::Register { .. } | Bvlc::Distribute(_) => return Ok(Heard::Stranger),
        };
        let npdu = Npdu::parse(npdu)?;
        if npdu.network_message.is_some() {
            return Ok(Heard::Stranger);
        }
        let peer = Peer { at, beyond: npdu.from };
        Ok(match Apdu::parse(npdu.body)? {
            Apdu::Unconfirmed { service, body } => unasked(peer, service, body)?,
            Apdu::Confirmed { segment: None, invoke, service, body, .. } => {
                if CovNotification::is_service(true, service) {
                    let notification = CovNotification::parse(body)?;
                    return Ok(Heard::Told { from: peer, notification, confirm: Some(invoke) });
                }
                out.push((at, sealed(&peer, false, &Apdu::Reject { invoke, reason: UNKNOWN_SERVICE })));
                Heard::Stranger
            }
            Apdu::Confirmed { invoke, .. } => {
                // Nobody needs a request to a client in parts.
                let reason = 4;
                out.push((at, sealed(&peer, false, &Apdu::Abort { server: true, invoke, reason })));
                Heard::Stranger
            }
            Apdu::ComplexAck { segment: Some(segment), invoke, service, body } => {
                self.part(&peer, (invoke, service), segment, body, out)
            }
            Apdu::ComplexAck { segment: None, invoke, service, body } => {
                self.end(&peer, invoke, Some(service), Answer::Data(body.to_vec()))
            }
            Apdu::SimpleAck { invoke, service } => self.end(&peer, invoke, Some(service), Answer::Done),
            Apdu::Error { invoke, service, class, code } => {
                self.end(&peer, invoke, Some(service), Answer::Error { class, code })
            }
            Apdu::Reject { invoke, reason } => self.end(&peer, invoke, None, Answer::Reject(reason)),
            Apdu::Abort { server: true, invoke, reason } => {
                self.end(&peer, invoke, None, Answer::Abort(reason))
            }
            Apdu::SegmentAck { server: true, invoke, sequence, window, .. } => {
                self.go_on(&peer, invoke, (sequence, window), out)
            }
            Apdu::Abort { .. } | Apdu::SegmentAck { .. } => Heard::Stranger,
        })
    }

    /// The device has parts of a request up to `sequence`, or lacks what follows it: the next ones go out (5.4.4.2).
    fn go_on(&mut self, peer: &Peer, invoke: u8, (sequence, window): (u8, u8), out: &mut Out) -> Heard {
        let Some(open) = self.find(peer, invoke).and_then(|at| self.open.get_mut(at)) else {
            return Heard::Stranger;
        };
        let service = open.service;
        let Some(sending) = &mut open.sending else { return Heard::Stranger };
        let next = usize::from(sequence) + 1;
        // An older acknowledgement came late, or one of parts that were never sent.
        if next < sending.next || next > sending.count() {
            return Heard::Stranger;
        }
        sending.next = next;
        let parts = (next..sending.count()).take(usize::from(window.clamp(1, WINDOW)));
        let datagrams = parts.filter_map(|number| sending.part(peer, (invoke, service), number));
        out.extend(datagrams.map(|datagram| (peer.at, datagram)));
        Heard::Part { invoke }
    }

    fn find(&mut self, peer: &Peer, invoke: u8) -> Option<usize> {
        self.open.iter().position(|open| open.invoke == invoke && open.peer == *peer)
    }

    fn end(&mut self, peer: &Peer, invoke: u8, service: Option<u8>, answer: Answer) -> Heard {
        let Some(at) = self.find(peer, invoke) else { return Heard::Stranger };
        let open = self.open.swap_remove(at);
        let fits = service.is_none_or(|service| service == open.service);
        let misfit = || Answer::Broken(Error::Unexpected("it answers another service than it was asked for"));
        Heard::Answer { invoke, answer: if fits { answer } else { misfit() } }
    }

    fn part(
        &mut self,
        peer: &Peer,
        (invoke, service): (u8, u8),
        segment: Segment,
        body: &[u8],
        out: &mut Out,
    ) -> Heard {
        let abort = |reason| sealed(peer, false, &Apdu::Abort { server: false, invoke, reason });
        let found = self.find(peer, invoke).and_then(|at| self.open.get_mut(at));
        let Some(open) = found.filter(|open| open.service == service) else {
            // It would go on sending.
            out.push((peer.at, abort(NOT_EXPECTED)));
            return Heard::Stranger;
        };
        let parts = open.parts.get_or_insert_with(|| Parts::new(segment.window));
        let step = parts.take(segment, body);
        let acknowledge = |negative, parts: &Parts| {
            let sequence = parts.next.wrapping_sub(1);
            let ack = Apdu::SegmentAck { negative, server: false, invoke, sequence, window: parts.window };
            (peer.at, sealed(peer, false, &ack))
        };
        match step {
            Step::Wait => Heard::Part { invoke },
            Step::Acknowledge(negative) => {
                out.push(acknowledge(negative, parts));
                Heard::Part { invoke }
            }
            Step::Whole => {
                out.push(acknowledge(false, parts));
                let body = std::mem::take(&mut parts.body);
                self.end(peer, invoke, Some(service), Answer::Data(body))
            }
            Step::TooLong => {
                out.push((peer.at, abort(BUFFER_OVERFLOW)));
                let why = Error::TooLong { what: "an answer", most: MAX_ANSWER };
                self.end(peer, invoke, None, Answer::Broken(why))
            }
        }
    }
}

impl Sending {
    fn count(&self) -> usize {
        self.body.len().div_ceil(self.size)
    }

    fn part(&self, to: &Peer, (invoke, service): (u8, u8), number: usize) -> Option<Vec<u8>> {
        let body = self.body.chunks(self.size).nth(number)?;
        let sequence = u8::try_from(number).ok()?;
        let segment = Segment { more: number + 1 < self.count(), sequence, window: WINDOW };
        Some(sealed(to, true, &Apdu::request_part(segment, invoke, service, body)))
    }
}

impl Parts {
    fn new(window: u8) -> Self {
        Self { body: Vec::new(), count: 0, next: 0, window: window.clamp(1, WINDOW), since: 0 }
    }

    /// 5.4.4.3: parts in order are kept, others are asked for again.
    fn take(&mut self, segment: Segment, body: &[u8]) -> Step {
        if segment.sequence != self.next {
            // What came twice is behind us; everything else was overtaken.
            let behind = self.next.wrapping_sub(1).wrapping_sub(segment.sequence) < 128;
            self.since = 0;
            return if self.count == 0 { Step::Wait } else { Step::Acknowledge(!behind) };
        }
        if self.count >= MAX_PARTS || self.body.len() + body.len() > MAX_ANSWER {
            return Step::TooLong;
        }
        self.body.extend_from_slice(body);
        self.count += 1;
        self.next = self.next.wrapping_add(1);
        self.since += 1;
        // The first is acknowledged alone: with it the window is agreed (5.3).
        match (segment.more, self.count == 1 || self.since >= self.window) {
            (false, _) => Step::Whole,
            (true, true) => {
                self.since = 0;
                Step::Acknowledge(false)
            }
            (true, false) => Step::Wait,
        }
    }
}

fn unasked(from: Peer, service: u8, body: &[u8]) -> Result<Heard, Error> {
    if service == super::service::unconfirmed::I_AM {
        return Ok(Heard::IAm { from, about: IAm::parse(body)? });
    }
    if CovNotification::is_service(false, service) {
        return Ok(Heard::Told { from, notification: CovNotification::parse(body)?, confirm: None });
    }
    Ok(Heard::Stranger)
}

/// An APDU as a datagram to a device.
fn sealed(to: &Peer, expects_reply: bool, apdu: &Apdu<'_>) -> Vec<u8> {
    let (mut inner, mut npdu, mut out) = (Vec::new(), Vec::new(), Vec::new());
    apdu.emit(&mut inner);
    Npdu::apdu(to.beyond.clone(), expects_reply, &inner).emit(&mut npdu);
    Bvlc::Unicast(&npdu).emit(&mut out);
    out
}

/// How a Who-Is leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cast {
    /// To one address.
    Unicast,
    /// To everybody on this network.
    Broadcast,
    /// To a broadcast management device, which passes it on (J.4.5).
    Distribute,
}

/// The datagram that asks who has an instance in `range`; `to` is a network beyond a router, or all of them.
pub fn who_is(range: Option<(u32, u32)>, to: Option<Address>, cast: &Cast) -> Vec<u8> {
    let (mut inner, mut npdu, mut out) = (Vec::new(), Vec::new(), Vec::new());
    let (service, body) = WhoIs { range }.emit();
    Apdu::Unconfirmed { service, body: &body }.emit(&mut inner);
    Npdu::apdu(to, false, &inner).emit(&mut npdu);
    match cast {
        Cast::Unicast => Bvlc::Unicast(&npdu),
        Cast::Broadcast => Bvlc::Broadcast(&npdu),
        Cast::Distribute => Bvlc::Distribute(&npdu),
    }
    .emit(&mut out);
    out
}

/// The datagram that asks a broadcast management device to pass broadcasts on for so many seconds (J.5.2).
pub fn register(seconds: u16) -> Vec<u8> {
    let mut out = Vec::new();
    Bvlc::Register { seconds }.emit(&mut out);
    out
}
