//! The EtherNet/IP driver: what is known of the endpoint, and what each job means on the wire.

use super::group::{Ask, Group, Row};
use super::line::Line;
use super::read::One;
use super::route;
use super::target::{Controller, Found};
use crate::south::job::{Lane, Work};
use crate::south::status::Quarantined;
use crate::south::tags::Timing;
use crate::south::write::Writing;
use crate::south::{DeviceLayout, Driver, GroupLayout, Job, Layout, Link};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::fault::Consequence;
use model::{Declaration, Fault};
use std::sync::Arc;
use tokio::time::Instant;
use transport::Target;

/// One endpoint.
pub(super) struct EtherNetIp {
    address: Target,
    timing: Timing,
    pub(super) controllers: Vec<Controller>,
    pub(super) groups: Vec<Group>,
    layout: Layout,
    /// What its plan keeps to because it was measured, in words; empty for nothing.
    pub(super) measured: String,
    /// Read-backs that wait a moment.
    pub(super) delayed: Vec<(Instant, Writing)>,
}

impl EtherNetIp {
    pub(super) fn new(
        address: Target,
        timing: Timing,
        controllers: Vec<Controller>,
        groups: Vec<(GroupLayout, Vec<Row>)>,
    ) -> Self {
        let device = |controller: &Controller| DeviceLayout {
            name: controller.name.clone(),
            unit: route::words(&controller.reach.route),
            excluded: Vec::new(),
        };
        let devices = controllers.iter().map(device).collect();
        let (layouts, groups): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .map(|(layout, rows)| (layout.device, layout, rows))
            .map(|(d, l, r)| (l, Group::new(d, r)))
            .unzip();
        let layout = timing.layout(devices, layouts);
        Self { address, timing, controllers, groups, layout, measured: String::new(), delayed: Vec::new() }
    }

    async fn connect_and_converse(&mut self, link: &mut Link) -> Fault {
        self.delayed.clear();
        let budget = link.budget().clone();
        let opened = link.open(Line::open(&self.address, self.timing.connect_timeout, budget)).await;
        let mut line = match opened {
            Ok(line) => line,
            Err(fault) => return fault,
        };
        self.controllers.iter_mut().for_each(Controller::begin);
        self.groups.iter_mut().for_each(Group::begin_session);
        let fault = self.converse(&mut line, link).await;
        self.tell(&mut line, link);
        match fault {
            Fault::Protocol(_) => link.desync(),
            Fault::Lost(_) => {
                self.controllers.iter_mut().for_each(Controller::hung_up);
                self.groups.iter_mut().for_each(Group::hung_up);
                (0..self.groups.len()).for_each(|group| self.tell_refused(group, link));
            }
            _ => {}
        }
        fault
    }

    async fn converse(&mut self, line: &mut Line, link: &mut Link) -> Fault {
        loop {
            let now = Instant::now();
            let done = if let Some(at) = self.delayed.iter().position(|(at, _)| *at <= now) {
                let (_, writing) = self.delayed.swap_remove(at);
                self.read_back(writing, line, link).await
            } else if let Some(job) = link.take() {
                self.perform(job, line, link).await
            } else {
                if link.is_deserted() {
                    return timeout(self.timing.timeout);
                }
                let until = self.delayed.iter().map(|(at, _)| *at).min();
                tokio::select! {
                    biased;
                    fault = line.idle() => return fault,
                    () = link.wait(until) => {}
                }
                Ok(())
            };
            self.tell(line, link);
            if let Err(fault) = done {
                return fault;
            }
        }
    }

    /// Hands over what the line counted.
    pub(super) fn tell(&self, line: &mut Line, link: &Link) {
        let tally = std::mem::take(&mut line.tally);
        link.spent(tally.requests, tally.sent);
        if tally.received > 0 {
            link.received(tally.received);
        }
        (0..tally.late).for_each(|_| link.late());
    }

    async fn perform(&mut self, job: Job, line: &mut Line, link: &mut Link) -> Result<(), Fault> {
        match job.work {
            Work::Scan { group, fresh } => self.scan(job, group, fresh, line, link).await,
            Work::Probe { device, .. } => self.ready(device, line, link).await.map(|_| ()),
            Work::Recheck { group } => self.recheck(group, line, link).await,
            Work::Write(order) => match link.admit(*order) {
                Some(writing) => self.write(writing, line, link).await,
                None => Ok(()),
            },
            Work::Readback { .. } => Ok(()),
        }
    }

    /// Sends a message to a controller, and tells the link how that went.
    ///
    /// # Errors
    /// Only what ends the session; the inner result is the request's own.
    pub(super) async fn ask(
        &mut self,
        device: usize,
        message: &[u8],
        line: &mut Line,
        link: &mut Link,
    ) -> Result<Result<Vec<u8>, Fault>, Fault> {
        let Some(controller) = self.controllers.get_mut(device) else {
            return Ok(Err(Fault::Config("no such device".into())));
        };
        let before = Instant::now();
        let answer = controller.reach.send(line, message).await;
        match answer {
            Ok(answer) => {
                controller.answered();
                link.answered(device, before.elapsed());
                Ok(Ok(answer))
            }
            Err(fault) => self.failed(device, fault, link).map(Err),
        }
    }

    fn failed(&mut self, device: usize, fault: Fault, link: &mut Link) -> Result<Fault, Fault> {
        if fault.consequence() != Consequence::Continue {
            return Err(fault);
        }
        if let (Fault::Timeout { .. }, Some(controller)) = (&fault, self.controllers.get_mut(device)) {
            controller.silent();
        }
        link.failed(device, &fault);
        Ok(fault)
    }

    /// Makes a controller ready: its connection, its program. False if it does not answer.
    pub(super) async fn ready(
        &mut self,
        device: usize,
        line: &mut Line,
        link: &mut Link,
    ) -> Result<bool, Fault> {
        let Some(controller) = self.controllers.get_mut(device) else { return Ok(false) };
        let before = Instant::now();
        if !controller.is_due(before) {
            return Ok(true);
        }
        let prepared = controller.prepare(line).await;
        match prepared {
            Ok(found) => {
                controller.answered();
                link.answered(device, before.elapsed());
                if found == Found::Changed {
                    self.fit(device, link);
                }
                Ok(true)
            }
            Err(fault) => self.failed(device, fault, link).map(|_| false),
        }
    }

    /// The program is another: every tag is looked at anew.
    fn fit(&mut self, device: usize, link: &mut Link) {
        let catalog = self.controllers.get(device).and_then(|controller| controller.catalog.as_ref());
        for book in self.groups.iter_mut().filter(|book| book.device == device) {
            book.fit(catalog);
        }
        for group in 0..self.groups.len() {
            if self.groups.get(group).is_some_and(|book| book.device == device) {
                self.tell_refused(group, link);
            }
        }
    }

    async fn scan(
        &mut self,
        job: Job,
        group: usize,
        fresh: bool,
        line: &mut Line,
        link: &mut Link,
    ) -> Result<(), Fault> {
        let Some(device) = self.groups.get(group).map(|book| book.device) else { return Ok(()) };
        let lost = link.lost_status(group);
        let ready = !fresh || self.ready(device, line, link).await?;
        let (capacity, packets) = match self.controllers.get(device) {
            Some(controller) => (controller.capacity(), !controller.lacks.multiple),
            None => return Ok(()),
        };
        let Some(book) = self.groups.get_mut(group) else { return Ok(()) };
        if fresh && let Some((before, now)) = book.begin(capacity, packets, lost) {
            link.group_requests(group, before, now);
        }
        if !ready {
            book.give_up();
        }
        let answered = match book.next() {
            Some(Ask::Packet(rows)) => self.packet(group, &rows, line, link).await?,
            Some(Ask::Alone(row)) => self.alone(group, row, line, link).await?,
            None => true,
        };
        let Some(book) = self.groups.get_mut(group) else { return Ok(()) };
        if !answered && !book.again(self.timing.retries) {
            // If one request to a controller fails after all attempts, the others would only cost time.
            book.give_up();
        }
        if !link.is_active(device) {
            link.abandon_scan(group);
            return Ok(());
        }
        if book.has_more() {
            let job = Job { work: Work::Scan { group, fresh: false }, ..job };
            if answered {
                link.again(job)
            } else {
                link.later(job)
            }
            return Ok(());
        }
        self.publish(group, link);
        Ok(())
    }

    fn publish(&mut self, group: usize, link: &mut Link) {
        let Some(book) = self.groups.get_mut(group) else { return };
        let (values, status, moments) = book.finish();
        let meta = |row: u32| link.namespace().meta(link.point(group, row)?);
        let retyped = book.retyped(|row| meta(row).map(|meta| meta.value_type));
        if !retyped.is_empty() {
            let declare = |(row, value_type): &(u32, model::ValueType)| {
                let known = meta(*row)?;
                Some(Arc::new(Declaration { value_type: *value_type, ..Declaration::clone(&known) }))
            };
            let declarations: Vec<_> = retyped.iter().filter_map(declare).collect();
            if let Err(error) = link.namespace().declare(declarations) {
                tracing::error!(%error, connection = link.name(), "the types of tags could not be declared");
            }
        }
        link.publish_scan(group, moments, values, status);
    }

    async fn recheck(&mut self, group: usize, line: &mut Line, link: &mut Link) -> Result<(), Fault> {
        let Some(book) = self.groups.get_mut(group) else { return Ok(()) };
        let Some(row) = book.refused.range(book.recheck..).next().map(|(row, _)| *row) else {
            book.recheck = 0;
            link.schedule_recheck(group);
            return Ok(());
        };
        book.recheck = row + 1;
        let device = book.device;
        if !self.ready(device, line, link).await? {
            return Ok(());
        }
        let one = self.read_one(group, row, line, link).await?;
        let Some(book) = self.groups.get_mut(group) else { return Ok(()) };
        match one {
            One::Data(kind, data) => {
                book.readmit(row);
                book.take(row, kind, &data);
                self.tell_refused(group, link);
                link.enqueue(Lane::Browse, Work::Recheck { group });
            }
            One::Refused(_) => link.enqueue(Lane::Browse, Work::Recheck { group }),
            One::Failed(_) => {
                book.recheck = 0;
                link.schedule_recheck(group);
            }
        }
        Ok(())
    }

    /// Tells the link what a controller refuses, after something changed in `group`.
    pub(super) fn tell_refused(&self, group: usize, link: &mut Link) {
        let Some(changed) = self.groups.get(group) else { return };
        let mut total: Vec<Quarantined> = Vec::new();
        for (index, known) in
            self.groups.iter().enumerate().filter(|(_, known)| known.device == changed.device)
        {
            for (row, reason) in &known.refused {
                let Some(address) = known.row(*row).map(Row::words) else { continue };
                total.push(link.refused_row(index, *row, address, reason.clone()));
            }
        }
        link.quarantine(group, changed.refused.keys().copied().collect(), total);
    }
}

pub(super) fn timeout(patience: std::time::Duration) -> Fault {
    Fault::Timeout { timeout_ms: u64::try_from(patience.as_millis()).unwrap_or(u64::MAX) }
}

impl Driver for EtherNetIp {
    fn layout(&self) -> Layout {
        self.layout.clone()
    }

    fn requests(&self, group: usize) -> Option<usize> {
        let book = self.groups.get(group)?;
        let controller = self.controllers.get(book.device)?;
        Some(book.requests_of_a_round(controller.capacity_hoped_for(), !controller.lacks.multiple))
    }

    fn measured(&self) -> &str {
        &self.measured
    }

    fn serve<'a>(&'a mut self, link: &'a mut Link) -> BoxFuture<'a, Fault> {
        self.connect_and_converse(link).boxed()
    }
}
