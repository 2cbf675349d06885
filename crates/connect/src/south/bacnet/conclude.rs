//! What an answer means, by what was asked.

use super::build::Whereabouts;
use super::driver::{Bacnet, Facts, InFlight, Purpose};
use super::group::{Ended, error_words};
use super::planner::{Limits, Read};
use super::session::{Talk, launch, launch_within};
use crate::south::job::{Lane, Work};
use crate::south::{Job, Link, Origin};
use model::Fault;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wire::bacnet::table::{self, class, code, property, service_bit};
use wire::bacnet::{
    Address, Answer, Cast, MAX_APDU, ObjectId, PropertyRef, ReadResult, Request, Value as Wire, read_ack,
    read_multiple_ack, who_is,
};

/// Reject reason (18.9): the service is not known.
const UNKNOWN_SERVICE: u8 = 9;
/// Smallest answer that a device is asked for in one piece.
const SMALLEST: usize = 50;
/// What a device is taken to accept that does not say: what fits every link (6.1, table 6-1).
const CAUTIOUS: usize = 206;

/// The fault that an answer is, if the device refuses.
pub(super) fn refusal(answer: &Answer) -> Option<Fault> {
    let (code, text) = match answer {
        Answer::Done | Answer::Data(_) => return None,
        Answer::Error { class, code } => (*code, error_words(*class, *code)),
        Answer::Reject(reason) => {
            let words = table::reject_reason(*reason).unwrap_or("the device says no more");
            ((*reason).into(), format!("it rejects the request: {words}"))
        }
        Answer::Abort(reason) => {
            let words = table::abort_reason(*reason).unwrap_or("the device says no more");
            ((*reason).into(), format!("it breaks the request off: {words}"))
        }
        Answer::Broken(error) => return Some(Fault::Protocol(error.to_string().into())),
    };
    Some(Fault::Exception { code, text: text.into() })
}

/// Why a read has no results.
pub(super) enum NoResults {
    /// Too much for one answer.
    TooMuch,
    /// Several properties at once are not known to the device, or it mixes their errors up.
    OneByOne { forever: bool },
    /// Refused.
    Refused(String),
    /// Not what was asked for.
    Broken(Fault),
}

/// A result for each item of a read.
pub(super) fn results(read: &Read, answer: &Answer) -> Result<Vec<ReadResult>, NoResults> {
    let misfit = || NoResults::Broken(Fault::Protocol("the answer is about something else".into()));
    let broken = |error: wire::bacnet::Error| NoResults::Broken(Fault::Protocol(error.to_string().into()));
    match answer {
        Answer::Data(body) if read.many => {
            let all = read_multiple_ack(body).map_err(broken)?;
            if all.len() != read.items.len()
                || all.iter().zip(&read.items).any(|(one, item)| one.target != item.target)
            {
                return Err(misfit());
            }
            Ok(all.into_iter().map(|one| one.result).collect())
        }
        Answer::Data(body) => {
            let one = read_ack(body).map_err(broken)?;
            match read.items.as_slice() {
                [item] if item.target == one.target => Ok(vec![Ok(one.values)]),
                _ => Err(misfit()),
            }
        }
        Answer::Error { class, code } if read.many => {
            let unable = *class == class::SERVICES
                || matches!(*code, code::SERVICE_REQUEST_DENIED | code::OPTIONAL_FUNCTIONALITY_NOT_SUPPORTED);
            Err(NoResults::OneByOne { forever: unable })
        }
        Answer::Error { class, code } => Ok(vec![Err((*class, *code)); read.items.len()]),
        Answer::Reject(UNKNOWN_SERVICE) if read.many => Err(NoResults::OneByOne { forever: true }),
        // Buffer overflow, too many arguments; buffer overflow, no parts, out of resources, too long.
        Answer::Reject(1 | 7) | Answer::Abort(1 | 4 | 9 | 11) => Err(NoResults::TooMuch),
        answer => Err(match refusal(answer) {
            Some(fault) => NoResults::Refused(fault.to_string()),
            None => misfit(),
        }),
    }
}

impl Bacnet {
    // ---- what a device is --------------------------------------------------------------------------------------

    /// Finds out where a device is, then what it takes: one question at a time.
    pub(super) fn get_to_know(&mut self, device: usize, talk: &mut Talk, link: &mut Link) {
        let timeout = self.endpoint.timing.timeout;
        let Some(unit) = self.units.get_mut(device) else { return };
        if unit.peer.is_some() {
            let object = ObjectId::device(unit.instance);
            let number = match unit.facts.step {
                0 => property::MAX_APDU_LENGTH_ACCEPTED,
                _ => property::PROTOCOL_SERVICES_SUPPORTED,
            };
            let request = Request::ReadProperty(PropertyRef { object, property: number, index: None });
            launch(self, device, &request, Purpose::Learn, talk, link);
            return;
        }
        let range = Some((unit.instance, unit.instance));
        let everywhere = |network| Some(Address { network, mac: Vec::new() });
        let asked = match (&unit.place, talk.host, &talk.bbmd) {
            (Whereabouts::Network(network), Some(host), _) => {
                Some((host, who_is(range, everywhere(*network), &Cast::Unicast)))
            }
            (_, _, Some(bbmd)) => Some((bbmd.at, who_is(range, everywhere(u16::MAX), &Cast::Distribute))),
            _ => None,
        };
        let Some((to, datagram)) = asked else { return };
        unit.busy = true;
        link.sent(datagram.len());
        talk.out.push((to, datagram));
        let sent = Instant::now();
        let purpose = Purpose::Locate;
        talk.inflight.push(InFlight {
            invoke: None,
            device,
            sent,
            deadline: sent + timeout,
            timeout,
            purpose,
        });
    }

    fn learn(&mut self, device: usize, answer: &Answer, link: &Link) {
        let Some(unit) = self.units.get_mut(device) else { return };
        let value = match answer {
            Answer::Data(body) => read_ack(body).ok().and_then(|ack| ack.values.into_iter().next()),
            _ => None,
        };
        if let (Answer::Error { code: code::UNKNOWN_OBJECT, .. }, 0) = (answer, unit.facts.step) {
            let whom = unit.peer.as_ref().map(ToString::to_string).unwrap_or_default();
            unit.wrong = Some(format!(
                "the device at {whom} is not instance {}: look at its settings, or run `ironbridge discover`",
                unit.instance
            ));
            return;
        }
        let facts = &mut unit.facts;
        match (facts.step, value) {
            (0, Some(Wire::Unsigned(octets))) => {
                let octets = usize::try_from(octets).unwrap_or(MAX_APDU).clamp(SMALLEST, MAX_APDU);
                facts.limits = Limits { many: true, request: octets, answer: octets };
            }
            (0, _) => facts.limits = Limits { many: true, request: CAUTIOUS, answer: CAUTIOUS },
            (_, Some(Wire::Bits(bits))) => {
                facts.tells = bits.get(service_bit::SUBSCRIBE_COV).copied().unwrap_or(false);
                facts.limits.many = bits.get(service_bit::READ_PROPERTY_MULTIPLE).copied().unwrap_or(false);
            }
            _ => facts.tells = true,
        }
        facts.step += 1;
        if facts.known() {
            self.settle_limits(device);
            self.say_if_mute(device, link);
        }
    }

    // ---- jobs --------------------------------------------------------------------------------------------------

    pub(super) fn start_probe(&mut self, device: usize, timeout: Duration, talk: &mut Talk, link: &Link) {
        let Some(unit) = self.units.get(device) else { return };
        let object = ObjectId::device(unit.instance);
        let request =
            Request::ReadProperty(PropertyRef { object, property: property::SYSTEM_STATUS, index: None });
        launch_within(self, device, &request, (Purpose::Probe, timeout), talk, link);
    }

    pub(super) fn start_scan(
        &mut self,
        job: Job,
        (group, fresh): (usize, bool),
        talk: &mut Talk,
        link: &mut Link,
    ) {
        let Some(device) = self.groups.get(group).map(|book| book.device) else { return };
        let wrong = self.units.get_mut(device).and_then(|unit| unit.wrong.take());
        if fresh && link.shows_loss(group) {
            // Nothing was told, or listened to, meanwhile.
            self.untell(device, Instant::now());
        }
        let Some(book) = self.groups.get_mut(group) else { return };
        if fresh {
            book.begin();
        }
        if let Some(why) = wrong {
            let fault = Fault::Config(why.clone().into());
            link.exception(device, &fault);
            book.block(why);
            self.settle_scan(group, link);
            return self.tell_refused(group, link);
        }
        let run = book.run.number;
        let Some((read, attempt)) = book.run.step(job, group, &book.reads, link) else {
            return self.settle_scan(group, link);
        };
        let request = read.request();
        launch(self, device, &request, Purpose::Scan { group, run, read, attempt }, talk, link);
    }

    pub(super) fn start_recheck(&mut self, group: usize, talk: &mut Talk, link: &mut Link) {
        let Some(book) = self.groups.get_mut(group) else { return };
        let device = book.device;
        let next = book.refused.get(book.recheck).map(|refused| refused.row);
        let Some((row, read)) = next.and_then(|row| Some((row, book.single(row)?))) else {
            book.recheck = 0;
            return link.schedule_recheck(group);
        };
        book.recheck += 1;
        launch(self, device, &read.request(), Purpose::Recheck { group, row }, talk, link);
    }

    // ---- answers -----------------------------------------------------------------------------------------------

    pub(super) fn conclude(&mut self, flight: InFlight, answer: Answer, talk: &mut Talk, link: &mut Link) {
        let InFlight { device, sent, purpose, .. } = flight;
        match purpose {
            Purpose::Locate | Purpose::Probe => {}
            Purpose::Learn => self.learn(device, &answer, link),
            Purpose::Scan { group, run, read, attempt } => {
                self.conclude_scan((group, run), &read, (attempt, sent), &answer, link);
            }
            Purpose::Recheck { group, row } => self.conclude_recheck(group, row, &answer, link),
            Purpose::Subscribe { index } => self.conclude_subscribe(device, index, &answer, link),
            Purpose::Write(writing) => super::write::conclude_write(*writing, &answer, talk, link),
            Purpose::Readback { writing, read } => {
                self.conclude_readback(*writing, &read, &answer, talk, link)
            }
            Purpose::Slots { writing, value, status } => {
                self.conclude_slots(*writing, (value, status), &answer, talk, link);
            }
        }
    }

    /// No answer, or none that can be used.
    pub(super) fn conclude_failed(
        &mut self,
        flight: InFlight,
        fault: &Fault,
        talk: &mut Talk,
        link: &mut Link,
    ) {
        match flight.purpose {
            Purpose::Locate | Purpose::Learn | Purpose::Probe => {}
            Purpose::Scan { group, run, read, attempt } => {
                self.scan_failed((group, run), read, attempt, link)
            }
            Purpose::Recheck { group, .. } => {
                if let Some(book) = self.groups.get_mut(group) {
                    book.recheck = 0;
                }
                link.schedule_recheck(group);
            }
            Purpose::Subscribe { index } => self.subscription_lost(flight.device, index),
            Purpose::Write(writing) => writing.lost(fault),
            Purpose::Readback { writing, .. } => writing.unreadable(&fault.to_string()),
            // What stands at the priorities is only said where it is known.
            Purpose::Slots { writing, value, status } => {
                talk.delayed
                    .extend(writing.read_back(link, value, status, false).map(|(at, w)| (at, Box::new(w))));
            }
        }
    }

    fn conclude_scan(
        &mut self,
        (group, run): (usize, u32),
        read: &Arc<Read>,
        (attempt, sent): (u32, Instant),
        answer: &Answer,
        link: &mut Link,
    ) {
        let Some(book) = self.groups.get_mut(group) else { return };
        let device = book.device;
        if book.run.number != run || !book.run.active || !link.is_active(device) {
            return;
        }
        let mut tell = book.blocked.take().is_some();
        match results(read, answer) {
            Ok(results) => tell |= book.take(read, &results, sent, Instant::now()),
            Err(NoResults::Broken(fault)) => {
                link.bad_frame();
                link.failed(device, &fault);
                return self.scan_failed((group, run), read.clone(), attempt, link);
            }
            Err(NoResults::Refused(why)) if read.items.len() == 1 => {
                book.run.dropped();
                read.items.iter().for_each(|item| book.quarantine(item.row, why.clone()));
                tell = true;
            }
            Err(NoResults::TooMuch) if read.items.len() == 1 => {
                book.run.dropped();
                let why = "its answer does not fit into one message, and the device does not send parts";
                read.items.iter().for_each(|item| book.quarantine(item.row, why.into()));
                tell = true;
            }
            Err(no) => {
                book.run.dropped();
                let forever = matches!(no, NoResults::OneByOne { forever: true });
                let parts = match no {
                    NoResults::OneByOne { .. } => read.items.iter().copied().map(Read::single).collect(),
                    _ => read.split(),
                };
                if !book.run.ask_more(parts.into_iter().map(Arc::new)) {
                    book.run.skip_rest(&book.reads);
                }
                self.learn_limits(device, forever, matches!(no, NoResults::TooMuch), read.answered());
            }
        }
        if tell {
            self.tell_refused(group, link);
        }
        self.settle_scan(group, link);
    }

    /// A device has shown that it takes less than it says.
    fn learn_limits(&mut self, device: usize, one_by_one: bool, too_much: bool, octets: usize) {
        let Some(unit) = self.units.get_mut(device) else { return };
        let limits = &mut unit.facts.limits;
        limits.many &= !one_by_one;
        if too_much {
            limits.answer = limits.answer.min((octets - octets / 4).max(SMALLEST));
        }
        self.settle_limits(device);
    }

    fn scan_failed(&mut self, (group, run): (usize, u32), read: Arc<Read>, attempt: u32, link: &mut Link) {
        let retries = self.endpoint.timing.retries;
        let Some(book) = self.groups.get_mut(group) else { return };
        if book.run.number != run || !book.run.active || !link.is_active(book.device) {
            return;
        }
        if attempt < retries {
            book.run.retry(read, attempt + 1);
        } else {
            // If one read of a device fails after all attempts, the others would only cost time.
            book.failed = true;
            book.run.give_up(&book.reads);
        }
        self.settle_scan(group, link);
    }

    /// Goes on with a scan, or ends it if nothing is left.
    fn settle_scan(&mut self, group: usize, link: &mut Link) {
        let lost = link.lost_status(group);
        let Some(book) = self.groups.get_mut(group) else { return };
        if !book.run.active {
            return;
        }
        if book.run.has_more(&book.reads) {
            book.run.resume(link);
            return;
        }
        if !book.run.is_complete(&book.reads) {
            return;
        }
        let (device, failed) = (book.device, book.failed);
        let before = std::mem::replace(&mut book.announced, book.reads.len());
        link.group_requests(group, before, book.reads.len());
        match book.finish(lost) {
            Ended::Whole(values, status, moments) => link.publish_scan(group, moments, values, status),
            Ended::Parts(arrivals) => link.scanned(group, Origin::LIVE, arrivals),
        }
        if failed {
            self.untell(device, Instant::now());
        }
    }

    fn conclude_recheck(&mut self, group: usize, row: u32, answer: &Answer, link: &mut Link) {
        let Some(book) = self.groups.get_mut(group) else { return };
        let back = book.single(row).is_some_and(|read| {
            results(&read, answer).is_ok_and(|results| results.iter().all(Result::is_ok))
        });
        if back {
            book.recheck = book.recheck.saturating_sub(1);
            book.readmit(row);
            self.tell_refused(group, link);
        }
        link.enqueue(Lane::Browse, Work::Recheck { group });
    }
}

impl Facts {
    /// For a client that looks once: what every device can do.
    pub(super) fn limits_of(octets: u32) -> Limits {
        let octets = usize::try_from(octets).unwrap_or(MAX_APDU).clamp(SMALLEST, MAX_APDU);
        Limits { many: true, request: octets, answer: octets }
    }
}
