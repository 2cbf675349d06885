//! Reading: several tags in a packet, or one in as many parts as it needs.

use super::driver::EtherNetIp;
use super::line::Line;
use super::target::refused;
use crate::south::Link;
use model::{Fault, Status};
use tokio::time::Instant;
use wire::enip::repr::{Services, emit_multiple};
use wire::enip::table::service;
use wire::enip::{Kind, Limits, Reply, Request, Response, Status as CipStatus};

const L: Limits = Limits::STANDARD;
/// Largest value of one tag, in bytes.
const MAX_VALUE: usize = 65_536;

/// What became of one tag that was asked for alone.
pub(super) enum One {
    Data(Kind, Vec<u8>),
    Refused(CipStatus),
    /// No answer, or none that fits.
    Failed(Fault),
}

/// Why the controller does not give a tag, in words that lead on; the codes stand behind them.
fn refusal(status: CipStatus) -> String {
    match (status.general, status.extended) {
        (0x04 | 0x05 | 0xFF, Some(0x2104 | 0x2105)) => {
            format!("there is no such element, the array is shorter ({status})")
        }
        (0x04 | 0x05, _) => format!(
            "there is no tag of this name, or its External Access is None: compare it with the controller's program ({status})"
        ),
        _ => status.to_string(),
    }
}

impl EtherNetIp {
    /// Asks for several tags at once. False if there was no answer.
    pub(super) async fn packet(
        &mut self,
        group: usize,
        rows: &[u32],
        line: &mut Line,
        link: &mut Link,
    ) -> Result<bool, Fault> {
        let Some(book) = self.groups.get(group) else { return Ok(true) };
        let device = book.device;
        let mut message = Vec::with_capacity(600);
        emit_multiple(book.requests(rows), &mut message);
        let before = Instant::now();
        let answer = match self.ask(device, &message, line, link).await? {
            Ok(answer) => answer,
            Err(_) => return Ok(false),
        };
        let now = Instant::now();
        let broken = |error: wire::enip::Error| Fault::Protocol(error.to_string().into());
        let reply = match Reply::parse_to(&answer, service::MULTIPLE) {
            Ok(reply) => reply,
            Err(error) => return self.misfit(device, broken(error), link),
        };
        if !reply.status.is_ok() && reply.status.general != CipStatus::EMBEDDED.general {
            self.packet_refused(group, rows, reply.status, link);
        } else {
            let services = match Services::new(reply.data, rows.len()) {
                Ok(services) => services,
                Err(error) => return self.misfit(device, broken(error), link),
            };
            let mut refused_any = false;
            for (row, part) in rows.iter().zip(services) {
                refused_any |= match Reply::parse_to(part, service::READ_TAG) {
                    Ok(reply) => self.row(group, *row, &reply),
                    Err(error) => return self.misfit(device, broken(error), link),
                };
            }
            if refused_any {
                self.tell_refused(group, link);
            }
        }
        if let Some(book) = self.groups.get_mut(group) {
            book.done(before, now);
        }
        Ok(true)
    }

    /// A frame that is the answer by its context but does not fit the question.
    fn misfit(&mut self, device: usize, fault: Fault, link: &mut Link) -> Result<bool, Fault> {
        link.bad_frame();
        link.failed(device, &fault);
        Ok(false)
    }

    fn packet_refused(&mut self, group: usize, rows: &[u32], status: CipStatus, link: &mut Link) {
        let Some(book) = self.groups.get_mut(group) else { return };
        let device = book.device;
        if status.general == CipStatus::SERVICE.general {
            if let Some(controller) = self.controllers.get_mut(device) {
                controller.lacks.multiple = true;
            }
            book.without_packets();
            return;
        }
        link.exception(device, &refused(status));
        if !status.is_transient() {
            rows.iter().for_each(|row| book.set_large(*row));
        }
    }

    /// Takes the answer of one tag. True if it is refused from now on.
    fn row(&mut self, group: usize, row: u32, reply: &Reply<'_>) -> bool {
        let Some(book) = self.groups.get_mut(group) else { return false };
        match reply.status {
            CipStatus::OK => match Kind::split(reply.data) {
                Ok((kind, data)) => book.take(row, kind, data),
                Err(_) => {
                    book.mark(row, Status::BAD_DECODING_ERROR);
                    false
                }
            },
            CipStatus::PARTIAL | CipStatus::REPLY_TOO_LARGE => {
                book.set_large(row);
                false
            }
            status if status.is_transient() => false,
            status => {
                book.refuse(row, refusal(status));
                true
            }
        }
    }

    /// Asks for one tag. False if there was no answer.
    pub(super) async fn alone(
        &mut self,
        group: usize,
        row: u32,
        line: &mut Line,
        link: &mut Link,
    ) -> Result<bool, Fault> {
        let before = Instant::now();
        let one = self.read_one(group, row, line, link).await?;
        let now = Instant::now();
        let Some(book) = self.groups.get_mut(group) else { return Ok(true) };
        let refused_now = match one {
            One::Data(kind, data) => book.take(row, kind, &data),
            One::Refused(status) if status.is_transient() => false,
            One::Refused(status) => {
                book.refuse(row, refusal(status));
                true
            }
            One::Failed(_) => return Ok(false),
        };
        book.done(before, now);
        if refused_now {
            self.tell_refused(group, link);
        }
        Ok(true)
    }

    /// Reads one tag in as many parts as it needs.
    pub(super) async fn read_one(
        &mut self,
        group: usize,
        row: u32,
        line: &mut Line,
        link: &mut Link,
    ) -> Result<One, Fault> {
        let Some((device, path)) =
            self.groups.get(group).and_then(|book| Some((book.device, book.row(row)?.asked.path())))
        else {
            return Ok(One::Failed(Fault::Config("no such tag".into())));
        };
        let mut request = Request::ReadTag { path: path.clone(), elements: 1 };
        let mut whole: Vec<u8> = Vec::new();
        loop {
            let mut message = Vec::new();
            if let Err(error) = request.emit(&mut message) {
                return Ok(One::Failed(Fault::Config(error.to_string().into())));
            }
            let answer = match self.ask(device, &message, line, link).await? {
                Ok(answer) => answer,
                Err(fault) => return Ok(One::Failed(fault)),
            };
            let fault = match Response::parse(&request, &answer, &L) {
                Ok(Response::Tag { kind, data, more }) => {
                    whole.extend_from_slice(data);
                    if !more {
                        return Ok(One::Data(kind, whole));
                    }
                    if data.is_empty() || whole.len() > MAX_VALUE {
                        return Ok(One::Refused(CipStatus::REPLY_TOO_LARGE));
                    }
                    let offset = u32::try_from(whole.len()).unwrap_or(u32::MAX);
                    request = Request::ReadTagFragmented { path: path.clone(), elements: 1, offset };
                    continue;
                }
                Ok(Response::Failed(CipStatus::REPLY_TOO_LARGE))
                    if whole.is_empty() && request.service() == service::READ_TAG =>
                {
                    request = Request::ReadTagFragmented { path: path.clone(), elements: 1, offset: 0 };
                    continue;
                }
                Ok(Response::Failed(status)) => return Ok(One::Refused(status)),
                Ok(_) => Fault::Protocol("an answer of another kind".into()),
                Err(error) => Fault::Protocol(error.to_string().into()),
            };
            link.bad_frame();
            link.failed(device, &fault);
            return Ok(One::Failed(fault));
        }
    }
}
