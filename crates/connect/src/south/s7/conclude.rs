//! What an answer means, by what was asked: for a scan, a re-check, a write.

use super::driver::{InFlight, Purpose, S7, Talk};
use super::group::{Read, Reply};
use crate::south::Link;
use crate::south::job::{Lane, Work};
use model::Fault;
use std::sync::Arc;
use tokio::time::Instant;
use wire::s7::{HeaderError, ReadItem, ReturnCode};

/// Smallest PDU that is tried when a device calls requests too large that it agreed to.
const SMALLEST_PDU: u16 = 112;

/// What became of a request.
pub(super) enum Answer<'a> {
    /// Variables or a list.
    Reply(Reply<'a>),
    /// What the device says to a write.
    Written(ReturnCode),
    /// The device refuses the request as a whole.
    Refused(HeaderError),
    /// It could not be had.
    Failed(Fault),
}

/// One read of a scan that has its answer.
struct Asked {
    read: Arc<Read>,
    attempt: u32,
    sent: Instant,
}

impl S7 {
    pub(super) fn conclude(
        &mut self,
        flight: InFlight,
        answer: Answer<'_>,
        talk: &mut Talk,
        link: &mut Link,
    ) {
        let sent = flight.sent;
        match flight.purpose {
            Purpose::Scan { group, run, read, attempt } => {
                let asked = Asked { read, attempt, sent };
                self.conclude_scan((group, run), asked, answer, talk, link);
            }
            Purpose::Probe => {}
            Purpose::Recheck { group, read } => self.conclude_recheck(group, &read, answer, link),
            Purpose::Write(writing) => self.conclude_write(*writing, answer, talk, link),
            Purpose::Readback { writing, read } => {
                self.conclude_readback(*writing, &read, answer, talk, link);
            }
        }
    }

    fn conclude_scan(
        &mut self,
        (group, run): (usize, u32),
        asked: Asked,
        answer: Answer<'_>,
        talk: &mut Talk,
        link: &mut Link,
    ) {
        let Asked { read, attempt, sent } = asked;
        let retries = self.settings.timing.retries;
        let Some(book) = self.groups.get_mut(group) else { return };
        if book.run.number != run || !link.is_active(book.device) {
            return;
        }
        let mut tell = false;
        match answer {
            Answer::Reply(reply) => {
                tell = book.take(&read, &reply, sent, Instant::now());
                tell |= book.blocked.take().is_some();
            }
            Answer::Refused(code) if code.is_transient() && attempt < retries => {
                book.run.retry(read, attempt + 1)
            }
            Answer::Refused(HeaderError::PDU_SIZE) if talk.pdu > SMALLEST_PDU => {
                book.run.give_up(&book.reads);
                talk.pdu = (talk.pdu - talk.pdu / 4).max(SMALLEST_PDU);
                self.settle_scan(group, link);
                return self.agree(talk.pdu, link);
            }
            Answer::Refused(code) => {
                tell = book.blocked.is_none();
                book.block(code.sentence());
            }
            Answer::Failed(_) if attempt < retries => book.run.retry(read, attempt + 1),
            // If one read of a device fails after all attempts, the others would only cost time.
            Answer::Failed(_) | Answer::Written(_) => book.run.give_up(&book.reads),
        }
        if tell {
            self.tell_refused(group, link);
        }
        self.settle_scan(group, link);
    }

    /// Goes on with a scan, or ends it if nothing is left.
    pub(super) fn settle_scan(&mut self, group: usize, link: &mut Link) {
        let lost = link.lost_status(group);
        let Some(book) = self.groups.get_mut(group) else { return };
        if book.run.has_more(&book.reads) {
            book.run.resume(link);
            return;
        }
        if !book.run.is_complete(&book.reads) {
            return;
        }
        let before = book.reads.len();
        let (values, status, moments, learned) = book.finish(lost);
        let after = book.reads.len();
        link.publish_scan(group, moments, values, status);
        if learned {
            link.group_requests(group, before, after);
        }
    }

    fn conclude_recheck(&mut self, group: usize, read: &Read, answer: Answer<'_>, link: &mut Link) {
        let Some(book) = self.groups.get_mut(group) else { return };
        let back: Vec<u32> = match (&answer, read) {
            (Answer::Reply(Reply::Items(items)), Read::Memory(chunks)) => {
                let answered = chunks.iter().zip(*items);
                let sound = answered.filter(|(_, item)| matches!(item, ReadItem::Data(_)));
                sound.flat_map(|(chunk, _)| chunk.rows.iter().copied()).collect()
            }
            (Answer::Reply(Reply::List(_)), Read::List { rows, .. }) => rows.clone(),
            // Still refused: the next ones.
            (Answer::Reply(_), _) => Vec::new(),
            _ => {
                book.recheck = 0;
                return link.schedule_recheck(group);
            }
        };
        if !back.is_empty() {
            let before = book.reads.len();
            book.recheck = book.recheck.saturating_sub(back.len());
            book.readmit(&back);
            link.group_requests(group, before, book.reads.len());
            self.tell_refused(group, link);
        }
        link.enqueue(Lane::Browse, Work::Recheck { group });
    }
}

/// The fault that an error of a whole job is.
pub(super) fn header_fault(error: HeaderError) -> Fault {
    let text = format!("{}. {}", error.name(), error.sentence());
    Fault::Exception { code: error.0.into(), text: text.into() }
}
