//! What an answer means, by what was asked: for a scan, a re-check, a write, a question in between.

use super::driver::{Ask, InFlight, Modbus, Purpose, Session};
use super::group::Read;
use super::session::Answer;
use crate::south::Link;
use crate::south::job::{Lane, Work};
use model::{Fault, Status};
use std::sync::Arc;
use tokio::time::Instant;
use wire::modbus::ExceptionCode;

/// One read of a scan that has its answer.
struct Asked {
    read: Arc<Read>,
    attempt: u32,
    sent: Instant,
}

impl Modbus {
    pub(super) fn conclude(
        &mut self,
        flight: InFlight,
        answer: Answer<'_>,
        session: &mut Session,
        link: &mut Link,
    ) {
        let (device, sent) = (flight.device, flight.sent);
        match flight.purpose {
            Purpose::Scan { group, run, read, attempt } => {
                self.conclude_scan(group, run, Asked { read, attempt, sent }, answer, link);
            }
            Purpose::Probe => {}
            Purpose::Recheck { group, row } => self.conclude_recheck(group, row, answer, link),
            Purpose::Write(writing) => self.conclude_write(*writing, answer, session, link),
            Purpose::Readback(writing) => self.conclude_readback(*writing, answer, session, link),
            Purpose::Settle { then } => {
                let (request, purpose) = *then;
                match answer {
                    Answer::Failed(fault) => {
                        // Its own failure counts; what it was asked for has not been sent.
                        let flight = InFlight { request, purpose, ..flight };
                        self.conclude_unsent(flight, fault, session, link);
                    }
                    answer => {
                        session.owed.answered(flight.unit, matches!(answer, Answer::Exception(_)));
                        self.launch(Ask { device, request, purpose, timeout: flight.timeout }, session, link);
                    }
                }
            }
        }
    }

    fn conclude_unsent(&mut self, flight: InFlight, fault: Fault, session: &mut Session, link: &mut Link) {
        match flight.purpose {
            Purpose::Write(writing) => writing.unsent(link, "the device did not answer before it was sent"),
            _ => self.conclude(flight, Answer::Failed(fault), session, link),
        }
    }

    fn conclude_scan(&mut self, group: usize, run: u32, asked: Asked, answer: Answer<'_>, link: &mut Link) {
        let Asked { read, attempt, sent } = asked;
        let lost = link.lost_status(group);
        let Some(book) = self.groups.get_mut(group) else { return };
        if book.run.number != run || !link.is_active(book.device) {
            return;
        }
        match answer {
            Answer::Data(data) => book.take_data(&read, data, sent, Instant::now()),
            Answer::Exception(code) => match code {
                ExceptionCode::ILLEGAL_DATA_ADDRESS
                | ExceptionCode::ILLEGAL_DATA_VALUE
                | ExceptionCode::ILLEGAL_FUNCTION => {
                    if book.refuse(&read, code) {
                        self.tell_refused(group, link);
                    }
                }
                code if code.is_transient() && attempt < self.timing.shared.retries => {
                    book.run.retry(read, attempt + 1)
                }
                code => {
                    let failed = matches!(
                        code,
                        ExceptionCode::SERVER_DEVICE_FAILURE | ExceptionCode::MEMORY_PARITY_ERROR
                    );
                    book.mark(&read, if failed { Status::BAD_DEVICE_FAILURE } else { lost });
                    book.run.dropped();
                }
            },
            Answer::Failed(_) if attempt < self.timing.shared.retries => book.run.retry(read, attempt + 1),
            // If one read of a device fails after all attempts, the others would only cost time.
            Answer::Failed(_) | Answer::Done => book.run.give_up(&book.reads),
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
        let Some(spec) = self.devices.get(book.device) else { return };
        let before = book.reads.len();
        let (values, status, moments, learned) = book.finish(spec, lost);
        let after = book.reads.len();
        link.publish_scan(group, moments, values, status);
        if learned {
            link.group_requests(group, before, after);
        }
    }

    fn conclude_recheck(&mut self, group: usize, row: u32, answer: Answer<'_>, link: &mut Link) {
        let Some(book) = self.groups.get_mut(group) else { return };
        let Some(spec) = self.devices.get(book.device) else { return };
        match answer {
            Answer::Data(_) => {
                let before = book.reads.len();
                book.readmit(row, spec);
                book.recheck = book.recheck.saturating_sub(1);
                link.group_requests(group, before, book.reads.len());
                self.tell_refused(group, link);
                link.enqueue(Lane::Browse, Work::Recheck { group });
            }
            // Still refused: the next one.
            Answer::Exception(_) => link.enqueue(Lane::Browse, Work::Recheck { group }),
            Answer::Failed(_) | Answer::Done => {
                book.recheck = 0;
                link.schedule_recheck(group);
            }
        }
    }
}

/// The fault that an exception is.
pub(super) fn exception(code: ExceptionCode) -> Fault {
    let text =
        code.name().map_or_else(|| code.sentence().to_owned(), |name| format!("{name}: {}", code.sentence()));
    Fault::Exception { code: code.0.into(), text: text.into() }
}
