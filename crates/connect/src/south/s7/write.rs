//! Writes: which request writes a value, and what its answers mean.

use super::conclude::Answer;
use super::driver::{InFlight, Purpose, S7, Talk};
use super::group::{Place, Read, Row};
use super::session::{launch, next_reference};
use super::types::Type;
use crate::south::{Link, Writing};
use model::Value;
use namespace::Order;
use tokio::time::Instant;
use wire::s7::{Item, Request, ReturnCode, WriteItem, cotp};

impl S7 {
    pub(super) fn start_write(&mut self, order: Order, talk: &mut Talk, link: &mut Link) {
        let Some(writing) = link.admit(order) else { return };
        let (device, timeout) = (writing.device(), self.settings.timing.timeout);
        let row = self.groups.get(writing.group()).and_then(|book| book.row(writing.row()));
        let (item, data) = match row.map(|row| variable(row, writing.value())) {
            Some(Ok(variable)) => variable,
            Some(Err(why)) => return writing.unsent(link, &why),
            None => return writing.unsent(link, "this connection does not feed the point any more"),
        };
        let request = Request::Write(vec![WriteItem { item, data: &data }]);
        if request.length() > talk.pdu.into() {
            let why = format!(
                "it takes a request of {} bytes, and the CPU takes {} in one; it is not written in parts",
                request.length(),
                talk.pdu
            );
            return writing.unsent(link, &why);
        }
        link.write_sent();
        let before = talk.out.len();
        let reference = next_reference(talk);
        cotp::emit_data_with(&mut talk.out, |out| request.emit(reference, out));
        link.sent(talk.out.len() - before);
        let sent = Instant::now();
        talk.inflight.push(InFlight {
            reference,
            device,
            // What was written is on its way; the answer needs only to know how many items there were.
            request: Request::Write(vec![WriteItem { item, data: &[] }]),
            sent,
            deadline: sent + timeout,
            timeout,
            purpose: Purpose::Write(Box::new(writing)),
            list: Vec::new(),
        });
    }

    pub(super) fn conclude_write(
        &mut self,
        writing: Writing,
        answer: Answer<'_>,
        talk: &mut Talk,
        link: &mut Link,
    ) {
        match answer {
            Answer::Written(ReturnCode::SUCCESS) => {
                let now = Instant::now();
                talk.delayed.extend(writing.taken(link).map(|writing| (now, Box::new(writing))));
            }
            Answer::Written(code) => {
                writing.refused(format!("refused with code {code}. {}", code.sentence()))
            }
            Answer::Refused(error) => writing.refused(super::conclude::header_fault(error).to_string()),
            Answer::Failed(fault) => writing.lost(&fault),
            Answer::Reply(_) => writing.refused("the answer is none to a write".into()),
        }
    }

    pub(super) fn start_readback(&mut self, writing: Box<Writing>, talk: &mut Talk, link: &mut Link) {
        let read = self.groups.get(writing.group()).and_then(|book| book.singles([writing.row()]));
        let Some(read) = read else { return writing.unreadable("it is not read any more") };
        let (device, request) = (writing.device(), read.request());
        let purpose = Purpose::Readback { writing, read };
        launch((device, request, purpose), self.settings.timing.timeout, talk, link);
    }

    pub(super) fn conclude_readback(
        &mut self,
        writing: Writing,
        read: &Read,
        answer: Answer<'_>,
        talk: &mut Talk,
        link: &mut Link,
    ) {
        let reply = match answer {
            Answer::Reply(reply) => reply,
            Answer::Refused(error) => return writing.unreadable(error.sentence()),
            Answer::Failed(fault) => return writing.unreadable(&fault.to_string()),
            Answer::Written(_) => return writing.unreadable("the answer has no data"),
        };
        let Some(book) = self.groups.get(writing.group()) else { return };
        match book.single_value(read, &reply) {
            Ok((value, status)) => {
                let row = book.row(writing.row());
                let agrees = row.is_some_and(|row| row.codec.agrees(writing.value(), &value));
                let again = writing.read_back(link, value, status, agrees);
                talk.delayed.extend(again.map(|(at, writing)| (at, Box::new(writing))));
            }
            Err(why) => writing.unreadable(why),
        }
    }
}

/// The variable that takes `value`, and its bytes.
fn variable(row: &Row, value: &Value) -> Result<(Item, Vec<u8>), String> {
    let Place::Memory(span) = row.place else { return Err("a CPU does not take this from outside".into()) };
    let (at, data) = row.codec.encode(value)?;
    let region = span.region;
    let item = match row.codec.kind {
        Type::Bool => Item::bit_at(region.area, region.db, span.first, row.codec.bit),
        _ if region.area.is_numbered() => region.item(span.first, span.width),
        _ => region.item(span.first + at, u16::try_from(data.len()).unwrap_or(u16::MAX)),
    };
    Ok((item, data))
}
