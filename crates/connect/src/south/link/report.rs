//! What a driver reports: traffic, answers, failures, samples.

use super::{Link, Moments, ONE_MOMENT, Timer, lost_status};
use crate::south::DEMOTE_AFTER;
use crate::south::counters::add;
use crate::south::status::Quarantined;
use model::{Batch, Each, Fault, Outcome, PointId, Status, Time, Value};
use namespace::Order;
use std::cmp::Reverse;
use std::time::Duration;
use tokio::time::Instant;

impl Link {
    /// A request goes out.
    pub fn sent(&self, bytes: usize) {
        self.shared.budget.spend();
        self.spent(1, bytes);
    }

    /// Requests went out that the budget knows of already.
    pub fn spent(&self, requests: u64, bytes: usize) {
        add(&self.shared.counters.requests, requests);
        add(&self.shared.counters.bytes_out, bytes as u64);
    }

    /// Bytes came in.
    pub fn received(&self, bytes: usize) {
        add(&self.shared.counters.bytes_in, bytes as u64);
    }

    /// A frame that answers nothing any more was discarded.
    pub fn late(&self) {
        add(&self.shared.counters.late, 1);
    }

    /// A frame broke the protocol or did not fit its request.
    pub fn bad_frame(&self) {
        add(&self.shared.counters.bad_frames, 1);
    }

    /// The stream is not the protocol any more; the session ends.
    pub fn desync(&self) {
        add(&self.shared.counters.desync, 1);
    }

    /// A write goes out.
    pub fn write_sent(&self) {
        add(&self.shared.counters.writes, 1);
    }

    /// A device answered, be it with an exception: it is alive.
    pub fn answered(&mut self, device: usize, took: Duration) {
        add(&self.shared.counters.answers, 1);
        self.shared.response.record(took);
        self.live(device);
    }

    pub(super) fn live(&mut self, device: usize) {
        self.speaking();
        let Some(book) = self.devices.get_mut(device) else { return };
        book.failures = 0;
        if !book.answered || book.demoted {
            book.answered = true;
            self.promote(device);
        }
    }

    /// An exception came from a device.
    pub fn exception(&mut self, device: usize, fault: &Fault) {
        add(&self.shared.counters.exceptions, 1);
        self.remember(device, fault);
    }

    /// A request to a device failed. Returns whether the device is demoted from now on.
    pub fn failed(&mut self, device: usize, fault: &Fault) -> bool {
        match fault {
            Fault::Timeout { .. } => add(&self.shared.counters.timeouts, 1),
            Fault::Exception { .. } => add(&self.shared.counters.exceptions, 1),
            _ => {}
        }
        self.remember(device, fault);
        let Some(book) = self.devices.get_mut(device) else { return false };
        book.failures = book.failures.saturating_add(1);
        if book.demoted {
            self.schedule_probe(device);
            return false;
        }
        if book.failures < DEMOTE_AFTER.max(self.retries.saturating_add(1)) {
            return false;
        }
        self.demote(device, fault);
        true
    }

    /// The time-out for a probe: short, where siblings have shown how fast answers come here, and the full one each
    /// third time, so that a slow device is found, too.
    pub fn probe_timeout(&self, attempt: u32) -> Duration {
        let usual =
            self.shared.response.quantile_ms(0.99).map(|ms| Duration::from_secs_f64(ms * 4.0 / 1_000.0));
        match usual {
            Some(usual) if self.devices.len() > 1 && !attempt.is_multiple_of(3) => {
                usual.max(Duration::from_millis(50)).min(self.timeout)
            }
            _ => self.timeout,
        }
    }

    /// Publishes one scan of a group and makes it idle again. `values` and `status` have a row for each point; rows
    /// that are in quarantine keep their quality whatever stands there.
    pub fn publish_scan(&mut self, group: usize, moments: Moments, values: Vec<Value>, status: Each<Status>) {
        self.publish_scan_from(group, moments, values, status, Vec::new());
    }

    /// As [`Link::publish_scan`], with the source's own time of each row where it gives one; an empty list for none.
    pub fn publish_scan_from(
        &mut self,
        group: usize,
        moments: Moments,
        values: Vec<Value>,
        status: Each<Status>,
        stamps: Vec<Option<Time>>,
    ) {
        let now = Instant::now();
        let wall = self.clock.now();
        let Some(book) = self.groups.get_mut(group) else { return };
        book.busy = false;
        let good = match &status {
            Each::All(status) => !status.is_bad(),
            Each::Rows(rows) => rows.iter().any(|status| !status.is_bad()),
        };
        if good {
            book.last_good = Some(now);
            book.ever_read = true;
            book.shown = None;
        }
        let at = |moment: Instant| wall.before(now.saturating_duration_since(moment));
        let received = match &moments {
            Moments::One(moment) => at(*moment),
            Moments::Each(rows) => rows.iter().max().map_or(wall, |last| at(*last)),
        };
        let count = values.len() as u64;
        let mut batch = Batch::polled(book.shape.clone(), received, status, values);
        if let Moments::Each(rows) = &moments
            && rows
                .iter()
                .min()
                .zip(rows.iter().max())
                .is_some_and(|(first, last)| *last - *first > ONE_MOMENT)
        {
            batch.time = Each::Rows(rows.iter().map(|moment| at(*moment)).collect());
        }
        if stamps.len() == batch.values.len() && !stamps.is_empty() {
            let rows = stamps.into_iter().enumerate();
            let received = |row| batch.time.get(row).unwrap_or(batch.received);
            batch.source =
                Some(Each::Rows(rows.map(|(row, stamp)| stamp.unwrap_or(received(row))).collect()));
        }
        let took = now.saturating_duration_since(book.due);
        self.shared.scan_done(book.class, took);
        add(&self.shared.counters.samples, count);
        self.namespace.publish(batch);
    }

    /// A scan that is given up without anything to publish.
    pub fn abandon_scan(&mut self, group: usize) {
        if let Some(book) = self.groups.get_mut(group) {
            book.busy = false;
        }
    }

    /// The status of rows that could not be read: BadNoCommunication before the first value, else
    /// BadCommunicationError.
    pub fn lost_status(&self, group: usize) -> Status {
        lost_status(self.groups.get(group).is_some_and(|book| book.ever_read))
    }

    /// How many requests one round of a group takes now.
    pub fn group_requests(&self, group: usize, before: usize, now: usize) {
        if let Some(book) = self.groups.get(group) {
            self.shared.class_requests(book.class, now as i64 - before as i64);
        }
    }

    /// What the device refuses in a group now: the rows, and words for all that it refuses. An empty list ends it.
    pub fn quarantine(&mut self, group: usize, mut rows: Vec<u32>, device_total: Vec<Quarantined>) {
        rows.sort_unstable();
        let (recheck, now) = (self.recheck, Instant::now());
        let Some(book) = self.groups.get_mut(group) else { return };
        let device = book.device;
        if !rows.is_empty() && !book.recheck_pending {
            book.recheck_pending = true;
            self.timers.push(Reverse((now + recheck, Timer::Recheck { group })));
        }
        book.quarantined = rows;
        self.tell_quarantine(device, &device_total);
        self.shared.with_devices(|devices| {
            if let Some(status) = devices.get_mut(device) {
                status.quarantined = device_total;
            }
        });
    }

    /// A row that the device refuses, for the page: its address as the file writes it (`address` where there is no file),
    /// its point, and what the device said.
    pub fn refused_row(
        &self,
        group: usize,
        row: u32,
        address: String,
        reason: impl Into<String>,
    ) -> Quarantined {
        let meta = self.point(group, row).and_then(|id| self.namespace.meta(id));
        let written = meta.as_ref().map(|meta| meta.source.clone()).filter(|source| !source.is_empty());
        let points = meta.map(|meta| vec![meta.path.to_string()]).unwrap_or_default();
        Quarantined { address: written.unwrap_or(address), points, reason: reason.into() }
    }

    /// The point a row of a group stands for.
    pub fn point(&self, group: usize, row: u32) -> Option<PointId> {
        self.groups.get(group)?.points().get(row as usize).copied()
    }

    /// Group and row of a point; `None` if this connection does not feed it.
    pub fn place(&mut self, point: PointId) -> Option<(usize, u32)> {
        if self.places.is_empty() {
            for (index, group) in self.groups.iter().enumerate() {
                self.places.extend((0..).zip(group.points()).map(|(row, id)| (*id, (index, row))));
            }
        }
        self.places.get(&point).copied()
    }

    /// Device of a group.
    pub fn device_of(&self, group: usize) -> Option<usize> {
        self.groups.get(group).map(|book| book.device)
    }

    /// Answers an order that is not sent.
    pub fn refuse(&self, order: Order, why: &str) {
        add(&self.shared.counters.refused_orders, 1);
        let _ = order.respond.send(Outcome::rejected(why));
    }
}
