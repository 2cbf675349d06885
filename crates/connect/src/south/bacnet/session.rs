//! One session: a socket, jobs and subscriptions out of it, datagrams into it, one request at a time for each device.
//!
//! UDP has no connection: a session ends when all devices are silent, and then begins anew with a fresh socket.

use super::build::{Endpoint, Whereabouts};
use super::driver::{Bacnet, InFlight, Purpose};
use super::registration::Registration;
use super::socket::{Door, Socket, resolve};
use crate::south::job::Work;
use crate::south::{Job, Link, Writing};
use model::Fault;
use std::net::SocketAddrV4;
use std::time::Duration;
use tokio::time::Instant;
use wire::bacnet::{Answer, Exchange, Heard, IAm, MAX_MESSAGE, Peer, Request};

/// Datagrams to send, and to whom.
pub(super) type Out = Vec<(SocketAddrV4, Vec<u8>)>;

/// Writes that wait for one device; more are refused.
const MOST_WAITING: usize = 16;

/// What lives as long as one session.
pub(super) struct Talk {
    socket: Socket,
    pub(super) exchange: Exchange,
    pub(super) inflight: Vec<InFlight>,
    /// Read-backs that wait a moment.
    pub(super) delayed: Vec<(Instant, Box<Writing>)>,
    pub(super) out: Out,
    pub(super) host: Option<SocketAddrV4>,
    pub(super) bbmd: Option<Registration>,
    /// The last thing started was a subscription: a job goes first.
    subscribed: bool,
}

/// Opens a socket, finds the host, registers at the BBMD.
///
/// # Errors
/// Why not, in words.
async fn open(door: &mut Door, endpoint: &Endpoint) -> Result<Talk, Fault> {
    let mut socket = door.open().await?;
    let host = match &endpoint.host {
        Some((host, port)) => Some(resolve(host, *port).await?),
        None => None,
    };
    let bbmd = Registration::begin(&mut socket, endpoint).await?;
    Ok(Talk {
        socket,
        exchange: Exchange::default(),
        inflight: Vec::new(),
        delayed: Vec::new(),
        out: Vec::new(),
        host,
        bbmd,
        subscribed: false,
    })
}

impl Bacnet {
    pub(super) async fn connect_and_talk(&mut self, link: &mut Link) -> Fault {
        let opened = link.open(open(&mut self.door, &self.endpoint)).await;
        let mut talk = match opened {
            Ok(talk) => talk,
            Err(fault) => return fault,
        };
        for device in 0..self.units.len() {
            self.forget(device);
            if let Some(unit) = self.units.get_mut(device) {
                unit.busy = false;
                unit.peer = match (&unit.place, talk.host) {
                    (Whereabouts::Host, Some(at)) => Some(Peer { at, beyond: None }),
                    (Whereabouts::Beyond(beyond), Some(at)) => {
                        Some(Peer { at, beyond: Some(beyond.clone()) })
                    }
                    _ => None,
                };
            }
        }
        let fault = self.talk(&mut talk, link).await;
        // What waited was not sent: the link says so.
        self.units.iter_mut().for_each(|unit| unit.held.drain(..).for_each(|job| link.again(job)));
        fault
    }

    async fn talk(&mut self, talk: &mut Talk, link: &mut Link) -> Fault {
        let mut buffer = [0u8; MAX_MESSAGE];
        loop {
            self.send_due(talk, link);
            if let Err(fault) = flush(talk, link).await {
                return fault;
            }
            if talk.inflight.is_empty() && link.is_deserted() {
                return timed_out(self.endpoint.timing.timeout);
            }
            let until = self.until(talk, link);
            tokio::select! {
                biased;
                received = talk.socket.receive(&mut buffer) => match received {
                    Ok((count, from)) => {
                        link.received(count);
                        let datagram = buffer.get(..count).unwrap_or_default();
                        if let Some(from) = from {
                            self.take(from, datagram, talk, link);
                        }
                    }
                    // Somebody's refusal of an earlier datagram; who is silent shows by himself.
                    Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
                    Err(error) => return transport::fault_from_io(&error),
                },
                () = link.wait(Some(until)) => {}
            }
            self.expire(talk, link);
        }
    }

    /// When something is to be done although nothing comes.
    fn until(&self, talk: &Talk, link: &Link) -> Instant {
        let room = talk.inflight.len() < self.endpoint.at_once;
        // What is due and not sent waits for the budget, and the link knows when that has room.
        let now = Instant::now();
        let cov = self.cov_due(link).filter(|at| room && *at > now);
        let free =
            |writing: &Writing| room && self.units.get(writing.device()).is_some_and(|unit| !unit.busy);
        let delayed = talk.delayed.iter().filter(|(_, writing)| free(writing)).map(|(at, _)| *at);
        let deadlines = talk.inflight.iter().map(|flight| flight.deadline);
        let renewal = talk.bbmd.as_ref().map(Registration::due);
        let all = deadlines.chain(delayed).chain(cov).chain(renewal);
        all.min().unwrap_or_else(|| Instant::now() + Duration::from_secs(60))
    }

    fn send_due(&mut self, talk: &mut Talk, link: &mut Link) {
        let now = Instant::now();
        if let Some(bbmd) = &mut talk.bbmd {
            bbmd.renew(now, &mut talk.out, link);
        }
        while talk.inflight.len() < self.endpoint.at_once {
            let due = |(at, writing): &(Instant, Box<Writing>)| {
                *at <= now && self.units.get(writing.device()).is_some_and(|unit| !unit.busy)
            };
            if let Some(at) = talk.delayed.iter().position(due) {
                let (_, writing) = talk.delayed.swap_remove(at);
                self.start_readback(writing, talk, link);
                continue;
            }
            // Jobs and subscriptions take turns, so that neither waits for the other's end.
            if !talk.subscribed && link.may_ask() && self.start_cov(now, talk, link) {
                talk.subscribed = true;
                continue;
            }
            talk.subscribed = false;
            match link.take() {
                Some(job) => self.start(job, talk, link),
                None if link.may_ask() && self.start_cov(now, talk, link) => {}
                None => break,
            }
        }
    }

    /// Turns a job into its next request, or keeps it until its device is free and known.
    fn start(&mut self, job: Job, talk: &mut Talk, link: &mut Link) {
        let device = match &job.work {
            Work::Scan { group, .. } | Work::Recheck { group } => {
                self.groups.get(*group).map(|book| book.device)
            }
            Work::Probe { device, .. } => Some(*device),
            Work::Write(order) => link.place(order.point).and_then(|(group, _)| link.device_of(group)),
            Work::Readback { .. } => None,
        };
        let Some(unit) = device.and_then(|device| self.units.get_mut(device)) else {
            if let Work::Write(order) = job.work {
                link.refuse(*order, "this connection does not feed the point any more");
            }
            return;
        };
        let device = device.unwrap_or_default();
        let probe = matches!(job.work, Work::Probe { .. });
        let blocked = unit.wrong.is_some();
        if unit.busy || (!unit.facts.known() && !probe && !blocked) || unit.peer.is_none() {
            let idle = !unit.busy;
            hold(&mut unit.held, job, link);
            if idle {
                self.get_to_know(device, talk, link);
            }
            return;
        }
        match job.work {
            Work::Scan { group, fresh } => self.start_scan(job, (group, fresh), talk, link),
            Work::Probe { attempt, .. } => self.start_probe(device, link.probe_timeout(attempt), talk, link),
            Work::Recheck { group } => self.start_recheck(group, talk, link),
            Work::Write(order) => self.start_write(*order, talk, link),
            Work::Readback { .. } => {}
        }
    }

    // ---- datagrams in ------------------------------------------------------------------------------------------

    fn take(&mut self, from: SocketAddrV4, datagram: &[u8], talk: &mut Talk, link: &mut Link) {
        match talk.exchange.hear(from, datagram, &mut talk.out) {
            Heard::Answer { invoke, answer } => {
                let at = talk.inflight.iter().position(|flight| flight.invoke == Some(invoke));
                let Some(at) = at else { return link.late() };
                let flight = talk.inflight.swap_remove(at);
                self.answered(flight, answer, talk, link);
            }
            Heard::Part { invoke } => {
                let now = Instant::now();
                let flight = talk.inflight.iter_mut().find(|flight| flight.invoke == Some(invoke));
                flight.into_iter().for_each(|flight| flight.deadline = now + flight.timeout);
            }
            Heard::Told { from, notification, confirm } => {
                self.told(&from, &notification, confirm, talk, link)
            }
            Heard::IAm { from, about } => self.is_there(from, about, talk, link),
            Heard::Result { from, code } => match &mut talk.bbmd {
                Some(bbmd) if bbmd.at == from => bbmd.heard(code, Instant::now(), link),
                _ => link.late(),
            },
            Heard::Stranger => link.late(),
            Heard::Broken(_) => link.bad_frame(),
        }
    }

    fn answered(&mut self, flight: InFlight, answer: Answer, talk: &mut Talk, link: &mut Link) {
        if let Answer::Broken(error) = answer {
            link.bad_frame();
            return self.fail(flight, &Fault::Protocol(error.to_string().into()), talk, link);
        }
        link.answered(flight.device, flight.sent.elapsed());
        if let Some(fault) = super::conclude::refusal(&answer) {
            link.exception(flight.device, &fault);
        }
        self.free(flight.device, link);
        self.conclude(flight, answer, talk, link);
    }

    /// A device says where it is. It counts only if somebody asked; else it may have started anew, and forgotten who is
    /// to be told of changes.
    fn is_there(&mut self, from: Peer, about: IAm, talk: &mut Talk, link: &mut Link) {
        let Some(device) = self.units.iter().position(|unit| unit.instance == about.device.instance) else {
            return link.late();
        };
        let asked = |flight: &InFlight| flight.device == device && matches!(flight.purpose, Purpose::Locate);
        match talk.inflight.iter().position(asked) {
            Some(at) => {
                let flight = talk.inflight.swap_remove(at);
                link.answered(device, flight.sent.elapsed());
                if let Some(unit) = self.units.get_mut(device) {
                    unit.peer = Some(from);
                }
                self.free(device, link);
            }
            None if self.units.get(device).is_some_and(|unit| unit.peer.as_ref() == Some(&from)) => {
                self.untell(device, Instant::now());
            }
            None => link.late(),
        }
    }

    /// Gives up what has waited too long.
    fn expire(&mut self, talk: &mut Talk, link: &mut Link) {
        let now = Instant::now();
        while let Some(at) = talk.inflight.iter().position(|flight| flight.deadline <= now) {
            let flight = talk.inflight.swap_remove(at);
            flight.invoke.into_iter().for_each(|invoke| talk.exchange.forget(invoke));
            let fault = timed_out(flight.timeout);
            self.fail(flight, &fault, talk, link);
        }
    }

    fn fail(&mut self, flight: InFlight, fault: &Fault, talk: &mut Talk, link: &mut Link) {
        let device = flight.device;
        link.failed(device, fault);
        // The next probe has a time of its own.
        if let Some(unit) = self.units.get_mut(device) {
            unit.held.retain(|job| !matches!(job.work, Work::Probe { .. }));
        }
        self.free(device, link);
        self.conclude_failed(flight, fault, talk, link);
        if !link.is_active(device) {
            self.forget(device);
        }
    }

    /// The device may be asked something else.
    fn free(&mut self, device: usize, link: &mut Link) {
        if let Some(unit) = self.units.get_mut(device) {
            unit.busy = false;
            unit.held.drain(..).for_each(|job| link.again(job));
        }
    }
}

fn hold(held: &mut Vec<Job>, job: Job, link: &Link) {
    let writes = held.iter().filter(|job| matches!(job.work, Work::Write(_))).count();
    match job.work {
        Work::Write(order) if writes >= MOST_WAITING => {
            link.refuse(*order, "too many writes wait for this device; nothing was sent");
        }
        work => held.push(Job { work, ..job }),
    }
}

pub(super) fn timed_out(timeout: Duration) -> Fault {
    Fault::Timeout { timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX) }
}

/// Sends a request to a device. Returns whether it is on its way.
pub(super) fn launch(
    driver: &mut Bacnet,
    device: usize,
    request: &Request,
    purpose: Purpose,
    talk: &mut Talk,
    link: &Link,
) -> bool {
    launch_within(driver, device, request, (purpose, driver.endpoint.timing.timeout), talk, link)
}

/// The same with another time-out.
pub(super) fn launch_within(
    driver: &mut Bacnet,
    device: usize,
    request: &Request,
    (purpose, timeout): (Purpose, Duration),
    talk: &mut Talk,
    link: &Link,
) -> bool {
    let Some(unit) = driver.units.get_mut(device) else { return false };
    let Some(peer) = unit.peer.clone() else { return false };
    let most = unit.facts.limits.request;
    let Some((invoke, datagram)) = talk.exchange.ask_within(&peer, request, most) else { return false };
    unit.busy = true;
    link.sent(datagram.len());
    talk.out.push((peer.at, datagram));
    let sent = Instant::now();
    let deadline = sent + timeout;
    talk.inflight.push(InFlight { invoke: Some(invoke), device, sent, deadline, timeout, purpose });
    true
}

/// Sends what stands in the buffer. A datagram that cannot be sent is one that is not answered.
async fn flush(talk: &mut Talk, link: &Link) -> Result<(), Fault> {
    for (to, datagram) in std::mem::take(&mut talk.out) {
        if let Err(error) = talk.socket.send(to, &datagram).await {
            link.late();
            tracing::debug!(%to, %error, "a datagram could not be sent");
        }
    }
    Ok(())
}
