//! Commands to one controller, and what its answers mean.

use super::plan::{self, Block, Excluded, Sizes};
use super::value::{Codec, Type};
use crate::south::Layout;
use crate::south::budget::Budget;
use crate::south::ethernet_ip::line::{Line, Way};
use crate::south::tags::Timing;
use crate::south::turns::{Reply, Sheet, Speaker, Unwritten};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::{Fault, Status, Value};
use std::hash::{BuildHasher, Hasher, RandomState};
use tokio::time::Instant;
use transport::Target;
use wire::enip::pccc::{Answer, Ask, Family, Message, PcccStatus, Requester};
use wire::enip::table::{class_id, service};
use wire::enip::{Limits, Path, Reply as CipReply, Request, Response};

/// Rows of one group, and how they are asked for.
pub(super) struct Group {
    pub(super) rows: Vec<Codec>,
    steps: Vec<Block>,
    excluded: Vec<Excluded>,
    /// Rows that the controller refuses, and what it said.
    refused: Vec<(u32, PcccStatus)>,
    refused_at: Option<Instant>,
}

/// One controller.
pub(super) struct Pccc {
    target: Target,
    timing: Timing,
    family: Family,
    sizes: Sizes,
    layout: Layout,
    groups: Vec<Group>,
    line: Option<Line>,
    requester: Requester,
    transaction: u16,
}

/// What is asked, and how it is reached.
pub(super) struct About {
    pub(super) target: Target,
    pub(super) timing: Timing,
    pub(super) family: Family,
    pub(super) sizes: Sizes,
}

impl Group {
    pub(super) fn new(rows: Vec<Codec>, excluded: Vec<Excluded>, sizes: Sizes) -> Self {
        let mut group = Self { rows, steps: Vec::new(), excluded, refused: Vec::new(), refused_at: None };
        group.plan(sizes);
        group
    }

    fn plan(&mut self, sizes: Sizes) {
        self.steps = plan::blocks((0..).zip(&self.rows), &self.excluded, sizes);
        self.refused.clear();
        self.refused_at = None;
    }

    /// At the beginning of a scan: what was parted is forgotten, and what was refused is told, or tried again.
    fn begin(&mut self, now: Instant, sizes: Sizes, recheck: std::time::Duration, sheet: &mut Sheet) {
        if self.refused_at.is_some_and(|at| now >= at + recheck) {
            return self.plan(sizes);
        }
        if self.steps.iter().any(|block| !block.rows.is_empty()) {
            self.steps.retain(|block| !block.rows.is_empty());
        }
        for (row, status) in &self.refused {
            if let Some(codec) = self.rows.get(*row as usize) {
                sheet.refuse(*row, codec.address.to_string(), status.words());
            }
        }
    }

    /// The controller refuses a block for its addresses: its halves are asked for one by one, in this scan yet, until the
    /// row is found that is not there.
    fn part(&mut self, step: usize, status: PcccStatus, sheet: &mut Sheet) {
        let Some(block) = self.steps.get_mut(step) else { return };
        match plan::halves(block, |row| self.rows.get(row as usize)) {
            Some(halves) => {
                block.rows.clear();
                self.steps.extend(halves);
            }
            None => {
                let rows = std::mem::take(&mut block.rows);
                self.refused_at.get_or_insert_with(Instant::now);
                for row in rows {
                    if let Some(codec) = self.rows.get(row as usize) {
                        sheet.refuse(row, codec.address.to_string(), status.words());
                    }
                    self.refused.push((row, status));
                }
            }
        }
    }
}

impl Pccc {
    pub(super) fn new(about: About, layout: Layout, groups: Vec<Group>) -> Self {
        // The standard library's per-process random keys make a number that no other connection of ours has.
        let serial = (RandomState::new().build_hasher().finish() >> 32) as u32;
        let About { target, timing, family, sizes } = about;
        let requester = Requester { vendor: 0, serial };
        Self { target, timing, family, sizes, layout, groups, line: None, requester, transaction: 0 }
    }

    async fn connect(&mut self) -> Result<(), Fault> {
        // The link has counted each request before it comes here.
        let opened = Line::open(&self.target, self.timing.connect_timeout, Budget::unlimited()).await?;
        self.line = Some(opened);
        Ok(())
    }

    /// Sends a command; what the controller refuses is `Ok(Err(status))`.
    async fn exchange(&mut self, ask: Ask) -> Result<Result<Vec<u8>, PcccStatus>, Fault> {
        self.transaction = self.transaction.wrapping_add(1);
        let command =
            Message { requester: self.requester, transaction: self.transaction, family: self.family, ask };
        let mut data = Vec::with_capacity(64);
        command.emit(&mut data).map_err(|error| Fault::Config(error.to_string().into()))?;
        let path = Path::object(class_id::PCCC, 1);
        let request = Request::Other { service: service::EXECUTE_PCCC, path, data };
        let mut message = Vec::with_capacity(80);
        request.emit(&mut message).map_err(|error| Fault::Config(error.to_string().into()))?;
        let line = self.line.as_mut().ok_or_else(|| Fault::Lost("there is no session".into()))?;
        let answer = line.ask(Way::Unconnected(&Path::default()), &message, self.timing.timeout).await?;
        let protocol = |error: wire::enip::Error| Fault::Protocol(error.to_string().into());
        match Response::parse(&request, &answer, &Limits::STANDARD).map_err(protocol)? {
            Response::Data { data, .. } => {
                let answer = Answer::parse(data, &command).map_err(protocol)?;
                Ok(if answer.status.is_ok() { Ok(answer.data.to_vec()) } else { Err(answer.status) })
            }
            _ => Err(refusal(&answer)),
        }
    }

    async fn ask_step(&mut self, group: usize, step: usize, sheet: &mut Sheet) -> Result<Reply, Fault> {
        let (sizes, recheck) = (self.sizes, self.timing.recheck);
        let Some(book) = self.groups.get_mut(group) else { return Ok(Reply::default()) };
        if step == 0 {
            book.begin(Instant::now(), sizes, recheck, sheet);
        }
        let Some(block) = book.steps.get(step).cloned() else { return Ok(Reply::default()) };
        let answer = self.exchange(Ask::Read { at: block.at, bytes: block.bytes }).await;
        let Some(book) = self.groups.get_mut(group) else { return Ok(Reply::default()) };
        let mut reply = Reply::default();
        let answer = match answer {
            // Not even a command: the device is of another kind.
            Err(Fault::Exception { code, text }) => {
                for row in &block.rows {
                    let Some(codec) = book.rows.get(*row as usize) else { continue };
                    sheet.refuse(*row, codec.address.to_string(), text.to_string());
                }
                reply.exception = Some(Fault::Exception { code, text });
                reply.refused = true;
                return Ok(reply);
            }
            answer => answer?,
        };
        match answer {
            Ok(data) => {
                reply.bytes = data.len();
                for row in &block.rows {
                    let Some(codec) = book.rows.get(*row as usize) else { continue };
                    let bytes = plan::within(&block, codec).and_then(|at| data.get(at..)).unwrap_or_default();
                    let (value, status) = codec.decode(bytes);
                    sheet.put(*row, value, status);
                }
            }
            Err(status) => {
                reply.exception = Some(fault(status));
                if status.is_address() {
                    book.part(step, status, sheet);
                } else {
                    block
                        .rows
                        .iter()
                        .for_each(|row| sheet.put(*row, Value::None, Status::BAD_DEVICE_FAILURE));
                }
            }
        }
        Ok(reply)
    }

    fn codec(&self, group: usize, row: u32) -> Option<&Codec> {
        self.groups.get(group).and_then(|group| group.rows.get(row as usize))
    }

    async fn set(&mut self, group: usize, row: u32, value: &Value) -> Result<(), Unwritten> {
        let Some(codec) = self.codec(group, row) else {
            return Err(Unwritten::Unfit("the point is not known here any more".into()));
        };
        let at = codec.address.place;
        let ask = if codec.kind == Type::Bool {
            let (mask, bits) = codec.mask(value).map_err(Unwritten::Unfit)?;
            Ask::Mask { at, mask, bits }
        } else {
            Ask::Write { at, data: codec.encode(value).map_err(Unwritten::Unfit)? }
        };
        let masked = matches!(ask, Ask::Mask { .. });
        match self.exchange(ask).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(status)) if masked && status == PcccStatus::ILLEGAL => {
                let why = "the controller does not know a write with a mask, and a bit is never written in another \
                           way: it could undo what the program does with its neighbours";
                Err(Unwritten::Refused(Fault::Exception { code: status.number(), text: why.into() }))
            }
            Ok(Err(status)) => Err(Unwritten::Refused(fault(status))),
            Err(refused @ Fault::Exception { .. }) => Err(Unwritten::Refused(refused)),
            Err(fault) => Err(Unwritten::Lost(fault)),
        }
    }

    async fn read_one(&mut self, group: usize, row: u32) -> Result<(Value, Status), Fault> {
        let Some(codec) = self.codec(group, row).cloned() else { return Ok((Value::None, Status::BAD)) };
        let sizes = Sizes { max_bytes: u8::MAX - 1, max_gap: 0 };
        let Some(block) = plan::blocks([(0, &codec)], &[], sizes).into_iter().next() else {
            return Ok((Value::None, Status::BAD));
        };
        let data = self.exchange(Ask::Read { at: block.at, bytes: block.bytes }).await?.map_err(fault)?;
        let bytes = plan::within(&block, &codec).and_then(|at| data.get(at..)).unwrap_or_default();
        Ok(codec.decode(bytes))
    }
}

fn fault(status: PcccStatus) -> Fault {
    Fault::Exception { code: status.number(), text: status.to_string().into() }
}

/// What refuses Execute PCCC as a whole has no data files.
fn refusal(answer: &[u8]) -> Fault {
    match CipReply::parse(answer) {
        Ok(reply) => {
            let why = format!(
                "the device does not take PCCC commands ({}): a ControlLogix, CompactLogix or Micro800 is read with \
                 kind = \"ethernet-ip\"",
                reply.status
            );
            Fault::Exception { code: reply.status.code(), text: why.into() }
        }
        Err(error) => Fault::Protocol(error.to_string().into()),
    }
}

impl Speaker for Pccc {
    fn layout(&self) -> Layout {
        self.layout.clone()
    }

    fn open(&mut self) -> BoxFuture<'_, Result<(), Fault>> {
        self.connect().boxed()
    }

    fn steps(&self, group: usize) -> usize {
        self.groups.get(group).map_or(1, |group| group.steps.len())
    }

    fn ask<'a>(
        &'a mut self,
        group: usize,
        step: usize,
        sheet: &'a mut Sheet,
    ) -> BoxFuture<'a, Result<Reply, Fault>> {
        self.ask_step(group, step, sheet).boxed()
    }

    fn write<'a>(
        &'a mut self,
        group: usize,
        row: u32,
        value: &'a Value,
    ) -> BoxFuture<'a, Result<(), Unwritten>> {
        self.set(group, row, value).boxed()
    }

    fn read(&mut self, group: usize, row: u32) -> BoxFuture<'_, Result<(Value, Status), Fault>> {
        self.read_one(group, row).boxed()
    }

    fn agrees(&self, group: usize, row: u32, written: &Value, read: &Value) -> bool {
        self.codec(group, row).is_some_and(|codec| codec.agrees(written, read))
    }
}
