//! Protocols that ask one question at a time and whose every question is a future: SNMP, HTTP.
//!
//! ```text
//!  Link ─ take ─▶ Turns ─ ask(group, step) ─▶ Speaker ─▶ Sheet (values, qualities, source times)
//!                   └──── last step: publish the sheet ─▶ Link
//! ```
//! A scan of a group has a number of steps, one question each; between two of them another job may have its turn, so
//! that a write never waits for more than one question. Attempts, giving up, quarantine, probes and the end of writes
//! are decided here, once for all speakers. Byte protocols with questions in flight (Modbus) have a loop of their own.

use super::job::{Job, Work};
use super::link::Moments;
use super::status::Quarantined;
use super::{Driver, Layout, Link, Writing};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::fault::Consequence;
use model::{Each, Event, EventKind, Fault, Status, Time, Value};
use std::time::Duration;
use tokio::time::Instant;

/// What one question came to.
#[derive(Debug, Default)]
pub struct Reply {
    /// Bytes received, as far as the speaker knows.
    pub bytes: usize,
    /// The device answered with an error; the rows concerned stand in the sheet with their quality.
    pub exception: Option<Fault>,
    /// It refuses the whole question, which is not asked again before the next re-check.
    pub refused: bool,
    /// Something worth an event: title, meaning, next step.
    pub notice: Option<(String, String, String)>,
}

/// A protocol of questions.
pub trait Speaker: Send {
    /// Devices, groups and times.
    fn layout(&self) -> Layout;

    /// Opens what it needs; called at the beginning of each session.
    fn open(&mut self) -> BoxFuture<'_, Result<(), Fault>>;

    /// Questions that a round of a group takes, at least 1.
    fn steps(&self, group: usize) -> usize;

    /// Asks one question and writes its answer into the sheet. A time-out is tried again; what ends a session by
    /// [`Fault::consequence`] ends it.
    fn ask<'a>(
        &'a mut self,
        group: usize,
        step: usize,
        sheet: &'a mut Sheet,
    ) -> BoxFuture<'a, Result<Reply, Fault>>;

    /// Writes one value, once.
    fn write<'a>(
        &'a mut self,
        group: usize,
        row: u32,
        value: &'a Value,
    ) -> BoxFuture<'a, Result<(), Unwritten>>;

    /// Reads one row alone, after it was written.
    fn read(&mut self, group: usize, row: u32) -> BoxFuture<'_, Result<(Value, Status), Fault>>;

    /// Whether what was read back is what was written.
    fn agrees(&self, group: usize, row: u32, written: &Value, read: &Value) -> bool;
}

/// Why a value was not written.
#[derive(Debug)]
pub enum Unwritten {
    /// It was not sent: the value does not fit.
    Unfit(String),
    /// The device refuses it.
    Refused(Fault),
    /// Nobody knows.
    Lost(Fault),
}

/// One scan of a group: a row for each point.
#[derive(Debug, Default)]
pub struct Sheet {
    rows: Vec<Cell>,
    refused: Vec<(u32, String, String)>,
    /// Rows of the question under way.
    touched: Vec<u32>,
    stamped: bool,
}

#[derive(Clone, Debug)]
struct Cell {
    value: Value,
    status: Option<Status>,
    source: Option<Time>,
    at: Option<Instant>,
}

impl Sheet {
    fn new(rows: usize) -> Self {
        let cell = Cell { value: Value::None, status: None, source: None, at: None };
        Self { rows: vec![cell; rows], ..Self::default() }
    }

    /// Writes a row: value and quality.
    pub fn put(&mut self, row: u32, value: Value, status: Status) {
        self.put_at(row, value, status, None);
    }

    /// Writes a row that has the source's own time.
    pub fn put_at(&mut self, row: u32, value: Value, status: Status, source: Option<Time>) {
        if let Some(cell) = self.rows.get_mut(row as usize) {
            self.stamped |= source.is_some();
            *cell = Cell { value, status: Some(status), source, at: None };
            self.touched.push(row);
        }
    }

    /// The device does not know a row: what was asked for, in the protocol's words, and what it said.
    pub fn refuse(&mut self, row: u32, address: impl Into<String>, reason: impl Into<String>) {
        self.put(row, Value::None, Status::BAD_CONFIGURATION_ERROR);
        self.refused.push((row, address.into(), reason.into()));
    }

    fn settle(&mut self, at: Instant) {
        for row in self.touched.drain(..) {
            if let Some(cell) = self.rows.get_mut(row as usize) {
                cell.at = Some(at);
            }
        }
    }
}

/// One group under way.
#[derive(Default)]
struct Run {
    sheet: Sheet,
    next: usize,
    attempt: u32,
    /// Steps that the device refuses, with what it said; not asked before a re-check.
    refused: Vec<(usize, Sheet)>,
    told: Vec<Quarantined>,
    told_rows: Vec<u32>,
}

/// The driver of a [`Speaker`].
pub struct Turns<S> {
    speaker: S,
    layout: Layout,
    runs: Vec<Run>,
    announced: bool,
}

impl<S: Speaker> Turns<S> {
    /// A driver for the speaker.
    pub fn new(speaker: S) -> Self {
        let layout = speaker.layout();
        let runs = layout.groups.iter().map(|_| Run::default()).collect();
        Self { speaker, layout, runs, announced: false }
    }

    async fn session(&mut self, link: &mut Link) -> Fault {
        if !std::mem::replace(&mut self.announced, true) {
            for group in 0..self.runs.len() {
                link.group_requests(group, 0, self.speaker.steps(group));
            }
        }
        if let Err(fault) = link.open(self.speaker.open()).await {
            return fault;
        }
        let mut waiting: Vec<(Instant, Writing)> = Vec::new();
        loop {
            let now = Instant::now();
            let done = if let Some(due) = waiting.iter().position(|(at, _)| *at <= now) {
                let (_, writing) = waiting.swap_remove(due);
                self.read_back(writing, &mut waiting, link).await
            } else if let Some(job) = link.take() {
                self.turn(job, &mut waiting, link).await
            } else if link.is_deserted() {
                // Even the probes were in vain.
                Err(self.timed_out())
            } else {
                link.wait(waiting.iter().map(|(at, _)| *at).min()).await;
                Ok(())
            };
            if let Err(fault) = done {
                return fault;
            }
        }
    }

    fn timed_out(&self) -> Fault {
        Fault::Timeout { timeout_ms: u64::try_from(self.layout.timeout.as_millis()).unwrap_or(u64::MAX) }
    }

    async fn turn(
        &mut self,
        job: Job,
        waiting: &mut Vec<(Instant, Writing)>,
        link: &mut Link,
    ) -> Result<(), Fault> {
        match job.work {
            Work::Scan { group, fresh } => self.scan(job, group, fresh, link).await,
            Work::Probe { device, .. } => self.probe(device, link).await,
            Work::Recheck { group } => {
                if let Some(run) = self.runs.get_mut(group) {
                    run.refused.clear();
                }
                // Whatever is still refused is told anew by the next scan.
                link.schedule_recheck(group);
                Ok(())
            }
            Work::Write(order) => {
                let Some(writing) = link.admit(*order) else { return Ok(()) };
                self.write(writing, waiting, link).await
            }
            Work::Readback { .. } => Ok(()),
        }
    }

    fn device(&self, group: usize) -> usize {
        self.layout.groups.get(group).map_or(0, |group| group.device)
    }

    async fn scan(&mut self, job: Job, group: usize, fresh: bool, link: &mut Link) -> Result<(), Fault> {
        let device = self.device(group);
        let rows = self.layout.groups.get(group).map_or(0, |group| group.points.len());
        let steps = self.speaker.steps(group).max(1);
        let Some(run) = self.runs.get_mut(group) else { return Ok(()) };
        if fresh {
            (run.sheet, run.next, run.attempt) = (Sheet::new(rows), 0, 0);
        }
        while run.refused.iter().any(|(step, _)| *step == run.next) {
            run.next += 1;
        }
        if run.next >= steps {
            self.publish(group, link);
            return Ok(());
        }
        let (step, sent) = (run.next, Instant::now());
        link.sent(0);
        let asked = link.during(self.speaker.ask(group, step, &mut run.sheet)).await;
        let took = sent.elapsed();
        run.sheet.settle(sent + took / 2);
        match asked {
            Ok(reply) => {
                (run.next, run.attempt) = (step + 1, 0);
                if let Some(fault) = &reply.exception {
                    link.exception(device, fault);
                }
                if reply.refused {
                    let refused =
                        Sheet { refused: std::mem::take(&mut run.sheet.refused), ..Sheet::default() };
                    run.refused.push((step, refused));
                }
                self.heard(device, reply, took, link);
            }
            Err(fault) if fault.consequence() == Consequence::Continue => {
                link.failed(device, &fault);
                if !link.is_active(device) {
                    return Ok(());
                }
                run.attempt += 1;
                if run.attempt <= self.layout.retries {
                    link.later(Job { work: Work::Scan { group, fresh: false }, ..job });
                    return Ok(());
                }
                // If one question fails after all attempts, the others would only cost time.
                run.next = steps;
            }
            Err(fault) => return Err(fault),
        }
        if self.runs.get(group).is_some_and(|run| run.next < steps) {
            link.again(Job { work: Work::Scan { group, fresh: false }, ..job });
        } else {
            self.publish(group, link);
        }
        Ok(())
    }

    fn heard(&self, device: usize, reply: Reply, took: Duration, link: &mut Link) {
        link.received(reply.bytes);
        link.answered(device, took);
        if let Some((title, text, next)) = reply.notice {
            let at = link.clock().now();
            let source = format!("connection/{}", link.name());
            let id = format!("{source}/notice/{:x}", at.0);
            let event = Event::info(EventKind::Fault, id, source, at, title).explained(text, next);
            link.namespace().event(event);
        }
    }

    fn publish(&mut self, group: usize, link: &mut Link) {
        let lost = link.lost_status(group);
        let now = Instant::now();
        let Some(run) = self.runs.get_mut(group) else { return };
        let sheet = std::mem::take(&mut run.sheet);
        let mut refused: Vec<(u32, String, String)> = sheet.refused;
        refused.extend(run.refused.iter().flat_map(|(_, sheet)| sheet.refused.iter().cloned()));
        refused.sort_by_key(|(row, ..)| *row);
        let skipped: Vec<u32> = refused.iter().map(|(row, ..)| *row).collect();
        let status = |row: usize, cell: &Cell| match cell.status {
            Some(status) => status,
            None if skipped.binary_search(&(row as u32)).is_ok() => Status::BAD_CONFIGURATION_ERROR,
            None => lost,
        };
        let statuses: Box<[Status]> =
            sheet.rows.iter().enumerate().map(|(row, cell)| status(row, cell)).collect();
        let status = match statuses.first() {
            Some(first) if statuses.iter().all(|one| one == first) => Each::All(*first),
            _ => Each::Rows(statuses),
        };
        let moments = Moments::Each(sheet.rows.iter().map(|cell| cell.at.unwrap_or(now)).collect());
        let stamped = sheet.stamped;
        let (mut values, mut stamps) = (Vec::with_capacity(sheet.rows.len()), Vec::new());
        for cell in sheet.rows {
            values.push(cell.value);
            if stamped {
                stamps.push(cell.source);
            }
        }
        link.publish_scan_from(group, moments, values, status, stamps);
        self.tell_refused(group, &refused, link);
    }

    /// Tells the link what a device refuses, if that has changed.
    fn tell_refused(&mut self, group: usize, refused: &[(u32, String, String)], link: &mut Link) {
        let rows: Vec<u32> = refused.iter().map(|(row, ..)| *row).collect();
        let Some(run) = self.runs.get_mut(group) else { return };
        if run.told_rows == rows {
            return;
        }
        run.told = refused
            .iter()
            .map(|(row, address, reason)| link.refused_row(group, *row, address.clone(), reason.clone()))
            .collect();
        run.told_rows.clone_from(&rows);
        let device = self.device(group);
        let of_device = (0..self.runs.len()).filter(|group| self.device(*group) == device);
        let total =
            of_device.filter_map(|group| self.runs.get(group)).flat_map(|run| run.told.iter().cloned());
        link.quarantine(group, rows, total.collect());
    }

    async fn probe(&mut self, device: usize, link: &mut Link) -> Result<(), Fault> {
        let group = self.layout.groups.iter().position(|group| group.device == device);
        let Some(group) = group else { return Ok(()) };
        let rows = self.layout.groups.get(group).map_or(0, |group| group.points.len());
        let mut sheet = Sheet::new(rows);
        let sent = Instant::now();
        link.sent(0);
        match link.during(self.speaker.ask(group, 0, &mut sheet)).await {
            Ok(reply) => self.heard(device, reply, sent.elapsed(), link),
            Err(fault) if fault.consequence() == Consequence::Continue => {
                link.failed(device, &fault);
            }
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    async fn write(
        &mut self,
        writing: Writing,
        waiting: &mut Vec<(Instant, Writing)>,
        link: &mut Link,
    ) -> Result<(), Fault> {
        let (group, row, device) = (writing.group(), writing.row(), writing.device());
        let sent = Instant::now();
        let written = link.during(self.speaker.write(group, row, writing.value())).await;
        if !matches!(written, Err(Unwritten::Unfit(_))) {
            link.sent(0);
            link.write_sent();
        }
        match written {
            Ok(()) => {
                link.answered(device, sent.elapsed());
                waiting.extend(writing.taken(link).map(|writing| (Instant::now(), writing)));
            }
            Err(Unwritten::Unfit(why)) => writing.unsent(link, &why),
            Err(Unwritten::Refused(fault)) => {
                link.answered(device, sent.elapsed());
                link.exception(device, &fault);
                writing.refused(fault.to_string());
            }
            Err(Unwritten::Lost(fault)) => {
                writing.lost(&fault);
                if fault.consequence() != Consequence::Continue {
                    return Err(fault);
                }
                link.failed(device, &fault);
            }
        }
        Ok(())
    }

    async fn read_back(
        &mut self,
        writing: Writing,
        waiting: &mut Vec<(Instant, Writing)>,
        link: &mut Link,
    ) -> Result<(), Fault> {
        let (group, row, device) = (writing.group(), writing.row(), writing.device());
        let sent = Instant::now();
        link.sent(0);
        match link.during(self.speaker.read(group, row)).await {
            Ok((read, status)) => {
                link.answered(device, sent.elapsed());
                let agrees = self.speaker.agrees(group, row, writing.value(), &read);
                waiting.extend(writing.read_back(link, read, status, agrees));
                Ok(())
            }
            Err(fault) => {
                writing.unreadable(&fault.to_string());
                if fault.consequence() != Consequence::Continue {
                    return Err(fault);
                }
                link.failed(device, &fault);
                Ok(())
            }
        }
    }
}

impl<S: Speaker> Driver for Turns<S> {
    fn layout(&self) -> Layout {
        self.layout.clone()
    }

    fn requests(&self, group: usize) -> Option<usize> {
        Some(self.speaker.steps(group))
    }

    fn serve<'a>(&'a mut self, link: &'a mut Link) -> BoxFuture<'a, Fault> {
        self.session(link).boxed()
    }
}
