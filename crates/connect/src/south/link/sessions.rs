//! Sessions come and go: what points and events say meanwhile.

use super::Link;
use crate::south::counters::add;
use crate::south::device::Group;
use crate::south::job::{Lane, Work};
use crate::south::status::{DeviceState, State};
use model::event::severity;
use model::{Batch, Each, Event, EventKind, Fault, Status};
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::watch;
use tokio::time::Instant;

impl Link {
    pub(super) fn opened(&mut self) {
        self.answered = false;
        let reopened = self.shared.sessions.fetch_add(1, Relaxed) > 0;
        if reopened {
            add(&self.shared.counters.reconnects, 1);
        }
        for group in 0..self.groups.len() {
            self.schedule_recheck(group);
        }
        for device in 0..self.devices.len() {
            if self.is_active(device) {
                self.activate(device);
            } else if self.devices.get(device).is_some_and(|book| book.demoted && !book.paused) {
                self.enqueue(Lane::Browse, Work::Probe { device, attempt: 3 });
            }
        }
    }

    /// The session is over. Returns whether it had an answer.
    pub(in crate::south) fn closed(&mut self, fault: &Fault) -> bool {
        let answered = std::mem::take(&mut self.answered);
        self.timers.clear();
        (self.permit, self.held) = (None, None);
        self.shared.budget.idle();
        for job in std::mem::take(&mut self.ready) {
            if let Work::Write(order) = job.work {
                self.refuse(*order, "the connection was lost before it was sent");
            }
        }
        let now = Instant::now();
        for book in &mut self.groups {
            book.busy = false;
            book.recheck_pending = false;
            book.generation += 1;
        }
        if *fault != Fault::Stopped {
            self.remember(usize::MAX, fault);
        }
        if answered && !self.marked {
            let patience = |book: &Group| (book.period * 2).max(self.timeout * (self.retries + 1));
            // What comes by itself was sound to the end, however long ago its last value came.
            let since = |book: &Group| book.last_good.filter(|_| !book.period.is_zero()).unwrap_or(now);
            let due = self.groups.iter().map(|book| since(book) + patience(book)).min();
            self.mark_at = due.map(|at| at.max(now));
        } else {
            self.mark_lost();
        }
        if let Fault::Connect(_) = fault {
            add(&self.shared.counters.connect_failures, 1);
        }
        answered
    }

    /// Gives every point the quality of a lost link, and says so once.
    pub(super) fn mark_lost(&mut self) {
        self.mark_at = None;
        if self.marked {
            return;
        }
        self.marked = true;
        for group in 0..self.groups.len() {
            let device = self.groups.get(group).map_or(0, |book| book.device);
            if self.devices.get(device).is_some_and(|book| !book.paused) {
                self.show(group, self.lost_status(group));
            }
        }
        let at = self.clock.now();
        let (title, meaning, next) = match self.shared.last_error() {
            Some(error) => (error.title, error.meaning, error.next),
            None => ("no answer".to_owned(), "", ""),
        };
        let source = format!("connection/{}", self.shared.name);
        let id = format!("{source}/lost/{:x}", at.0);
        let title = format!("Connection {} ({}) is lost: {title}", self.shared.name, self.shared.endpoint);
        let event =
            Event::active(EventKind::Fault, id, source, at, severity::HIGH, title).explained(meaning, next);
        if self.lost.is_none() {
            self.namespace.event(event.clone());
            self.lost = Some(event);
        }
        self.shared.set_state(State::Lost, at);
        self.shared.with_devices(|devices| {
            for device in devices.iter_mut().filter(|device| device.state == DeviceState::Ok) {
                device.state = DeviceState::Waiting;
                device.since = at.millis_f64();
            }
        });
    }

    /// The first answer of a session.
    pub(super) fn regained(&mut self) {
        self.marked = false;
        self.mark_at = None;
        let at = self.clock.now();
        self.shared.set_state(State::Connected, at);
        if let Some(event) = self.lost.take() {
            self.namespace.event(event.cleared(at));
        }
    }

    /// Everything paused: the points say so.
    pub(in crate::south) fn show_paused(&mut self) {
        self.mark_at = None;
        self.marked = true;
        for group in 0..self.groups.len() {
            self.show(group, Status::BAD_OUT_OF_SERVICE);
        }
        let at = self.clock.now();
        self.shared.set_state(State::Paused, at);
        if let Some(event) = self.lost.take() {
            self.namespace.event(event.cleared(at));
        }
    }

    /// Nothing is sent and nothing is said while `while_so` holds: something else feeds the points. Orders that still come
    /// are refused.
    pub(in crate::south) async fn rest_quietly<T>(
        &mut self,
        wanted: &mut watch::Receiver<T>,
        while_so: impl Fn(&T) -> bool,
    ) {
        self.mark_at = None;
        while while_so(&wanted.borrow()) {
            while let Some(order) = self.inbox.pop_front() {
                self.refuse(order, "the connection is being changed; nothing was sent");
            }
            let Self { orders, inbox, .. } = self;
            tokio::select! {
                changed = wanted.changed() => if changed.is_err() { return },
                order = super::next_order(orders) => inbox.extend(order),
            }
        }
    }

    /// The connection is no longer configured: its faults are over.
    pub(in crate::south) fn ended(&mut self) {
        let at = self.clock.now();
        let open = self.lost.take().into_iter();
        let open = open.chain(self.demotions.iter_mut().filter_map(Option::take));
        let open: Vec<Event> = open.chain(self.quarantines.iter_mut().filter_map(Option::take)).collect();
        for event in open {
            self.namespace.event(event.cleared(at));
        }
    }

    /// The pause is over: points turn from out of service to lost or good in due time.
    pub(in crate::south) fn show_resumed(&mut self) {
        self.marked = false;
        self.mark_at = Some(Instant::now() + self.timeout * (self.retries + 1));
        self.shared.set_state(State::Connecting, self.clock.now());
    }

    /// The driver failed inside Ironbridge.
    pub(in crate::south) fn show_failed(&mut self) {
        add(&self.shared.counters.panics, 1);
        self.mark_lost();
        self.shared.set_state(State::Failed, self.clock.now());
    }

    pub(super) fn show(&mut self, group: usize, status: Status) {
        let at = self.clock.now();
        let Some(book) = self.groups.get_mut(group) else { return };
        if book.shown == Some(status) || book.points().is_empty() {
            return;
        }
        book.shown = Some(status);
        let mut batch = Batch::quality(book.shape.clone(), at, status);
        if !book.quarantined.is_empty() && status != Status::BAD_OUT_OF_SERVICE {
            let mut rows = vec![status; book.points().len()];
            for row in &book.quarantined {
                if let Some(slot) = rows.get_mut(*row as usize) {
                    *slot = Status::BAD_CONFIGURATION_ERROR;
                }
            }
            batch.status = Each::Rows(rows.into());
        }
        self.namespace.publish(batch);
    }
}
