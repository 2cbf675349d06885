//! Writes: a value into a tag, a bit by setting and clearing under a mask; sent once.

use super::driver::EtherNetIp;
use super::line::Line;
use super::read::One;
use super::target::refused;
use super::value::Learned;
use crate::south::Link;
use crate::south::write::Writing;
use model::{Fault, Status, Value};
use tokio::time::Instant;
use wire::enip::{Limits, Request, Response};

impl EtherNetIp {
    pub(super) async fn write(
        &mut self,
        writing: Writing,
        line: &mut Line,
        link: &mut Link,
    ) -> Result<(), Fault> {
        let device = writing.device();
        if !self.ready(device, line, link).await? {
            writing.unsent(link, "the controller does not answer; nothing was sent");
            return Ok(());
        }
        let request = match self.request(&writing) {
            Ok(request) => request,
            Err(why) => {
                writing.unsent(link, &why);
                return Ok(());
            }
        };
        let mut message = Vec::new();
        if let Err(error) = request.emit(&mut message) {
            writing.unsent(link, &error.to_string());
            return Ok(());
        }
        let capacity = self.controllers.get(device).map_or(0, super::target::Controller::capacity);
        if message.len() > capacity {
            let why =
                format!("it has {} bytes, a message to the controller has at most {capacity}", message.len());
            writing.unsent(link, &why);
            return Ok(());
        }
        link.write_sent();
        let answer = match self.ask(device, &message, line, link).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(fault)) => {
                writing.lost(&fault);
                return Ok(());
            }
            Err(fault) => {
                writing.lost(&fault);
                return Err(fault);
            }
        };
        match Response::parse(&request, &answer, &Limits::STANDARD) {
            Ok(Response::Failed(status)) => {
                link.exception(device, &refused(status));
                writing.refused(format!("the controller refuses it: {status}"));
            }
            Ok(_) => {
                if let Some(writing) = writing.taken(link) {
                    self.delayed.push((Instant::now(), writing));
                }
            }
            Err(error) => {
                link.bad_frame();
                writing.lost(&Fault::Protocol(error.to_string().into()));
            }
        }
        Ok(())
    }

    fn request(&self, writing: &Writing) -> Result<Request, String> {
        let book =
            self.groups.get(writing.group()).ok_or("this connection does not feed the point any more")?;
        let row = book.row(writing.row()).ok_or("this connection does not feed the point any more")?;
        if let Some(why) = book.refused.get(&writing.row()) {
            return Err(format!("the tag is set aside: {why}"));
        }
        let unread = "the tag has not been read yet, so its type is not known; nothing was sent";
        let learned = row.learned.ok_or(unread)?;
        let path = row.asked.path();
        if row.codec.bit.is_some() {
            let (or, and) = row.codec.masks(writing.value(), learned.size)?;
            return Ok(Request::ReadModifyWrite { path, or, and });
        }
        let data = row.codec.encode(writing.value(), learned)?;
        Ok(Request::WriteTag { path, kind: learned.kind, elements: 1, data })
    }

    pub(super) async fn read_back(
        &mut self,
        writing: Writing,
        line: &mut Line,
        link: &mut Link,
    ) -> Result<(), Fault> {
        let (group, row) = (writing.group(), writing.row());
        let one = match self.read_one(group, row, line, link).await {
            Ok(one) => one,
            Err(fault) => {
                writing.unreadable(&fault.to_string());
                return Err(fault);
            }
        };
        let (value, status, learned) = match one {
            One::Data(kind, data) => {
                let learned = Learned { kind, size: data.len() };
                let codec = self.groups.get(group).and_then(|book| book.row(row)).map(|row| &row.codec);
                let (value, status) = codec
                    .map_or((Value::None, Status::BAD_DECODING_ERROR), |codec| codec.decode(kind, &data));
                (value, status, learned)
            }
            One::Refused(status) => {
                writing.unreadable(&status.to_string());
                return Ok(());
            }
            One::Failed(fault) => {
                writing.unreadable(&fault.to_string());
                return Ok(());
            }
        };
        let codec = self.groups.get(group).and_then(|book| book.row(row)).map(|row| &row.codec);
        let agrees = codec.is_some_and(|codec| codec.agrees(writing.value(), &value, Some(learned)));
        self.delayed.extend(writing.read_back(link, value, status, agrees));
        Ok(())
    }
}
